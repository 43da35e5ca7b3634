// The commands that choose, count, swap and empty databases.
#include <limits>
#include <optional>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/key_effects.h"

namespace redan {
namespace {

Result<void> select(Call& call) {
  if (call.keyspace().has_slots() && call.arg(1) != "0") {
    // A word that is no number is told first.
    const auto index =
        integer_arg(call.arg(1), std::numeric_limits<int>::min(), std::numeric_limits<int>::max());
    if (!index) return index.error();
    if (*index != 0) return Error("SELECT is not allowed in cluster mode");
  }
  const Result<int> db = database_arg(call, call.arg(1));
  if (!db) return db.error();
  call.session().db = *db;
  call.reply().ok();
  return kOk;
}

Result<void> dbsize(Call& call) {
  call.reply().integer(static_cast<int64_t>(call.keyspace().size(call.db())));
  return kOk;
}

Result<void> swapdb(Call& call) {
  if (call.keyspace().has_slots()) return Error("SWAPDB is not allowed in cluster mode");
  const auto in_int = [](std::optional<int64_t> number) {
    return number && *number >= std::numeric_limits<int>::min() &&
           *number <= std::numeric_limits<int>::max();
  };
  const auto first = parse_int64(call.arg(1));
  if (!in_int(first)) return Error("invalid first DB index");
  const auto second = parse_int64(call.arg(2));
  if (!in_int(second)) return Error("invalid second DB index");
  const int64_t count = call.keyspace().databases();
  if (*first < 0 || *first >= count || *second < 0 || *second >= count) {
    return Error("DB index is out of range");
  }
  if (*first == *second) {
    call.keyspace().add_dirty(1);
  } else {
    call.keyspace().swap(static_cast<int>(*first), static_cast<int>(*second));
  }
  call.reply().ok();
  return kOk;
}

Result<void> flush(Call& call, int db) {
  Keyspace::Free how = free_by(call.config().lazyfree_lazy_user_flush);
  ArgReader words(call.args(), 1);
  if (words.match("SYNC")) {
    how = Keyspace::Free::kNow;
  } else if (words.match("ASYNC")) {
    how = Keyspace::Free::kLazily;
  }
  if (words.more()) return syntax_error();
  call.keyspace().flush(db, how);
  // Replicas flush too, whatever we knew about.
  call.keyspace().add_dirty(1);
  call.reply().ok();
  return kOk;
}

Result<void> flushdb(Call& call) {
  return flush(call, call.db());
}

Result<void> flushall(Call& call) {
  return flush(call, -1);
}

constexpr Command<Call> kCommands[] = {
    {{.name = "DBSIZE",
      .flags = kReadOnly | kFast,
      .summary = "Return the number of keys in the selected database",
      .since = "1.0.0",
      .complexity = "O(1)",
      .hints = "request_policy:all_shards\nresponse_policy:agg_sum",
      .extra_categories = "keyspace"},
     dbsize},
    {{.name = "SWAPDB",
      .syntax = "index1:integer index2:integer",
      .flags = kWrite | kFast,
      .summary = "Swaps two Redis databases",
      .since = "4.0.0",
      .complexity =
          "O(N) where N is the count of clients watching or blocking on keys from both databases.",
      .extra_categories = "dangerous keyspace"},
     swapdb},
    {{.name = "FLUSHDB",
      .syntax = "[async: ASYNC@4.0.0|SYNC@6.2.0]",
      .flags = kWrite,
      .summary = "Remove all keys from the current database",
      .since = "1.0.0",
      .complexity = "O(N) where N is the number of keys in the selected database",
      .history = "4.0.0: Added the `ASYNC` flushing mode modifier.\n6.2.0: Added the `SYNC` "
                 "flushing mode modifier.",
      .hints = "request_policy:all_shards\nresponse_policy:all_succeeded",
      .extra_categories = "dangerous keyspace"},
     flushdb},
    {{.name = "FLUSHALL",
      .syntax = "[async: ASYNC@4.0.0|SYNC@6.2.0]",
      .flags = kWrite,
      .summary = "Remove all keys from all databases",
      .since = "1.0.0",
      .complexity = "O(N) where N is the total number of keys in all databases",
      .history = "4.0.0: Added the `ASYNC` flushing mode modifier.\n6.2.0: Added the `SYNC` "
                 "flushing mode modifier.",
      .hints = "request_policy:all_shards\nresponse_policy:all_succeeded",
      .extra_categories = "dangerous keyspace"},
     flushall},
};

constexpr Command<Call> kSelect[] = {
    {{.name = "SELECT",
      .syntax = "index:integer",
      .flags = kLoading | kStale | kFast,
      .summary = "Change the selected database for the current connection",
      .since = "1.0.0",
      .complexity = "O(1)"},
     select},
};

}  // namespace

CommandFamily<Call> database_commands() {
  return {.group = Group::kServer, .commands = kCommands};
}

CommandFamily<Call> select_commands() {
  return {.group = Group::kConnection, .commands = kSelect};
}

}  // namespace redan
