// The commands that set, read and take away the deadlines of keys.
#include <algorithm>
#include <optional>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/expiration.h"
#include "server/command/families.h"
#include "server/command/key_effects.h"

namespace redan {
namespace {

// When EXPIRE and its kin act at all. No deadline counts as later than any.
struct Conditions {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;

  bool allow(int64_t current_ms, int64_t wanted_ms) const {
    const bool has_deadline = current_ms != Entry::kNoExpiry;
    if (nx && has_deadline) return false;
    if (xx && !has_deadline) return false;
    if (gt && (!has_deadline || wanted_ms <= current_ms)) return false;
    if (lt && has_deadline && wanted_ms >= current_ms) return false;
    return true;
  }
};

Result<Conditions> read_conditions(ArgReader words) {
  Conditions conditions;
  while (words.more()) {
    if (words.match("NX")) {
      conditions.nx = true;
    } else if (words.match("XX")) {
      conditions.xx = true;
    } else if (words.match("GT")) {
      conditions.gt = true;
    } else if (words.match("LT")) {
      conditions.lt = true;
    } else {
      return Error("Unsupported option " + std::string(words.next()));
    }
  }
  if (conditions.nx && (conditions.xx || conditions.gt || conditions.lt)) {
    return Error("NX and XX, GT or LT options at the same time are not compatible");
  }
  if (conditions.gt && conditions.lt) {
    return Error("GT and LT options at the same time are not compatible");
  }
  return conditions;
}

Result<void> expire_key(Call& call, TimeForm form, std::string_view name) {
  const std::string_view key = call.arg(1);
  const Result<Conditions> conditions = read_conditions(ArgReader(call.args(), 3));
  if (!conditions) return conditions.error();
  const Result<int64_t> deadline_ms =
      any_deadline(call.arg(2), form, call.keyspace().now_ms(), name);
  if (!deadline_ms) return deadline_ms.error();
  const Entry* entry = call.keyspace().peek(call.db(), key);
  const bool acts = entry != nullptr && conditions->allow(entry->expiry_ms(), *deadline_ms);
  if (acts) expire_at(call, key, *deadline_ms);
  call.reply().integer(acts ? 1 : 0);
  return kOk;
}

Result<void> expire(Call& call) {
  return expire_key(call, {.unit = TimeUnit::kSeconds}, "expire");
}

Result<void> pexpire(Call& call) {
  return expire_key(call, {.unit = TimeUnit::kMillis}, "pexpire");
}

Result<void> expireat(Call& call) {
  return expire_key(call, {.unit = TimeUnit::kSeconds, .absolute = true}, "expireat");
}

Result<void> pexpireat(Call& call) {
  return expire_key(call, {.unit = TimeUnit::kMillis, .absolute = true}, "pexpireat");
}

// -2: no such key; -1: it stays; otherwise what `answer` makes of its deadline.
template <class Answer>
Result<void> reply_deadline(Call& call, Answer answer) {
  const Entry* entry = call.keyspace().glance(call.db(), call.arg(1));
  if (entry == nullptr) {
    call.reply().integer(-2);
  } else if (!entry->expires()) {
    call.reply().integer(-1);
  } else {
    call.reply().integer(answer(entry->expiry_ms()));
  }
  return kOk;
}

int64_t rounded_seconds(int64_t ms) {
  return ms / 1000 + (ms % 1000 >= 500 ? 1 : 0);
}

Result<void> ttl(Call& call) {
  const int64_t now_ms = call.keyspace().now_ms();
  return reply_deadline(
      call, [&](int64_t at_ms) { return rounded_seconds(std::max<int64_t>(at_ms - now_ms, 0)); });
}

Result<void> pttl(Call& call) {
  const int64_t now_ms = call.keyspace().now_ms();
  return reply_deadline(call, [&](int64_t at_ms) { return std::max<int64_t>(at_ms - now_ms, 0); });
}

Result<void> expiretime(Call& call) {
  return reply_deadline(call, rounded_seconds);
}

Result<void> pexpiretime(Call& call) {
  return reply_deadline(call, [](int64_t at_ms) { return at_ms; });
}

Result<void> persist(Call& call) {
  const std::string_view key = call.arg(1);
  const Entry* entry = call.keyspace().peek(call.db(), key);
  const bool had_deadline = entry != nullptr && entry->expires();
  if (had_deadline) {
    call.keyspace().set_expiry(call.db(), key, Entry::kNoExpiry);
    call.notify(KeyspaceEvents::kGeneric, "persist", key);
  }
  call.reply().integer(had_deadline ? 1 : 0);
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "EXPIRE",
      .syntax = "key seconds:integer [condition: NX|XX|GT|LT]@7.0.0",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Set a key's time to live in seconds",
      .since = "1.0.0",
      .complexity = "O(1)",
      .history = "7.0.0: Added options: `NX`, `XX`, `GT` and `LT`."},
     expire},
    {{.name = "PEXPIRE",
      .syntax = "key milliseconds:integer [condition: NX|XX|GT|LT]@7.0.0",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Set a key's time to live in milliseconds",
      .since = "2.6.0",
      .complexity = "O(1)",
      .history = "7.0.0: Added options: `NX`, `XX`, `GT` and `LT`."},
     pexpire},
    {{.name = "EXPIREAT",
      .syntax = "key unix-time-seconds:unix-time [condition: NX|XX|GT|LT]@7.0.0",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Set the expiration for a key as a UNIX timestamp",
      .since = "1.2.0",
      .complexity = "O(1)",
      .history = "7.0.0: Added options: `NX`, `XX`, `GT` and `LT`."},
     expireat},
    {{.name = "PEXPIREAT",
      .syntax = "key unix-time-milliseconds:unix-time [condition: NX|XX|GT|LT]@7.0.0",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Set the expiration for a key as a UNIX timestamp specified in milliseconds",
      .since = "2.6.0",
      .complexity = "O(1)",
      .history = "7.0.0: Added options: `NX`, `XX`, `GT` and `LT`."},
     pexpireat},
    {{.name = "TTL",
      .syntax = "key",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get the time to live for a key in seconds",
      .since = "1.0.0",
      .complexity = "O(1)",
      .history = "2.8.0: Added the -2 reply.",
      .hints = "nondeterministic_output"},
     ttl},
    {{.name = "PTTL",
      .syntax = "key",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get the time to live for a key in milliseconds",
      .since = "2.6.0",
      .complexity = "O(1)",
      .history = "2.8.0: Added the -2 reply.",
      .hints = "nondeterministic_output"},
     pttl},
    {{.name = "EXPIRETIME",
      .syntax = "key",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get the expiration Unix timestamp for a key",
      .since = "7.0.0",
      .complexity = "O(1)"},
     expiretime},
    {{.name = "PEXPIRETIME",
      .syntax = "key",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get the expiration Unix timestamp for a key in milliseconds",
      .since = "7.0.0",
      .complexity = "O(1)"},
     pexpiretime},
    {{.name = "PERSIST",
      .syntax = "key",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Remove the expiration from a key",
      .since = "2.2.0",
      .complexity = "O(1)"},
     persist},
};

}  // namespace

CommandFamily<Call> expiry_commands() {
  return {.group = Group::kGeneric, .commands = kCommands};
}

}  // namespace redan
