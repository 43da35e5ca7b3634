// MIGRATE: keys to another server, restored there and then deleted here. It holds the data thread
// until the other side has answered, as Redis does: nobody may see a key on both sides or on none.
// `timeout` bounds each step.
#include <optional>
#include <vector>

#include "common/command/args.h"
#include "common/net/endpoint.h"
#include "common/net/sync_client.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/key_effects.h"
#include "server/persistence/dump_payload.h"

namespace redan {
namespace {

struct MigrateRequest {
  Endpoint target;
  std::string_view db;
  Millis timeout{1000};
  bool copy = false;
  bool replace = false;
  std::vector<std::string_view> auth;  // the words of AUTH, empty without
  std::vector<std::string_view> keys;
};

Result<MigrateRequest> read_migrate(Call& call) {
  MigrateRequest request;
  request.keys = {call.arg(3)};
  ArgReader words(call.args(), 6);
  while (words.more()) {
    if (words.match("COPY")) {
      request.copy = true;
    } else if (words.match("REPLACE")) {
      request.replace = true;
    } else if (words.match_with("AUTH", 1)) {
      request.auth = {"AUTH", words.next()};
    } else if (words.match_with("AUTH2", 2)) {
      request.auth = {"AUTH", words.next()};
      request.auth.push_back(words.next());
    } else if (words.match("KEYS")) {
      if (!call.arg(3).empty()) {
        return Error(
            "When using MIGRATE KEYS option, the key argument must be set to the empty string");
      }
      request.keys.clear();
      while (words.more()) request.keys.push_back(words.next());
    } else {
      return syntax_error();
    }
  }
  const Result<int64_t> timeout_ms = integer_arg(call.arg(5));
  if (!timeout_ms) return timeout_ms.error();
  const Result<int64_t> db = integer_arg(call.arg(4));
  if (!db) return db.error();
  request.db = call.arg(4);
  constexpr int64_t kLongestMs = 24 * 3600 * 1000;
  if (*timeout_ms > 0) request.timeout = Millis(std::min(*timeout_ms, kLongestMs));
  const int64_t port = parse_int64(call.arg(2)).value_or(0);
  request.target = {std::string(call.arg(1)),
                    static_cast<int>(port > 0 && port <= 65535 ? port : 0)};
  return request;
}

Error unreachable() {
  return Error("IOERR", "error or timeout writing to target instance");
}

// One request to the target, whose answer must be good.
Result<void> ask(SyncClient& target, std::span<const std::string_view> words) {
  const Result<Reply> reply = target.call(words);
  if (!reply) return Error("IOERR", "error or timeout reading from target instance");
  if (reply->is_error()) return Error("Target instance replied with error: " + reply->text);
  return kOk;
}

Result<void> restore_there(Call& call, SyncClient& target, const MigrateRequest& request,
                           std::string_view key, const Entry& entry) {
  const std::string payload = dump_value(entry);
  const int64_t left_ms =
      entry.expires() ? std::max<int64_t>(entry.expiry_ms() - call.keyspace().now_ms(), 1) : 0;
  const Digits ttl(left_ms);
  // The slot may be on its way to the target, which takes its keys only from who says so.
  const bool asking = call.server().cluster != nullptr;
  std::vector<std::string_view> words = {asking ? "RESTORE-ASKING" : "RESTORE", key, ttl.view(),
                                         payload};
  if (request.replace) words.emplace_back("REPLACE");
  return ask(target, words);
}

// Restores the keys one by one; `moved` has those that are there now, whatever happened then.
Result<void> move_keys(Call& call, const MigrateRequest& request,
                       std::vector<std::string_view>& moved) {
  if (!resolve_now(request.target.host)) {
    return Error("IOERR", "error or timeout connecting to the client");
  }
  Result<SyncClient> target = SyncClient::connect(request.target, request.timeout);
  if (!target) return unreachable();
  if (!request.auth.empty()) {
    if (const Result<void> done = ask(*target, request.auth); !done) return done;
  }
  const std::string_view select[] = {"SELECT", request.db};
  if (const Result<void> done = ask(*target, select); !done) return done;
  Result<void> first_refusal = kOk;
  for (std::string_view key : request.keys) {
    const Entry* entry = call.keyspace().peek(call.db(), key);
    if (entry == nullptr) continue;
    const Result<void> done = restore_there(call, *target, request, key, *entry);
    if (done) {
      moved.push_back(key);
    } else if (done.error().code() == "IOERR") {
      return done;
    } else if (first_refusal) {
      first_refusal = done;  // The other keys go their way.
    }
  }
  return first_refusal;
}

Result<void> migrate(Call& call) {
  const Result<MigrateRequest> request = read_migrate(call);
  if (!request) return request.error();
  bool any = false;
  for (std::string_view key : request->keys) {
    any = any || call.keyspace().read(call.db(), key) != nullptr;
  }
  if (!any) {
    call.reply().simple("NOKEY");
    return kOk;
  }
  std::vector<std::string_view> moved;
  const Result<void> done = move_keys(call, *request, moved);
  if (!request->copy && !moved.empty()) {
    for (std::string_view key : moved) {
      call.keyspace().erase(call.db(), key);
      call.notify(KeyspaceEvents::kGeneric, "del", key);
    }
    moved.insert(moved.begin(), "DEL");
    call.propagate_as(moved);
  }
  if (!done) return done;
  call.reply().ok();
  return kOk;
}

// One key in the third place, or those behind KEYS, which must be the last option. (Both are
// wrong.)
void migrate_keys(std::span<const std::string_view> args, std::vector<KeyRef>& keys) {
  constexpr uint16_t kFlags = kKeyRW | kKeyAccess | kKeyDelete;
  if (args.size() <= 3) return;
  const bool one = !args[3].empty();
  if (one) keys.push_back({.position = 3, .flags = kFlags});
  for (size_t i = 6; i < args.size(); ++i) {
    if (iequals(args[i], "AUTH")) {
      i += 1;
    } else if (iequals(args[i], "AUTH2")) {
      i += 2;
    } else if (iequals(args[i], "KEYS")) {
      if (one) return keys.clear();
      while (++i < args.size()) keys.push_back({.position = static_cast<int>(i), .flags = kFlags});
    }
  }
}

constexpr Command<Call> kCommands[] = {
    {{.name = "MIGRATE",
      .syntax =
          "host port:integer (key_or_empty_string: key|(empty_string: \"\")) "
          "destination-db:integer timeout:integer [COPY]@3.0.0 [REPLACE]@3.0.0 [authentication: "
          "[AUTH password]@4.0.7|[AUTH2 (username password)]@6.0.0] [KEYS key [key ...]]@3.0.6",
      .flags = kWrite,
      .keys = {KeySpec{.flags = kKeyRW | kKeyAccess | kKeyDelete,
                       .begin = KeySpec::Begin::kIndex,
                       .index = 3},
               KeySpec{.flags = kKeyRW | kKeyAccess | kKeyDelete | kKeyIncomplete,
                       .begin = KeySpec::Begin::kKeyword,
                       .index = -2,
                       .keyword = "KEYS",
                       .last = -1}},
      .summary = "Atomically transfer a key from a Redis instance to another one.",
      .since = "2.6.0",
      .complexity =
          "This command actually executes a DUMP+DEL in the source instance, and a RESTORE in the "
          "target instance. See the pages of these commands for time complexity. Also an O(N) data "
          "transfer between the two instances is performed.",
      .history = "3.0.0: Added the `COPY` and `REPLACE` options.\n3.0.6: Added the `KEYS` "
                 "option.\n4.0.7: Added the `AUTH` option.\n6.0.0: Added the `AUTH2` option.",
      .hints = "nondeterministic_output",
      .extra_categories = "dangerous",
      .key_finder = migrate_keys},
     migrate},
};

}  // namespace

CommandFamily<Call> migrate_commands() {
  return {.group = Group::kGeneric, .commands = kCommands};
}

}  // namespace redan
