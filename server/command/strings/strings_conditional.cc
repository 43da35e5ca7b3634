// Commands of strings that came after Redis 7.2: several keys with one deadline, and deleting a key
// only if it is what the client believes it to be.
#include <optional>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/expiration.h"
#include "server/command/families.h"
#include "server/command/key_effects.h"
#include "server/command/strings/set_options.h"
#include "server/command/strings/string_values.h"
#include "server/command/strings/value_condition.h"

namespace redan {
namespace {

void delete_key(Call& call, std::string_view key) {
  call.keyspace().erase(call.db(), key, free_by(call.config().lazyfree_lazy_user_del));
  call.notify(KeyspaceEvents::kGeneric, "del", key);
  call.propagate_as({"DEL", key});
}

Result<void> delete_if(Call& call, const ValueCondition& condition) {
  if (const Result<void> good = condition.check(); !good) return good;
  const Entry* entry = call.keyspace().peek(call.db(), call.arg(1));
  if (entry != nullptr && !entry->is_string()) return wrong_type();
  const bool deletes = entry != nullptr && condition.holds(entry);
  if (deletes) delete_key(call, call.arg(1));
  call.reply().integer(deletes ? 1 : 0);
  return kOk;
}

Result<void> delex(Call& call) {
  if (call.arg_count() == 2) {
    const bool exists = call.keyspace().peek(call.db(), call.arg(1)) != nullptr;
    if (exists) delete_key(call, call.arg(1));
    call.reply().integer(exists ? 1 : 0);
    return kOk;
  }
  ArgReader words(call.args(), 2);
  const std::optional<ValueCondition> condition = ValueCondition::match(words);
  if (!condition || words.more()) return syntax_error();
  return delete_if(call, *condition);
}

Result<void> delifeq(Call& call) {
  return delete_if(call, {ValueCondition::Kind::kEqual, call.arg(2)});
}

Result<void> digest(Call& call) {
  const Result<const Entry*> entry = read_string(call, call.arg(1));
  if (!entry) return entry.error();
  if (*entry == nullptr) {
    call.reply().null();
    return kOk;
  }
  Entry::Scratch scratch;
  call.reply().bulk(value_digest_hex((*entry)->string(scratch)));
  return kOk;
}

// Each key by itself, so that any version understands it.
void propagate_each(Call& call, size_t end, std::optional<int64_t> deadline_ms, bool keep_ttl) {
  const Digits deadline(deadline_ms.value_or(0));
  for (size_t i = 2; i < end; i += 2) {
    if (deadline_ms) {
      call.propagate_as({"SET", call.arg(i), call.arg(i + 1), "PXAT", deadline.view()});
    } else if (keep_ttl) {
      call.propagate_as({"SET", call.arg(i), call.arg(i + 1), "KEEPTTL"});
    } else {
      call.propagate_as({"SET", call.arg(i), call.arg(i + 1)});
    }
  }
}

Result<void> msetex(Call& call) {
  const Result<int64_t> pairs = integer_arg(call.arg(1));
  if (!pairs || *pairs <= 0) return Error("invalid numkeys value");
  // (Compared so that a huge number does not overflow.)
  if (static_cast<uint64_t>(*pairs) > (call.arg_count() - 2) / 2) {
    return Error("wrong number of key-value pairs");
  }
  const size_t end = 2 + static_cast<size_t>(*pairs) * 2;
  const Result<SetOptions> options =
      read_set_options(ArgReader(call.args(), end), SetOptionsOf::kMSetEx);
  if (!options) return options.error();
  Keyspace& keyspace = call.keyspace();
  const Result<std::optional<int64_t>> deadline_ms =
      deadline_of(*options, keyspace.now_ms(), "msetex");
  if (!deadline_ms) return deadline_ms.error();

  for (size_t i = 2; i < end; i += 2) {
    const bool exists = keyspace.peek(call.db(), call.arg(i)) != nullptr;
    if ((options->only_new && exists) || (options->only_existing && !exists)) {
      call.reply().integer(0);
      return kOk;
    }
  }
  const SetExpiry expiry = *deadline_ms        ? SetExpiry::at(**deadline_ms)
                           : options->keep_ttl ? SetExpiry::keep()
                                               : SetExpiry{};
  for (size_t i = 2; i < end; i += 2) {
    keyspace.set_string(call.db(), call.arg(i), call.arg(i + 1), expiry);
    call.notify(KeyspaceEvents::kString, "set", call.arg(i));
    if (*deadline_ms) call.notify(KeyspaceEvents::kGeneric, "expire", call.arg(i));
  }
  propagate_each(call, end, *deadline_ms, options->keep_ttl);
  call.reply().integer(1);
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "DELEX",
      .syntax = "key [condition: IFEQ ifeq-value|IFNE ifne-value|IFDEQ ifdeq-digest|IFDNE "
                "ifdne-digest]",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyDelete),
      .summary = "Deletes a key if its value, or the digest of it, is (or is not) as given",
      .since = "8.4.0",
      .complexity = "O(1) for IFEQ and IFNE, O(N) for IFDEQ and IFDNE where N is the length of the "
                    "value"},
     delex},
    {{.name = "DELIFEQ",
      .syntax = "key value",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyDelete),
      .summary = "Deletes a key if its value is as given (Valkey's name for DELEX key IFEQ value)",
      .since = "9.0.0",
      .complexity = "O(1)"},
     delifeq},
    {{.name = "DIGEST",
      .syntax = "key",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Answers the XXH3 digest of a string as 16 hexadecimal digits",
      .since = "8.4.0",
      .complexity = "O(N) where N is the length of the value"},
     digest},
    {{.name = "MSETEX",
      .syntax = "numkeys:integer key value [key value ...] [condition: NX|XX] "
                "[expiration: EX seconds:integer|PX milliseconds:integer|EXAT "
                "unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|KEEPTTL]",
      .flags = kWrite | kDenyOom | kMovableKeys,
      .keys = {KeySpec{.flags = kKeyOW | kKeyUpdate,
                       .begin = KeySpec::Begin::kIndex,
                       .index = 1,
                       .find = KeySpec::Find::kKeyNum,
                       .step = 2,
                       .count_index = 0,
                       .first_key = 1}},
      .summary = "Sets several strings at once, with one deadline for all of them",
      .since = "8.4.0",
      .complexity = "O(N) where N is the number of keys",
      .hints = "request_policy:multi_shard\nresponse_policy:all_succeeded"},
     msetex},
};

}  // namespace

CommandFamily<Call> string_conditional_commands() {
  return {.group = Group::kString, .commands = kCommands};
}

}  // namespace redan
