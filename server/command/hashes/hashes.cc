// The hash commands that name their fields.
#include <cmath>
#include <optional>

#include "common/base/double_text.h"
#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/hashes/hash_access.h"

namespace redan {
namespace {

// Sets the pairs of a request and answers how many fields are new.
Result<int64_t> set_pairs(Call& call, std::string_view name) {
  if (call.arg_count() % 2 != 0) return wrong_arity(name);
  const std::string_view key = call.arg(1);
  const Result<Keyspace::Ref> ref = change_hash(call);
  if (!ref) return ref.error();
  int64_t added = 0;
  {
    HashEdit hash = edit_hash(call, *ref);
    added = static_cast<int64_t>(hash.set_pairs(call.args().subspan(2)));
  }
  call.keyspace().changed(call.db(), key, (call.arg_count() - 2) / 2);
  call.notify(KeyspaceEvents::kHash, "hset", key);
  return added;
}

Result<void> hset(Call& call) {
  const Result<int64_t> added = set_pairs(call, "hset");
  if (!added) return added.error();
  call.reply().integer(*added);
  return kOk;
}

Result<void> hmset(Call& call) {
  const Result<int64_t> added = set_pairs(call, "hmset");
  if (!added) return added.error();
  call.reply().ok();
  return kOk;
}

Result<void> hsetnx(Call& call) {
  const std::string_view key = call.arg(1);
  const Result<Keyspace::Ref> ref = change_hash(call);
  if (!ref) return ref.error();
  HashEdit hash = edit_hash(call, *ref);
  if (hash.find(call.arg(2))) {
    call.reply().integer(0);
    return kOk;
  }
  // Replicas see what is only hidden here.
  if (hash.hides(call.arg(2))) call.propagate_as({"HSET", key, call.arg(2), call.arg(3)});
  hash.set(call.arg(2), call.arg(3));
  call.keyspace().changed(call.db(), key);
  call.notify(KeyspaceEvents::kHash, "hset", key);
  call.reply().integer(1);
  return kOk;
}

Result<void> hdel(Call& call) {
  const std::string_view key = call.arg(1);
  const Result<Keyspace::Ref> ref = change_hash(call);
  if (!ref) return ref.error();
  uint64_t deleted = 0;
  bool key_went = false;
  if (*ref) {
    HashEdit hash = edit_hash(call, *ref);
    for (size_t i = 2; i < call.arg_count() && !key_went; ++i) {
      if (!hash.erase(call.arg(i))) continue;
      ++deleted;
      key_went = hash.size() == 0;
    }
    if (key_went) hash.remove_key();
  }
  if (deleted > 0) {
    call.keyspace().changed(call.db(), key, deleted);
    call.notify(KeyspaceEvents::kHash, "hdel", key);
    if (key_went) call.notify(KeyspaceEvents::kGeneric, "del", key);
  }
  call.reply().integer(static_cast<int64_t>(deleted));
  return kOk;
}

Result<void> hincrby(Call& call) {
  const std::string_view key = call.arg(1);
  const Result<int64_t> delta = integer_arg(call.arg(3));
  if (!delta) return delta.error();
  const Result<Keyspace::Ref> ref = change_hash(call);
  if (!ref) return ref.error();
  HashEdit hash = edit_hash(call, *ref);
  int64_t sum = 0;
  if (const auto old = hash.find(call.arg(2))) {
    const std::optional<int64_t> number = old->is_integer ? old->integer : parse_int64(old->text);
    if (!number) return Error("hash value is not an integer");
    sum = *number;
  }
  if (__builtin_add_overflow(sum, *delta, &sum)) {
    return Error("increment or decrement would overflow");
  }
  // Replicas see what is only hidden here.
  if (hash.hides(call.arg(2))) call.propagate_as({"HSET", key, call.arg(2), Digits(sum).view()});
  hash.set(call.arg(2), Digits(sum).view(), FieldExpiry::kKeep);
  call.keyspace().changed(call.db(), key);
  call.notify(KeyspaceEvents::kHash, "hincrby", key);
  call.reply().integer(sum);
  return kOk;
}

Result<void> hincrbyfloat(Call& call) {
  const std::string_view key = call.arg(1);
  const std::string_view field = call.arg(2);
  const auto delta = parse_long_double(call.arg(3));
  if (!delta) return not_a_float();
  if (std::isnan(*delta) || std::isinf(*delta)) return Error("value is NaN or Infinity");
  const Result<Keyspace::Ref> ref = change_hash(call);
  if (!ref) return ref.error();
  HashEdit hash = edit_hash(call, *ref);
  long double sum = 0;
  if (const auto old = hash.find(field)) {
    Listpack::Scratch scratch;
    const auto number = parse_long_double(old->view(scratch));
    if (!number) return Error("hash value is not a float");
    sum = *number;
  }
  sum += *delta;
  if (std::isnan(sum) || std::isinf(sum)) {
    return Error("increment would produce NaN or Infinity");
  }
  const std::string text = format_long_double_human(sum);
  const int64_t expiry_ms = hash.expiry_ms(field).value_or(HashField::kStays);
  hash.set(field, text, FieldExpiry::kKeep);
  call.keyspace().changed(call.db(), key);
  call.notify(KeyspaceEvents::kHash, "hincrbyfloat", key);
  call.reply().bulk(text);
  // The sum, not the summand: another machine may round differently.
  call.propagate_as({"HSET", key, field, text});
  if (expiry_ms == HashField::kStays) return kOk;
  call.propagate_as({"HPEXPIREAT", key, Digits(expiry_ms).view(), "FIELDS", "1", field});
  return kOk;
}

// The value of a field that is named by argument 2.
Result<std::optional<HashView::Text>> read_field(Call& call) {
  const Result<const Entry*> entry = read_hash(call);
  if (!entry) return entry.error();
  if (*entry == nullptr) return std::optional<HashView::Text>();
  return view_of(call, **entry).find(call.arg(2));
}

Result<void> hget(Call& call) {
  const auto value = read_field(call);
  if (!value) return value.error();
  reply_field(call.reply(), *value);
  return kOk;
}

Result<void> hmget(Call& call) {
  const Result<const Entry*> entry = read_hash(call);
  if (!entry) return entry.error();
  call.reply().array(call.arg_count() - 2);
  for (size_t i = 2; i < call.arg_count(); ++i) {
    if (*entry == nullptr) {
      call.reply().null();
    } else {
      reply_field(call.reply(), view_of(call, **entry).find(call.arg(i)));
    }
  }
  return kOk;
}

Result<void> hexists(Call& call) {
  const auto value = read_field(call);
  if (!value) return value.error();
  call.reply().integer(value->has_value() ? 1 : 0);
  return kOk;
}

Result<void> hstrlen(Call& call) {
  const auto value = read_field(call);
  if (!value) return value.error();
  call.reply().integer(value->has_value() ? static_cast<int64_t>((**value).length()) : 0);
  return kOk;
}

Result<void> hlen(Call& call) {
  const Result<const Entry*> entry = read_hash(call);
  if (!entry) return entry.error();
  call.reply().integer(*entry == nullptr ? 0 : static_cast<int64_t>(HashView(**entry).size()));
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "HSET",
      .syntax = "key field value [field value ...]",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Set the string value of a hash field",
      .since = "2.0.0",
      .complexity = "O(1) for each field/value pair added, so O(N) to add N field/value pairs when "
                    "the command is called with multiple field/value pairs.",
      .history = "4.0.0: Accepts multiple `field` and `value` arguments."},
     hset},
    {{.name = "HMSET",
      .syntax = "key field value [field value ...]",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Set multiple hash fields to multiple values",
      .since = "2.0.0",
      .complexity = "O(N) where N is the number of fields being set.",
      .deprecated_since = "4.0.0",
      .replaced_by = "`HSET` with multiple field-value pairs"},
     hmset},
    {{.name = "HSETNX",
      .syntax = "key field value",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyInsert),
      .summary = "Set the value of a hash field, only if the field does not exist",
      .since = "2.0.0",
      .complexity = "O(1)"},
     hsetnx},
    {{.name = "HDEL",
      .syntax = "key field [field ...]",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyDelete),
      .summary = "Delete one or more hash fields",
      .since = "2.0.0",
      .complexity = "O(N) where N is the number of fields to be removed.",
      .history = "2.4.0: Accepts multiple `field` arguments."},
     hdel},
    {{.name = "HINCRBY",
      .syntax = "key field increment:integer",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyUpdate),
      .summary = "Increment the integer value of a hash field by the given number",
      .since = "2.0.0",
      .complexity = "O(1)"},
     hincrby},
    {{.name = "HINCRBYFLOAT",
      .syntax = "key field increment:double",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyUpdate),
      .summary = "Increment the float value of a hash field by the given amount",
      .since = "2.6.0",
      .complexity = "O(1)"},
     hincrbyfloat},
    {{.name = "HGET",
      .syntax = "key field",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get the value of a hash field",
      .since = "2.0.0",
      .complexity = "O(1)"},
     hget},
    {{.name = "HMGET",
      .syntax = "key field [field ...]",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get the values of all the given hash fields",
      .since = "2.0.0",
      .complexity = "O(N) where N is the number of fields being requested."},
     hmget},
    {{.name = "HEXISTS",
      .syntax = "key field",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO),
      .summary = "Determine if a hash field exists",
      .since = "2.0.0",
      .complexity = "O(1)"},
     hexists},
    {{.name = "HSTRLEN",
      .syntax = "key field",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO),
      .summary = "Get the length of the value of a hash field",
      .since = "3.2.0",
      .complexity = "O(1)"},
     hstrlen},
    {{.name = "HLEN",
      .syntax = "key",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO),
      .summary = "Get the number of fields in a hash",
      .since = "2.0.0",
      .complexity = "O(1)"},
     hlen},
};

}  // namespace

CommandFamily<Call> hash_commands() {
  return {.group = Group::kHash, .commands = kCommands};
}

}  // namespace redan
