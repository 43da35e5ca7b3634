// CLUSTER's verbs about slots: who owns them, where they move, which keys they have.
#include <algorithm>

#include "common/base/crc16.h"
#include "server/cluster/text.h"
#include "server/command/cluster/cluster_verbs.h"

namespace redan {
namespace {

Result<void> keyslot(Call& call) {
  call.reply().integer(slot_of_key(call.arg(2)).value);
  return kOk;
}

bool is_slot(int64_t number) {
  return number >= 0 && number < kSlotCount;
}

Result<void> count_keys(Call& call) {
  const Result<int64_t> slot = integer_arg(call.arg(2));
  if (!slot) return slot.error();
  if (!is_slot(*slot)) return Error("Invalid slot");
  const size_t keys = call.keyspace().slot_size(Slot(static_cast<uint16_t>(*slot)));
  call.reply().integer(static_cast<int64_t>(keys));
  return kOk;
}

Result<void> get_keys(Call& call) {
  const Result<int64_t> number = integer_arg(call.arg(2));
  if (!number) return number.error();
  const Result<int64_t> count = integer_arg(call.arg(3));
  if (!count) return count.error();
  if (!is_slot(*number) || *count < 0) return Error("Invalid slot or number of keys");
  const Slot slot(static_cast<uint16_t>(*number));
  const std::vector<std::string> keys =
      call.keyspace().keys_in_slot(slot, static_cast<size_t>(*count));
  call.reply().array(keys.size());
  for (const std::string& key : keys) call.reply().bulk(key);
  return kOk;
}

Result<void> change_slots(Call& call, SlotVerb what, const Result<SlotSet>& slots) {
  if (!slots) return slots.error();
  return perform(call, [&](ClusterVerb& verb) {
    return what == SlotVerb::kAdd ? verb.machine.add_slots(verb.now, *slots, verb.effects)
                                  : verb.machine.del_slots(verb.now, *slots, verb.effects);
  });
}

template <SlotVerb what>
Result<void> slot_list(Call& call) {
  return change_slots(call, what, parse_slot_list(view_of(call), what, call.args().subspan(2)));
}

template <SlotVerb what>
Result<void> slot_ranges(Call& call) {
  if (call.arg_count() % 2 != 0) return wrong_arity(call.entry().full_name);
  return change_slots(call, what, parse_slot_ranges(view_of(call), what, call.args().subspan(2)));
}

Result<void> flush_slots(Call& call) {
  const bool has_keys = call.keyspace().size(0) > 0;
  return perform(call, [&](ClusterVerb& verb) {
    return verb.machine.flush_slots(verb.now, has_keys, verb.effects);
  });
}

Result<void> set_slot(Call& call) {
  const ClusterView& view = view_of(call);
  // Redis looks at this before it looks at the words.
  if (!view.myself().is_primary) return Error("Please use SETSLOT only with masters.");
  const Result<Slot> slot = parse_slot(call.arg(2));
  if (!slot) return slot.error();
  const std::string_view action = call.arg(3);
  if (call.arg_count() == 4 && iequals(action, "stable")) {
    return perform(call, [&](ClusterVerb& verb) {
      return verb.machine.set_slot_stable(verb.now, *slot, verb.effects);
    });
  }
  const bool migrating = iequals(action, "migrating"), importing = iequals(action, "importing");
  const bool is_node = iequals(action, "node");
  if (call.arg_count() != 5 || !(migrating || importing || is_node)) {
    return Error("Invalid CLUSTER SETSLOT action or number of arguments. Try " +
                 to_upper(call.arg(0)) + " HELP");
  }
  const ClusterNode* node = find_node(view, call.arg(4));
  const NodeId id = node == nullptr ? NodeId() : node->id;
  const size_t keys = call.keyspace().slot_size(*slot);
  Result<void> done = perform(call, [&](ClusterVerb& verb) {
    if (migrating) return verb.machine.set_slot_migrating(verb.now, *slot, id, verb.effects);
    if (importing) return verb.machine.set_slot_importing(verb.now, *slot, id, verb.effects);
    return verb.machine.set_slot_node(verb.now, *slot, id, keys, verb.effects);
  });
  if (done || node != nullptr) return done;
  // Where it complains of a node that it does not know, the client's word stands for it.
  std::string text(done.error().message());
  const size_t at = text.find(id.hex());
  if (at != std::string::npos) text.replace(at, id.hex().size(), call.arg(4));
  return Error(text);
}

// ---- SLOT-STATS, as Redis 8 has it: counts of keys, of the slots of this node's shard.

bool is_of_my_shard(const ClusterView& view, Slot slot) {
  const SlotView at = view.slot(slot);
  return at.mine || at.of_my_primary;
}

void write_stats(Call& call, Slot slot) {
  call.reply().array(2);
  call.reply().integer(slot.value);
  call.reply().map(1);
  call.reply().bulk("key-count");
  call.reply().integer(static_cast<int64_t>(call.keyspace().slot_size(slot)));
}

Result<void> stats_of_range(Call& call) {
  const Result<Slot> first = parse_slot(call.arg(3));
  if (!first) return first.error();
  const Result<Slot> last = parse_slot(call.arg(4));
  if (!last) return last.error();
  if (*first > *last) {
    return Error("Start slot number " + std::to_string(first->value) +
                 " is greater than end slot number " + std::to_string(last->value));
  }
  const size_t start = call.reply().begin_deferred();
  size_t count = 0;
  for (uint32_t i = first->value; i <= last->value; ++i) {
    const Slot slot(static_cast<uint16_t>(i));
    if (!is_of_my_shard(view_of(call), slot)) continue;
    write_stats(call, slot);
    ++count;
  }
  call.reply().end_array(start, count);
  return kOk;
}

struct StatsOrder {
  bool descending = true;
  size_t limit = kSlotCount;
};

Result<StatsOrder> read_order(Call& call) {
  StatsOrder order;
  int limits = 0, directions = 0;
  ArgReader words(call.args(), 4);
  while (words.more()) {
    if (words.match_with("LIMIT", 1)) {
      const std::optional<int64_t> limit = parse_int64(words.next());
      if (!limit || *limit < 1 || *limit > kSlotCount) {
        return Error("Limit has to lie in between 1 and 16384 (maximum number of slots).");
      }
      order.limit = static_cast<size_t>(*limit);
      ++limits;
    } else if (words.match("ASC")) {
      order.descending = false;
      ++directions;
    } else if (words.match("DESC")) {
      order.descending = true;
      ++directions;
    } else {
      return syntax_error();
    }
    if (limits > 1 || directions > 1) {
      return Error("Multiple filters of the same type are disallowed.");
    }
  }
  return order;
}

Result<void> stats_in_order(Call& call) {
  // Redis has more metrics where cluster-slot-stats-enabled is set, a directive of Redis 8.
  if (!iequals(call.arg(3), "key-count")) return Error("Unrecognized sort metric for ORDERBY.");
  const Result<StatsOrder> order = read_order(call);
  if (!order) return order.error();
  std::vector<std::pair<size_t, Slot>> found;
  for (uint16_t i = 0; i < kSlotCount; ++i) {
    if (!is_of_my_shard(view_of(call), Slot(i))) continue;
    found.emplace_back(call.keyspace().slot_size(Slot(i)), Slot(i));
  }
  std::sort(found.begin(), found.end(), [&](const auto& a, const auto& b) {
    if (a.first == b.first) return a.second < b.second;
    return order->descending ? a.first > b.first : a.first < b.first;
  });
  if (found.size() > order->limit) found.resize(order->limit);
  call.reply().array(found.size());
  for (const auto& [keys, slot] : found) write_stats(call, slot);
  return kOk;
}

Result<void> slot_stats(Call& call) {
  if (call.arg_count() == 5 && iequals(call.arg(2), "slotsrange")) return stats_of_range(call);
  if (iequals(call.arg(2), "orderby")) return stats_in_order(call);
  return wrong_words(call);
}

constexpr uint32_t kChanges = kAdmin | kStale | kNoAsyncLoading;

constexpr Command<Call> kVerbs[] = {
    {{.name = "ADDSLOTS",
      .syntax = "slot:integer [slot:integer ...]",
      .flags = kChanges,
      .summary = "Assign new hash slots to receiving node",
      .since = "3.0.0",
      .complexity = "O(N) where N is the total number of hash slot arguments"},
     in_cluster<slot_list<SlotVerb::kAdd>>},
    {{.name = "ADDSLOTSRANGE",
      .syntax = "start-slot:integer end-slot:integer [start-slot:integer end-slot:integer ...]",
      .flags = kChanges,
      .summary = "Assign new hash slots to receiving node",
      .since = "7.0.0",
      .complexity = "O(N) where N is the total number of the slots between the start slot and end "
                    "slot arguments."},
     in_cluster<slot_ranges<SlotVerb::kAdd>>},
    {{.name = "COUNTKEYSINSLOT",
      .syntax = "slot:integer",
      .flags = kStale,
      .summary = "Return the number of local keys in the specified hash slot",
      .since = "3.0.0",
      .complexity = "O(1)"},
     in_cluster<count_keys>},
    {{.name = "DELSLOTS",
      .syntax = "slot:integer [slot:integer ...]",
      .flags = kChanges,
      .summary = "Set hash slots as unbound in receiving node",
      .since = "3.0.0",
      .complexity = "O(N) where N is the total number of hash slot arguments"},
     in_cluster<slot_list<SlotVerb::kDelete>>},
    {{.name = "DELSLOTSRANGE",
      .syntax = "start-slot:integer end-slot:integer [start-slot:integer end-slot:integer ...]",
      .flags = kChanges,
      .summary = "Set hash slots as unbound in receiving node",
      .since = "7.0.0",
      .complexity = "O(N) where N is the total number of the slots between the start slot and end "
                    "slot arguments."},
     in_cluster<slot_ranges<SlotVerb::kDelete>>},
    {{.name = "FLUSHSLOTS",
      .flags = kChanges,
      .summary = "Delete a node's own slots information",
      .since = "3.0.0",
      .complexity = "O(1)"},
     in_cluster<flush_slots>},
    {{.name = "GETKEYSINSLOT",
      .syntax = "slot:integer count:integer",
      .flags = kStale,
      .summary = "Return local key names in the specified hash slot",
      .since = "3.0.0",
      .complexity = "O(log(N)) where N is the number of requested keys",
      .hints = "nondeterministic_output"},
     in_cluster<get_keys>},
    {{.name = "KEYSLOT",
      .syntax = "key:string",
      .flags = kStale,
      .summary = "Returns the hash slot of the specified key",
      .since = "3.0.0",
      .complexity = "O(N) where N is the number of bytes in the key"},
     in_cluster<keyslot>},
    {{.name = "SETSLOT",
      .syntax =
          "slot:integer (subcommand: IMPORTING node-id|MIGRATING node-id|NODE node-id|STABLE)",
      .flags = kChanges,
      .summary = "Bind a hash slot to a specific node",
      .since = "3.0.0",
      .complexity = "O(1)",
      .arity = -4},
     in_cluster<set_slot>},
    {{.name = "SLOT-STATS",
      .syntax = "(filter: SLOTSRANGE (slotsrange: start-slot:integer end-slot:integer)|ORDERBY "
                "(orderby: metric [LIMIT limit:integer] [order: ASC|DESC]))",
      .flags = kStale | kLoading,
      .summary = "Return an array of slot usage statistics for slots assigned to the current node",
      .since = "8.2.0",
      .complexity = "O(N) where N is the total number of slots based on arguments. O(N*log(N)) "
                    "with ORDERBY subcommand.",
      .arity = -4,
      .hints = "nondeterministic_output\nrequest_policy:all_shards"},
     in_cluster<slot_stats>},
};

}  // namespace

std::span<const Command<Call>> cluster_slot_verbs() {
  return kVerbs;
}

}  // namespace redan
