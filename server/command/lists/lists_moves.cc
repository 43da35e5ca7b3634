// The list commands that name several lists, with those that wait for an element.
#include <algorithm>
#include <limits>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/collections.h"
#include "server/command/families.h"
#include "server/command/lists/list_effects.h"
#include "server/command/timeout_arg.h"
#include "server/values/list_value.h"

namespace redan {
namespace {

// --- from one list to another ---

// Whether commands wait where their list is missing, and until when.
struct Patience {
  bool waits = false;
  std::optional<Instant> deadline;
};

Result<void> move(Call& call, ListEnd from, ListEnd to, const Patience& patience) {
  const std::string_view source = call.arg(1);
  const Result<Keyspace::Ref> ref = change_value(call, source, ValueType::kList);
  if (!ref) return ref.error();
  if (*ref) return move_element(call, source, call.arg(2), from, to);
  if (patience.waits && call.may_block()) {
    call.block_on({.keys = call.args().subspan(1, 1),
                   .wanted = ValueType::kList,
                   .deadline = patience.deadline});
  } else {
    call.reply().null();
  }
  return kOk;
}

Result<void> lmove(Call& call) {
  const Result<ListEnd> from = list_end_arg(call.arg(3));
  if (!from) return from.error();
  const Result<ListEnd> to = list_end_arg(call.arg(4));
  if (!to) return to.error();
  return move(call, *from, *to, {});
}

Result<void> rpoplpush(Call& call) {
  return move(call, ListEnd::kTail, ListEnd::kHead, {});
}

// What was moved is told without the waiting.
Result<void> blmove(Call& call) {
  const Result<ListEnd> from = list_end_arg(call.arg(3));
  if (!from) return from.error();
  const Result<ListEnd> to = list_end_arg(call.arg(4));
  if (!to) return to.error();
  const auto deadline = blocking_deadline_arg(call, 5);
  if (!deadline) return deadline.error();
  call.propagate_as({"LMOVE", call.arg(1), call.arg(2), call.arg(3), call.arg(4)});
  return move(call, *from, *to, {.waits = true, .deadline = *deadline});
}

Result<void> brpoplpush(Call& call) {
  const auto deadline = blocking_deadline_arg(call, 3);
  if (!deadline) return deadline.error();
  call.propagate_as({"RPOPLPUSH", call.arg(1), call.arg(2)});
  return move(call, ListEnd::kTail, ListEnd::kHead, {.waits = true, .deadline = *deadline});
}

// --- from the first list that has elements ---

// Finds it and leaves its key in `key`; no reference where there is none.
Result<Keyspace::Ref> first_list(Call& call, std::span<const std::string_view> keys,
                                 std::string_view& key) {
  Result<Keyspace::Ref> ref = Error("no keys");
  for (const std::string_view candidate : keys) {
    key = candidate;
    ref = change_value(call, candidate, ValueType::kList);
    if (!ref || *ref) break;
  }
  return ref;
}

Result<void> pop_or_wait(Call& call, ListEnd end) {
  const auto deadline = blocking_deadline_arg(call, call.arg_count() - 1);
  if (!deadline) return deadline.error();
  const auto keys = call.args().subspan(1, call.arg_count() - 2);
  std::string_view key;
  const Result<Keyspace::Ref> ref = first_list(call, keys, key);
  if (!ref) return ref.error();
  if (!*ref) {
    call.block_on({.keys = keys, .wanted = ValueType::kList, .deadline = *deadline});
    return kOk;
  }
  call.reply().array(2);
  call.reply().bulk(key);
  pop_and_reply(call, key, *ref, end, 1, false);
  call.propagate_as({end == ListEnd::kHead ? "LPOP" : "RPOP", key});
  return kOk;
}

Result<void> blpop(Call& call) {
  return pop_or_wait(call, ListEnd::kHead);
}

Result<void> brpop(Call& call) {
  return pop_or_wait(call, ListEnd::kTail);
}

struct ManyRequest {
  std::span<const std::string_view> keys;
  ListEnd end = ListEnd::kHead;
  uint64_t count = 1;
};

// numkeys key [key ...] LEFT|RIGHT [COUNT count], from `at` on.
Result<ManyRequest> read_many(const Call& call, size_t at) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  ManyRequest request;
  const Result<int64_t> keys = integer_arg(call.arg(at));
  if (!keys || *keys <= 0) return Error("numkeys should be greater than 0");
  if (static_cast<uint64_t>(*keys) >= call.arg_count() - at - 1) return syntax_error();
  request.keys = call.args().subspan(at + 1, static_cast<size_t>(*keys));
  ArgReader words(call.args(), at + 1 + static_cast<size_t>(*keys));
  const Result<ListEnd> end = list_end_arg(words.next());
  if (!end) return end.error();
  request.end = *end;
  bool has_count = false;
  while (words.more()) {
    if (has_count || !words.match_with("COUNT", 1)) return syntax_error();
    const Result<int64_t> count = integer_arg(words.next());
    if (!count || *count <= 0 || *count > kMost) return Error("count should be greater than 0");
    request.count = static_cast<uint64_t>(*count);
    has_count = true;
  }
  return request;
}

// The reply, where there is a list; false where there is none.
Result<bool> pop_many(Call& call, const ManyRequest& request) {
  std::string_view key;
  const Result<Keyspace::Ref> ref = first_list(call, request.keys, key);
  if (!ref) return ref.error();
  if (!*ref) return false;
  call.reply().array(2);
  call.reply().bulk(key);
  const size_t taken = pop_and_reply(call, key, *ref, request.end, request.count, true);
  call.propagate_as({request.end == ListEnd::kHead ? "LPOP" : "RPOP", key,
                     Digits(static_cast<int64_t>(taken)).view()});
  return true;
}

Result<void> lmpop(Call& call) {
  const Result<ManyRequest> request = read_many(call, 1);
  if (!request) return request.error();
  const Result<bool> popped = pop_many(call, *request);
  if (!popped) return popped.error();
  if (!*popped) call.reply().null_array();
  return kOk;
}

Result<void> blmpop(Call& call) {
  const Result<ManyRequest> request = read_many(call, 2);
  if (!request) return request.error();
  const auto deadline = blocking_deadline_arg(call, 1);
  if (!deadline) return deadline.error();
  const Result<bool> popped = pop_many(call, *request);
  if (!popped) return popped.error();
  if (!*popped) {
    call.block_on({.keys = request->keys, .wanted = ValueType::kList, .deadline = *deadline});
  }
  return kOk;
}

constexpr KeySpec source_and(int16_t index, uint16_t flags) {
  return {.flags = flags, .begin = KeySpec::Begin::kIndex, .index = index};
}

constexpr KeySpecs kSourceAndTarget = {source_and(1, kKeyRW | kKeyAccess | kKeyDelete),
                                       source_and(2, kKeyRW | kKeyInsert)};

constexpr KeySpecs counted_keys(int16_t at) {
  return {KeySpec{.flags = kKeyRW | kKeyAccess | kKeyDelete,
                  .begin = KeySpec::Begin::kIndex,
                  .index = at,
                  .find = KeySpec::Find::kKeyNum,
                  .count_index = 0,
                  .first_key = 1}};
}

constexpr std::string_view kTimeoutHistory =
    "6.0.0: `timeout` is interpreted as a double instead of an integer.";

constexpr Command<Call> kCommands[] = {
    {{.name = "LMOVE",
      .syntax = "source:key destination:key (wherefrom: LEFT|RIGHT) (whereto: LEFT|RIGHT)",
      .flags = kWrite | kDenyOom,
      .keys = kSourceAndTarget,
      .summary = "Pop an element from a list, push it to another list and return it",
      .since = "6.2.0",
      .complexity = "O(1)"},
     lmove},
    {{.name = "RPOPLPUSH",
      .syntax = "source:key destination:key",
      .flags = kWrite | kDenyOom,
      .keys = kSourceAndTarget,
      .summary = "Remove the last element in a list, prepend it to another list and return it",
      .since = "1.2.0",
      .complexity = "O(1)",
      .deprecated_since = "6.2.0",
      .replaced_by = "`LMOVE` with the `RIGHT` and `LEFT` arguments"},
     rpoplpush},
    {{.name = "BLMOVE",
      .syntax = "source:key destination:key (wherefrom: LEFT|RIGHT) (whereto: LEFT|RIGHT) "
                "timeout:double",
      .flags = kWrite | kDenyOom | kNoScript | kBlocking,
      .keys = kSourceAndTarget,
      .summary = "Pop an element from a list, push it to another list and return it; or block "
                 "until one is available",
      .since = "6.2.0",
      .complexity = "O(1)"},
     blmove},
    {{.name = "BRPOPLPUSH",
      .syntax = "source:key destination:key timeout:double",
      .flags = kWrite | kDenyOom | kNoScript | kBlocking,
      .keys = kSourceAndTarget,
      .summary = "Pop an element from a list, push it to another list and return it; or block "
                 "until one is available",
      .since = "2.2.0",
      .complexity = "O(1)",
      .deprecated_since = "6.2.0",
      .replaced_by = "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
      .history = kTimeoutHistory},
     brpoplpush},
    {{.name = "BLPOP",
      .syntax = "key [key ...] timeout:double",
      .flags = kWrite | kNoScript | kBlocking,
      .keys = keys_at(1, -2, 1, kKeyRW | kKeyAccess | kKeyDelete),
      .summary = "Remove and get the first element in a list, or block until one is available",
      .since = "2.0.0",
      .complexity = "O(N) where N is the number of provided keys.",
      .history = kTimeoutHistory},
     blpop},
    {{.name = "BRPOP",
      .syntax = "key [key ...] timeout:double",
      .flags = kWrite | kNoScript | kBlocking,
      .keys = keys_at(1, -2, 1, kKeyRW | kKeyAccess | kKeyDelete),
      .summary = "Remove and get the last element in a list, or block until one is available",
      .since = "2.0.0",
      .complexity = "O(N) where N is the number of provided keys.",
      .history = kTimeoutHistory},
     brpop},
    {{.name = "LMPOP",
      .syntax = "numkeys:integer key [key ...] (where: LEFT|RIGHT) [COUNT count:integer]",
      .flags = kWrite | kMovableKeys,
      .keys = counted_keys(1),
      .summary = "Pop elements from a list",
      .since = "7.0.0",
      .complexity = "O(N+M) where N is the number of provided keys and M is the number of elements "
                    "returned."},
     lmpop},
    {{.name = "BLMPOP",
      .syntax = "timeout:double numkeys:integer key [key ...] (where: LEFT|RIGHT) [COUNT "
                "count:integer]",
      .flags = kWrite | kBlocking | kMovableKeys,
      .keys = counted_keys(2),
      .summary = "Pop elements from a list, or block until one is available",
      .since = "7.0.0",
      .complexity = "O(N+M) where N is the number of provided keys and M is the number of elements "
                    "returned."},
     blmpop},
};

}  // namespace

CommandFamily<Call> list_move_commands() {
  return {.group = Group::kList, .commands = kCommands};
}

}  // namespace redan
