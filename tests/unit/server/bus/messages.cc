#include "tests/unit/server/bus/messages.h"

#include <array>
#include <utility>

namespace redan {

using namespace cluster;

namespace {

std::string random_bytes(Rng& rng, uint64_t most) {
  std::string bytes(rng.below(most + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(rng.below(256));
  return bytes;
}

NodeId maybe_id(Rng& rng) {
  return rng.chance(0.5) ? rng.node_id() : NodeId();
}

Epoch random_epoch(Rng& rng) {
  return Epoch(rng.next() >> rng.below(64));
}

NodeAddress random_address(Rng& rng) {
  NodeAddress address{.port = static_cast<uint16_t>(rng.next()),
                      .tls_port = static_cast<uint16_t>(rng.next()),
                      .bus_port = static_cast<uint16_t>(rng.next())};
  if (rng.chance(0.4)) address.ip = "10.0.0." + std::to_string(rng.below(256));
  if (rng.chance(0.4)) address.ip = "fe80::" + std::to_string(rng.below(9999));
  if (rng.chance(0.5)) address.hostname = "Host-" + std::to_string(rng.below(100)) + ".example";
  if (rng.chance(0.5)) address.human_name = "node_" + std::to_string(rng.below(100));
  return address;
}

std::map<Slot, NodeId> random_moves(Rng& rng) {
  std::map<Slot, NodeId> moves;
  for (uint64_t i = rng.chance(0.7) ? 0 : rng.below(5); i > 0; --i) {
    moves[Slot(static_cast<uint16_t>(rng.below(kSlotCount)))] = rng.node_id();
  }
  return moves;
}

std::vector<Given> random_given(Rng& rng) {
  std::vector<Given> all(rng.chance(0.8) ? 0 : 1 + rng.below(3));
  for (Given& given : all) {
    given = {rng.node_id(), rng.node_id(), random_epoch(rng), random_slots(rng)};
  }
  return all;
}

NodeState random_state(Rng& rng) {
  return {.shard_id = maybe_id(rng),
          .address = random_address(rng),
          .is_primary = rng.chance(0.5),
          .primary = maybe_id(rng),
          .nofailover = rng.chance(0.5),
          .current_epoch = random_epoch(rng),
          .config_epoch = random_epoch(rng),
          .slots = random_slots(rng),
          .migrating = random_moves(rng),
          .importing = random_moves(rng),
          .given = random_given(rng)};
}

Heartbeat random_heartbeat(Rng& rng) {
  Heartbeat heartbeat{.ping = rng.chance(0.5),
                      .current_epoch = random_epoch(rng),
                      .config_epoch = random_epoch(rng),
                      .replication_offset = static_cast<int64_t>(rng.next()),
                      .state_digest = rng.next(),
                      .members_digest = rng.next(),
                      .suspects = {},
                      .forgotten = {}};
  for (uint64_t i = rng.below(5); i > 0; --i) heartbeat.suspects.push_back(rng.node_id());
  for (uint64_t i = rng.below(5); i > 0; --i) {
    heartbeat.forgotten.push_back({rng.node_id(), Millis(rng.below(3'600'001))});
  }
  return heartbeat;
}

Members random_members(Rng& rng) {
  Members members;
  for (uint64_t i = rng.below(5); i > 0; --i) {
    members.members.push_back({rng.node_id(), maybe_id(rng), random_address(rng)});
  }
  return members;
}

Roster random_roster(Rng& rng) {
  Roster roster;
  for (uint64_t i = rng.below(20); i > 0; --i) roster.ids.push_back(rng.next());
  return roster;
}

template <size_t I = 0>
BusMessage random_of(Rng& rng, size_t kind) {
  if constexpr (I < std::variant_size_v<BusMessage>) {
    if (kind != I) return random_of<I + 1>(rng, kind);
    using Message = std::variant_alternative_t<I, BusMessage>;
    if constexpr (std::is_same_v<Message, Heartbeat>) {
      return random_heartbeat(rng);
    } else if constexpr (std::is_same_v<Message, NodeState>) {
      return random_state(rng);
    } else if constexpr (std::is_same_v<Message, Meet>) {
      return Meet{rng.next(), rng.chance(0.5), random_state(rng)};
    } else if constexpr (std::is_same_v<Message, Met>) {
      return Met{rng.next(), random_state(rng)};
    } else if constexpr (std::is_same_v<Message, Roster>) {
      return random_roster(rng);
    } else if constexpr (std::is_same_v<Message, Members>) {
      return random_members(rng);
    } else if constexpr (std::is_same_v<Message, Fail>) {
      return Fail{rng.node_id()};
    } else if constexpr (std::is_same_v<Message, Update>) {
      return Update{rng.node_id(), random_epoch(rng), random_slots(rng)};
    } else if constexpr (std::is_same_v<Message, VoteRequest>) {
      return VoteRequest{random_epoch(rng), random_epoch(rng), random_slots(rng), rng.chance(0.5)};
    } else if constexpr (std::is_same_v<Message, Vote>) {
      return Vote{random_epoch(rng)};
    } else if constexpr (std::is_same_v<Message, FailoverStart>) {
      return FailoverStart{rng.next()};
    } else if constexpr (std::is_same_v<Message, FailoverPaused>) {
      return FailoverPaused{rng.next(), static_cast<int64_t>(rng.next())};
    } else if constexpr (std::is_same_v<Message, Publish>) {
      return Publish{rng.chance(0.5), random_bytes(rng, 20), random_bytes(rng, 300)};
    } else if constexpr (std::is_same_v<Message, HandoverWord>) {
      return HandoverWord{rng.node_id(), static_cast<HandoverWord::Kind>(rng.below(3))};
    } else {
      return Message{};  // StateRequest, NotMe: nothing to say.
    }
  } else {
    return NotMe{};
  }
}

}  // namespace

SlotSet random_slots(Rng& rng) {
  SlotSet slots;
  switch (rng.below(4)) {
    case 0:
      return rng.chance(0.5) ? SlotSet::all() : slots;
    case 1:  // Here and there.
      for (int i = 0; i < 20; ++i) slots.add(Slot(static_cast<uint16_t>(rng.below(kSlotCount))));
      return slots;
    case 2:  // Runs.
      for (int i = 0; i < 5; ++i) {
        const auto first = static_cast<uint16_t>(rng.below(kSlotCount));
        const auto last = static_cast<uint16_t>(rng.between(first, kSlotCount - 1));
        slots.add({Slot(first), Slot(last)});
      }
      return slots;
    default:  // In pieces.
      for (uint16_t slot = 0; slot < kSlotCount; ++slot) {
        if (rng.chance(0.5)) slots.add(Slot(slot));
      }
      return slots;
  }
}

BusMessage random_message(Rng& rng) {
  return random_of(rng, rng.below(std::variant_size_v<BusMessage>));
}

Envelope random_envelope(Rng& rng) {
  return {.from = rng.node_id(), .to = maybe_id(rng), .message = random_message(rng)};
}

}  // namespace redan
