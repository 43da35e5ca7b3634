// CLIENT: who is connected, how each wants to be answered, and who is sent away.
#include "common/base/parse.h"
#include "common/command/args.h"
#include "common/command/docs.h"
#include "sentinel/command/client_name.h"
#include "sentinel/command/families.h"

namespace redan {

namespace {

// A day: what is meant to last longer is a firewall's business.
constexpr int64_t kLongestPauseMs = 86'400'000;

// The line of CLIENT LIST, with the fields that Redis 7 has; what a sentinel has none of is 0.
std::string describe(const SentinelClient& client, Instant now) {
  const auto seconds = [&](Instant since) { return std::to_string(whole_ms(now - since) / 1000); };
  std::string line = "id=" + std::to_string(client.id);
  const auto field = [&line](std::string_view name, std::string_view value) {
    line.append(" ").append(name).append("=").append(value);
  };
  field("addr", client.address);
  field("laddr", client.local_address);
  field("fd", std::to_string(client.fd));
  field("name", client.name);
  field("age", seconds(client.connected));
  field("idle", seconds(client.last_request));
  field("flags", client.subscribed() ? "P" : client.no_evict ? "e" : "N");
  field("db", "0");
  field("sub", std::to_string(client.channels.size()));
  field("psub", std::to_string(client.patterns.size()));
  field("ssub", "0");
  field("multi", "-1");
  field("qbuf", std::to_string(client.query_bytes));
  field("qbuf-free", "0");
  field("argv-mem", "0");
  field("multi-mem", "0");
  field("rbs", "0");
  field("rbp", "0");
  field("obl", std::to_string(client.output_bytes));
  field("oll", "0");
  field("omem", "0");
  field("tot-mem", std::to_string(client.query_bytes + client.output_bytes));
  field("events", "r");
  field("cmd", client.last_command.empty() ? "NULL" : client.last_command);
  field("user", client.authenticated ? "default" : "(superuser)");
  field("redir", "-1");
  field("resp", client.protocol == Resp::k3 ? "3" : "2");
  field("lib-name", client.library);
  field("lib-ver", client.library_version);
  return line + "\n";
}

Result<void> client_id(SentinelCall& call) {
  call.reply.integer(call.client.id);
  return kOk;
}

Result<void> client_getname(SentinelCall& call) {
  call.client.name.empty() ? call.reply.null() : call.reply.bulk(call.client.name);
  return kOk;
}

Result<void> client_setname(SentinelCall& call) {
  Result<void> done = rename_client(call.client, call.arg(2));
  if (done) call.reply.ok();
  return done;
}

Result<void> client_setinfo(SentinelCall& call) {
  const bool name = iequals(call.arg(2), "lib-name");
  if (!name && !iequals(call.arg(2), "lib-ver")) {
    return Error("Unrecognized option '" + call.word(2) + "'");
  }
  if (!is_plain_name(call.arg(3))) {
    return Error(to_lower(call.arg(2)) + " cannot contain spaces, newlines or special characters.");
  }
  (name ? call.client.library : call.client.library_version) = call.arg(3);
  call.reply.ok();
  return kOk;
}

Result<void> client_info(SentinelCall& call) {
  call.reply.verbatim("txt", describe(call.client, call.sentinel.now()));
  return kOk;
}

// Clients of a TYPE; a sentinel has no primaries or replicas among its clients.
Result<bool> is_of_type(const SentinelClient& client, std::string_view type) {
  if (iequals(type, "normal")) return !client.subscribed();
  if (iequals(type, "pubsub")) return client.subscribed();
  if (iequals(type, "master") || iequals(type, "primary") || iequals(type, "slave") ||
      iequals(type, "replica")) {
    return false;
  }
  return Error("Unknown client type '" + std::string(type) + "'");
}

Result<void> client_list(SentinelCall& call) {
  ArgReader words(call.args, 2);
  std::string_view type;
  std::set<int64_t> ids;
  if (words.match_with("TYPE", 1)) {
    type = words.next();
  } else if (words.match_with("ID", 1)) {
    while (words.more()) {
      Result<int64_t> id = words.integer();
      if (!id) return Error("Invalid client ID");
      ids.insert(*id);
    }
  }
  if (words.more()) return syntax_error();
  std::string text;
  for (const SentinelClient* client : call.port.clients()) {
    if (!ids.empty() && !ids.contains(client->id)) continue;
    if (!type.empty()) {
      Result<bool> fits = is_of_type(*client, type);
      if (!fits) return fits.error();
      if (!*fits) continue;
    }
    text += describe(*client, call.sentinel.now());
  }
  call.reply.verbatim("txt", text);
  return kOk;
}

Result<void> client_kill(SentinelCall& call) {
  struct {
    std::string_view address, local_address, type, user;
    int64_t id = 0;
    bool skip_me = true;
  } wanted;
  const bool old_form = call.args.size() == 3;
  if (old_form) {
    wanted.address = call.arg(2);
    wanted.skip_me = false;
  } else {
    ArgReader words(call.args, 2);
    while (words.more()) {
      if (words.match_with("ID", 1)) {
        const auto id = parse_int64(words.next());
        if (!id || *id <= 0) return Error("client-id should be greater than 0");
        wanted.id = *id;
      } else if (words.match_with("ADDR", 1)) {
        wanted.address = words.next();
      } else if (words.match_with("LADDR", 1)) {
        wanted.local_address = words.next();
      } else if (words.match_with("TYPE", 1)) {
        wanted.type = words.next();
      } else if (words.match_with("USER", 1)) {
        wanted.user = words.next();
        if (wanted.user != "default")
          return Error("No such user '" + std::string(wanted.user) + "'");
      } else if (words.match_with("SKIPME", 1)) {
        const auto skip = parse_yes_no(words.next());
        if (!skip) return syntax_error();
        wanted.skip_me = *skip;
      } else {
        return syntax_error();
      }
    }
  }
  int64_t killed = 0;
  for (SentinelClient* client : call.port.clients()) {
    if (!wanted.address.empty() && client->address != wanted.address) continue;
    if (!wanted.local_address.empty() && client->local_address != wanted.local_address) continue;
    if (wanted.id != 0 && client->id != wanted.id) continue;
    if (wanted.skip_me && client == &call.client) continue;
    if (!wanted.type.empty()) {
      Result<bool> fits = is_of_type(*client, wanted.type);
      if (!fits) return fits.error();
      if (!*fits) continue;
    }
    call.port.disconnect(*client);
    ++killed;
  }
  if (!old_form) {
    call.reply.integer(killed);
  } else if (killed == 0) {
    return Error("No such client");
  } else {
    call.reply.ok();
  }
  return kOk;
}

Result<void> client_no_evict(SentinelCall& call) {
  const bool on = iequals(call.arg(2), "on");
  if (!on && !iequals(call.arg(2), "off")) return syntax_error();
  call.client.no_evict = on;
  call.reply.ok();
  return kOk;
}

Result<void> client_reply(SentinelCall& call) {
  ReplyMode& replies = call.client.replies;
  if (iequals(call.arg(2), "on")) {
    replies.off = false;
    call.reply.ok();
  } else if (iequals(call.arg(2), "off")) {
    replies.off = true;
  } else if (iequals(call.arg(2), "skip")) {
    // Its own reply, and that of the next request.
    if (!replies.off) replies.skip = replies.skip_next = true;
  } else {
    return syntax_error();
  }
  return kOk;
}

// WRITE pauses nothing here: clients of a sentinel write nothing.
Result<void> client_pause(SentinelCall& call) {
  const auto span = parse_int64(call.arg(2));
  if (!span) return Error("timeout is not an integer or out of range");
  if (*span < 0) return Error("timeout is negative");
  if (*span > kLongestPauseMs) return Error("timeout is out of range");
  const bool writes = call.args.size() == 4 && iequals(call.arg(3), "write");
  if (call.args.size() == 4 && !writes && !iequals(call.arg(3), "all")) {
    return Error("CLIENT PAUSE mode must be WRITE or ALL");
  }
  if (!writes) call.port.pause(Millis(*span));
  call.reply.ok();
  return kOk;
}

Result<void> client_unpause(SentinelCall& call) {
  call.port.pause(Millis(0));
  call.reply.ok();
  return kOk;
}

Result<void> client_help(SentinelCall& call) {
  write_help(*call.commands.find("client"), "client", call.reply);
  return kOk;
}

constexpr uint32_t kPlain = kNoScript | kLoading | kStale | kSentinelToo;
constexpr std::string_view kO1 = "O(1)";
constexpr std::string_view kOn = "O(N) where N is the number of client connections";

constexpr SentinelCommand kClientCommands[] = {
    {{.name = "GETNAME",
      .flags = kPlain,
      .summary = "Returns the name of the connection.",
      .since = "2.6.9",
      .complexity = kO1},
     client_getname},
    {{.name = "HELP",
      .flags = kLoading | kStale | kSentinelToo,
      .summary = "Prints this help.",
      .since = "5.0.0",
      .complexity = kO1},
     client_help},
    {{.name = "ID",
      .flags = kPlain,
      .summary = "Returns the number of the connection.",
      .since = "5.0.0",
      .complexity = kO1},
     client_id},
    {{.name = "INFO",
      .flags = kPlain,
      .summary = "Returns the line of CLIENT LIST for this connection.",
      .since = "6.2.0",
      .complexity = kO1},
     client_info},
    {{.name = "KILL",
      .syntax = "filter [value [filter value ...]]",
      .flags = kPlain | kAdmin,
      .summary = "Closes connections.",
      .since = "2.4.0",
      .complexity = kOn,
      .arity = -3},
     client_kill},
    {{.name = "LIST",
      .syntax =
          "[TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID client-id:integer [client-id:integer ...]]",
      .flags = kPlain | kAdmin,
      .summary = "Lists connections.",
      .since = "2.4.0",
      .complexity = kOn,
      .arity = -2},
     client_list},
    {{.name = "NO-EVICT",
      .syntax = "(ON|OFF)",
      .flags = kPlain | kAdmin,
      .summary = "Marks the connection as one that is not to be evicted.",
      .since = "7.0.0",
      .complexity = kO1},
     client_no_evict},
    {{.name = "PAUSE",
      .syntax = "timeout:integer [WRITE|ALL]",
      .flags = kPlain | kAdmin,
      .summary = "Lets the requests of all clients wait.",
      .since = "2.9.50",
      .complexity = kO1},
     client_pause},
    {{.name = "REPLY",
      .syntax = "(ON|OFF|SKIP)",
      .flags = kPlain,
      .summary = "Says whether the connection wants replies.",
      .since = "3.2.0",
      .complexity = kO1},
     client_reply},
    {{.name = "SETINFO",
      .syntax = "(LIB-NAME libname|LIB-VER libver)",
      .flags = kPlain,
      .summary = "Tells which library the client uses.",
      .since = "7.2.0",
      .complexity = kO1,
      .arity = 4},
     client_setinfo},
    {{.name = "SETNAME",
      .syntax = "connection-name",
      .flags = kPlain,
      .summary = "Names the connection.",
      .since = "2.6.9",
      .complexity = kO1},
     client_setname},
    {{.name = "UNPAUSE",
      .flags = kPlain | kAdmin,
      .summary = "Ends what CLIENT PAUSE began.",
      .since = "6.2.0",
      .complexity = "O(N) where N is the number of paused clients"},
     client_unpause},
};

constexpr SentinelCommand kCommands[] = {
    {{.name = "CLIENT",
      .flags = kSentinelToo,
      .summary = "What concerns connections.",
      .since = "2.4.0",
      .complexity = "Depends on subcommand.",
      .arity = -2},
     nullptr,
     kClientCommands},
};

}  // namespace

SentinelFamily client_family() {
  return {.group = Group::kConnection, .commands = kCommands};
}

}  // namespace redan
