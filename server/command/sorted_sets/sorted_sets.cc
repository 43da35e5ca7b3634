// The sorted set commands that name their members, and ZSCAN.
#include <optional>
#include <vector>

#include "common/base/double_text.h"
#include "common/base/glob.h"
#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/element_scan.h"
#include "server/command/families.h"
#include "server/command/sorted_sets/sorted_set_args.h"

namespace redan {
namespace {

struct AddOptions {
  AddRules rules;
  bool count_changes = false;  // CH
  size_t first_pair = 2;
};

Result<AddOptions> read_add_options(Call& call) {
  AddOptions options;
  AddRules& rules = options.rules;
  ArgReader words(call.args(), 2);
  while (words.more()) {
    if (words.match("NX")) {
      rules.only_new = true;
    } else if (words.match("XX")) {
      rules.only_existing = true;
    } else if (words.match("CH")) {
      options.count_changes = true;
    } else if (words.match("INCR")) {
      rules.increment = true;
    } else if (words.match("GT")) {
      rules.only_greater = true;
    } else if (words.match("LT")) {
      rules.only_less = true;
    } else {
      break;
    }
  }
  options.first_pair = call.arg_count() - words.left();
  if (words.left() == 0 || words.left() % 2 != 0) return syntax_error();
  if (rules.only_new && rules.only_existing) {
    return Error("XX and NX options at the same time are not compatible");
  }
  if ((rules.only_greater && rules.only_new) || (rules.only_less && rules.only_new) ||
      (rules.only_greater && rules.only_less)) {
    return Error("GT, LT, and/or NX options at the same time are not compatible");
  }
  if (rules.increment && words.left() > 2) {
    return Error("INCR option supports a single increment-element pair");
  }
  return options;
}

// Adds the pairs of a request from an argument on; the reply is ZADD's, or that of its INCR.
Result<void> add_pairs(Call& call, const AddOptions& options) {
  const std::string_view key = call.arg(1);
  // All scores are read before anything changes.
  const size_t pairs = (call.arg_count() - options.first_pair) / 2;
  constexpr size_t kFewPairs = 16;
  double few[kFewPairs];
  std::vector<double> many(pairs > kFewPairs ? pairs : 0);
  double* const scores = pairs > kFewPairs ? many.data() : few;
  for (size_t i = 0; i < pairs; ++i) {
    const Result<double> score = double_arg(call.arg(options.first_pair + i * 2));
    if (!score) return score.error();
    scores[i] = *score;
  }
  const Result<Keyspace::Ref> ref = change_sorted_set(call, key);
  if (!ref) return ref.error();

  int64_t added = 0;
  int64_t changed = 0;
  AddResult result{AddResult::What::kRefused};
  {
    SortedSetEdit edit(call.keyspace(), call.db(), key, *ref);
    for (size_t i = 0; i < pairs; ++i) {
      result = edit.add(call.arg(options.first_pair + i * 2 + 1), scores[i], options.rules);
      if (result.what == AddResult::What::kNotANumber) {
        return Error("resulting score is not a number (NaN)");
      }
      if (result.what == AddResult::What::kNew) ++added;
      if (result.what == AddResult::What::kChanged) ++changed;
    }
  }
  if (added + changed > 0) {
    call.keyspace().changed(call.db(), key, static_cast<uint64_t>(added + changed));
    call.notify(KeyspaceEvents::kZset, options.rules.increment ? "zincr" : "zadd", key);
  }
  if (!options.rules.increment) {
    call.reply().integer(options.count_changes ? added + changed : added);
  } else if (result.what == AddResult::What::kRefused) {
    call.reply().null();
  } else {
    call.reply().number_double(result.score);
  }
  return kOk;
}

Result<void> zadd(Call& call) {
  const Result<AddOptions> options = read_add_options(call);
  if (!options) return options.error();
  return add_pairs(call, *options);
}

Result<void> zincrby(Call& call) {
  return add_pairs(call, {.rules = {.increment = true}});
}

Result<void> zrem(Call& call) {
  const std::string_view key = call.arg(1);
  const Result<Keyspace::Ref> ref = change_sorted_set(call, key);
  if (!ref) return ref.error();
  uint64_t erased = 0;
  bool all = false;
  if (*ref) {
    SortedSetEdit edit(call.keyspace(), call.db(), key, *ref);
    for (size_t i = 2; i < call.arg_count() && !all; ++i) {
      if (!edit.erase(call.arg(i))) continue;
      ++erased;
      all = edit.size() == 0;
    }
    if (all) edit.remove_key(Keyspace::Free::kNow);
  }
  if (erased > 0) tell_erased(call, key, erased, all, "zrem");
  call.reply().integer(static_cast<int64_t>(erased));
  return kOk;
}

Result<void> zcard(Call& call) {
  const Result<const Entry*> entry = read_sorted_set(call, call.arg(1));
  if (!entry) return entry.error();
  const size_t size = *entry == nullptr ? 0 : SortedSetView(**entry).size();
  call.reply().integer(static_cast<int64_t>(size));
  return kOk;
}

void reply_score(Call& call, const Entry* entry, std::string_view member) {
  const auto score = entry == nullptr ? std::nullopt : SortedSetView(*entry).score(member);
  score ? call.reply().number_double(*score) : call.reply().null();
}

Result<void> zscore(Call& call) {
  const Result<const Entry*> entry = read_sorted_set(call, call.arg(1));
  if (!entry) return entry.error();
  reply_score(call, *entry, call.arg(2));
  return kOk;
}

Result<void> zmscore(Call& call) {
  const Result<const Entry*> entry = read_sorted_set(call, call.arg(1));
  if (!entry) return entry.error();
  call.reply().array(call.arg_count() - 2);
  for (size_t i = 2; i < call.arg_count(); ++i) reply_score(call, *entry, call.arg(i));
  return kOk;
}

Result<void> rank_in(Call& call, Direction direction) {
  if (call.arg_count() > 4) return wrong_arity(call.entry().full_name);
  const bool with_score = call.arg_count() == 4;
  if (with_score && !iequals(call.arg(3), "WITHSCORE")) return syntax_error();
  const Result<const Entry*> entry = read_sorted_set(call, call.arg(1));
  if (!entry) return entry.error();
  ReplyWriter& reply = call.reply();
  if (*entry != nullptr) {
    const SortedSetView set(**entry);
    if (const auto standing = set.standing(call.arg(2))) {
      const size_t rank =
          direction == Direction::kUp ? standing->rank : set.size() - 1 - standing->rank;
      if (with_score) reply.array(2);
      reply.integer(static_cast<int64_t>(rank));
      if (with_score) reply.number_double(standing->score);
      return kOk;
    }
  }
  with_score ? reply.null_array() : reply.null();
  return kOk;
}

Result<void> zrank(Call& call) {
  return rank_in(call, Direction::kUp);
}

Result<void> zrevrank(Call& call) {
  return rank_in(call, Direction::kDown);
}

// The next part of a large set.
void scan_large(Call& call, const LargeSortedSet& set, uint64_t start, const ScanOptions& options) {
  std::vector<const ScoredMember*> found;
  const uint64_t cursor = scan_enough(start, options, [&](uint64_t at, int64_t& seen) {
    return set.table().scan(at, [&](const ScoredMember& member) {
      ++seen;
      if (options.all() || glob_match(options.pattern, member.key())) found.push_back(&member);
    });
  });
  ReplyWriter& reply = call.reply();
  reply_cursor(reply, cursor);
  reply.array(found.size() * 2);
  for (const ScoredMember* member : found) {
    char text[kPrintedDoubleBytes];
    const char* const end = print_double_17(text, member->score());
    reply.bulk(member->key());
    reply.bulk({text, static_cast<size_t>(end - text)});
  }
}

// All of a compact one, its scores as they stand there.
void scan_packed(Call& call, std::string_view bytes, const ScanOptions& options) {
  ReplyWriter& reply = call.reply();
  reply_cursor(reply, 0);
  const size_t start = reply.begin_deferred();
  size_t count = 0;
  const Listpack pack(bytes);
  for (size_t at = pack.first(); at != Listpack::kNone;) {
    const Listpack::Element member = pack.at(at);
    at = pack.next(at);
    Listpack::Scratch scratch;
    if (options.all() || glob_match(options.pattern, member.view(scratch))) {
      reply_element(reply, member);
      reply_element(reply, pack.at(at));
      count += 2;
    }
    at = pack.next(at);
  }
  reply.end_array(start, count);
}

Result<void> zscan(Call& call) {
  const Result<std::optional<ElementScan>> begun = begin_element_scan(
      call, ScanOf::kElements, [](Call& of) { return read_sorted_set(of, of.arg(1)); });
  if (!begun) return begun.error();
  if (!*begun) return kOk;
  const ElementScan& scan = **begun;
  const SortedSetView set(scan.entry);
  if (set.large() != nullptr) {
    scan_large(call, *set.large(), scan.cursor, scan.options);
  } else {
    scan_packed(call, scan.entry.packed(), scan.options);
  }
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "ZADD",
      .syntax = "key [condition: NX|XX]@3.0.2 [comparison: GT|LT]@6.2.0 [change: CH]@3.0.2 "
                "[increment: INCR]@3.0.2 score:double member [score:double member ...]",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary =
          "Add one or more members to a sorted set, or update its score if it already exists",
      .since = "1.2.0",
      .complexity =
          "O(log(N)) for each item added, where N is the number of elements in the sorted "
          "set.",
      .history = "2.4.0: Accepts multiple elements.\n"
                 "3.0.2: Added the `XX`, `NX`, `CH` and `INCR` options.\n"
                 "6.2.0: Added the `GT` and `LT` options."},
     zadd},
    {{.name = "ZINCRBY",
      .syntax = "key increment:integer member",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyUpdate),
      .summary = "Increment the score of a member in a sorted set",
      .since = "1.2.0",
      .complexity = "O(log(N)) where N is the number of elements in the sorted set."},
     zincrby},
    {{.name = "ZREM",
      .syntax = "key member [member ...]",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyDelete),
      .summary = "Remove one or more members from a sorted set",
      .since = "1.2.0",
      .complexity = "O(M*log(N)) with N being the number of elements in the sorted set and M the "
                    "number of elements to be removed.",
      .history = "2.4.0: Accepts multiple elements."},
     zrem},
    {{.name = "ZCARD",
      .syntax = "key",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO),
      .summary = "Get the number of members in a sorted set",
      .since = "1.2.0",
      .complexity = "O(1)"},
     zcard},
    {{.name = "ZSCORE",
      .syntax = "key member",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get the score associated with the given member in a sorted set",
      .since = "1.2.0",
      .complexity = "O(1)"},
     zscore},
    {{.name = "ZMSCORE",
      .syntax = "key member [member ...]",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get the score associated with the given members in a sorted set",
      .since = "6.2.0",
      .complexity = "O(N) where N is the number of members being requested."},
     zmscore},
    {{.name = "ZRANK",
      .syntax = "key member [withscore: WITHSCORE]@7.2.0",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Determine the index of a member in a sorted set",
      .since = "2.0.0",
      .complexity = "O(log(N))",
      .history = "7.2.0: Added the optional `WITHSCORE` argument."},
     zrank},
    {{.name = "ZREVRANK",
      .syntax = "key member [withscore: WITHSCORE]@7.2.0",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary =
          "Determine the index of a member in a sorted set, with scores ordered from high to "
          "low",
      .since = "2.0.0",
      .complexity = "O(log(N))",
      .history = "7.2.0: Added the optional `WITHSCORE` argument."},
     zrevrank},
    {{.name = "ZSCAN",
      .syntax = "key cursor:integer [MATCH pattern] [COUNT count:integer]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Incrementally iterate sorted sets elements and associated scores",
      .since = "2.8.0",
      .complexity = "O(1) for every call. O(N) for a complete iteration, including enough command "
                    "calls for the cursor to return back to 0. N is the number of elements inside "
                    "the collection..",
      .hints = "nondeterministic_output"},
     zscan},
};

}  // namespace

CommandFamily<Call> sorted_set_commands() {
  return {.group = Group::kSortedSet, .commands = kCommands};
}

}  // namespace redan
