// What the sorted set commands have in common: their arguments, and members in replies.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/result.h"
#include "server/command/call.h"
#include "server/command/collections.h"
#include "server/values/sorted_set_builder.h"
#include "server/values/sorted_set_value.h"

namespace redan {

// "1.5", "(1.5", "-inf", as the ends of a range of scores.
Result<ScoreRange> score_range_args(std::string_view min, std::string_view max);
// "[a", "(a", "-", "+".
Result<LexRange> lex_range_args(std::string_view min, std::string_view max);

// ZRANGE's question in any of its forms: which members, in which direction, and how many of them.
struct RangeRequest {
  enum class By : uint8_t { kUnsaid, kRank, kScore, kLex };
  By by = By::kUnsaid;
  bool direction_said = false;
  Direction direction = Direction::kUp;
  bool may_have_scores = true;  // The word WITHSCORES is known.
  bool with_scores = false;
  int64_t offset = 0;
  int64_t limit = -1;
  int64_t start = 0;  // kRank
  int64_t stop = 0;
  ScoreRange scores;
  LexRange lex;

  // Reads the ends and the options behind them; what is said already stays.
  Result<void> read(Call::Args args, size_t at_start);
  struct Found {
    size_t from = 0;
    size_t count = 0;
  };
  Found find(const SortedSetView& set) const;
};

// `count` members from the rank `from` on, as an array: with scores flat in RESP2, and pairs in
// RESP3.
void reply_members(ReplyWriter& reply, const SortedSetView& set, size_t from, size_t count,
                   Direction direction, bool with_scores);
// One of them.
void reply_scored(ReplyWriter& reply, std::string_view member, double score);

inline Result<const Entry*> read_sorted_set(Call& call, std::string_view key) {
  return read_value(call, key, ValueType::kSortedSet);
}
inline Result<Keyspace::Ref> change_sorted_set(Call& call, std::string_view key) {
  return change_value(call, key, ValueType::kSortedSet);
}

// Members went, and the key with the last one: watchers, replicas and subscribers hear of it.
void tell_erased(Call& call, std::string_view key, uint64_t members, bool all,
                 std::string_view event);
// Erases some members, or all, of a key that is there, and tells it.
void erase_ranks(Call& call, std::string_view key, Keyspace::Ref ref, RankRange ranks,
                 std::string_view event);

// Puts a new set in a key's place and answers its size. An empty one deletes the key.
void store_sorted_set(Call& call, std::string_view key, SortedSetBuilder& builder,
                      std::string_view event);

}  // namespace redan
