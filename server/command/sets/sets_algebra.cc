// The set commands that take several sets: intersections, unions and differences.
#include <limits>
#include <vector>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/collections.h"
#include "server/command/families.h"
#include "server/command/key_effects.h"
#include "server/command/sets/set_effects.h"
#include "server/values/set_algebra.h"
#include "server/values/set_value.h"

namespace redan {
namespace {

enum class Operation : uint8_t { kIntersection, kUnion, kDifference };

// The sets at these keys, in order.
struct Operands {
  std::vector<SetView> sets;  // those that exist
  bool has_first = false;
  bool has_all = true;
};

// Every key is looked at: one of another type is an error, whatever the others hold.
Result<Operands> read_operands(Call& call, std::span<const std::string_view> keys) {
  Operands operands;
  operands.sets.reserve(keys.size());
  for (const std::string_view& key : keys) {
    const Result<const Entry*> entry = read_value(call, key, ValueType::kSet);
    if (!entry) return entry.error();
    if (*entry == nullptr) {
      operands.has_all = false;
      continue;
    }
    if (&key == keys.data()) operands.has_first = true;
    operands.sets.emplace_back(**entry);
  }
  return operands;
}

void compute(Operation operation, Operands& operands, const EncodingLimits& limits,
             const EachMember& each) {
  const std::span<SetView> sets(operands.sets);
  switch (operation) {
    case Operation::kIntersection:
      if (operands.has_all) intersect(sets, each);
      return;
    case Operation::kUnion:
      unite(sets, limits, each);
      return;
    case Operation::kDifference:
      if (operands.has_first) subtract(sets.front(), sets.subspan(1), limits, each);
      return;
  }
}

Result<void> answer(Call& call, Operation operation) {
  Result<Operands> operands = read_operands(call, call.args().subspan(1));
  if (!operands) return operands.error();
  ReplyWriter& reply = call.reply();
  const size_t start = reply.begin_deferred();
  size_t count = 0;
  compute(operation, *operands, call.keyspace().limits(), [&](const SetView::Member& member) {
    reply_member(reply, member);
    ++count;
    return true;
  });
  reply.end_set(start, count);
  return kOk;
}

// Redis makes a difference in one of two ways: it adds what is in none of the others, or, where it
// reckons that to be less work, it adds the whole first set and takes the others' members away. The
// second leaves the result in the form that the whole set had for a moment. We compute it in one
// way, and begin in that form; what has come to the last form needs no more members to tell it.
ValueForm form_of_difference(std::span<const SetView> sets, const EncodingLimits& limits) {
  const SetView& first = sets.front();
  size_t members = 0;
  for (const SetView& set : sets) members += set.size();
  SetBuilder whole(limits);
  if (sets.size() * first.size() / 2 > members) {
    first.for_each_until([&](const SetView::Member& member) {
      whole.add_new(member);
      return whole.form() != ValueForm::kLarge;
    });
  }
  return whole.form();
}

Result<void> store(Call& call, Operation operation, std::string_view event) {
  Result<Operands> operands = read_operands(call, call.args().subspan(2));
  if (!operands) return operands.error();
  Keyspace& keyspace = call.keyspace();
  const std::string_view key = call.arg(1);
  SetBuilder result(keyspace.limits());
  if (operation == Operation::kDifference && operands->has_first) {
    result.begin_as(form_of_difference(operands->sets, keyspace.limits()));
  }
  if (operation == Operation::kUnion) {
    // The result itself knows what it has.
    for (const SetView& set : operands->sets) {
      set.for_each([&](const SetView::Member& member) { result.add(member); });
    }
  } else {
    compute(operation, *operands, keyspace.limits(), [&](const SetView::Member& member) {
      result.add_new(member);
      return true;
    });
  }

  const size_t count = result.size();
  if (count > 0) {
    keyspace.set_value(call.db(), key, result.take());
    call.notify(KeyspaceEvents::kSet, event, key);
  } else if (keyspace.peek(call.db(), key) != nullptr) {
    keyspace.erase(call.db(), key, free_by(call.config().lazyfree_lazy_server_del));
    call.notify(KeyspaceEvents::kGeneric, "del", key);
  }
  call.reply().integer(static_cast<int64_t>(count));
  return kOk;
}

Result<void> sinter(Call& call) {
  return answer(call, Operation::kIntersection);
}
Result<void> sunion(Call& call) {
  return answer(call, Operation::kUnion);
}
Result<void> sdiff(Call& call) {
  return answer(call, Operation::kDifference);
}
Result<void> sinterstore(Call& call) {
  return store(call, Operation::kIntersection, "sinterstore");
}
Result<void> sunionstore(Call& call) {
  return store(call, Operation::kUnion, "sunionstore");
}
Result<void> sdiffstore(Call& call) {
  return store(call, Operation::kDifference, "sdiffstore");
}

Result<void> sintercard(Call& call) {
  const std::optional<int64_t> keys = parse_int64(call.arg(1));
  if (!keys || *keys < 1) return Error("numkeys should be greater than 0");
  const auto key_count = static_cast<uint64_t>(*keys);
  if (key_count > call.arg_count() - 2) {
    return Error("Number of keys can't be greater than number of args");
  }
  uint64_t limit = std::numeric_limits<uint64_t>::max();
  ArgReader words(call.args(), 2 + key_count);
  while (words.more()) {
    if (!words.match_with("LIMIT", 1)) return syntax_error();
    const std::optional<int64_t> number = parse_int64(words.next());
    if (!number || *number < 0) return Error("LIMIT can't be negative");
    limit = *number == 0 ? std::numeric_limits<uint64_t>::max() : static_cast<uint64_t>(*number);
  }
  Result<Operands> operands = read_operands(call, call.args().subspan(2, key_count));
  if (!operands) return operands.error();
  uint64_t count = 0;
  compute(Operation::kIntersection, *operands, call.keyspace().limits(),
          [&](const SetView::Member&) { return ++count < limit; });
  call.reply().integer(static_cast<int64_t>(count));
  return kOk;
}

constexpr KeySpecs stored_from_keys(uint16_t destination_flags) {
  return {
      KeySpec{.flags = destination_flags, .begin = KeySpec::Begin::kIndex, .index = 1},
      KeySpec{
          .flags = kKeyRO | kKeyAccess, .begin = KeySpec::Begin::kIndex, .index = 2, .last = -1}};
}

constexpr Command<Call> kCommands[] = {
    {{.name = "SINTER",
      .syntax = "key [key ...]",
      .flags = kReadOnly,
      .keys = keys_at(1, -1, 1, kKeyRO | kKeyAccess),
      .summary = "Returns the intersect of multiple sets.",
      .since = "1.0.0",
      .complexity = "O(N*M) worst case where N is the cardinality of the smallest set and M is the "
                    "number of sets.",
      .hints = "nondeterministic_output_order"},
     sinter},
    {{.name = "SINTERSTORE",
      .syntax = "destination:key key [key ...]",
      .flags = kWrite | kDenyOom,
      .keys = stored_from_keys(kKeyRW | kKeyUpdate),
      .summary = "Stores the intersect of multiple sets in a key.",
      .since = "1.0.0",
      .complexity = "O(N*M) worst case where N is the cardinality of the smallest set and M is the "
                    "number of sets."},
     sinterstore},
    {{.name = "SINTERCARD",
      .syntax = "numkeys:integer key [key ...] [LIMIT limit:integer]",
      .flags = kReadOnly | kMovableKeys,
      .keys = {KeySpec{.flags = kKeyRO | kKeyAccess,
                       .begin = KeySpec::Begin::kIndex,
                       .index = 1,
                       .find = KeySpec::Find::kKeyNum,
                       .count_index = 0,
                       .first_key = 1}},
      .summary = "Returns the number of members of the intersect of multiple sets.",
      .since = "7.0.0",
      .complexity = "O(N*M) worst case where N is the cardinality of the smallest set and M is the "
                    "number of sets."},
     sintercard},
    {{.name = "SUNION",
      .syntax = "key [key ...]",
      .flags = kReadOnly,
      .keys = keys_at(1, -1, 1, kKeyRO | kKeyAccess),
      .summary = "Returns the union of multiple sets.",
      .since = "1.0.0",
      .complexity = "O(N) where N is the total number of elements in all given sets.",
      .hints = "nondeterministic_output_order"},
     sunion},
    {{.name = "SUNIONSTORE",
      .syntax = "destination:key key [key ...]",
      .flags = kWrite | kDenyOom,
      .keys = stored_from_keys(kKeyOW | kKeyUpdate),
      .summary = "Stores the union of multiple sets in a key.",
      .since = "1.0.0",
      .complexity = "O(N) where N is the total number of elements in all given sets."},
     sunionstore},
    {{.name = "SDIFF",
      .syntax = "key [key ...]",
      .flags = kReadOnly,
      .keys = keys_at(1, -1, 1, kKeyRO | kKeyAccess),
      .summary = "Returns the difference of multiple sets.",
      .since = "1.0.0",
      .complexity = "O(N) where N is the total number of elements in all given sets.",
      .hints = "nondeterministic_output_order"},
     sdiff},
    {{.name = "SDIFFSTORE",
      .syntax = "destination:key key [key ...]",
      .flags = kWrite | kDenyOom,
      .keys = stored_from_keys(kKeyOW | kKeyUpdate),
      .summary = "Stores the difference of multiple sets in a key.",
      .since = "1.0.0",
      .complexity = "O(N) where N is the total number of elements in all given sets."},
     sdiffstore},
};

}  // namespace

CommandFamily<Call> set_algebra_commands() {
  return {.group = Group::kSet, .commands = kCommands};
}

}  // namespace redan
