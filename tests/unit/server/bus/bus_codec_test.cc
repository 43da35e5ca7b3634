#include "server/bus/bus_codec.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/server/bus/messages.h"

namespace redan {
namespace {

using namespace cluster;

bus_wire::Envelope encoded(const Envelope& envelope) {
  bus_wire::Envelope wire;
  encode(envelope, wire);
  return wire;
}

// Through the bytes of the wire, as a peer would get it.
Result<Envelope> over_the_wire(const bus_wire::Envelope& sent) {
  bus_wire::Envelope received;
  EXPECT_TRUE(received.ParseFromString(sent.SerializeAsString()));
  return decode(received);
}

std::string refusal(const bus_wire::Envelope& wire) {
  const Result<Envelope> result = over_the_wire(wire);
  return result ? "taken" : result.error().message();
}

TEST(ClusterBusCodec, EveryMessageComesBackAsItWas) {
  Rng rng(1);
  std::set<size_t> kinds;
  for (int i = 0; i < 20'000; ++i) {
    const Envelope envelope = random_envelope(rng);
    kinds.insert(envelope.message.index());
    const Result<Envelope> back = over_the_wire(encoded(envelope));
    ASSERT_TRUE(back) << back.error().message();
    ASSERT_EQ(*back, envelope);
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<BusMessage>);
}

TEST(ClusterBusCodec, SlotsTakeTheShorterForm) {
  const auto size = [](const SlotSet& slots) {
    return encoded({NodeId(1), NodeId(2), Update{NodeId(3), Epoch(1), slots}}).update().slots();
  };
  EXPECT_EQ(size(SlotSet()).ByteSizeLong(), 0U);
  EXPECT_LT(size(SlotSet::all()).ByteSizeLong(), 10U);
  EXPECT_LT(size(*SlotSet::parse("0-5460 5462 16383")).ByteSizeLong(), 16U);
  SlotSet every_other, every_twentieth;
  for (uint16_t slot = 0; slot < kSlotCount; slot += 2) every_other.add(Slot(slot));
  for (uint16_t slot = 0; slot < kSlotCount; slot += 20) every_twentieth.add(Slot(slot));
  EXPECT_EQ(size(every_other).bitmap().size(), 2048U);
  EXPECT_EQ(size(every_other).runs_size(), 0);
  EXPECT_TRUE(size(every_twentieth).bitmap().empty());
  EXPECT_LT(size(every_twentieth).ByteSizeLong(), 2048U);
}

TEST(ClusterBusCodec, AHeartbeatIsSmall) {
  const Heartbeat heartbeat{.ping = true,
                            .current_epoch = Epoch(12),
                            .config_epoch = Epoch(7),
                            .replication_offset = 1'000'000'000,
                            .state_digest = 1,
                            .members_digest = 2,
                            .suspects = {},
                            .forgotten = {}};
  EXPECT_LT(encoded({NodeId(1), NodeId(2), heartbeat}).ByteSizeLong(), 90U);
}

TEST(ClusterBusCodec, IdentitiesHaveTwentyBytes) {
  auto good = encoded({NodeId(1), NodeId(2), Fail{NodeId(3)}});
  EXPECT_EQ(refusal(good), "taken");
  for (const char* bytes : {"", "short", "twenty-one bytes long"}) {
    auto wire = good;
    wire.set_from(bytes);
    EXPECT_EQ(refusal(wire), "bad from") << bytes;
    wire = good;
    wire.mutable_fail()->set_failed(bytes);
    EXPECT_EQ(refusal(wire), "fail: bad failed") << bytes;
  }
  auto wire = good;
  wire.set_from(std::string(20, '\0'));
  EXPECT_EQ(refusal(wire), "bad from");
  wire = good;
  wire.set_to("short");
  EXPECT_EQ(refusal(wire), "bad to");
  wire.set_to("");
  EXPECT_EQ(refusal(wire), "taken");  // A Meet; Liveness judges.
}

TEST(ClusterBusCodec, AddressesHavePortsThatFitAndPrintableWords) {
  const NodeState state{.shard_id = NodeId(3), .address = {.ip = "10.0.0.1", .port = 6379}};
  const auto good = encoded({NodeId(1), NodeId(2), Meet{1, true, state}});
  const auto refused = [&](auto change) {
    auto wire = good;
    change(*wire.mutable_meet()->mutable_state()->mutable_address());
    return refusal(wire);
  };
  EXPECT_EQ(refused([](auto& a) { a.set_port(65535); }), "taken");
  EXPECT_EQ(refused([](auto& a) { a.set_ip(""); }), "taken");
  EXPECT_EQ(refused([](auto& a) { a.set_port(65536); }), "meet: state: address: bad port");
  EXPECT_EQ(refused([](auto& a) { a.set_tls_port(70000); }), "meet: state: address: bad tls_port");
  EXPECT_EQ(refused([](auto& a) { a.set_bus_port(70000); }), "meet: state: address: bad bus_port");
  EXPECT_EQ(refused([](auto& a) { a.set_ip("a b"); }), "meet: state: address: bad ip");
  EXPECT_EQ(refused([](auto& a) { a.set_hostname("h,shard-id=x"); }),
            "meet: state: address: bad hostname");
  EXPECT_EQ(refused([](auto& a) { a.set_human_name("a\nvars currentEpoch 9"); }),
            "meet: state: address: bad human_name");
  EXPECT_EQ(refused([](auto& a) { a.set_human_name("\xff\xfe"); }),
            "meet: state: address: bad human_name");
  EXPECT_EQ(refused([](auto& a) { a.set_hostname(std::string(255, 'h')); }), "taken");
  EXPECT_EQ(refused([](auto& a) { a.set_hostname(std::string(256, 'h')); }),
            "meet: state: address: bad hostname");
}

TEST(ClusterBusCodec, SlotsThatAreNoneAreRefused) {
  const auto refused = [](const std::vector<uint32_t>& runs, size_t bitmap = 0) {
    bus_wire::Envelope wire = encoded({NodeId(1), NodeId(2), VoteRequest{}});
    auto& slots = *wire.mutable_vote_request()->mutable_slots();
    for (const uint32_t run : runs) slots.add_runs(run);
    slots.set_bitmap(std::string(bitmap, '\1'));
    return refusal(wire);
  };
  EXPECT_EQ(refused({}), "taken");
  EXPECT_EQ(refused({0, 16384}), "taken");
  EXPECT_EQ(refused({}, 2048), "taken");
  const std::string bad = "vote_request: bad slots";
  EXPECT_EQ(refused({0}), bad);
  EXPECT_EQ(refused({0, 0}), bad);
  EXPECT_EQ(refused({1, 2, 0, 3}), bad);
  EXPECT_EQ(refused({0, 16385}), bad);
  EXPECT_EQ(refused({16384, 1}), bad);
  EXPECT_EQ(refused({0xffffffff, 1}), bad);
  EXPECT_EQ(refused({1, 0xffffffff}), bad);
  EXPECT_EQ(refused({0, 16000, 300, 100}), bad);
  EXPECT_EQ(refused({}, 2047), bad);
  EXPECT_EQ(refused({}, 2049), bad);
  EXPECT_EQ(refused({0, 1}, 2048), bad);
}

TEST(ClusterBusCodec, MovesNameEachSlotOnceAndANode) {
  const std::string id(20, 'i');
  const auto refused = [&](const std::vector<std::pair<uint32_t, std::string>>& moves) {
    bus_wire::Envelope wire = encoded({NodeId(1), NodeId(2), NodeState{}});
    for (const auto& [slot, node] : moves) {
      bus_wire::Move& move = *wire.mutable_node_state()->add_importing();
      move.set_slot(slot);
      move.set_node(node);
    }
    return refusal(wire);
  };
  EXPECT_EQ(refused({{0, id}, {16383, id}}), "taken");
  const std::string bad = "node_state: bad importing";
  EXPECT_EQ(refused({{16384, id}}), bad);
  EXPECT_EQ(refused({{65536 + 5, id}}), bad);
  EXPECT_EQ(refused({{5, id}, {5, id}}), bad);
  EXPECT_EQ(refused({{5, ""}}), bad);
  EXPECT_EQ(refused({{5, "short"}}), bad);
  bus_wire::Envelope wire = encoded({NodeId(1), NodeId(2), NodeState{}});
  wire.mutable_node_state()->add_migrating()->set_slot(5);
  EXPECT_EQ(refusal(wire), "node_state: bad migrating");
}

TEST(ClusterBusCodec, ListsAndTextsHaveBounds) {
  auto wire = encoded({NodeId(1), NodeId(2), Heartbeat{}});
  const std::string id(20, 'i');
  for (size_t i = 0; i < kMaxBusNodes; ++i) wire.mutable_heartbeat()->add_suspects(id);
  EXPECT_EQ(refusal(wire), "taken");
  wire.mutable_heartbeat()->add_suspects(id);
  EXPECT_EQ(refusal(wire), "heartbeat: bad suspects");

  wire = encoded({NodeId(1), NodeId(2), Heartbeat{.forgotten = {{NodeId(3), Seconds(3600)}}}});
  EXPECT_EQ(refusal(wire), "taken");
  wire.mutable_heartbeat()->mutable_forgotten(0)->set_left_ms(3'600'001);
  EXPECT_EQ(refusal(wire), "heartbeat: bad forgotten left_ms");
  wire.mutable_heartbeat()->mutable_forgotten(0)->set_id("x");
  EXPECT_EQ(refusal(wire), "heartbeat: bad forgotten id");
  wire.mutable_heartbeat()->clear_forgotten();
  for (size_t i = 0; i <= kMaxBusNodes; ++i) wire.mutable_heartbeat()->add_forgotten()->set_id(id);
  EXPECT_EQ(refusal(wire), "heartbeat: bad forgotten");

  wire = encoded({NodeId(1), NodeId(2), Roster{}});
  for (size_t i = 0; i <= kMaxBusNodes; ++i) wire.mutable_roster()->add_ids(i);
  EXPECT_EQ(refusal(wire), "roster: bad ids");

  wire = encoded({NodeId(1), NodeId(2), Members{}});
  for (size_t i = 0; i <= kMaxBusNodes; ++i) wire.mutable_members()->add_members()->set_id(id);
  EXPECT_EQ(refusal(wire), "members: bad members");

  const auto publish = [](size_t bytes) {
    return encoded({NodeId(1), NodeId(2), Publish{false, "c", std::string(bytes - 1, 'm')}});
  };
  wire = publish(kMaxBusPublishBytes);
  EXPECT_LT(wire.ByteSizeLong(), kMaxBusMessageBytes);
  EXPECT_EQ(refusal(wire), "taken");
  EXPECT_EQ(refusal(publish(kMaxBusPublishBytes + 1)), "publish: bad message");
}

TEST(ClusterBusCodec, AHandOverNamesAMoveAndANode) {
  NodeState state;
  state.given.push_back({NodeId(7), NodeId(8), Epoch(3), *SlotSet::parse("5-9")});
  auto wire = encoded({NodeId(1), NodeId(2), state});
  EXPECT_EQ(refusal(wire), "taken");
  wire.mutable_node_state()->mutable_given(0)->set_to("x");
  EXPECT_EQ(refusal(wire), "node_state: bad given to");
  wire = encoded({NodeId(1), NodeId(2), HandoverWord{NodeId(7), HandoverWord::Kind::kDeclined}});
  EXPECT_EQ(refusal(wire), "taken");
  wire.mutable_handover_word()->set_kind(static_cast<bus_wire::HandoverWord::Kind>(3));
  EXPECT_EQ(refusal(wire), "handover_word: bad kind");
  wire.mutable_handover_word()->set_move("");
  EXPECT_EQ(refusal(wire), "handover_word: bad move");
}

TEST(ClusterBusCodec, AMessageOfALaterVersionIsRefusedByName) {
  bus_wire::Envelope wire;
  wire.set_from(std::string(20, 'i'));
  EXPECT_EQ(refusal(wire), "no message that is known here");
}

// Valid bytes with flips, and plain noise: what protobuf lets through is refused or well-formed,
// and what is well-formed is the same after another journey.
TEST(ClusterBusCodec, NoiseNeverBreaksIt) {
  Rng rng(4);
  int taken = 0, refused = 0;
  for (int i = 0; i < 24'000; ++i) {
    std::string bytes = encoded(random_envelope(rng)).SerializeAsString();
    if (rng.chance(0.2)) {
      bytes.assign(rng.below(200), '\0');
      for (char& byte : bytes) byte = static_cast<char>(rng.below(256));
    }
    for (uint64_t flips = 1 + rng.below(4); flips > 0 && !bytes.empty(); --flips) {
      bytes[rng.below(bytes.size())] = static_cast<char>(rng.below(256));
    }
    if (rng.chance(0.2)) bytes.resize(rng.below(bytes.size() + 1));
    bus_wire::Envelope wire;
    if (!wire.ParseFromString(bytes)) continue;
    const Result<Envelope> back = decode(wire);
    if (!back) {
      ++refused;
      EXPECT_FALSE(back.error().message().empty());
      continue;
    }
    ++taken;
    const Result<Envelope> again = over_the_wire(encoded(*back));
    ASSERT_TRUE(again) << again.error().message();
    ASSERT_EQ(*again, *back);
  }
  EXPECT_GT(taken, 1000);
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace redan
