// The connection and who is at its other end: PING AUTH HELLO CLIENT QUIT RESET.
#include "common/base/parse.h"
#include "common/command/args.h"
#include "common/command/docs.h"
#include "common/rpc/peer_policy.h"
#include "sentinel/command/families.h"

namespace redan {

namespace {

Result<void> ping(SentinelCall& call) {
  if (call.args.size() > 2) return wrong_arity("ping");
  const bool has_text = call.args.size() == 2;
  if (call.client.subscribed() && call.reply.version() == Resp::k2) {
    call.reply.array(2);
    call.reply.bulk("pong");
    call.reply.bulk(has_text ? call.arg(1) : "");
  } else {
    has_text ? call.reply.bulk(call.arg(1)) : call.reply.simple("PONG");
  }
  return kOk;
}

// The default user is the only one.
Result<void> authenticate(SentinelCall& call, std::string_view user, std::string_view password) {
  const std::string& required = call.sentinel.config().requirepass;
  const bool right = user == "default" && (required.empty() || same_token(password, required));
  if (!right) {
    return Error("WRONGPASS", "invalid username-password pair or user is disabled.");
  }
  call.client.authenticated = true;
  return kOk;
}

Result<void> auth(SentinelCall& call) {
  if (call.args.size() > 3) return syntax_error();
  if (call.args.size() == 2 && call.sentinel.config().requirepass.empty()) {
    return Error(
        "AUTH <password> called without any password configured for the default user. Are you sure "
        "your configuration is correct?");
  }
  const bool named = call.args.size() == 3;
  Result<void> done = authenticate(call, named ? call.arg(1) : "default", call.args.back());
  if (done) call.reply.ok();
  return done;
}

bool is_plain(std::string_view text) {
  for (const char c : text) {
    if (c < '!' || c > '~') return false;
  }
  return true;
}

Result<void> rename(SentinelCall& call, std::string_view name) {
  if (!is_plain(name)) {
    return Error("Client names cannot contain spaces, newlines or special characters.");
  }
  call.client.name = name;
  return kOk;
}

Result<void> hello(SentinelCall& call) {
  Resp version = call.client.protocol;
  ArgReader words(call.args, 1);
  if (words.more()) {
    const auto number = parse_int64(words.next());
    if (!number) return Error("Protocol version is not an integer or out of range");
    if (*number != 2 && *number != 3) return Error("NOPROTO", "unsupported protocol version");
    version = *number == 3 ? Resp::k3 : Resp::k2;
  }
  while (words.more()) {
    if (words.match_with("AUTH", 2)) {
      const std::string_view user = words.next();
      if (Result<void> done = authenticate(call, user, words.next()); !done) return done;
    } else if (words.match_with("SETNAME", 1)) {
      if (Result<void> done = rename(call, words.next()); !done) return done;
    } else {
      return Error("Syntax error in HELLO option '" + std::string(words.next()) + "'");
    }
  }
  if (!call.client.authenticated) {
    return Error("NOAUTH",
                 "HELLO must be called with the client already authenticated, otherwise the HELLO "
                 "<proto> AUTH <user> <pass> option can be used to authenticate the client and "
                 "select the RESP protocol version at the same time");
  }
  call.client.protocol = version;
  call.reply.set_version(version);
  call.reply.map(6);
  call.reply.bulk("server");
  call.reply.bulk("redis");
  call.reply.bulk("version");
  call.reply.bulk(REDAN_VERSION);
  call.reply.bulk("proto");
  call.reply.integer(version == Resp::k3 ? 3 : 2);
  call.reply.bulk("id");
  call.reply.integer(call.client.id);
  call.reply.bulk("mode");
  call.reply.bulk("sentinel");
  call.reply.bulk("modules");
  call.reply.array(0);
  return kOk;
}

Result<void> quit(SentinelCall& call) {
  call.reply.ok();
  call.port.disconnect(call.client);
  return kOk;
}

Result<void> reset(SentinelCall& call) {
  SentinelClient& client = call.client;
  client.channels.clear();
  client.patterns.clear();
  client.name.clear();
  client.protocol = Resp::k2;
  client.no_evict = false;
  client.authenticated = call.sentinel.config().requirepass.empty();
  call.reply.set_version(Resp::k2);
  call.reply.simple("RESET");
  return kOk;
}

// ---- CLIENT

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
  Result<void> done = rename(call, call.arg(2));
  if (done) call.reply.ok();
  return done;
}

Result<void> client_setinfo(SentinelCall& call) {
  const bool name = iequals(call.arg(2), "lib-name");
  if (!name && !iequals(call.arg(2), "lib-ver")) {
    return Error("Unrecognized option '" + call.word(2) + "'");
  }
  if (!is_plain(call.arg(3))) {
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
};

constexpr SentinelCommand kCommands[] = {
    {{.name = "PING",
      .syntax = "[message]",
      .flags = kFast | kSentinelToo,
      .summary = "Says that the sentinel lives.",
      .since = "1.0.0",
      .complexity = kO1},
     ping},
    {{.name = "AUTH",
      .syntax = "[username]@6.0.0 password",
      .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kSentinelToo | kAllowBusy,
      .summary = "Authenticates the connection.",
      .since = "1.0.0",
      .complexity = kO1},
     auth},
    {{.name = "HELLO",
      .syntax = "[protover:integer [AUTH username password] [SETNAME clientname]]",
      .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kSentinelToo | kAllowBusy,
      .summary = "Chooses the protocol version, authenticates, names the connection.",
      .since = "6.0.0",
      .complexity = kO1},
     hello},
    {{.name = "CLIENT",
      .flags = kSentinelToo,
      .summary = "What concerns connections.",
      .since = "2.4.0",
      .complexity = "Depends on subcommand.",
      .arity = -2},
     nullptr,
     kClientCommands},
    {{.name = "QUIT",
      .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kSentinelToo | kAllowBusy,
      .summary = "Closes the connection.",
      .since = "1.0.0",
      .complexity = kO1,
      .arity = -1},
     quit},
    {{.name = "RESET",
      .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kSentinelToo | kAllowBusy,
      .summary = "Puts the connection in the state of a new one.",
      .since = "6.2.0",
      .complexity = kO1},
     reset},
};

}  // namespace

SentinelFamily connection_family() {
  return {.group = Group::kConnection, .commands = kCommands};
}

}  // namespace redan
