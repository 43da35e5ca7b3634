// Sorted sets made of several: unions, intersections and differences.
#include <memory>
#include <string>
#include <vector>

#include "common/base/double_text.h"
#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/sorted_sets/sorted_set_args.h"
#include "server/values/sorted_set_algebra.h"
#include "server/values/sorted_set_builder.h"

namespace redan {
namespace {

struct CombineRequest {
  std::vector<WeightedSource> sources;
  Aggregate aggregate = Aggregate::kSum;
  bool with_scores = false;
  uint64_t limit = 0;
};

enum class Answer { kMembers, kStored, kCount };

Result<CombineRequest> read_sources(Call& call, size_t at) {
  const Result<int64_t> count = integer_arg(call.arg(at));
  if (!count) return count.error();
  if (*count < 1) {
    return Error("at least 1 input key is needed for '" + call.entry().full_name + "' command");
  }
  if (static_cast<uint64_t>(*count) > call.arg_count() - at - 1) return syntax_error();
  CombineRequest request;
  request.sources.resize(static_cast<size_t>(*count));
  for (size_t i = 0; i < request.sources.size(); ++i) {
    const Entry* const entry = call.keyspace().read(call.db(), call.arg(at + 1 + i));
    if (entry == nullptr) continue;
    const bool combines =
        entry->type() == ValueType::kSortedSet || entry->type() == ValueType::kSet;
    if (!combines) return wrong_type();
    request.sources[i].source = ScoredSource(*entry);
  }
  return request;
}

Result<void> read_weights(CombineRequest& request, ArgReader& words) {
  for (WeightedSource& source : request.sources) {
    const auto weight = parse_double(words.next());
    if (!weight) return Error("weight value is not a float");
    source.weight = *weight;
  }
  return kOk;
}

// numkeys key [key ...] and options; `at` is where numkeys stands.
Result<CombineRequest> read_request(Call& call, size_t at, Combination how, Answer answer) {
  Result<CombineRequest> read = read_sources(call, at);
  if (!read) return read;
  CombineRequest& request = *read;
  const size_t sources = request.sources.size();
  const bool weighted = how != Combination::kDifference && answer != Answer::kCount;
  ArgReader words(call.args(), at + 1 + sources);
  while (words.more()) {
    if (weighted && words.match_with("WEIGHTS", sources)) {
      const Result<void> weights = read_weights(request, words);
      if (!weights) return weights.error();
    } else if (weighted && words.match_with("AGGREGATE", 1)) {
      if (words.match("SUM")) {
        request.aggregate = Aggregate::kSum;
      } else if (words.match("MIN")) {
        request.aggregate = Aggregate::kMin;
      } else if (words.match("MAX")) {
        request.aggregate = Aggregate::kMax;
      } else {
        return syntax_error();
      }
    } else if (answer == Answer::kMembers && words.match("WITHSCORES")) {
      request.with_scores = true;
    } else if (answer == Answer::kCount && words.match_with("LIMIT", 1)) {
      const auto limit = parse_int64(words.next());
      if (!limit || *limit < 0) return Error("LIMIT can't be negative");
      request.limit = static_cast<uint64_t>(*limit);
    } else {
      return syntax_error();
    }
  }
  return read;
}

Result<void> reply_combined(Call& call, Combination how) {
  Result<CombineRequest> request = read_request(call, 1, how, Answer::kMembers);
  if (!request) return request.error();
  const auto result =
      combine(how, request->sources, request->aggregate, call.keyspace().limits().hash_key);
  ReplyWriter& reply = call.reply();
  const size_t count = result->size();
  const bool flat = request->with_scores && reply.version() == Resp::k2;
  reply.array(flat ? count * 2 : count);
  for (ScoreOrder::Cursor at = result->order().at(0); at; at.next()) {
    request->with_scores ? reply_scored(reply, at->key(), at->score()) : reply.bulk(at->key());
  }
  return kOk;
}

Result<void> store_combined(Call& call, Combination how, std::string_view event) {
  Result<CombineRequest> request = read_request(call, 2, how, Answer::kStored);
  if (!request) return request.error();
  const EncodingLimits& limits = call.keyspace().limits();
  SortedSetBuilder builder(limits,
                           combine(how, request->sources, request->aggregate, limits.hash_key));
  store_sorted_set(call, call.arg(1), builder, event);
  return kOk;
}

Result<void> zunion(Call& call) {
  return reply_combined(call, Combination::kUnion);
}

Result<void> zinter(Call& call) {
  return reply_combined(call, Combination::kIntersection);
}

Result<void> zdiff(Call& call) {
  return reply_combined(call, Combination::kDifference);
}

Result<void> zunionstore(Call& call) {
  return store_combined(call, Combination::kUnion, "zunionstore");
}

Result<void> zinterstore(Call& call) {
  return store_combined(call, Combination::kIntersection, "zinterstore");
}

Result<void> zdiffstore(Call& call) {
  return store_combined(call, Combination::kDifference, "zdiffstore");
}

Result<void> zintercard(Call& call) {
  Result<CombineRequest> request =
      read_request(call, 1, Combination::kIntersection, Answer::kCount);
  if (!request) return request.error();
  const size_t count = count_common(request->sources, request->limit);
  call.reply().integer(static_cast<int64_t>(count));
  return kOk;
}

constexpr KeySpec sources_at(int16_t at) {
  return {.flags = kKeyRO | kKeyAccess,
          .begin = KeySpec::Begin::kIndex,
          .index = at,
          .find = KeySpec::Find::kKeyNum,
          .count_index = 0,
          .first_key = 1};
}
constexpr KeySpecs kSources = {sources_at(1)};
constexpr KeySpecs kStored = {
    KeySpec{.flags = kKeyOW | kKeyUpdate, .begin = KeySpec::Begin::kIndex, .index = 1},
    sources_at(2)};

constexpr std::string_view kUnionComplexity =
    "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the "
    "number of elements in the resulting sorted set.";
constexpr std::string_view kInterComplexity =
    "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number "
    "of "
    "input sorted sets and M being the number of elements in the resulting sorted set.";
constexpr std::string_view kDiffComplexity =
    "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is "
    "the "
    "size of the first set, and K is the size of the result set.";

constexpr Command<Call> kCommands[] = {
    {{.name = "ZUNION",
      .syntax = "numkeys:integer key [key ...] [WEIGHTS weight:integer [weight:integer ...]] "
                "[AGGREGATE (aggregate: SUM|MIN|MAX)] [WITHSCORES]",
      .flags = kReadOnly | kMovableKeys,
      .keys = kSources,
      .summary = "Add multiple sorted sets",
      .since = "6.2.0",
      .complexity = kUnionComplexity},
     zunion},
    {{.name = "ZINTER",
      .syntax = "numkeys:integer key [key ...] [WEIGHTS weight:integer [weight:integer ...]] "
                "[AGGREGATE (aggregate: SUM|MIN|MAX)] [WITHSCORES]",
      .flags = kReadOnly | kMovableKeys,
      .keys = kSources,
      .summary = "Intersect multiple sorted sets",
      .since = "6.2.0",
      .complexity = kInterComplexity},
     zinter},
    {{.name = "ZDIFF",
      .syntax = "numkeys:integer key [key ...] [WITHSCORES]",
      .flags = kReadOnly | kMovableKeys,
      .keys = kSources,
      .summary = "Subtract multiple sorted sets",
      .since = "6.2.0",
      .complexity = kDiffComplexity},
     zdiff},
    {{.name = "ZUNIONSTORE",
      .syntax = "destination:key numkeys:integer key [key ...] [WEIGHTS weight:integer "
                "[weight:integer ...]] [AGGREGATE (aggregate: SUM|MIN|MAX)]",
      .flags = kWrite | kDenyOom | kMovableKeys,
      .keys = kStored,
      .summary = "Add multiple sorted sets and store the resulting sorted set in a new key",
      .since = "2.0.0",
      .complexity = kUnionComplexity},
     zunionstore},
    {{.name = "ZINTERSTORE",
      .syntax = "destination:key numkeys:integer key [key ...] [WEIGHTS weight:integer "
                "[weight:integer ...]] [AGGREGATE (aggregate: SUM|MIN|MAX)]",
      .flags = kWrite | kDenyOom | kMovableKeys,
      .keys = kStored,
      .summary = "Intersect multiple sorted sets and store the resulting sorted set in a new key",
      .since = "2.0.0",
      .complexity = kInterComplexity},
     zinterstore},
    {{.name = "ZDIFFSTORE",
      .syntax = "destination:key numkeys:integer key [key ...]",
      .flags = kWrite | kDenyOom | kMovableKeys,
      .keys = kStored,
      .summary = "Subtract multiple sorted sets and store the resulting sorted set in a new key",
      .since = "6.2.0",
      .complexity = kDiffComplexity},
     zdiffstore},
    {{.name = "ZINTERCARD",
      .syntax = "numkeys:integer key [key ...] [LIMIT limit:integer]",
      .flags = kReadOnly | kMovableKeys,
      .keys = kSources,
      .summary = "Intersect multiple sorted sets and return the cardinality of the result",
      .since = "7.0.0",
      .complexity =
          "O(N*K) worst case with N being the smallest input sorted set, K being the number "
          "of input sorted sets."},
     zintercard},
};

}  // namespace

CommandFamily<Call> sorted_set_combine_commands() {
  return {.group = Group::kSortedSet, .commands = kCommands};
}

}  // namespace redan
