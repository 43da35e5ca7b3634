// The sorted set commands that take members from an end, at once or when there are some, and
// ZRANDMEMBER.
#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_set>
#include <vector>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/sorted_sets/sorted_set_args.h"
#include "server/command/timeout_arg.h"

namespace redan {
namespace {

// From which end: the lowest scores first, or the highest.
using End = Direction;

constexpr std::string_view pop_name(End end) {
  return end == End::kUp ? "ZPOPMIN" : "ZPOPMAX";
}
constexpr std::string_view pop_event(End end) {
  return end == End::kUp ? "zpopmin" : "zpopmax";
}

// Takes up to `count` members out and shows each of them: each(name, score), from the end inwards.
template <class Before, class Each>
void pop(Call& call, std::string_view key, Keyspace::Ref ref, End end, size_t count,
         Before&& before, Each&& each) {
  const SortedSetView set(*ref);
  const size_t size = set.size();
  count = std::min(count, size);
  before(count);
  set.for_each(end == End::kUp ? 0 : size - 1, count, end, [&](const SortedSetMember& member) {
    Listpack::Scratch scratch;
    each(member.name(scratch), member.score());
  });
  const RankRange popped = end == End::kUp ? RankRange{0, count} : RankRange{size - count, size};
  erase_ranks(call, key, ref, popped, pop_event(end));
}

Result<void> pop_from(Call& call, End end) {
  if (call.arg_count() > 3) return syntax_error();
  const bool counted = call.arg_count() == 3;
  int64_t count = 1;
  if (counted) {
    const auto number = parse_int64(call.arg(2));
    if (!number || *number < 0) return Error("value is out of range, must be positive");
    count = *number;
  }
  const std::string_view key = call.arg(1);
  const Result<Keyspace::Ref> ref = change_sorted_set(call, key);
  if (!ref) return ref.error();
  ReplyWriter& reply = call.reply();
  if (!*ref || count == 0) {
    reply.array(0);
    return kOk;
  }
  // One member without a count is flat in RESP3 too.
  const bool nested = counted && reply.version() == Resp::k3;
  pop(
      call, key, *ref, end, static_cast<size_t>(count),
      [&](size_t members) { reply.array(nested ? members : members * 2); },
      [&](std::string_view member, double score) {
        if (nested) reply.array(2);
        reply.bulk(member);
        reply.number_double(score);
      });
  return kOk;
}

Result<void> zpopmin(Call& call) {
  return pop_from(call, End::kUp);
}

Result<void> zpopmax(Call& call) {
  return pop_from(call, End::kDown);
}

// The first of some keys that has a sorted set.
struct Source {
  std::string_view key;
  std::optional<Keyspace::Ref> ref;  // none: no key has
};

Result<Source> first_source(Call& call, Call::Args keys) {
  for (const std::string_view key : keys) {
    const Result<Keyspace::Ref> ref = change_sorted_set(call, key);
    if (!ref) return ref.error();
    if (*ref) return Source{key, *ref};
  }
  return Source{};
}

// [key, [[member, score] ...]]
void pop_many(Call& call, const Source& source, End end, int64_t count) {
  ReplyWriter& reply = call.reply();
  reply.array(2);
  reply.bulk(source.key);
  pop(
      call, source.key, *source.ref, end, static_cast<size_t>(count),
      [&](size_t members) {
        reply.array(members);
        const Digits popped(static_cast<int64_t>(members));
        call.propagate_as({pop_name(end), source.key, popped.view()});
      },
      [&](std::string_view member, double score) {
        reply.array(2);
        reply.bulk(member);
        reply.number_double(score);
      });
}

// numkeys key [key ...] MIN|MAX [COUNT count]
struct PopRequest {
  Call::Args keys;
  End end = End::kUp;
  int64_t count = 1;
};

Result<PopRequest> read_pop(Call::Args args, size_t at) {
  PopRequest request;
  const auto keys = parse_int64(args[at]);
  if (!keys || *keys < 1) return Error("numkeys should be greater than 0");
  const size_t left = args.size() - at - 1;
  if (static_cast<uint64_t>(*keys) >= left) return syntax_error();
  request.keys = args.subspan(at + 1, static_cast<size_t>(*keys));
  ArgReader words(args, at + 1 + request.keys.size());
  if (words.match("MAX")) {
    request.end = End::kDown;
  } else if (!words.match("MIN")) {
    return syntax_error();
  }
  bool counted = false;
  while (words.more()) {
    if (counted || !words.match_with("COUNT", 1)) return syntax_error();
    counted = true;
    const auto count = parse_int64(words.next());
    if (!count || *count < 1) return Error("count should be greater than 0");
    request.count = *count;
  }
  return request;
}

Result<void> zmpop(Call& call) {
  const Result<PopRequest> request = read_pop(call.args(), 1);
  if (!request) return request.error();
  const Result<Source> source = first_source(call, request->keys);
  if (!source) return source.error();
  if (!source->ref) {
    call.reply().null_array();
    return kOk;
  }
  pop_many(call, *source, request->end, request->count);
  return kOk;
}

Result<void> bzmpop(Call& call) {
  const Result<PopRequest> request = read_pop(call.args(), 2);
  if (!request) return request.error();
  const Result<std::optional<Instant>> deadline = blocking_deadline_arg(call, 1);
  if (!deadline) return deadline.error();
  const Result<Source> source = first_source(call, request->keys);
  if (!source) return source.error();
  if (!source->ref) {
    call.block_on({.keys = request->keys, .wanted = ValueType::kSortedSet, .deadline = *deadline});
    return kOk;
  }
  pop_many(call, *source, request->end, request->count);
  return kOk;
}

// [key, member, score] of the first key that has any.
Result<void> wait_for(Call& call, End end) {
  const Result<std::optional<Instant>> deadline = blocking_deadline_arg(call, call.arg_count() - 1);
  if (!deadline) return deadline.error();
  const Call::Args keys = call.args().subspan(1, call.arg_count() - 2);
  const Result<Source> source = first_source(call, keys);
  if (!source) return source.error();
  if (!source->ref) {
    call.block_on({.keys = keys, .wanted = ValueType::kSortedSet, .deadline = *deadline});
    return kOk;
  }
  ReplyWriter& reply = call.reply();
  reply.array(3);
  reply.bulk(source->key);
  pop(
      call, source->key, *source->ref, end, 1, [](size_t) {},
      [&](std::string_view member, double score) {
        reply.bulk(member);
        reply.number_double(score);
      });
  call.propagate_as({pop_name(end), source->key});
  return kOk;
}

Result<void> bzpopmin(Call& call) {
  return wait_for(call, End::kUp);
}

Result<void> bzpopmax(Call& call) {
  return wait_for(call, End::kDown);
}

// `count` different ranks below `size`, which is more, each choice with the same chance; ascending.
std::vector<size_t> draw_ranks(size_t count, size_t size, Rng& rng) {
  std::vector<size_t> ranks;
  ranks.reserve(count);
  if (count > size / 8) {
    // One pass, each rank taken with the chance that it is among those still wanted.
    for (size_t rank = 0; ranks.size() < count; ++rank) {
      if (rng.below(size - rank) < count - ranks.size()) ranks.push_back(rank);
    }
    return ranks;
  }
  // Floyd's way.
  std::unordered_set<size_t> drawn;
  for (size_t last = size - count; last < size; ++last) {
    const size_t rank = rng.below(last + 1);
    ranks.push_back(drawn.insert(rank).second ? rank : last);
    drawn.insert(ranks.back());
  }
  std::sort(ranks.begin(), ranks.end());
  return ranks;
}

void reply_drawn(ReplyWriter& reply, const SortedSetView& set, size_t rank, bool with_scores) {
  set.for_each(rank, 1, Direction::kUp, [&](const SortedSetMember& member) {
    Listpack::Scratch scratch;
    const std::string_view name = member.name(scratch);
    with_scores ? reply_scored(reply, name, member.score()) : reply.bulk(name);
  });
}

void reply_random(Call& call, const SortedSetView& set, int64_t count, bool with_scores) {
  ReplyWriter& reply = call.reply();
  Rng& rng = call.server().rng;
  const size_t size = set.size();
  const bool repeated = count < 0;
  const auto members = static_cast<size_t>(repeated ? -count : count);
  if (!repeated && members >= size) {
    return reply_members(reply, set, 0, size, Direction::kUp, with_scores);
  }
  reply.array(with_scores && reply.version() == Resp::k2 ? members * 2 : members);
  if (repeated) {
    for (size_t i = 0; i < members; ++i) reply_drawn(reply, set, rng.below(size), with_scores);
    return;
  }
  for (const size_t rank : draw_ranks(members, size, rng)) {
    reply_drawn(reply, set, rank, with_scores);
  }
}

Result<void> zrandmember(Call& call) {
  const bool counted = call.arg_count() > 2;
  const bool with_scores = call.arg_count() > 3;
  int64_t count = 1;
  if (counted) {
    constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
    const Result<int64_t> number = integer_arg(call.arg(2), -kMost, kMost);
    if (!number) return number.error();
    count = *number;
    if (call.arg_count() > 4) return syntax_error();
    if (with_scores && !iequals(call.arg(3), "WITHSCORES")) return syntax_error();
    if (with_scores && (count < -(kMost / 2) || count > kMost / 2)) {
      return Error("value is out of range");
    }
  }
  const Result<const Entry*> entry = read_sorted_set(call, call.arg(1));
  if (!entry) return entry.error();
  if (*entry == nullptr) {
    counted ? call.reply().array(0) : call.reply().null();
    return kOk;
  }
  if (const Result<void> fits = can_draw(count); !fits) return fits;
  const SortedSetView set(**entry);
  if (!counted) {
    reply_drawn(call.reply(), set, call.server().rng.below(set.size()), false);
  } else {
    reply_random(call, set, count, with_scores);
  }
  return kOk;
}

constexpr std::string_view kComplexity =
    "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of "
    "elements popped.";
constexpr std::string_view kComplexityOfMany =
    "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in "
    "the sorted set, and M being the number of elements popped.";
constexpr std::string_view kComplexityOfOne =
    "O(log(N)) with N being the number of elements in the sorted set.";
constexpr std::string_view kHistory =
    "6.0.0: `timeout` is interpreted as a double instead of an integer.";

constexpr KeySpecs counted_keys(int16_t at) {
  return {KeySpec{.flags = kKeyRW | kKeyAccess | kKeyDelete,
                  .begin = KeySpec::Begin::kIndex,
                  .index = at,
                  .find = KeySpec::Find::kKeyNum,
                  .count_index = 0,
                  .first_key = 1}};
}

constexpr Command<Call> kCommands[] = {
    {{.name = "ZPOPMIN",
      .syntax = "key [count:integer]",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyDelete),
      .summary = "Remove and return members with the lowest scores in a sorted set",
      .since = "5.0.0",
      .complexity = kComplexity},
     zpopmin},
    {{.name = "ZPOPMAX",
      .syntax = "key [count:integer]",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyDelete),
      .summary = "Remove and return members with the highest scores in a sorted set",
      .since = "5.0.0",
      .complexity = kComplexity},
     zpopmax},
    {{.name = "ZMPOP",
      .syntax = "numkeys:integer key [key ...] (where: MIN|MAX) [COUNT count:integer]",
      .flags = kWrite | kMovableKeys,
      .keys = counted_keys(1),
      .summary = "Remove and return members with scores in a sorted set",
      .since = "7.0.0",
      .complexity = kComplexityOfMany},
     zmpop},
    {{.name = "BZPOPMIN",
      .syntax = "key [key ...] timeout:double",
      .flags = kWrite | kNoScript | kBlocking | kFast,
      .keys = keys_at(1, -2, 1, kKeyRW | kKeyAccess | kKeyDelete),
      .summary = "Remove and return the member with the lowest score from one or more sorted sets, "
                 "or block until one is available",
      .since = "5.0.0",
      .complexity = kComplexityOfOne,
      .history = kHistory},
     bzpopmin},
    {{.name = "BZPOPMAX",
      .syntax = "key [key ...] timeout:double",
      .flags = kWrite | kNoScript | kBlocking | kFast,
      .keys = keys_at(1, -2, 1, kKeyRW | kKeyAccess | kKeyDelete),
      .summary =
          "Remove and return the member with the highest score from one or more sorted sets, "
          "or block until one is available",
      .since = "5.0.0",
      .complexity = kComplexityOfOne,
      .history = kHistory},
     bzpopmax},
    {{.name = "BZMPOP",
      .syntax = "timeout:double numkeys:integer key [key ...] (where: MIN|MAX) "
                "[COUNT count:integer]",
      .flags = kWrite | kBlocking | kMovableKeys,
      .keys = counted_keys(2),
      .summary = "Remove and return members with scores in a sorted set or block until one is "
                 "available",
      .since = "7.0.0",
      .complexity = kComplexityOfMany},
     bzmpop},
    {{.name = "ZRANDMEMBER",
      .syntax = "key [options: count:integer [WITHSCORES]]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get one or multiple random elements from a sorted set",
      .since = "6.2.0",
      .complexity = "O(N) where N is the number of elements returned",
      .hints = "nondeterministic_output"},
     zrandmember},
};

}  // namespace

CommandFamily<Call> sorted_set_pop_commands() {
  return {.group = Group::kSortedSet, .commands = kCommands};
}

}  // namespace redan
