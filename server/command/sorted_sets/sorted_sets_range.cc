// The sorted set commands about ranges, by rank, by score and by bytes.
#include <memory>
#include <string_view>
#include <utility>

#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/sorted_sets/sorted_set_args.h"
#include "server/values/sorted_set_builder.h"

namespace redan {
namespace {

using By = RangeRequest::By;

Result<void> range_of(Call& call, RangeRequest request) {
  const Result<void> read = request.read(call.args(), 2);
  if (!read) return read;
  const Result<const Entry*> entry = read_sorted_set(call, call.arg(1));
  if (!entry) return entry.error();
  if (*entry == nullptr) {
    call.reply().array(0);
    return kOk;
  }
  const SortedSetView set(**entry);
  const RangeRequest::Found found = request.find(set);
  reply_members(call.reply(), set, found.from, found.count, request.direction, request.with_scores);
  return kOk;
}

RangeRequest said(By by, Direction direction) {
  return {.by = by, .direction_said = true, .direction = direction};
}

Result<void> zrange(Call& call) {
  return range_of(call, {});
}

Result<void> zrevrange(Call& call) {
  return range_of(call, said(By::kRank, Direction::kDown));
}

Result<void> zrangebyscore(Call& call) {
  return range_of(call, said(By::kScore, Direction::kUp));
}

Result<void> zrevrangebyscore(Call& call) {
  return range_of(call, said(By::kScore, Direction::kDown));
}

Result<void> zrangebylex(Call& call) {
  return range_of(call, said(By::kLex, Direction::kUp));
}

Result<void> zrevrangebylex(Call& call) {
  return range_of(call, said(By::kLex, Direction::kDown));
}

Result<void> zrangestore(Call& call) {
  const std::string_view to = call.arg(1);
  RangeRequest request{.may_have_scores = false};
  const Result<void> read = request.read(call.args(), 3);
  if (!read) return read;
  const Result<const Entry*> entry = read_sorted_set(call, call.arg(2));
  if (!entry) return entry.error();
  SortedSetBuilder builder(call.keyspace().limits());
  if (*entry != nullptr) {
    const SortedSetView set(**entry);
    const RangeRequest::Found found = request.find(set);
    builder.expect(found.count);
    set.for_each(found.from, found.count, request.direction, [&](const SortedSetMember& member) {
      Listpack::Scratch scratch;
      builder.add(member.name(scratch), member.score());
    });
  }
  store_sorted_set(call, to, builder, "zrangestore");
  return kOk;
}

Result<void> zcount(Call& call) {
  const Result<ScoreRange> range = score_range_args(call.arg(2), call.arg(3));
  if (!range) return range.error();
  const Result<const Entry*> entry = read_sorted_set(call, call.arg(1));
  if (!entry) return entry.error();
  const size_t count = *entry == nullptr ? 0 : SortedSetView(**entry).ranks(*range).size();
  call.reply().integer(static_cast<int64_t>(count));
  return kOk;
}

Result<void> zlexcount(Call& call) {
  const Result<LexRange> range = lex_range_args(call.arg(2), call.arg(3));
  if (!range) return range.error();
  const Result<const Entry*> entry = read_sorted_set(call, call.arg(1));
  if (!entry) return entry.error();
  const size_t count =
      *entry == nullptr ? 0 : SortedSetView(**entry).ranks(*range, Direction::kUp).size();
  call.reply().integer(static_cast<int64_t>(count));
  return kOk;
}

// Erases what find(view) says.
template <class Find>
Result<void> erase_range(Call& call, std::string_view event, Find&& find) {
  const std::string_view key = call.arg(1);
  const Result<Keyspace::Ref> ref = change_sorted_set(call, key);
  if (!ref) return ref.error();
  size_t erased = 0;
  if (*ref) {
    const RankRange ranks = find(SortedSetView(**ref));
    erased = ranks.size();
    if (erased > 0) erase_ranks(call, key, *ref, ranks, event);
  }
  call.reply().integer(static_cast<int64_t>(erased));
  return kOk;
}

Result<void> zremrangebyrank(Call& call) {
  const Result<int64_t> start = integer_arg(call.arg(2));
  if (!start) return start.error();
  const Result<int64_t> stop = integer_arg(call.arg(3));
  if (!stop) return stop.error();
  return erase_range(call, "zremrangebyrank", [&](const SortedSetView& set) {
    return clamp_ranks(*start, *stop, set.size());
  });
}

Result<void> zremrangebyscore(Call& call) {
  const Result<ScoreRange> range = score_range_args(call.arg(2), call.arg(3));
  if (!range) return range.error();
  return erase_range(call, "zremrangebyscore",
                     [&](const SortedSetView& set) { return set.ranks(*range); });
}

Result<void> zremrangebylex(Call& call) {
  const Result<LexRange> range = lex_range_args(call.arg(2), call.arg(3));
  if (!range) return range.error();
  return erase_range(call, "zremrangebylex",
                     [&](const SortedSetView& set) { return set.ranks(*range, Direction::kUp); });
}

constexpr std::string_view kComplexity =
    "O(log(N)+M) with N being the number of elements in the sorted set and M the number of "
    "elements "
    "returned.";
constexpr std::string_view kComplexityWithLimit =
    "O(log(N)+M) with N being the number of elements in the sorted set and M the number of "
    "elements "
    "being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), "
    "you "
    "can consider it O(log(N)).";
constexpr std::string_view kComplexityOfErasing =
    "O(log(N)+M) with N being the number of elements in the sorted set and M the number of "
    "elements "
    "removed by the operation.";

constexpr Command<Call> kCommands[] = {
    {{.name = "ZRANGE",
      .syntax = "key start stop [sortby: BYSCORE|BYLEX]@6.2.0 [REV]@6.2.0 "
                "[LIMIT (offset:integer count:integer)]@6.2.0 [WITHSCORES]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Return a range of members in a sorted set",
      .since = "1.2.0",
      .complexity = kComplexity,
      .history = "6.2.0: Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options."},
     zrange},
    {{.name = "ZREVRANGE",
      .syntax = "key start:integer stop:integer [WITHSCORES]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary =
          "Return a range of members in a sorted set, by index, with scores ordered from high "
          "to low",
      .since = "1.2.0",
      .complexity = kComplexity,
      .deprecated_since = "6.2.0",
      .replaced_by = "`ZRANGE` with the `REV` argument"},
     zrevrange},
    {{.name = "ZRANGEBYSCORE",
      .syntax = "key min:double max:double [WITHSCORES]@2.0.0 "
                "[LIMIT (offset:integer count:integer)]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Return a range of members in a sorted set, by score",
      .since = "1.0.5",
      .complexity = kComplexityWithLimit,
      .deprecated_since = "6.2.0",
      .replaced_by = "`ZRANGE` with the `BYSCORE` argument",
      .history = "2.0.0: Added the `WITHSCORES` modifier."},
     zrangebyscore},
    {{.name = "ZREVRANGEBYSCORE",
      .syntax = "key max:double min:double [WITHSCORES] [LIMIT (offset:integer count:integer)]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary =
          "Return a range of members in a sorted set, by score, with scores ordered from high "
          "to low",
      .since = "2.2.0",
      .complexity = kComplexityWithLimit,
      .deprecated_since = "6.2.0",
      .replaced_by = "`ZRANGE` with the `REV` and `BYSCORE` arguments",
      .history = "2.1.6: `min` and `max` can be exclusive."},
     zrevrangebyscore},
    {{.name = "ZRANGEBYLEX",
      .syntax = "key min max [LIMIT (offset:integer count:integer)]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Return a range of members in a sorted set, by lexicographical range",
      .since = "2.8.9",
      .complexity = kComplexityWithLimit,
      .deprecated_since = "6.2.0",
      .replaced_by = "`ZRANGE` with the `BYLEX` argument"},
     zrangebylex},
    {{.name = "ZREVRANGEBYLEX",
      .syntax = "key max min [LIMIT (offset:integer count:integer)]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary =
          "Return a range of members in a sorted set, by lexicographical range, ordered from "
          "higher to lower strings.",
      .since = "2.8.9",
      .complexity = kComplexityWithLimit,
      .deprecated_since = "6.2.0",
      .replaced_by = "`ZRANGE` with the `REV` and `BYLEX` arguments"},
     zrevrangebylex},
    {{.name = "ZRANGESTORE",
      .syntax = "dst:key src:key min max [sortby: BYSCORE|BYLEX] [REV] "
                "[LIMIT (offset:integer count:integer)]",
      .flags = kWrite | kDenyOom,
      .keys = {KeySpec{.flags = kKeyOW | kKeyUpdate, .begin = KeySpec::Begin::kIndex, .index = 1},
               KeySpec{.flags = kKeyRO | kKeyAccess, .begin = KeySpec::Begin::kIndex, .index = 2}},
      .summary = "Store a range of members from sorted set into another key",
      .since = "6.2.0",
      .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the "
                    "number of elements stored into the destination key."},
     zrangestore},
    {{.name = "ZCOUNT",
      .syntax = "key min:double max:double",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Count the members in a sorted set with scores within the given values",
      .since = "2.0.0",
      .complexity = "O(log(N)) with N being the number of elements in the sorted set."},
     zcount},
    {{.name = "ZLEXCOUNT",
      .syntax = "key min max",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary =
          "Count the number of members in a sorted set between a given lexicographical range",
      .since = "2.8.9",
      .complexity = "O(log(N)) with N being the number of elements in the sorted set."},
     zlexcount},
    {{.name = "ZREMRANGEBYRANK",
      .syntax = "key start:integer stop:integer",
      .flags = kWrite,
      .keys = one_key(kKeyRW | kKeyDelete),
      .summary = "Remove all members in a sorted set within the given indexes",
      .since = "2.0.0",
      .complexity = kComplexityOfErasing},
     zremrangebyrank},
    {{.name = "ZREMRANGEBYSCORE",
      .syntax = "key min:double max:double",
      .flags = kWrite,
      .keys = one_key(kKeyRW | kKeyDelete),
      .summary = "Remove all members in a sorted set within the given scores",
      .since = "1.2.0",
      .complexity = kComplexityOfErasing},
     zremrangebyscore},
    {{.name = "ZREMRANGEBYLEX",
      .syntax = "key min max",
      .flags = kWrite,
      .keys = one_key(kKeyRW | kKeyDelete),
      .summary = "Remove all members in a sorted set between the given lexicographical range",
      .since = "2.8.9",
      .complexity = kComplexityOfErasing},
     zremrangebylex},
};

}  // namespace

CommandFamily<Call> sorted_set_range_commands() {
  return {.group = Group::kSortedSet, .commands = kCommands};
}

}  // namespace redan
