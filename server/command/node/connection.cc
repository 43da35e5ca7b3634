// AUTH, HELLO, PING, ECHO, QUIT, RESET: what a client and a server say about their connection.

#include "common/base/parse.h"
#include "server/command/families.h"
#include "server/command/node/user_sessions.h"
#include "server/session/access.h"
#include "server/session/command_logs.h"
#include "server/session/pubsub.h"
#include "server/session/tracking.h"
#include "server/session/watched_keys.h"

namespace redan {

namespace {

Error wrong_password() {
  return Error("WRONGPASS", "invalid username-password pair or user is disabled.");
}

Result<void> log_in(Call& call, std::string_view name, std::string_view password) {
  const acl::User* const user = call.server().access.users.find(name);
  if (user == nullptr || !user->accepts(password)) {
    note_denial(call.server(), call.session(), acl::Reason::kAuth, call.arg(0), name);
    return wrong_password();
  }
  sign_in(call.session(), *user);
  return kOk;
}

Result<void> auth(Call& call) {
  if (call.arg_count() > 3) return syntax_error();
  if (call.arg_count() == 2 && call.server().access.users.default_user().needs_no_password()) {
    return Error(
        "AUTH <password> called without any password configured for the default user. Are you "
        "sure your configuration is correct?");
  }
  const std::string_view user = call.arg_count() == 3 ? call.arg(1) : "default";
  if (Result<void> result = log_in(call, user, call.arg(call.arg_count() - 1)); !result) {
    return result.error();
  }
  call.reply().ok();
  return kOk;
}

bool is_valid_name(std::string_view name) {
  for (const char c : name) {
    if (c < '!' || c > '~') return false;
  }
  return true;
}

Result<void> hello(Call& call) {
  Session& session = call.session();
  int64_t version = static_cast<int64_t>(session.resp);
  if (call.arg_count() >= 2) {
    const std::optional<int64_t> asked = parse_int64(call.arg(1));
    if (!asked) return Error("Protocol version is not an integer or out of range");
    if (*asked < 2 || *asked > 3) return Error("NOPROTO", "unsupported protocol version");
    version = *asked;
  }
  std::optional<std::string_view> name;
  for (size_t i = 2; i < call.arg_count(); ++i) {
    const size_t left = call.arg_count() - i - 1;
    if (iequals(call.arg(i), "AUTH") && left >= 2) {
      if (Result<void> result = log_in(call, call.arg(i + 1), call.arg(i + 2)); !result) {
        return result.error();
      }
      i += 2;
    } else if (iequals(call.arg(i), "SETNAME") && left >= 1) {
      name = call.arg(i + 1);
      if (!is_valid_name(*name)) {
        return Error("Client names cannot contain spaces, newlines or special characters.");
      }
      ++i;
    } else {
      return Error("Syntax error in HELLO option '" + std::string(call.arg(i)) + "'");
    }
  }
  if (!session.authenticated) {
    return Error("NOAUTH",
                 "HELLO must be called with the client already authenticated, otherwise the HELLO "
                 "<proto> AUTH <user> <pass> option can be used to authenticate the client and "
                 "select the RESP protocol version at the same time");
  }
  if (name) session.name = *name;
  session.resp = version == 3 ? Resp::k3 : Resp::k2;

  ReplyWriter& reply = call.reply();
  reply.set_version(session.resp);
  reply.map(7);
  reply.bulk("server"), reply.bulk("redis");
  reply.bulk("version"), reply.bulk(REDAN_VERSION);
  reply.bulk("proto"), reply.integer(version);
  reply.bulk("id"), reply.integer(static_cast<int64_t>(session.id));
  reply.bulk("mode"), reply.bulk(call.server().cluster == nullptr ? "standalone" : "cluster");
  reply.bulk("role"), reply.bulk(call.server().replication.is_replica() ? "replica" : "master");
  reply.bulk("modules"), reply.array(0);
  return kOk;
}

Result<void> ping(Call& call) {
  if (call.arg_count() > 2) return wrong_arity("ping");
  ReplyWriter& reply = call.reply();
  // A RESP2 client that is subscribed can only read messages, so it gets one.
  if (call.session().subscription_count() > 0 && call.session().resp == Resp::k2) {
    reply.array(2);
    reply.bulk("pong");
    reply.bulk(call.arg_count() == 2 ? call.arg(1) : "");
    return kOk;
  }
  call.arg_count() == 2 ? reply.bulk(call.arg(1)) : reply.simple("PONG");
  return kOk;
}

Result<void> echo(Call& call) {
  call.reply().bulk(call.arg(1));
  return kOk;
}

Result<void> quit(Call& call) {
  call.reply().ok();
  if (call.session().connection != nullptr) call.session().connection->close_after_replies();
  return kOk;
}

Result<void> reset(Call& call) {
  Session& session = call.session();
  if (session.kind == ClientKind::kMonitor) {
    call.server().logs.monitors.forget(session);
    session.kind = ClientKind::kNormal;
  }
  if (session.kind != ClientKind::kNormal && session.kind != ClientKind::kPubSub) {
    return Error("can only reset normal client connections");
  }
  call.server().watched.forget(session);
  call.server().pubsub.forget(session);
  call.server().tracking.turn_off(session);
  session.transaction.reset();
  session.db = 0;
  session.resp = Resp::k2;
  session.reply_off = session.reply_skip = session.reply_skip_next = false;
  session.readonly = session.asking = session.no_evict = session.no_touch = false;
  session.name.clear();
  enter(session, call.server().access.users.default_user());
  call.reply().set_version(session.resp);
  call.reply().simple("RESET");
  return kOk;
}

constexpr Command<Call> kCommands[] = {

    {{.name = "AUTH",
      .syntax = "[username]@6.0.0 password",
      .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy,
      .summary = "Authenticate to the server",
      .since = "1.0.0",
      .complexity = "O(N) where N is the number of passwords defined for the user",
      .history = "6.0.0: Added ACL style (username and password)."},
     auth},
    {{.name = "ECHO",
      .syntax = "message",
      .flags = kLoading | kStale | kFast,
      .summary = "Echo the given string",
      .since = "1.0.0",
      .complexity = "O(1)"},
     echo},
    {{.name = "HELLO",
      .syntax = "[arguments: protover:integer [AUTH (username password)] [SETNAME clientname]]",
      .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy,
      .summary = "Handshake with Redis",
      .since = "6.0.0",
      .complexity = "O(1)",
      .history = "6.2.0: `protover` made optional; when called without arguments the command "
                 "reports the current connection's context."},
     hello},
    {{.name = "PING",
      .syntax = "[message]",
      .flags = kFast,
      .summary = "Ping the server",
      .since = "1.0.0",
      .complexity = "O(1)",
      .hints = "request_policy:all_shards\nresponse_policy:all_succeeded"},
     ping},
    {{.name = "QUIT",
      .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy,
      .summary = "Close the connection",
      .since = "1.0.0",
      .complexity = "O(1)",
      .arity = -1},
     quit},
    {{.name = "RESET",
      .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy,
      .summary = "Reset the connection",
      .since = "6.2.0",
      .complexity = "O(1)"},
     reset},
};

}  // namespace

CommandFamily<Call> connection_commands() {
  return {.group = Group::kConnection, .commands = kCommands};
}

}  // namespace redan
