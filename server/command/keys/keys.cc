// The commands that look at, delete, copy and rename keys, whatever their values are.
#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/key_effects.h"
#include "server/command/keys_ahead.h"
#include "server/command/type_names.h"

namespace redan {
namespace {

Result<void> erase_keys(Call& call, Keyspace::Free how) {
  int64_t erased = 0;
  KeysAhead ahead(call, 1);
  for (size_t i = 1; i < call.arg_count(); ++i) {
    ahead.reach(i);
    const std::string_view key = call.arg(i);
    // A key that has expired is gone already, though it may still be in the table.
    if (call.keyspace().peek(call.db(), key) == nullptr) continue;
    if (!call.keyspace().erase(call.db(), key, how)) continue;
    call.notify(KeyspaceEvents::kGeneric, "del", key);
    ++erased;
  }
  call.reply().integer(erased);
  return kOk;
}

Result<void> del(Call& call) {
  return erase_keys(call, free_by(call.config().lazyfree_lazy_user_del));
}

Result<void> unlink(Call& call) {
  return erase_keys(call, Keyspace::Free::kLazily);
}

Result<void> exists(Call& call) {
  int64_t found = 0;
  KeysAhead ahead(call, 1);
  for (size_t i = 1; i < call.arg_count(); ++i) {
    ahead.reach(i);
    found += call.keyspace().glance(call.db(), call.arg(i)) != nullptr ? 1 : 0;
  }
  call.reply().integer(found);
  return kOk;
}

Result<void> touch(Call& call) {
  int64_t found = 0;
  KeysAhead ahead(call, 1);
  for (size_t i = 1; i < call.arg_count(); ++i) {
    ahead.reach(i);
    found += call.keyspace().read(call.db(), call.arg(i)) != nullptr ? 1 : 0;
  }
  call.reply().integer(found);
  return kOk;
}

Result<void> type(Call& call) {
  const Entry* entry = call.keyspace().glance(call.db(), call.arg(1));
  call.reply().simple(entry == nullptr ? "none" : name_of(entry->type()));
  return kOk;
}

void rename_key(Call& call) {
  call.keyspace().rename(call.db(), call.arg(1), call.arg(2));
  call.notify(KeyspaceEvents::kGeneric, "rename_from", call.arg(1));
  call.notify(KeyspaceEvents::kGeneric, "rename_to", call.arg(2));
}

Result<void> rename(Call& call) {
  Keyspace& keyspace = call.keyspace();
  if (keyspace.peek(call.db(), call.arg(1)) == nullptr) return no_such_key();
  if (call.arg(1) != call.arg(2)) rename_key(call);
  call.reply().ok();
  return kOk;
}

Result<void> renamenx(Call& call) {
  Keyspace& keyspace = call.keyspace();
  if (keyspace.peek(call.db(), call.arg(1)) == nullptr) return no_such_key();
  const bool is_free = keyspace.peek(call.db(), call.arg(2)) == nullptr;
  if (is_free) rename_key(call);
  call.reply().integer(is_free ? 1 : 0);
  return kOk;
}

Result<void> move(Call& call) {
  if (call.keyspace().has_slots()) return Error("MOVE is not allowed in cluster mode");
  const std::string_view key = call.arg(1);
  const Result<int> to = database_arg(call, call.arg(2));
  if (!to) return to.error();
  if (*to == call.db()) return same_object();
  Keyspace& keyspace = call.keyspace();
  const bool can_move =
      keyspace.peek(call.db(), key) != nullptr && keyspace.peek(*to, key) == nullptr;
  if (can_move) {
    keyspace.move(call.db(), key, *to);
    call.notify(KeyspaceEvents::kGeneric, "move_from", key);
    call.notify(KeyspaceEvents::kGeneric, "move_to", key, *to);
  }
  call.reply().integer(can_move ? 1 : 0);
  return kOk;
}

Result<void> copy(Call& call) {
  const std::string_view from = call.arg(1);
  const std::string_view to = call.arg(2);
  int to_db = call.db();
  bool replace = false;
  ArgReader words(call.args(), 3);
  while (words.more()) {
    if (words.match("REPLACE")) {
      replace = true;
    } else if (words.match_with("DB", 1)) {
      const std::string_view word = words.next();
      if (call.keyspace().has_slots() && parse_int64(word).value_or(0) != 0) {
        return Error("Copying to another database is not allowed in cluster mode");
      }
      const Result<int> db = database_arg(call, word);
      if (!db) return db.error();
      to_db = *db;
    } else {
      return syntax_error();
    }
  }
  if (to_db == call.db() && from == to) return same_object();

  Keyspace& keyspace = call.keyspace();
  const bool has_source = keyspace.read(call.db(), from) != nullptr;
  const bool has_target = has_source && keyspace.peek(to_db, to) != nullptr;
  const bool copies = has_source && (!has_target || replace);
  if (copies) {
    if (has_target) keyspace.erase(to_db, to, free_by(call.config().lazyfree_lazy_server_del));
    keyspace.copy(call.db(), from, to_db, to);
    call.notify(KeyspaceEvents::kGeneric, "copy_to", to, to_db);
  }
  call.reply().integer(copies ? 1 : 0);
  return kOk;
}

Result<void> randomkey(Call& call) {
  const Entry* entry = call.keyspace().random(call.db());
  if (entry == nullptr) {
    call.reply().null();
  } else {
    call.reply().bulk(entry->key());
  }
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "DEL",
      .syntax = "key [key ...]",
      .flags = kWrite,
      .keys = keys_at(1, -1, 1, kKeyRM | kKeyDelete),
      .summary = "Delete a key",
      .since = "1.0.0",
      .complexity = "O(N) where N is the number of keys that will be removed. When a key to remove "
                    "holds a value other than a string, the individual complexity for this key is "
                    "O(M) where M is the number of elements in the list, set, sorted set or hash. "
                    "Removing a single key that holds a string value is O(1).",
      .hints = "request_policy:multi_shard\nresponse_policy:agg_sum"},
     del},
    {{.name = "UNLINK",
      .syntax = "key [key ...]",
      .flags = kWrite | kFast,
      .keys = keys_at(1, -1, 1, kKeyRM | kKeyDelete),
      .summary = "Delete a key asynchronously in another thread. Otherwise it is just as DEL, but "
                 "non blocking.",
      .since = "4.0.0",
      .complexity = "O(1) for each key removed regardless of its size. Then the command does O(N) "
                    "work in a different thread in order to reclaim memory, where N is the number "
                    "of allocations the deleted objects where composed of.",
      .hints = "request_policy:multi_shard\nresponse_policy:agg_sum"},
     unlink},
    {{.name = "EXISTS",
      .syntax = "key [key ...]",
      .flags = kReadOnly | kFast,
      .keys = keys_at(1, -1, 1, kKeyRO),
      .summary = "Determine if a key exists",
      .since = "1.0.0",
      .complexity = "O(N) where N is the number of keys to check.",
      .history = "3.0.3: Accepts multiple `key` arguments.",
      .hints = "request_policy:multi_shard\nresponse_policy:agg_sum"},
     exists},
    {{.name = "TOUCH",
      .syntax = "key [key ...]",
      .flags = kReadOnly | kFast,
      .keys = keys_at(1, -1, 1, kKeyRO),
      .summary =
          "Alters the last access time of a key(s). Returns the number of existing keys specified.",
      .since = "3.2.1",
      .complexity = "O(N) where N is the number of keys that will be touched.",
      .hints = "request_policy:multi_shard\nresponse_policy:agg_sum"},
     touch},
    {{.name = "TYPE",
      .syntax = "key",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO),
      .summary = "Determine the type stored at key",
      .since = "1.0.0",
      .complexity = "O(1)"},
     type},
    {{.name = "RENAME",
      .syntax = "key newkey:key",
      .flags = kWrite,
      .keys = {KeySpec{.flags = kKeyRW | kKeyAccess | kKeyDelete,
                       .begin = KeySpec::Begin::kIndex,
                       .index = 1},
               KeySpec{.flags = kKeyOW | kKeyUpdate, .begin = KeySpec::Begin::kIndex, .index = 2}},
      .summary = "Rename a key",
      .since = "1.0.0",
      .complexity = "O(1)"},
     rename},
    {{.name = "RENAMENX",
      .syntax = "key newkey:key",
      .flags = kWrite | kFast,
      .keys = {KeySpec{.flags = kKeyRW | kKeyAccess | kKeyDelete,
                       .begin = KeySpec::Begin::kIndex,
                       .index = 1},
               KeySpec{.flags = kKeyOW | kKeyInsert, .begin = KeySpec::Begin::kIndex, .index = 2}},
      .summary = "Rename a key, only if the new key does not exist",
      .since = "1.0.0",
      .complexity = "O(1)",
      .history = "3.2.0: The command no longer returns an error when source and destination names "
                 "are the same."},
     renamenx},
    {{.name = "MOVE",
      .syntax = "key db:integer",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyUpdate),
      .summary = "Move a key to another database",
      .since = "1.0.0",
      .complexity = "O(1)"},
     move},
    {{.name = "COPY",
      .syntax = "source:key destination:key [DB destination-db:integer] [REPLACE]",
      .flags = kWrite | kDenyOom,
      .keys = {KeySpec{.flags = kKeyRO | kKeyAccess, .begin = KeySpec::Begin::kIndex, .index = 1},
               KeySpec{.flags = kKeyOW | kKeyUpdate, .begin = KeySpec::Begin::kIndex, .index = 2}},
      .summary = "Copy a key",
      .since = "6.2.0",
      .complexity = "O(N) worst case for collections, where N is the number of nested items. O(1) "
                    "for string values."},
     copy},
    {{.name = "RANDOMKEY",
      .flags = kReadOnly,
      .summary = "Return a random key from the keyspace",
      .since = "1.0.0",
      .complexity = "O(1)",
      .hints = "request_policy:all_shards\nnondeterministic_output"},
     randomkey},
};

}  // namespace

CommandFamily<Call> key_commands() {
  return {.group = Group::kGeneric, .commands = kCommands};
}

}  // namespace redan
