// The deadlines of hash fields, as in Redis 7.4.
#include <optional>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/hashes/hash_access.h"
#include "server/command/hashes/hash_fields.h"

namespace redan {
namespace {

// What is answered for a field.
constexpr int64_t kNoField = -2;
constexpr int64_t kNoDeadline = -1;  // HTTL and HPERSIST
constexpr int64_t kNotAllowed = 0;
constexpr int64_t kSet = 1;
constexpr int64_t kDeleted = 2;

enum class Condition : uint8_t { kNone, kNx, kXx, kGt, kLt };

bool allows(Condition condition, int64_t current_ms, int64_t wanted_ms) {
  const bool stays = current_ms == HashField::kStays;
  switch (condition) {
    case Condition::kNone:
      return true;
    case Condition::kNx:
      return stays;
    case Condition::kXx:
      return !stays;
    case Condition::kGt:
      return !stays && wanted_ms > current_ms;
    case Condition::kLt:
      return stays || wanted_ms < current_ms;
  }
  return false;
}

Condition match_condition(ArgReader& words) {
  if (words.match("NX")) return Condition::kNx;
  if (words.match("XX")) return Condition::kXx;
  if (words.match("GT")) return Condition::kGt;
  if (words.match("LT")) return Condition::kLt;
  return Condition::kNone;
}

void reply_all(Call& call, size_t fields, int64_t code) {
  call.reply().array(fields);
  for (; fields > 0; --fields) call.reply().integer(code);
}

Result<void> expire_fields(Call& call, TimeForm form, std::string_view name) {
  const Result<Keyspace::Ref> ref = change_hash(call);
  if (!ref) return ref.error();
  const Result<int64_t> deadline_ms = field_deadline(call, call.arg(2), form, name);
  if (!deadline_ms) return deadline_ms.error();
  ArgReader words(call.args(), 3);
  const Condition condition = match_condition(words);
  const auto fields = field_words(call, condition == Condition::kNone ? 3 : 4,
                                  "Parameter `numFields` should be greater than 0");
  if (!fields) return fields.error();
  if (!*ref) {
    reply_all(call, fields->size(), kNoField);
    return kOk;
  }
  FieldEffects effects(call, call.arg(1));
  bool key_went = false;
  call.reply().array(fields->size());
  {
    HashEdit hash = edit_hash(call, *ref);
    for (const std::string_view field : *fields) {
      const std::optional<int64_t> current_ms = key_went ? std::nullopt : hash.expiry_ms(field);
      int64_t outcome = kSet;
      if (!current_ms) {
        outcome = kNoField;
      } else if (!allows(condition, *current_ms, *deadline_ms)) {
        outcome = kNotAllowed;
      } else if (effects.has_come(*deadline_ms)) {
        outcome = kDeleted;
        hash.erase(field);
        effects.erase(field);
        key_went = hash.size() == 0;
      } else {
        hash.set_expiry(field, *deadline_ms);
        effects.expire(field, *deadline_ms);
      }
      call.reply().integer(outcome);
    }
    if (key_went) hash.remove_key();
  }
  effects.tell(key_went);
  return kOk;
}

Result<void> hexpire(Call& call) {
  return expire_fields(call, {.unit = TimeUnit::kSeconds}, "hexpire");
}

Result<void> hpexpire(Call& call) {
  return expire_fields(call, {.unit = TimeUnit::kMillis}, "hpexpire");
}

Result<void> hexpireat(Call& call) {
  return expire_fields(call, {.unit = TimeUnit::kSeconds, .absolute = true}, "hexpireat");
}

Result<void> hpexpireat(Call& call) {
  return expire_fields(call, {.unit = TimeUnit::kMillis, .absolute = true}, "hpexpireat");
}

constexpr std::string_view kBadNumber = "Number of fields must be a positive integer";

// For each field -2: there is none; -1: it stays; otherwise what `answer` makes of its deadline.
template <class Answer>
Result<void> reply_deadlines(Call& call, Answer answer) {
  const Result<const Entry*> entry = read_hash(call);
  if (!entry) return entry.error();
  const auto fields = field_words(call, 2, kBadNumber);
  if (!fields) return fields.error();
  if (*entry == nullptr) {
    reply_all(call, fields->size(), kNoField);
    return kOk;
  }
  call.reply().array(fields->size());
  const HashView hash = view_of(call, **entry);
  for (const std::string_view field : *fields) {
    const std::optional<int64_t> at_ms = hash.expiry_ms(field);
    call.reply().integer(!at_ms                        ? kNoField
                         : *at_ms == HashField::kStays ? kNoDeadline
                                                       : answer(*at_ms));
  }
  return kOk;
}

// Up: a field with less than a second to live has one left.
int64_t whole_seconds(int64_t ms) {
  return (ms + 999) / 1000;
}

Result<void> httl(Call& call) {
  const int64_t now_ms = call.keyspace().now_ms();
  return reply_deadlines(call, [&](int64_t at_ms) { return whole_seconds(at_ms - now_ms); });
}

Result<void> hpttl(Call& call) {
  const int64_t now_ms = call.keyspace().now_ms();
  return reply_deadlines(call, [&](int64_t at_ms) { return at_ms - now_ms; });
}

Result<void> hexpiretime(Call& call) {
  return reply_deadlines(call, whole_seconds);
}

Result<void> hpexpiretime(Call& call) {
  return reply_deadlines(call, [](int64_t at_ms) { return at_ms; });
}

Result<void> hpersist(Call& call) {
  const Result<Keyspace::Ref> ref = change_hash(call);
  if (!ref) return ref.error();
  const auto fields = field_words(call, 2, kBadNumber);
  if (!fields) return fields.error();
  if (!*ref) {
    reply_all(call, fields->size(), kNoField);
    return kOk;
  }
  FieldEffects effects(call, call.arg(1));
  call.reply().array(fields->size());
  {
    HashEdit hash = edit_hash(call, *ref);
    for (const std::string_view field : *fields) {
      const std::optional<int64_t> current_ms = hash.expiry_ms(field);
      const bool had_deadline = current_ms && *current_ms != HashField::kStays;
      if (had_deadline) {
        hash.set_expiry(field, HashField::kStays);
        effects.persist(field);
      }
      call.reply().integer(!current_ms ? kNoField : had_deadline ? kSet : kNoDeadline);
    }
  }
  effects.tell(false);
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "HEXPIRE",
      .syntax = "key seconds:integer [condition: NX|XX|GT|LT] FIELDS (fields: numfields:integer "
                "field [field ...])",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Set expiry for hash field using relative time to expire (seconds)",
      .since = "7.4.0",
      .complexity = "O(N) where N is the number of specified fields"},
     hexpire},
    {{.name = "HPEXPIRE",
      .syntax = "key milliseconds:integer [condition: NX|XX|GT|LT] FIELDS (fields: "
                "numfields:integer field [field ...])",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Set expiry for hash field using relative time to expire (milliseconds)",
      .since = "7.4.0",
      .complexity = "O(N) where N is the number of specified fields"},
     hpexpire},
    {{.name = "HEXPIREAT",
      .syntax = "key unix-time-seconds:unix-time [condition: NX|XX|GT|LT] FIELDS (fields: "
                "numfields:integer field [field ...])",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Set expiry for hash field using an absolute Unix timestamp (seconds)",
      .since = "7.4.0",
      .complexity = "O(N) where N is the number of specified fields"},
     hexpireat},
    {{.name = "HPEXPIREAT",
      .syntax = "key unix-time-milliseconds:unix-time [condition: NX|XX|GT|LT] FIELDS (fields: "
                "numfields:integer field [field ...])",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Set expiry for hash field using an absolute Unix timestamp (milliseconds)",
      .since = "7.4.0",
      .complexity = "O(N) where N is the number of specified fields"},
     hpexpireat},
    {{.name = "HTTL",
      .syntax = "key FIELDS (fields: numfields:integer field [field ...])",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Returns the TTL in seconds of a hash field.",
      .since = "7.4.0",
      .complexity = "O(N) where N is the number of specified fields",
      .hints = "nondeterministic_output"},
     httl},
    {{.name = "HPTTL",
      .syntax = "key FIELDS (fields: numfields:integer field [field ...])",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Returns the TTL in milliseconds of a hash field.",
      .since = "7.4.0",
      .complexity = "O(N) where N is the number of specified fields",
      .hints = "nondeterministic_output"},
     hpttl},
    {{.name = "HEXPIRETIME",
      .syntax = "key FIELDS (fields: numfields:integer field [field ...])",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Returns the expiration time of a hash field as a Unix timestamp, in seconds.",
      .since = "7.4.0",
      .complexity = "O(N) where N is the number of specified fields"},
     hexpiretime},
    {{.name = "HPEXPIRETIME",
      .syntax = "key FIELDS (fields: numfields:integer field [field ...])",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Returns the expiration time of a hash field as a Unix timestamp, in msec.",
      .since = "7.4.0",
      .complexity = "O(N) where N is the number of specified fields"},
     hpexpiretime},
    {{.name = "HPERSIST",
      .syntax = "key FIELDS (fields: numfields:integer field [field ...])",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Removes the expiration time for each specified field",
      .since = "7.4.0",
      .complexity = "O(N) where N is the number of specified fields"},
     hpersist},
};

}  // namespace

CommandFamily<Call> hash_expiry_commands() {
  return {.group = Group::kHash, .commands = kCommands};
}

}  // namespace redan
