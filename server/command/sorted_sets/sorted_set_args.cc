#include "server/command/sorted_sets/sorted_set_args.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>

#include "common/base/double_text.h"
#include "common/command/args.h"

namespace redan {

namespace {

// As C's strtod reads a string: leading spaces, no text at all (0) and numbers beyond all doubles
// count, and a zero byte ends it.
std::optional<double> parse_end(std::string_view word) {
  if (const auto value = parse_double(word)) return value;
  const std::string text(word.substr(0, word.find('\0')));
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (*end != '\0' || std::isnan(value)) return std::nullopt;
  return value;
}

std::optional<LexBound> parse_lex(std::string_view word) {
  if (word.empty()) return std::nullopt;
  const bool alone = word.size() == 1 || word[1] == '\0';
  switch (word[0]) {
    case '-':
      if (!alone) return std::nullopt;
      return LexBound{.kind = LexBound::Kind::kLowest};
    case '+':
      if (!alone) return std::nullopt;
      return LexBound{.kind = LexBound::Kind::kHighest};
    case '(':
      return LexBound{.excluded = true, .member = word.substr(1)};
    case '[':
      return LexBound{.excluded = false, .member = word.substr(1)};
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<ScoreRange> score_range_args(std::string_view min, std::string_view max) {
  ScoreRange range;
  const auto read = [](std::string_view word, double& value, bool& excluded) {
    excluded = !word.empty() && word[0] == '(';
    if (excluded) word.remove_prefix(1);
    const auto number = parse_end(word);
    if (number) value = *number;
    return number.has_value();
  };
  if (!read(min, range.min, range.min_excluded) || !read(max, range.max, range.max_excluded)) {
    return Error("min or max is not a float");
  }
  return range;
}

Result<LexRange> lex_range_args(std::string_view min, std::string_view max) {
  const auto low = parse_lex(min);
  const auto high = parse_lex(max);
  if (!low || !high) return Error("min or max not valid string range item");
  return LexRange{*low, *high};
}

Result<void> RangeRequest::read(Call::Args args, size_t at_start) {
  ArgReader words(args, at_start + 2);
  while (words.more()) {
    if (may_have_scores && words.match("WITHSCORES")) {
      with_scores = true;
    } else if (words.match_with("LIMIT", 2)) {
      const Result<int64_t> first = words.integer();
      if (!first) return first.error();
      const Result<int64_t> most = words.integer();
      if (!most) return most.error();
      offset = *first;
      limit = *most;
    } else if (!direction_said && words.match("REV")) {
      direction_said = true;
      direction = Direction::kDown;
    } else if (by == By::kUnsaid && words.match("BYLEX")) {
      by = By::kLex;
    } else if (by == By::kUnsaid && words.match("BYSCORE")) {
      by = By::kScore;
    } else {
      return syntax_error();
    }
  }
  if (by == By::kUnsaid) by = By::kRank;
  if (limit != -1 && by == By::kRank) {
    return Error(
        "syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
  }
  if (with_scores && by == By::kLex) {
    return Error("syntax error, WITHSCORES not supported in combination with BYLEX");
  }

  std::string_view low = args[at_start];
  std::string_view high = args[at_start + 1];
  if (by == By::kRank) {
    const Result<int64_t> first = integer_arg(low);
    if (!first) return first.error();
    const Result<int64_t> last = integer_arg(high);
    if (!last) return last.error();
    start = *first;
    stop = *last;
    return kOk;
  }
  if (direction == Direction::kDown) std::swap(low, high);
  if (by == By::kScore) {
    const Result<ScoreRange> range = score_range_args(low, high);
    if (!range) return range.error();
    scores = *range;
  } else {
    const Result<LexRange> range = lex_range_args(low, high);
    if (!range) return range.error();
    lex = *range;
  }
  return kOk;
}

RangeRequest::Found RangeRequest::find(const SortedSetView& set) const {
  const size_t size = set.size();
  if (by == By::kRank) {
    const RankRange ranks = clamp_ranks(start, stop, size);
    if (ranks.size() == 0) return {};
    return {direction == Direction::kUp ? ranks.begin : size - 1 - ranks.begin, ranks.size()};
  }
  const RankRange ranks = by == By::kScore ? set.ranks(scores) : set.ranks(lex, direction);
  if (offset < 0 || static_cast<uint64_t>(offset) >= ranks.size()) return {};
  const auto skipped = static_cast<size_t>(offset);
  size_t count = ranks.size() - skipped;
  if (limit >= 0) count = std::min(count, static_cast<size_t>(limit));
  if (count == 0) return {};
  return {direction == Direction::kUp ? ranks.begin + skipped : ranks.end - 1 - skipped, count};
}

void reply_scored(ReplyWriter& reply, std::string_view member, double score) {
  if (reply.version() == Resp::k3) reply.array(2);
  reply.bulk(member);
  reply.number_double(score);
}

void reply_members(ReplyWriter& reply, const SortedSetView& set, size_t from, size_t count,
                   Direction direction, bool with_scores) {
  Listpack::Scratch scratch;
  if (!with_scores) {
    reply.array(count);
    set.for_each(from, count, direction,
                 [&](const SortedSetMember& member) { reply.bulk(member.name(scratch)); });
    return;
  }
  reply.array(reply.version() == Resp::k3 ? count : count * 2);
  set.for_each(from, count, direction, [&](const SortedSetMember& member) {
    reply_scored(reply, member.name(scratch), member.score());
  });
}

void tell_erased(Call& call, std::string_view key, uint64_t members, bool all,
                 std::string_view event) {
  call.keyspace().changed(call.db(), key, members);
  call.notify(KeyspaceEvents::kZset, event, key);
  if (all) call.notify(KeyspaceEvents::kGeneric, "del", key);
}

void erase_ranks(Call& call, std::string_view key, Keyspace::Ref ref, RankRange ranks,
                 std::string_view event) {
  const bool all = ranks.size() == SortedSetView(*ref).size();
  if (all) {
    // A million of them must not hold up the data thread; few are freed at once anyway.
    call.keyspace().remove(call.db(), ref, Keyspace::Free::kLazily);
  } else {
    SortedSetEdit(call.keyspace(), call.db(), key, ref).erase_ranks(ranks);
  }
  tell_erased(call, key, ranks.size(), all, event);
}

void store_sorted_set(Call& call, std::string_view key, SortedSetBuilder& builder,
                      std::string_view event) {
  const size_t size = builder.size();
  if (size > 0) {
    call.keyspace().set_value(call.db(), key, builder.take());
    call.notify(KeyspaceEvents::kZset, event, key);
  } else if (call.keyspace().erase(call.db(), key,
                                   free_by(call.config().lazyfree_lazy_server_del))) {
    call.notify(KeyspaceEvents::kGeneric, "del", key);
  }
  call.reply().integer(static_cast<int64_t>(size));
}

}  // namespace redan
