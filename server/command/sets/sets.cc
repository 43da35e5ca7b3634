// The set commands that look at members or change them by name.
#include <optional>
#include <vector>

#include "common/base/glob.h"
#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/collections.h"
#include "server/command/element_scan.h"
#include "server/command/families.h"
#include "server/command/key_effects.h"
#include "server/command/sets/set_effects.h"
#include "server/values/set_value.h"

namespace redan {
namespace {

Result<const Entry*> read_set(Call& call, std::string_view key) {
  return read_value(call, key, ValueType::kSet);
}

Result<void> sadd(Call& call) {
  const std::string_view key = call.arg(1);
  Result<Keyspace::Ref> ref = change_value(call, key, ValueType::kSet);
  if (!ref) return ref.error();
  const size_t added = add_members(call, key, *ref, call.args().subspan(2));
  call.reply().integer(static_cast<int64_t>(added));
  return kOk;
}

Result<void> srem(Call& call) {
  const std::string_view key = call.arg(1);
  Result<Keyspace::Ref> ref = change_value(call, key, ValueType::kSet);
  if (!ref) return ref.error();
  size_t removed = 0;
  if (*ref) {
    removed = SetEdit(call.keyspace(), *ref).erase(call.args().subspan(2));
    if (removed > 0) {
      call.notify(KeyspaceEvents::kSet, "srem", key);
      members_left(call, key, *ref, removed);
    }
  }
  call.reply().integer(static_cast<int64_t>(removed));
  return kOk;
}

Result<void> scard(Call& call) {
  const Result<const Entry*> entry = read_set(call, call.arg(1));
  if (!entry) return entry.error();
  call.reply().integer(*entry == nullptr ? 0 : static_cast<int64_t>(SetView(**entry).size()));
  return kOk;
}

Result<void> sismember(Call& call) {
  const Result<const Entry*> entry = read_set(call, call.arg(1));
  if (!entry) return entry.error();
  call.reply().integer(*entry != nullptr && SetView(**entry).contains(call.arg(2)) ? 1 : 0);
  return kOk;
}

Result<void> smismember(Call& call) {
  const Result<const Entry*> entry = read_set(call, call.arg(1));
  if (!entry) return entry.error();
  call.reply().array(call.arg_count() - 2);
  for (const std::string_view member : call.args().subspan(2)) {
    call.reply().integer(*entry != nullptr && SetView(**entry).contains(member) ? 1 : 0);
  }
  return kOk;
}

Result<void> smembers(Call& call) {
  const Result<const Entry*> entry = read_set(call, call.arg(1));
  if (!entry) return entry.error();
  if (*entry == nullptr) {
    call.reply().set(0);
    return kOk;
  }
  const SetView set(**entry);
  call.reply().set(set.size());
  set.for_each([&](const SetView::Member& member) { reply_member(call.reply(), member); });
  return kOk;
}

Result<void> smove(Call& call) {
  const std::string_view from = call.arg(1);
  const std::string_view to = call.arg(2);
  const std::span<const std::string_view> member = call.args().subspan(3, 1);
  const Entry* const source = call.keyspace().peek(call.db(), from);
  const Entry* const target = call.keyspace().peek(call.db(), to);
  if (source == nullptr) {
    call.reply().integer(0);
    return kOk;
  }
  if (source->type() != ValueType::kSet ||
      (target != nullptr && target->type() != ValueType::kSet)) {
    return wrong_type();
  }
  const bool present = SetView(*source).contains(member[0]);
  call.reply().integer(present ? 1 : 0);
  if (!present || source == target) return kOk;

  Keyspace::Ref out = call.keyspace().change(call.db(), from);
  SetEdit(call.keyspace(), out).erase(member);
  call.notify(KeyspaceEvents::kSet, "srem", from);
  members_left(call, from, out, 1);
  Keyspace::Ref into = call.keyspace().change(call.db(), to);
  add_members(call, to, into, member);
  return kOk;
}

Result<void> sscan(Call& call) {
  const Result<std::optional<ElementScan>> begun =
      begin_element_scan(call, ScanOf::kElements, [](Call& of) { return read_set(of, of.arg(1)); });
  if (!begun) return begun.error();
  if (!*begun) return kOk;
  const Entry& entry = (*begun)->entry;
  const ScanOptions& options = (*begun)->options;

  const SetView set(entry);
  std::vector<SetView::Member> found;
  const uint64_t cursor = scan_enough((*begun)->cursor, options, [&](uint64_t at, int64_t& seen) {
    return set.scan(at, [&](const SetView::Member& member) {
      ++seen;
      Listpack::Scratch scratch;
      if (!options.all() && !glob_match(options.pattern, member.view(scratch))) return;
      found.push_back(member);
    });
  });

  reply_cursor(call.reply(), cursor);
  call.reply().array(found.size());
  for (const SetView::Member& member : found) reply_member(call.reply(), member);
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "SADD",
      .syntax = "key member [member ...]",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyInsert),
      .summary = "Adds one or more members to a set. Creates the key if it doesn't exist.",
      .since = "1.0.0",
      .complexity = "O(1) for each element added, so O(N) to add N elements when the command is "
                    "called with multiple arguments.",
      .history = "2.4.0: Accepts multiple `member` arguments."},
     sadd},
    {{.name = "SREM",
      .syntax = "key member [member ...]",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyDelete),
      .summary = "Removes one or more members from a set. Deletes the set if the last member was "
                 "removed.",
      .since = "1.0.0",
      .complexity = "O(N) where N is the number of members to be removed.",
      .history = "2.4.0: Accepts multiple `member` arguments."},
     srem},
    {{.name = "SCARD",
      .syntax = "key",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO),
      .summary = "Returns the number of members in a set.",
      .since = "1.0.0",
      .complexity = "O(1)"},
     scard},
    {{.name = "SISMEMBER",
      .syntax = "key member",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO),
      .summary = "Determines whether a member belongs to a set.",
      .since = "1.0.0",
      .complexity = "O(1)"},
     sismember},
    {{.name = "SMISMEMBER",
      .syntax = "key member [member ...]",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Determines whether multiple members belong to a set.",
      .since = "6.2.0",
      .complexity = "O(N) where N is the number of elements being checked for membership"},
     smismember},
    {{.name = "SMEMBERS",
      .syntax = "key",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Returns all members of a set.",
      .since = "1.0.0",
      .complexity = "O(N) where N is the set cardinality.",
      .hints = "nondeterministic_output_order"},
     smembers},
    {{.name = "SMOVE",
      .syntax = "source:key destination:key member",
      .flags = kWrite | kFast,
      .keys = {KeySpec{.flags = kKeyRW | kKeyAccess | kKeyDelete,
                       .begin = KeySpec::Begin::kIndex,
                       .index = 1},
               KeySpec{.flags = kKeyRW | kKeyInsert, .begin = KeySpec::Begin::kIndex, .index = 2}},
      .summary = "Moves a member from one set to another.",
      .since = "1.0.0",
      .complexity = "O(1)"},
     smove},
    {{.name = "SSCAN",
      .syntax = "key cursor:integer [MATCH pattern] [COUNT count:integer]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Iterates over members of a set.",
      .since = "2.8.0",
      .complexity =
          "O(1) for every call. O(N) for a complete iteration, including enough command calls for "
          "the cursor to return back to 0. N is the number of elements inside the collection.",
      .hints = "nondeterministic_output"},
     sscan},
};

}  // namespace

CommandFamily<Call> set_commands() {
  return {.group = Group::kSet, .commands = kCommands};
}

}  // namespace redan
