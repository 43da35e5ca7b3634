// Values as self-contained bytes: DUMP and RESTORE.
#include <optional>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/key_effects.h"
#include "server/persistence/dump_payload.h"

namespace redan {
namespace {

Result<void> dump(Call& call) {
  const Entry* entry = call.keyspace().read(call.db(), call.arg(1));
  if (entry == nullptr) {
    call.reply().null();
  } else {
    call.reply().bulk(dump_value(*entry));
  }
  return kOk;
}

struct RestoreOptions {
  bool replace = false;
  bool absolute = false;
  std::optional<int64_t> idle_s;
  std::optional<int64_t> frequency;
};

Result<RestoreOptions> read_restore_options(ArgReader words) {
  RestoreOptions options;
  while (words.more()) {
    if (words.match("REPLACE")) {
      options.replace = true;
    } else if (words.match("ABSTTL")) {
      options.absolute = true;
    } else if (!options.frequency && words.match_with("IDLETIME", 1)) {
      const Result<int64_t> idle_s = words.integer();
      if (!idle_s) return idle_s.error();
      if (*idle_s < 0) return Error("Invalid IDLETIME value, must be >= 0");
      options.idle_s = *idle_s;
    } else if (!options.idle_s && words.match_with("FREQ", 1)) {
      const Result<int64_t> frequency = words.integer();
      if (!frequency) return frequency.error();
      if (*frequency < 0 || *frequency > 255) {
        return Error("Invalid FREQ value, must be >= 0 and <= 255");
      }
      options.frequency = *frequency;
    } else {
      return syntax_error();
    }
  }
  return options;
}

// 0: the key stays.
Result<int64_t> restore_deadline(Call& call, const RestoreOptions& options) {
  const Result<int64_t> ttl = integer_arg(call.arg(2));
  if (!ttl) return ttl.error();
  int64_t deadline_ms = *ttl;
  if (*ttl > 0 && !options.absolute &&
      __builtin_add_overflow(*ttl, call.keyspace().now_ms(), &deadline_ms)) {
    return Error("Invalid TTL value, must be >= 0");
  }
  if (deadline_ms < 0) return Error("Invalid TTL value, must be >= 0");
  return deadline_ms;
}

void propagate_restore(Call& call, const RestoreOptions& options, int64_t deadline_ms) {
  std::vector<std::string_view> words = {"RESTORE", call.arg(1)};
  const Digits deadline(deadline_ms);
  const Digits idle(options.idle_s.value_or(0));
  const Digits frequency(options.frequency.value_or(0));
  words.push_back(deadline.view());
  words.push_back(call.arg(3));
  if (options.replace) words.emplace_back("REPLACE");
  words.emplace_back("ABSTTL");
  if (options.idle_s) words.insert(words.end(), {"IDLETIME", idle.view()});
  if (options.frequency) words.insert(words.end(), {"FREQ", frequency.view()});
  call.propagate_as(words);
}

Result<void> restore(Call& call) {
  Keyspace& keyspace = call.keyspace();
  const int db = call.db();
  const std::string_view key = call.arg(1);
  const Result<RestoreOptions> options = read_restore_options(ArgReader(call.args(), 4));
  if (!options) return options.error();
  const bool exists = keyspace.peek(db, key) != nullptr;
  if (exists && !options->replace) return Error("BUSYKEY", "Target key name already exists.");
  const Result<int64_t> deadline_ms = restore_deadline(call, *options);
  if (!deadline_ms) return deadline_ms.error();
  Result<StoredValue> value = read_dump_payload(call.arg(3), keyspace.limits());
  if (!value) return value.error();

  const bool dead_on_arrival = *deadline_ms != 0 && *deadline_ms <= keyspace.now_ms() &&
                               !call.server().replication.is_replica();
  if (dead_on_arrival) {
    if (exists) {
      keyspace.erase(db, key, free_by(call.config().lazyfree_lazy_server_del));
      call.notify(KeyspaceEvents::kGeneric, "del", key);
      call.propagate_as({"DEL", key});
    }
    call.reply().ok();
    return kOk;
  }
  if (exists) keyspace.erase(db, key, free_by(call.config().lazyfree_lazy_server_del));
  const SetExpiry expiry = *deadline_ms == 0 ? SetExpiry{} : SetExpiry::at(*deadline_ms);
  keyspace.set_value(db, key, value.take(), expiry);
  if (options->idle_s) keyspace.set_idle(db, key, *options->idle_s);
  if (options->frequency) {
    keyspace.set_frequency(db, key, static_cast<uint8_t>(*options->frequency));
  }
  call.notify(KeyspaceEvents::kGeneric, "restore", key);
  propagate_restore(call, *options, *deadline_ms);
  call.reply().ok();
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "DUMP",
      .syntax = "key",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Return a serialized version of the value stored at the specified key.",
      .since = "2.6.0",
      .complexity =
          "O(1) to access the key and additional O(N*M) to serialize it, where N is the number of "
          "Redis objects composing the value and M their average size. For small string values the "
          "time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).",
      .hints = "nondeterministic_output"},
     dump},
    {{.name = "RESTORE",
      .syntax = "key ttl:integer serialized-value [REPLACE]@3.0.0 [ABSTTL]@5.0.0 [IDLETIME "
                "seconds:integer]@5.0.0 [FREQ frequency:integer]@5.0.0",
      .flags = kWrite | kDenyOom,
      .keys = one_key(kKeyOW | kKeyUpdate),
      .summary =
          "Create a key using the provided serialized value, previously obtained using DUMP.",
      .since = "2.6.0",
      .complexity =
          "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, "
          "where N is the number of Redis objects composing the value and M their average size. "
          "For small string values the time complexity is thus O(1)+O(1*M) where M is small, so "
          "simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because "
          "inserting values into sorted sets is O(log(N)).",
      .history = "3.0.0: Added the `REPLACE` modifier.\n5.0.0: Added the `ABSTTL` "
                 "modifier.\n5.0.0: Added the `IDLETIME` and `FREQ` options.",
      .extra_categories = "dangerous"},
     restore},
};

// The same command for a slot on the move (see kAsking).
constexpr Command<Call> kServerCommands[] = {
    {{.name = "RESTORE-ASKING",
      .syntax = "key ttl:integer serialized-value [REPLACE]@3.0.0 [ABSTTL]@5.0.0 [IDLETIME "
                "seconds:integer]@5.0.0 [FREQ frequency:integer]@5.0.0",
      .flags = kWrite | kDenyOom | kAsking | kSysCmd,
      .keys = one_key(kKeyOW | kKeyUpdate),
      .summary = "An internal command for migrating keys in a cluster",
      .since = "3.0.0",
      .complexity =
          "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, "
          "where N is the number of Redis objects composing the value and M their average size. "
          "For small string values the time complexity is thus O(1)+O(1*M) where M is small, so "
          "simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because "
          "inserting values into sorted sets is O(log(N)).",
      .history = "3.0.0: Added the `REPLACE` modifier.\n5.0.0: Added the `ABSTTL` "
                 "modifier.\n5.0.0: Added the `IDLETIME` and `FREQ` options.",
      .extra_categories = "dangerous keyspace"},
     restore},
};

}  // namespace

CommandFamily<Call> dump_commands() {
  return {.group = Group::kGeneric, .commands = kCommands};
}

CommandFamily<Call> restore_asking_commands() {
  return {.group = Group::kServer, .commands = kServerCommands};
}

}  // namespace redan
