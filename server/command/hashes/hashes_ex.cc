// HGETDEL, HGETEX and HSETEX of Redis 8: values, and what becomes of their fields, in one step.
#include <algorithm>
#include <optional>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/hashes/hash_access.h"
#include "server/command/hashes/hash_fields.h"

namespace redan {
namespace {

std::optional<TimeForm> match_time(ArgReader& words) {
  if (words.match("EX")) return TimeForm{TimeUnit::kSeconds, false};
  if (words.match("PX")) return TimeForm{TimeUnit::kMillis, false};
  if (words.match("EXAT")) return TimeForm{TimeUnit::kSeconds, true};
  if (words.match("PXAT")) return TimeForm{TimeUnit::kMillis, true};
  return std::nullopt;
}

// Answers the value of each field, and does to those that are there what `then` says; a hash that
// lost its last field goes.
template <class Then>
void get_each(Call& call, Keyspace::Ref ref, std::span<const std::string_view> fields,
              Then&& then) {
  call.reply().array(fields.size());
  if (!ref) {
    for (size_t i = 0; i < fields.size(); ++i) call.reply().null();
    return;
  }
  FieldEffects effects(call, call.arg(1));
  bool key_went = false;
  {
    HashEdit hash = edit_hash(call, ref);
    for (const std::string_view field : fields) {
      const auto value = key_went ? std::nullopt : hash.find(field);
      reply_field(call.reply(), value);
      if (!value) continue;
      then(field, hash, effects);
      key_went = hash.size() == 0;
    }
    if (key_went) hash.remove_key();
  }
  effects.tell(key_went);
}

void erase_field(std::string_view field, HashEdit& hash, FieldEffects& effects) {
  hash.erase(field);
  effects.erase(field);
}

Result<void> hgetdel(Call& call) {
  const Result<Keyspace::Ref> ref = change_hash(call);
  if (!ref) return ref.error();
  const auto fields = field_words(call, 2, "Number of fields must be a positive integer");
  if (!fields) return fields.error();
  get_each(call, *ref, *fields, erase_field);
  return kOk;
}

// What HGETEX and HSETEX do to the deadlines of their fields.
struct Deadlines {
  std::optional<int64_t> at_ms;
  bool keep = false;     // HSETEX KEEPTTL
  bool persist = false;  // HGETEX PERSIST
  bool given() const { return at_ms || keep || persist; }
};

// Takes an option about deadlines; false: the next word is none.
Result<bool> take_deadline(Call& call, ArgReader& words, std::string_view command,
                           std::string_view other, Deadlines& deadlines) {
  const bool is_other = words.match(other);
  const std::optional<TimeForm> form = is_other ? std::nullopt : match_time(words);
  if (!is_other && !form) return false;
  if (deadlines.given()) {
    return Error("Only one of EX, PX, EXAT, PXAT or " + std::string(other) +
                 " arguments can be specified");
  }
  if (is_other) {
    (other == "KEEPTTL" ? deadlines.keep : deadlines.persist) = true;
    return true;
  }
  if (!words.more()) return Error("missing expire time");
  const Result<int64_t> at_ms = field_deadline(call, words.next(), *form, command);
  if (!at_ms) return at_ms.error();
  deadlines.at_ms = *at_ms;
  return true;
}

Result<void> hgetex(Call& call) {
  const Result<Keyspace::Ref> ref = change_hash(call);
  if (!ref) return ref.error();
  Deadlines deadlines;
  ArgReader words(call.args(), 2);
  for (;;) {
    const Result<bool> taken = take_deadline(call, words, "hgetex", "PERSIST", deadlines);
    if (!taken) return taken.error();
    if (!*taken) break;
  }
  const auto fields = field_words(call, call.arg_count() - words.left(),
                                  "Number of fields must be a positive integer");
  if (!fields) return fields.error();
  get_each(call, *ref, *fields, [&](std::string_view field, HashEdit& hash, FieldEffects& effects) {
    if (deadlines.at_ms && effects.has_come(*deadlines.at_ms)) {
      erase_field(field, hash, effects);
    } else if (deadlines.at_ms) {
      hash.set_expiry(field, *deadlines.at_ms);
      effects.expire(field, *deadlines.at_ms);
    } else if (deadlines.persist && hash.expiry_ms(field) != HashField::kStays) {
      hash.set_expiry(field, HashField::kStays);
      effects.persist(field);
    }
  });
  return kOk;
}

struct SetOptions {
  enum class If : uint8_t { kAlways, kNoneExists, kAllExist };
  If condition = If::kAlways;
  Deadlines deadlines;
  std::span<const std::string_view> pairs;
};

// FIELDS numfields field value [field value ...]
Result<void> take_pairs(Call& call, ArgReader& words, SetOptions& options) {
  if (!options.pairs.empty()) return Error("FIELDS keyword specified multiple times");
  if (!words.more()) return Error("missing FIELDS argument");
  const auto number = parse_int64(words.next());
  if (!number || *number < 1) return Error("invalid number of fields");
  if (static_cast<uint64_t>(*number) > words.left() / 2) return wrong_arity("hsetex");
  const size_t count = static_cast<size_t>(*number) * 2;
  options.pairs = call.args().subspan(call.arg_count() - words.left(), count);
  for (size_t i = 0; i < count; ++i) words.next();
  return kOk;
}

Result<SetOptions> read_set_options(Call& call) {
  SetOptions options;
  ArgReader words(call.args(), 2);
  while (words.more()) {
    const Result<bool> taken = take_deadline(call, words, "hsetex", "KEEPTTL", options.deadlines);
    if (!taken) return taken.error();
    if (*taken) continue;
    const bool none = words.match("FNX");
    if (none || words.match("FXX")) {
      if (options.condition != SetOptions::If::kAlways) {
        return Error("Only one of FXX or FNX arguments can be specified");
      }
      options.condition = none ? SetOptions::If::kNoneExists : SetOptions::If::kAllExist;
    } else if (words.match("FIELDS")) {
      const Result<void> pairs = take_pairs(call, words, options);
      if (!pairs) return pairs.error();
    } else {
      return Error("unknown argument: " + std::string(words.next()));
    }
  }
  if (options.pairs.empty()) return Error("missing FIELDS argument");
  return options;
}

bool may_set(const HashEdit& hash, const SetOptions& options) {
  if (options.condition == SetOptions::If::kAlways) return true;
  const bool wanted = options.condition == SetOptions::If::kAllExist;
  for (size_t i = 0; i < options.pairs.size(); i += 2) {
    if (hash.find(options.pairs[i]).has_value() != wanted) return false;
  }
  return true;
}

void set_pair(HashEdit& hash, std::string_view field, std::string_view value,
              const Deadlines& deadlines, FieldEffects& effects) {
  const int64_t kept_ms =
      deadlines.keep ? hash.expiry_ms(field).value_or(HashField::kStays) : HashField::kStays;
  hash.set(field, value, deadlines.keep ? FieldExpiry::kKeep : FieldExpiry::kDiscard);
  effects.set(field, value);
  const int64_t deadline_ms = deadlines.at_ms.value_or(kept_ms);
  if (deadline_ms == HashField::kStays) return;
  if (deadlines.at_ms) hash.set_expiry(field, deadline_ms);
  effects.expire(field, deadline_ms);
}

Result<void> hsetex(Call& call) {
  const Result<SetOptions> options = read_set_options(call);
  if (!options) return options.error();
  const Result<Keyspace::Ref> ref = change_hash(call);
  if (!ref) return ref.error();
  FieldEffects effects(call, call.arg(1));
  bool key_went = false;
  {
    HashEdit hash = edit_hash(call, *ref);
    if (!may_set(hash, *options)) {
      call.reply().integer(0);
      return kOk;
    }
    const bool come = options->deadlines.at_ms && effects.has_come(*options->deadlines.at_ms);
    for (size_t i = 0; i < options->pairs.size(); i += 2) {
      const std::string_view field = options->pairs[i];
      if (!come) {
        set_pair(hash, field, options->pairs[i + 1], options->deadlines, effects);
      } else if (!key_went && hash.erase(field)) {
        effects.erase(field);
        key_went = hash.size() == 0;
      }
    }
    if (key_went) hash.remove_key();
  }
  effects.tell(key_went);
  call.reply().integer(1);
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "HGETDEL",
      .syntax = "key FIELDS (fields: numfields:integer field [field ...])",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyDelete),
      .summary = "Returns the value of a field and deletes it from the hash.",
      .since = "8.0.0",
      .complexity = "O(N) where N is the number of specified fields"},
     hgetdel},
    {{.name = "HGETEX",
      .syntax = "key [expiration: EX seconds:integer|PX milliseconds:integer|EXAT "
                "unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|PERSIST] FIELDS "
                "(fields: numfields:integer field [field ...])",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyUpdate),
      .summary =
          "Get the value of one or more fields of a given hash key, and optionally set their "
          "expiration.",
      .since = "8.0.0",
      .complexity = "O(N) where N is the number of specified fields"},
     hgetex},
    {{.name = "HSETEX",
      .syntax = "key [condition: FNX|FXX] [expiration: EX seconds:integer|PX milliseconds:integer|"
                "EXAT unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|KEEPTTL] "
                "FIELDS (fields: numfields:integer field value [field value ...])",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary =
          "Set the value of one or more fields of a given hash key, and optionally set their "
          "expiration.",
      .since = "8.0.0",
      .complexity = "O(N) where N is the number of fields being set."},
     hsetex},
};

}  // namespace

CommandFamily<Call> hash_ex_commands() {
  return {.group = Group::kHash, .commands = kCommands};
}

}  // namespace redan
