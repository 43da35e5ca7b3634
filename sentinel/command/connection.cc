// The connection and who is at its other end: PING AUTH HELLO QUIT RESET.
#include "common/base/parse.h"
#include "common/command/args.h"
#include "common/rpc/peer_policy.h"
#include "sentinel/command/client_name.h"
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
      if (Result<void> done = rename_client(call.client, words.next()); !done) return done;
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
  client.replies = {};
  client.authenticated = call.sentinel.config().requirepass.empty();
  call.reply.set_version(Resp::k2);
  call.reply.simple("RESET");
  return kOk;
}

constexpr std::string_view kO1 = "O(1)";

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
