// The string commands that read or replace whole values.
#include <optional>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/expiration.h"
#include "server/command/families.h"
#include "server/command/key_effects.h"
#include "server/command/keys_ahead.h"
#include "server/command/strings/set_options.h"
#include "server/command/strings/string_values.h"

namespace redan {
namespace {

Result<void> get(Call& call) {
  const Result<const Entry*> entry = read_string(call, call.arg(1));
  if (!entry) return entry.error();
  if (*entry == nullptr) {
    call.reply().null();
  } else {
    reply_value(call.reply(), **entry);
  }
  return kOk;
}

void set_plain(Call& call, std::string_view key, std::string_view value) {
  call.keyspace().set_string(call.db(), key, value);
  call.notify(KeyspaceEvents::kString, "set", key);
}

// Stores a value with a deadline; what replicas get is the same on every clock.
void set_until(Call& call, std::string_view key, std::string_view value, int64_t deadline_ms) {
  call.keyspace().set_string(call.db(), key, value, SetExpiry::at(deadline_ms));
  call.notify(KeyspaceEvents::kString, "set", key);
  call.notify(KeyspaceEvents::kGeneric, "expire", key);
  call.propagate_as({"SET", key, value, "PXAT", Digits(deadline_ms).view()});
}

// Whether the options let SET go on; writes the old value where GET asks for it.
Result<bool> may_set(Call& call, const SetOptions& options) {
  const std::string_view key = call.arg(1);
  const Entry* old = nullptr;
  if (options.get) {
    const Result<const Entry*> found = read_string(call, key);
    if (!found) return found.error();
    old = *found;
  } else if (options.only_new || options.only_existing || options.condition) {
    old = call.keyspace().peek(call.db(), key);
    if (options.condition && old != nullptr && !old->is_string()) return wrong_type();
  }
  if (options.get) old != nullptr ? reply_value(call.reply(), *old) : call.reply().null();
  const bool exists = old != nullptr;
  const bool refused = (options.only_new && exists) || (options.only_existing && !exists) ||
                       (options.condition && !options.condition->holds(old));
  // Whoever asks for a lock uses the key that holds it, although nothing changes: it is not idle.
  if (refused && exists && !options.get) call.keyspace().change(call.db(), key);
  if (refused && !options.get) call.reply().null();
  return !refused;
}

Result<void> set_with_options(Call& call) {
  const std::string_view key = call.arg(1);
  const std::string_view value = call.arg(2);
  const Result<SetOptions> options =
      read_set_options(ArgReader(call.args(), 3), SetOptionsOf::kSet);
  if (!options) return options.error();
  const Result<std::optional<int64_t>> deadline_ms =
      deadline_of(*options, call.keyspace().now_ms(), "set");
  if (!deadline_ms) return deadline_ms.error();
  const Result<bool> goes_on = may_set(call, *options);
  if (!goes_on) return goes_on.error();
  if (!*goes_on) return kOk;

  if (*deadline_ms) {
    set_until(call, key, value, **deadline_ms);
  } else {
    call.keyspace().set_string(call.db(), key, value,
                               options->keep_ttl ? SetExpiry::keep() : SetExpiry{});
    call.notify(KeyspaceEvents::kString, "set", key);
    // Replicas have nobody to tell the old value to, and what was asked was decided here.
    const bool effect = options->get || options->condition;
    if (effect && options->keep_ttl) {
      call.propagate_as({"SET", key, value, "KEEPTTL"});
    } else if (effect) {
      call.propagate_as({"SET", key, value});
    }
  }
  if (!options->get) call.reply().ok();
  return kOk;
}

Result<void> set(Call& call) {
  if (call.arg_count() > 3) return set_with_options(call);
  set_plain(call, call.arg(1), call.arg(2));
  call.reply().ok();
  return kOk;
}

// SET reads its key only with GET.
void set_keys(std::span<const std::string_view> args, std::vector<KeyRef>& keys) {
  uint16_t flags = kKeyOW | kKeyUpdate;
  for (size_t i = 3; i < args.size(); ++i) {
    const bool reads = iequals(args[i], "GET") || iequals(args[i].substr(0, 2), "IF");
    if (reads) flags = kKeyRW | kKeyAccess | kKeyUpdate;
  }
  keys.push_back({.position = 1, .flags = flags});
}

Result<void> setnx(Call& call) {
  const bool is_new = !call.keyspace().change(call.db(), call.arg(1));  // Used, also if in vain.
  if (is_new) set_plain(call, call.arg(1), call.arg(2));
  call.reply().integer(is_new ? 1 : 0);
  return kOk;
}

Result<void> set_for(Call& call, TimeUnit unit, std::string_view name) {
  const Result<int64_t> deadline_ms =
      deadline_to_come(call.arg(2), {.unit = unit}, call.keyspace().now_ms(), name);
  if (!deadline_ms) return deadline_ms.error();
  set_until(call, call.arg(1), call.arg(3), *deadline_ms);
  call.reply().ok();
  return kOk;
}

Result<void> setex(Call& call) {
  return set_for(call, TimeUnit::kSeconds, "setex");
}

Result<void> psetex(Call& call) {
  return set_for(call, TimeUnit::kMillis, "psetex");
}

Result<void> getset(Call& call) {
  const Result<void> got = get(call);
  if (!got) return got;
  set_plain(call, call.arg(1), call.arg(2));
  call.propagate_as({"SET", call.arg(1), call.arg(2)});
  return kOk;
}

Result<void> getdel(Call& call) {
  const std::string_view key = call.arg(1);
  const Result<const Entry*> entry = read_string(call, key);
  if (!entry) return entry.error();
  if (*entry == nullptr) {
    call.reply().null();
    return kOk;
  }
  reply_value(call.reply(), **entry);
  call.keyspace().erase(call.db(), key, free_by(call.config().lazyfree_lazy_user_del));
  call.notify(KeyspaceEvents::kGeneric, "del", key);
  call.propagate_as({"DEL", key});
  return kOk;
}

Result<void> getex(Call& call) {
  const std::string_view key = call.arg(1);
  const Result<SetOptions> options =
      read_set_options(ArgReader(call.args(), 2), SetOptionsOf::kGetEx);
  if (!options) return options.error();
  const Result<const Entry*> entry = read_string(call, key);
  if (!entry) return entry.error();
  if (*entry == nullptr) {
    call.reply().null();
    return kOk;
  }
  if (options->form) {
    const Result<int64_t> deadline_ms =
        deadline_to_come(options->time, *options->form, call.keyspace().now_ms(), "getex");
    if (!deadline_ms) return deadline_ms.error();
    reply_value(call.reply(), **entry);
    expire_at(call, key, *deadline_ms);
    return kOk;
  }
  reply_value(call.reply(), **entry);
  if (options->persist && (*entry)->expires()) {
    call.keyspace().set_expiry(call.db(), key, Entry::kNoExpiry);
    call.notify(KeyspaceEvents::kGeneric, "persist", key);
    call.propagate_as({"PERSIST", key});
  }
  return kOk;
}

Result<void> mget(Call& call) {
  call.reply().array(call.arg_count() - 1);
  KeysAhead ahead(call, 1);
  for (size_t i = 1; i < call.arg_count(); ++i) {
    ahead.reach(i);
    const Entry* entry = call.keyspace().read(call.db(), call.arg(i));
    if (entry == nullptr || !entry->is_string()) {
      call.reply().null();
    } else {
      reply_value(call.reply(), *entry);
    }
  }
  return kOk;
}

void set_pairs(Call& call) {
  KeysAhead ahead(call, 2);
  for (size_t i = 1; i < call.arg_count(); i += 2) {
    ahead.reach(i);
    set_plain(call, call.arg(i), call.arg(i + 1));
  }
}

Result<void> mset(Call& call) {
  if (call.arg_count() % 2 == 0) return wrong_arity("mset");
  set_pairs(call);
  call.reply().ok();
  return kOk;
}

Result<void> msetnx(Call& call) {
  if (call.arg_count() % 2 == 0) return wrong_arity("msetnx");
  for (size_t i = 1; i < call.arg_count(); i += 2) {
    if (call.keyspace().change(call.db(), call.arg(i))) {
      call.reply().integer(0);
      return kOk;
    }
  }
  set_pairs(call);
  call.reply().integer(1);
  return kOk;
}

Result<void> strlen(Call& call) {
  const Result<const Entry*> entry = read_string(call, call.arg(1));
  if (!entry) return entry.error();
  call.reply().integer(*entry == nullptr ? 0 : static_cast<int64_t>((*entry)->string_length()));
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "GET",
      .syntax = "key",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get the value of a key",
      .since = "1.0.0",
      .complexity = "O(1)"},
     get},
    {{.name = "SET",
      .syntax = "key value [condition: NX|XX|IFEQ ifeq-value@8.4.0|IFNE ifne-value@8.4.0|IFDEQ "
                "ifdeq-digest@8.4.0|IFDNE ifdne-digest@8.4.0]@2.6.12 [GET]@6.2.0 [expiration: EX "
                "seconds:integer@2.6.12|PX milliseconds:integer@2.6.12|EXAT "
                "unix-time-seconds:unix-time@6.2.0|PXAT "
                "unix-time-milliseconds:unix-time@6.2.0|KEEPTTL@6.0.0]",
      .flags = kWrite | kDenyOom,
      .keys = {KeySpec{.flags = kKeyRW | kKeyAccess | kKeyUpdate | kKeyVariable,
                       .begin = KeySpec::Begin::kIndex,
                       .index = 1,
                       .notes = "RW and ACCESS due to the optional `GET` argument"}},
      .summary = "Set the string value of a key",
      .since = "1.0.0",
      .complexity = "O(1)",
      .history =
          "2.6.12: Added the `EX`, `PX`, `NX` and `XX` options.\n6.0.0: Added the `KEEPTTL` "
          "option.\n6.2.0: Added the `GET`, `EXAT` and `PXAT` option.\n7.0.0: Allowed the "
          "`NX` and `GET` options to be used together.\n8.4.0: Added the `IFEQ`, `IFNE`, `IFDEQ` "
          "and `IFDNE` options.",
      .key_finder = set_keys},
     set},
    {{.name = "SETNX",
      .syntax = "key value",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyOW | kKeyInsert),
      .summary = "Set the value of a key, only if the key does not exist",
      .since = "1.0.0",
      .complexity = "O(1)"},
     setnx},
    {{.name = "SETEX",
      .syntax = "key seconds:integer value",
      .flags = kWrite | kDenyOom,
      .keys = one_key(kKeyOW | kKeyUpdate),
      .summary = "Set the value and expiration of a key",
      .since = "2.0.0",
      .complexity = "O(1)"},
     setex},
    {{.name = "PSETEX",
      .syntax = "key milliseconds:integer value",
      .flags = kWrite | kDenyOom,
      .keys = one_key(kKeyOW | kKeyUpdate),
      .summary = "Set the value and expiration in milliseconds of a key",
      .since = "2.6.0",
      .complexity = "O(1)"},
     psetex},
    {{.name = "GETSET",
      .syntax = "key value",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyUpdate),
      .summary = "Set the string value of a key and return its old value",
      .since = "1.0.0",
      .complexity = "O(1)",
      .deprecated_since = "6.2.0",
      .replaced_by = "`SET` with the `!GET` argument"},
     getset},
    {{.name = "GETDEL",
      .syntax = "key",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyDelete),
      .summary = "Get the value of a key and delete the key",
      .since = "6.2.0",
      .complexity = "O(1)"},
     getdel},
    {{.name = "GETEX",
      .syntax = "key [expiration: EX seconds:integer|PX milliseconds:integer|EXAT "
                "unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|PERSIST]",
      .flags = kWrite | kFast,
      .keys = {KeySpec{.flags = kKeyRW | kKeyAccess | kKeyUpdate,
                       .begin = KeySpec::Begin::kIndex,
                       .index = 1,
                       .notes = "RW and UPDATE because it changes the TTL"}},
      .summary = "Get the value of a key and optionally set its expiration",
      .since = "6.2.0",
      .complexity = "O(1)"},
     getex},
    {{.name = "MGET",
      .syntax = "key [key ...]",
      .flags = kReadOnly | kFast,
      .keys = keys_at(1, -1, 1, kKeyRO | kKeyAccess),
      .summary = "Get the values of all the given keys",
      .since = "1.0.0",
      .complexity = "O(N) where N is the number of keys to retrieve.",
      .hints = "request_policy:multi_shard"},
     mget},
    {{.name = "MSET",
      .syntax = "key value [key value ...]",
      .flags = kWrite | kDenyOom,
      .keys = keys_at(1, -1, 2, kKeyOW | kKeyUpdate),
      .summary = "Set multiple keys to multiple values",
      .since = "1.0.1",
      .complexity = "O(N) where N is the number of keys to set.",
      .hints = "request_policy:multi_shard\nresponse_policy:all_succeeded"},
     mset},
    {{.name = "MSETNX",
      .syntax = "key value [key value ...]",
      .flags = kWrite | kDenyOom,
      .keys = keys_at(1, -1, 2, kKeyOW | kKeyInsert),
      .summary = "Set multiple keys to multiple values, only if none of the keys exist",
      .since = "1.0.1",
      .complexity = "O(N) where N is the number of keys to set.",
      .hints = "request_policy:multi_shard\nresponse_policy:agg_min"},
     msetnx},
    {{.name = "STRLEN",
      .syntax = "key",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO),
      .summary = "Get the length of the value stored in a key",
      .since = "2.2.0",
      .complexity = "O(1)"},
     strlen},
};

}  // namespace

CommandFamily<Call> string_commands() {
  return {.group = Group::kString, .commands = kCommands};
}

}  // namespace redan
