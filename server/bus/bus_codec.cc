#include "server/bus/bus_codec.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>
#include <variant>

namespace redan {

namespace {

using namespace cluster;  // The messages.

constexpr size_t kBitmapBytes = kSlotCount / 8;
constexpr size_t kMaxName = 255;
constexpr Millis kLongestForgotten = std::chrono::hours(1);

Error bad(std::string_view field) {
  return Error("bad " + std::string(field));
}

// ---- Identities.

std::string encode_id(const NodeId& id) {
  if (id.empty()) return {};
  return {reinterpret_cast<const char*>(id.bytes().data()), id.bytes().size()};
}

bool decode_optional_id(const std::string& bytes, NodeId& id) {
  std::array<uint8_t, 20> raw;
  if (bytes.empty()) return true;
  if (bytes.size() != raw.size()) return false;
  std::copy(bytes.begin(), bytes.end(), raw.begin());
  id = NodeId(raw);
  return true;
}

bool decode_id(const std::string& bytes, NodeId& id) {
  return decode_optional_id(bytes, id) && !id.empty();
}

// ---- Slots.

size_t varint_size(uint32_t value) {
  return value < 1 << 7 ? 1 : value < 1 << 14 ? 2 : 3;
}

void encode_slots(const SlotSet& slots, bus_wire::Slots& out) {
  uint32_t next = 0;
  size_t bytes = 0;
  for (const SlotRange& range : slots.ranges()) {
    const uint32_t skipped = range.first.value - next;
    const uint32_t length = range.last.value - range.first.value + 1U;
    out.add_runs(skipped);
    out.add_runs(length);
    bytes += varint_size(skipped) + varint_size(length);
    next = range.last.value + 1U;
  }
  if (bytes <= kBitmapBytes) return;
  out.clear_runs();
  std::string& bitmap = *out.mutable_bitmap();
  bitmap.assign(kBitmapBytes, '\0');
  slots.for_each([&](Slot slot) {
    char& byte = bitmap[slot.value / 8];
    byte = static_cast<char>(byte | 1 << slot.value % 8);
  });
}

bool decode_runs(const bus_wire::Slots& wire, SlotSet& slots) {
  if (wire.runs_size() % 2 != 0) return false;
  uint32_t next = 0;
  for (int i = 0; i < wire.runs_size(); i += 2) {
    const uint32_t skipped = wire.runs(i), length = wire.runs(i + 1);
    if (skipped > kSlotCount || length > kSlotCount) return false;
    if (length == 0 || (skipped == 0 && i > 0)) return false;
    if (next + skipped + length > kSlotCount) return false;
    next += skipped;
    slots.add({Slot(static_cast<uint16_t>(next)), Slot(static_cast<uint16_t>(next + length - 1))});
    next += length;
  }
  return true;
}

bool decode_slots(const bus_wire::Slots& wire, SlotSet& slots) {
  const std::string& bitmap = wire.bitmap();
  if (bitmap.empty()) return decode_runs(wire, slots);
  if (bitmap.size() != kBitmapBytes || wire.runs_size() > 0) return false;
  for (uint16_t slot = 0; slot < kSlotCount; ++slot) {
    if ((bitmap[slot / 8] >> slot % 8 & 1) != 0) slots.add(Slot(slot));
  }
  return true;
}

// ---- Addresses. Their texts go into nodes.conf, CLUSTER NODES and logs: words without separators.

bool is_word(const std::string& text) {
  return text.size() <= kMaxName && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == ':' || c == '-' || c == '_' || c == '%';
         });
}

void encode_address(const NodeAddress& address, bus_wire::NodeAddress& out) {
  out.set_ip(address.ip);
  out.set_port(address.port);
  out.set_tls_port(address.tls_port);
  out.set_bus_port(address.bus_port);
  out.set_hostname(address.hostname);
  out.set_human_name(address.human_name);
}

Result<NodeAddress> decode_address(const bus_wire::NodeAddress& wire) {
  if (!is_word(wire.ip())) return bad("ip");
  if (wire.port() > 65535) return bad("port");
  if (wire.tls_port() > 65535) return bad("tls_port");
  if (wire.bus_port() > 65535) return bad("bus_port");
  if (!is_word(wire.hostname())) return bad("hostname");
  if (!is_word(wire.human_name())) return bad("human_name");
  return NodeAddress{.ip = wire.ip(),
                     .port = static_cast<uint16_t>(wire.port()),
                     .tls_port = static_cast<uint16_t>(wire.tls_port()),
                     .bus_port = static_cast<uint16_t>(wire.bus_port()),
                     .hostname = wire.hostname(),
                     .human_name = wire.human_name()};
}

// ---- NodeState, which stands alone and in Meet and Met.

using Moves = std::map<Slot, NodeId>;
using WireMoves = google::protobuf::RepeatedPtrField<bus_wire::Move>;

void encode_moves(const Moves& moves, WireMoves& out) {
  for (const auto& [slot, node] : moves) {
    bus_wire::Move& one = *out.Add();
    one.set_slot(slot.value);
    one.set_node(encode_id(node));
  }
}

bool decode_moves(const WireMoves& wire, Moves& moves) {
  for (const bus_wire::Move& one : wire) {
    NodeId node;
    if (one.slot() >= kSlotCount || !decode_id(one.node(), node)) return false;
    if (!moves.emplace(Slot(static_cast<uint16_t>(one.slot())), node).second) return false;
  }
  return true;
}

void encode_state(const NodeState& state, bus_wire::NodeState& out) {
  out.set_shard_id(encode_id(state.shard_id));
  encode_address(state.address, *out.mutable_address());
  out.set_is_primary(state.is_primary);
  out.set_primary(encode_id(state.primary));
  out.set_nofailover(state.nofailover);
  out.set_current_epoch(state.current_epoch.value);
  out.set_config_epoch(state.config_epoch.value);
  encode_slots(state.slots, *out.mutable_slots());
  encode_moves(state.migrating, *out.mutable_migrating());
  encode_moves(state.importing, *out.mutable_importing());
  for (const Given& given : state.given) {
    bus_wire::Given& one = *out.add_given();
    one.set_move(encode_id(given.move));
    one.set_to(encode_id(given.to));
    one.set_epoch(given.epoch.value);
    encode_slots(given.slots, *one.mutable_slots());
  }
}

Result<NodeState> decode_state(const bus_wire::NodeState& wire) {
  NodeState state;
  if (!decode_optional_id(wire.shard_id(), state.shard_id)) return bad("shard_id");
  Result<NodeAddress> address = decode_address(wire.address());
  if (!address) return address.error().with_context("address");
  state.address = address.take();
  state.is_primary = wire.is_primary();
  if (!decode_optional_id(wire.primary(), state.primary)) return bad("primary");
  state.nofailover = wire.nofailover();
  state.current_epoch = Epoch(wire.current_epoch());
  state.config_epoch = Epoch(wire.config_epoch());
  if (!decode_slots(wire.slots(), state.slots)) return bad("slots");
  if (!decode_moves(wire.migrating(), state.migrating)) return bad("migrating");
  if (!decode_moves(wire.importing(), state.importing)) return bad("importing");
  if (wire.given_size() > kSlotCount) return bad("given");
  for (const bus_wire::Given& one : wire.given()) {
    Given& given = state.given.emplace_back();
    if (!decode_id(one.move(), given.move)) return bad("given move");
    if (!decode_id(one.to(), given.to)) return bad("given to");
    given.epoch = Epoch(one.epoch());
    if (!decode_slots(one.slots(), given.slots)) return bad("given slots");
  }
  return state;
}

// ---- Each message into its place in the envelope.

void put(const Heartbeat& heartbeat, bus_wire::Envelope& envelope) {
  bus_wire::Heartbeat& out = *envelope.mutable_heartbeat();
  out.set_ping(heartbeat.ping);
  out.set_current_epoch(heartbeat.current_epoch.value);
  out.set_config_epoch(heartbeat.config_epoch.value);
  out.set_replication_offset(heartbeat.replication_offset);
  out.set_state_digest(heartbeat.state_digest);
  out.set_members_digest(heartbeat.members_digest);
  for (const NodeId& id : heartbeat.suspects) out.add_suspects(encode_id(id));
  for (const Forgotten& forgotten : heartbeat.forgotten) {
    bus_wire::Forgotten& one = *out.add_forgotten();
    one.set_id(encode_id(forgotten.id));
    const Millis left = std::clamp(forgotten.left, Millis(0), kLongestForgotten);
    one.set_left_ms(static_cast<uint32_t>(left.count()));
  }
}
void put(const NodeState& state, bus_wire::Envelope& envelope) {
  encode_state(state, *envelope.mutable_node_state());
}
void put(const StateRequest&, bus_wire::Envelope& envelope) {
  envelope.mutable_state_request();
}
void put(const Meet& meet, bus_wire::Envelope& envelope) {
  bus_wire::Meet& out = *envelope.mutable_meet();
  out.set_token(meet.token);
  out.set_by_operator(meet.by_operator);
  encode_state(meet.state, *out.mutable_state());
}
void put(const Met& met, bus_wire::Envelope& envelope) {
  bus_wire::Met& out = *envelope.mutable_met();
  out.set_token(met.token);
  encode_state(met.state, *out.mutable_state());
}
void put(const Roster& roster, bus_wire::Envelope& envelope) {
  bus_wire::Roster& out = *envelope.mutable_roster();
  out.mutable_ids()->Add(roster.ids.begin(), roster.ids.end());
}
void put(const Members& members, bus_wire::Envelope& envelope) {
  bus_wire::Members& out = *envelope.mutable_members();
  for (const Member& member : members.members) {
    bus_wire::Member& one = *out.add_members();
    one.set_id(encode_id(member.id));
    one.set_shard_id(encode_id(member.shard_id));
    encode_address(member.address, *one.mutable_address());
  }
}
void put(const Fail& fail, bus_wire::Envelope& envelope) {
  envelope.mutable_fail()->set_failed(encode_id(fail.failed));
}
void put(const Update& update, bus_wire::Envelope& envelope) {
  bus_wire::Update& out = *envelope.mutable_update();
  out.set_owner(encode_id(update.owner));
  out.set_config_epoch(update.config_epoch.value);
  encode_slots(update.slots, *out.mutable_slots());
}
void put(const VoteRequest& request, bus_wire::Envelope& envelope) {
  bus_wire::VoteRequest& out = *envelope.mutable_vote_request();
  out.set_epoch(request.epoch.value);
  out.set_config_epoch(request.config_epoch.value);
  encode_slots(request.slots, *out.mutable_slots());
  out.set_forced(request.forced);
}
void put(const Vote& vote, bus_wire::Envelope& envelope) {
  envelope.mutable_vote()->set_epoch(vote.epoch.value);
}
void put(const FailoverStart& start, bus_wire::Envelope& envelope) {
  envelope.mutable_failover_start()->set_attempt(start.attempt);
}
void put(const FailoverPaused& paused, bus_wire::Envelope& envelope) {
  bus_wire::FailoverPaused& out = *envelope.mutable_failover_paused();
  out.set_attempt(paused.attempt);
  out.set_replication_offset(paused.replication_offset);
}
void put(const Publish& publish, bus_wire::Envelope& envelope) {
  bus_wire::Publish& out = *envelope.mutable_publish();
  out.set_sharded(publish.sharded);
  out.set_channel(publish.channel);
  out.set_message(publish.message);
}
void put(const HandoverWord& word, bus_wire::Envelope& envelope) {
  bus_wire::HandoverWord& out = *envelope.mutable_handover_word();
  out.set_move(encode_id(word.move));
  out.set_kind(static_cast<bus_wire::HandoverWord::Kind>(word.kind));
}
void put(const NotMe&, bus_wire::Envelope& envelope) {
  envelope.mutable_not_me();
}

// ---- And back.

using Decoded = Result<BusMessage>;

Decoded get(const bus_wire::Heartbeat& wire) {
  Heartbeat heartbeat{.ping = wire.ping(),
                      .current_epoch = Epoch(wire.current_epoch()),
                      .config_epoch = Epoch(wire.config_epoch()),
                      .replication_offset = wire.replication_offset(),
                      .state_digest = wire.state_digest(),
                      .members_digest = wire.members_digest(),
                      .suspects = {},
                      .forgotten = {}};
  if (wire.suspects().size() > static_cast<int>(kMaxBusNodes)) return bad("suspects");
  for (const std::string& bytes : wire.suspects()) {
    if (!decode_id(bytes, heartbeat.suspects.emplace_back())) return bad("suspects");
  }
  if (wire.forgotten().size() > static_cast<int>(kMaxBusNodes)) return bad("forgotten");
  for (const bus_wire::Forgotten& one : wire.forgotten()) {
    Forgotten& forgotten = heartbeat.forgotten.emplace_back();
    if (!decode_id(one.id(), forgotten.id)) return bad("forgotten id");
    forgotten.left = Millis(one.left_ms());
    if (forgotten.left > kLongestForgotten) return bad("forgotten left_ms");
  }
  return BusMessage(std::move(heartbeat));
}

Decoded get(const bus_wire::NodeState& wire) {
  Result<NodeState> state = decode_state(wire);
  if (!state) return state.error();
  return BusMessage(state.take());
}

Decoded get(const bus_wire::Meet& wire) {
  Result<NodeState> state = decode_state(wire.state());
  if (!state) return state.error().with_context("state");
  return BusMessage(
      Meet{.token = wire.token(), .by_operator = wire.by_operator(), .state = state.take()});
}

Decoded get(const bus_wire::Met& wire) {
  Result<NodeState> state = decode_state(wire.state());
  if (!state) return state.error().with_context("state");
  return BusMessage(Met{.token = wire.token(), .state = state.take()});
}

Decoded get(const bus_wire::Roster& wire) {
  if (wire.ids().size() > static_cast<int>(kMaxBusNodes)) return bad("ids");
  return BusMessage(Roster{.ids = {wire.ids().begin(), wire.ids().end()}});
}

Decoded get(const bus_wire::Members& wire) {
  Members members;
  if (wire.members().size() > static_cast<int>(kMaxBusNodes)) return bad("members");
  for (const bus_wire::Member& one : wire.members()) {
    Member& member = members.members.emplace_back();
    if (!decode_id(one.id(), member.id)) return bad("id");
    if (!decode_optional_id(one.shard_id(), member.shard_id)) return bad("shard_id");
    Result<NodeAddress> address = decode_address(one.address());
    if (!address) return address.error().with_context("address");
    member.address = address.take();
  }
  return BusMessage(std::move(members));
}

Decoded get(const bus_wire::Fail& wire) {
  Fail fail;
  if (!decode_id(wire.failed(), fail.failed)) return bad("failed");
  return BusMessage(fail);
}

Decoded get(const bus_wire::Update& wire) {
  Update update{.owner = {}, .config_epoch = Epoch(wire.config_epoch()), .slots = {}};
  if (!decode_id(wire.owner(), update.owner)) return bad("owner");
  if (!decode_slots(wire.slots(), update.slots)) return bad("slots");
  return BusMessage(std::move(update));
}

Decoded get(const bus_wire::VoteRequest& wire) {
  VoteRequest request{.epoch = Epoch(wire.epoch()),
                      .config_epoch = Epoch(wire.config_epoch()),
                      .slots = {},
                      .forced = wire.forced()};
  if (!decode_slots(wire.slots(), request.slots)) return bad("slots");
  return BusMessage(std::move(request));
}

Decoded get(bus_wire::Publish& wire) {
  if (wire.channel().size() + wire.message().size() > kMaxBusPublishBytes) return bad("message");
  return BusMessage(Publish{.sharded = wire.sharded(),
                            .channel = std::move(*wire.mutable_channel()),
                            .message = std::move(*wire.mutable_message())});
}

Decoded get(const bus_wire::HandoverWord& wire) {
  HandoverWord word;
  if (!decode_id(wire.move(), word.move)) return bad("move");
  if (!bus_wire::HandoverWord::Kind_IsValid(wire.kind())) return bad("kind");
  word.kind = static_cast<HandoverWord::Kind>(wire.kind());
  return BusMessage(word);
}

Decoded get_message(bus_wire::Envelope& wire) {
  using Wire = bus_wire::Envelope;
  const auto named = [](std::string_view name, Decoded message) {
    return message ? std::move(message) : Decoded(message.error().with_context(name));
  };
  switch (wire.message_case()) {
    case Wire::kHeartbeat:
      return named("heartbeat", get(wire.heartbeat()));
    case Wire::kNodeState:
      return named("node_state", get(wire.node_state()));
    case Wire::kStateRequest:
      return BusMessage(StateRequest{});
    case Wire::kMeet:
      return named("meet", get(wire.meet()));
    case Wire::kMet:
      return named("met", get(wire.met()));
    case Wire::kRoster:
      return named("roster", get(wire.roster()));
    case Wire::kMembers:
      return named("members", get(wire.members()));
    case Wire::kFail:
      return named("fail", get(wire.fail()));
    case Wire::kUpdate:
      return named("update", get(wire.update()));
    case Wire::kVoteRequest:
      return named("vote_request", get(wire.vote_request()));
    case Wire::kVote:
      return BusMessage(Vote{Epoch(wire.vote().epoch())});
    case Wire::kFailoverStart:
      return BusMessage(FailoverStart{wire.failover_start().attempt()});
    case Wire::kFailoverPaused:
      return BusMessage(FailoverPaused{wire.failover_paused().attempt(),
                                       wire.failover_paused().replication_offset()});
    case Wire::kPublish:
      return named("publish", get(*wire.mutable_publish()));
    case Wire::kNotMe:
      return BusMessage(NotMe{});
    case Wire::kHandoverWord:
      return named("handover_word", get(wire.handover_word()));
    case Wire::MESSAGE_NOT_SET:
      break;
  }
  return Error("no message that is known here");
}

}  // namespace

void encode(const Envelope& envelope, bus_wire::Envelope& out) {
  out.set_from(encode_id(envelope.from));
  out.set_to(encode_id(envelope.to));
  std::visit([&](const auto& message) { put(message, out); }, envelope.message);
}

Result<Envelope> decode(bus_wire::Envelope& wire) {
  Envelope envelope;
  if (!decode_id(wire.from(), envelope.from)) return bad("from");
  if (!decode_optional_id(wire.to(), envelope.to)) return bad("to");
  Decoded message = get_message(wire);
  if (!message) return message.error();
  envelope.message = message.take();
  return envelope;
}

}  // namespace redan
