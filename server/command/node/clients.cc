// CLIENT: names, lists, kills and pauses connections.

#include <algorithm>

#include "common/base/parse.h"
#include "common/command/docs.h"
#include "server/command/families.h"
#include "server/command/node/client_text.h"
#include "server/command/node/client_tracking.h"
#include "server/command/timeout_arg.h"
#include "server/drivers/client_io.h"
#include "server/session/access.h"
#include "server/session/blocked_keys.h"
#include "server/session/node_control.h"
#include "server/session/server_stats.h"
#include "server/session/waits.h"

namespace redan {

namespace {

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '!' && c <= '~'; });
}

Result<void> client_id(Call& call) {
  call.reply().integer(static_cast<int64_t>(call.session().id));
  return kOk;
}

Result<void> client_getname(Call& call) {
  call.session().name.empty() ? call.reply().null() : call.reply().bulk(call.session().name);
  return kOk;
}

Result<void> client_setname(Call& call) {
  if (!is_printable(call.arg(2))) {
    return Error("Client names cannot contain spaces, newlines or special characters.");
  }
  call.session().name = call.arg(2);
  call.reply().ok();
  return kOk;
}

Result<void> client_setinfo(Call& call) {
  std::string* field = nullptr;
  std::string_view name;
  if (iequals(call.arg(2), "lib-name")) field = &call.session().lib_name, name = "lib-name";
  if (iequals(call.arg(2), "lib-ver")) field = &call.session().lib_version, name = "lib-ver";
  if (field == nullptr) return Error("Unrecognized option '" + std::string(call.arg(2)) + "'");
  if (!is_printable(call.arg(3))) {
    return Error(std::string(name) + " cannot contain spaces, newlines or special characters.");
  }
  *field = call.arg(3);
  call.reply().ok();
  return kOk;
}

Result<void> client_info(Call& call) {
  call.reply().verbatim("txt", client_line(call.server(), call.session()) + "\n");
  return kOk;
}

std::optional<ClientKind> kind_of(std::string_view name) {
  if (iequals(name, "normal")) return ClientKind::kNormal;
  if (iequals(name, "slave") || iequals(name, "replica")) return ClientKind::kReplica;
  if (iequals(name, "pubsub")) return ClientKind::kPubSub;
  if (iequals(name, "master")) return ClientKind::kPrimary;
  return std::nullopt;
}

Error unknown_kind(std::string_view name) {
  return Error("Unknown client type '" + std::string(name) + "'");
}

Result<void> client_list(Call& call) {
  ArgReader words(call.args(), 2);
  std::optional<ClientKind> kind;
  std::vector<uint64_t> ids;
  bool by_id = false;
  if (words.match_with("TYPE", 1)) {
    kind = kind_of(words.peek());
    if (!kind) return unknown_kind(words.peek());
    words.next();
  } else if (words.match_with("ID", 1)) {
    by_id = true;
    while (words.more()) {
      // (Whoever asks for a number that nobody can have gets nobody.)
      const std::optional<int64_t> id = parse_int64(words.next());
      if (!id) return Error("Invalid client ID");
      ids.push_back(static_cast<uint64_t>(*id));
    }
  }
  if (words.more()) return syntax_error();

  std::string text;
  const auto show = [&](const Session& session) {
    text += client_line(call.server(), session);
    text += '\n';
  };
  if (by_id) {
    for (const uint64_t id : ids) {
      if (const Session* session = call.server().clients.find(id)) show(*session);
    }
  } else {
    for (const auto& [id, session] : call.server().clients.sessions()) {
      if (!kind || effective_kind(*session) == *kind) show(*session);
    }
  }
  call.reply().verbatim("txt", text);
  return kOk;
}

struct KillFilter {
  std::optional<uint64_t> id;
  std::optional<ClientKind> kind;
  std::optional<std::string> address, local_address;
  const acl::User* user = nullptr;
  bool skip_me = true;

  bool matches(const Session& session, const Session& me) const {
    if (id && session.id != *id) return false;
    if (kind && effective_kind(session) != *kind) return false;
    if (address && session.connection->peer_address() != *address) return false;
    if (local_address && session.connection->local_address() != *local_address) return false;
    if (user != nullptr && session.user != user) return false;
    return !(skip_me && &session == &me);
  }
};

Result<KillFilter> kill_filter(Call& call) {
  KillFilter filter;
  if (call.arg_count() == 3) {
    filter.address = call.arg(2);
    filter.skip_me = false;
    return filter;
  }
  ArgReader words(call.args(), 2);
  while (words.more()) {
    if (words.match_with("ID", 1)) {
      const std::optional<int64_t> id = parse_int64(words.next());
      if (!id || *id <= 0) return Error("client-id should be greater than 0");
      filter.id = static_cast<uint64_t>(*id);
    } else if (words.match_with("TYPE", 1)) {
      filter.kind = kind_of(words.peek());
      if (!filter.kind) return unknown_kind(words.peek());
      words.next();
    } else if (words.match_with("ADDR", 1)) {
      filter.address = words.next();
    } else if (words.match_with("LADDR", 1)) {
      filter.local_address = words.next();
    } else if (words.match_with("USER", 1)) {
      const std::string_view name = words.next();
      filter.user = call.server().access.users.find(name);
      if (filter.user == nullptr) return Error("No such user '" + std::string(name) + "'");
    } else if (words.match_with("SKIPME", 1)) {
      const std::optional<bool> skip = parse_yes_no(words.next());
      if (!skip) return syntax_error();
      filter.skip_me = *skip;
    } else {
      return syntax_error();
    }
  }
  return filter;
}

Result<void> client_kill(Call& call) {
  Result<KillFilter> filter = kill_filter(call);
  if (!filter) return filter.error();
  int64_t killed = 0;
  for (const auto& [id, session] : call.server().clients.sessions()) {
    if (!filter->matches(*session, call.session())) continue;
    ++killed;
    if (session == &call.session()) {
      session->connection->close_after_replies();
    } else {
      session->connection->close_soon("killed");
    }
  }
  if (call.arg_count() > 3) {
    call.reply().integer(killed);
    return kOk;
  }
  if (killed == 0) return Error("No such client");
  call.reply().ok();
  return kOk;
}

Result<void> client_no_evict(Call& call) {
  if (!iequals(call.arg(2), "on") && !iequals(call.arg(2), "off")) return syntax_error();
  call.session().no_evict = iequals(call.arg(2), "on");
  call.reply().ok();
  return kOk;
}

Result<void> client_no_touch(Call& call) {
  if (!iequals(call.arg(2), "on") && !iequals(call.arg(2), "off")) return syntax_error();
  call.session().no_touch = iequals(call.arg(2), "on");
  call.reply().ok();
  return kOk;
}

Result<void> client_pause(Call& call) {
  PauseKind kind = PauseKind::kAll;
  if (call.arg_count() == 4) {
    if (iequals(call.arg(3), "write")) {
      kind = PauseKind::kWrites;
    } else if (!iequals(call.arg(3), "all")) {
      return Error("CLIENT PAUSE mode must be WRITE or ALL");
    }
  }
  const Result<Millis> span = timeout_arg(call, 2);
  if (!span) return span.error();
  NodeControl& control = call.server().control;
  control.pause_clients(kind, control.now() + *span);
  call.reply().ok();
  return kOk;
}

Result<void> client_unpause(Call& call) {
  call.server().control.unpause_clients();
  call.reply().ok();
  return kOk;
}

Result<void> client_reply(Call& call) {
  Session& session = call.session();
  if (iequals(call.arg(2), "on")) {
    session.reply_off = session.reply_skip = session.reply_skip_next = false;
    call.reply().ok();
  } else if (iequals(call.arg(2), "off")) {
    session.reply_off = true;
  } else if (iequals(call.arg(2), "skip")) {
    if (!session.reply_off) session.reply_skip_next = true;
  } else {
    return syntax_error();
  }
  return kOk;
}

Result<void> client_unblock(Call& call) {
  bool as_error = false;
  if (call.arg_count() == 4) {
    if (iequals(call.arg(3), "error")) {
      as_error = true;
    } else if (!iequals(call.arg(3), "timeout")) {
      return Error("CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    }
  }
  Result<int64_t> id = integer_arg(call.arg(2));
  if (!id) return id.error();
  ServerParts& server = call.server();
  Session* const session = *id < 0 ? nullptr : server.clients.find(static_cast<uint64_t>(*id));
  const bool for_replicas = session != nullptr && server.waits.contains(*session);
  const bool for_keys = session != nullptr && server.blocked.contains(*session);
  if (!for_replicas && !for_keys) {
    call.reply().integer(0);
    return kOk;
  }
  ByteBuffer bytes;
  ReplyWriter answer(bytes, session->resp);
  if (as_error) {
    answer.error_text("UNBLOCKED", "client unblocked via CLIENT UNBLOCK");
    server.stats.count_error("UNBLOCKED");
  } else if (for_keys) {
    answer.null_array();
  } else {
    answer.integer(server.replication.replicas_at(session->last_write_offset));
  }
  if (for_keys) {
    server.blocked.answer(*session, bytes.view());
  } else {
    server.waits.forget(*session);
    session->connection->send(bytes.view());
    session->connection->resume_reading();
  }
  call.reply().integer(1);
  return kOk;
}

Result<void> client_help(Call& call) {
  write_help(*call.entry().container, call.arg(0), call.reply());
  return kOk;
}

constexpr Command<Call> kClientSubcommands[] = {
    {{.name = "CACHING",
      .syntax = "(mode: YES|NO)",
      .flags = kNoScript | kLoading | kStale,
      .summary = "Instruct the server about tracking or not keys in the next request",
      .since = "6.0.0",
      .complexity = "O(1)"},
     client_caching},
    {{.name = "GETNAME",
      .flags = kNoScript | kLoading | kStale,
      .summary = "Get the current connection name",
      .since = "2.6.9",
      .complexity = "O(1)"},
     client_getname},
    {{.name = "GETREDIR",
      .flags = kNoScript | kLoading | kStale,
      .summary = "Get tracking notifications redirection client ID if any",
      .since = "6.0.0",
      .complexity = "O(1)"},
     client_getredir},
    {{.name = "HELP",
      .flags = kLoading | kStale,
      .summary = "Show helpful text about the different subcommands",
      .since = "5.0.0",
      .complexity = "O(1)"},
     client_help},
    {{.name = "ID",
      .flags = kNoScript | kLoading | kStale,
      .summary = "Returns the client ID for the current connection",
      .since = "5.0.0",
      .complexity = "O(1)"},
     client_id},
    {{.name = "INFO",
      .flags = kNoScript | kLoading | kStale,
      .summary = "Returns information about the current client connection.",
      .since = "6.2.0",
      .complexity = "O(1)",
      .hints = "nondeterministic_output"},
     client_info},
    {{.name = "KILL",
      .syntax = "(filter: ip:port:string!2.8.12|(new-format: [ID client-id:integer]@2.8.12|[TYPE "
                "(normal_master_slave_pubsub: "
                "NORMAL|MASTER@3.2.0|SLAVE|REPLICA@5.0.0|PUBSUB)]@2.8.12|[USER username]|[ADDR "
                "ip:port:string]|[LADDR ip:port:string]@6.2.0|[SKIPME yes/no] ...))",
      .flags = kAdmin | kNoScript | kLoading | kStale,
      .summary = "Kill the connection of a client",
      .since = "2.4.0",
      .complexity = "O(N) where N is the number of client connections",
      .arity = -3,
      .history = "2.8.12: Added new filter format.\n2.8.12: `ID` option.\n3.2.0: Added `master` "
                 "type in for `TYPE` option.\n5.0.0: Replaced `slave` `TYPE` with `replica`. "
                 "`slave` still supported for backward compatibility.\n6.2.0: `LADDR` option."},
     client_kill},
    {{.name = "LIST",
      .syntax = "[TYPE (normal_master_replica_pubsub: NORMAL|MASTER|REPLICA|PUBSUB)]@5.0.0 [ID "
                "(id: client-id:integer [client-id ...])]@6.2.0",
      .flags = kAdmin | kNoScript | kLoading | kStale,
      .summary = "Get the list of client connections",
      .since = "2.4.0",
      .complexity = "O(N) where N is the number of client connections",
      .history = "2.8.12: Added unique client `id` field.\n5.0.0: Added optional `TYPE` "
                 "filter.\n6.0.0: Added `user` field.\n6.2.0: Added `argv-mem`, `tot-mem`, `laddr` "
                 "and `redir` fields and the optional `ID` filter.\n7.0.0: Added `resp`, "
                 "`multi-mem`, `rbs` and `rbp` fields.\n7.0.3: Added `ssub` field.",
      .hints = "nondeterministic_output"},
     client_list},
    {{.name = "NO-EVICT",
      .syntax = "(enabled: ON|OFF)",
      .flags = kAdmin | kNoScript | kLoading | kStale,
      .summary = "Set client eviction mode for the current connection",
      .since = "7.0.0",
      .complexity = "O(1)"},
     client_no_evict},
    {{.name = "NO-TOUCH",
      .syntax = "(enabled: ON|OFF)",
      .flags = kNoScript | kLoading | kStale,
      .summary =
          "Controls whether commands sent by the client affect the LRU/LFU of accessed keys.",
      .since = "7.2.0",
      .complexity = "O(1)"},
     client_no_touch},
    {{.name = "PAUSE",
      .syntax = "timeout:integer [mode: WRITE|ALL]@6.2.0",
      .flags = kAdmin | kNoScript | kLoading | kStale,
      .summary = "Stop processing commands from clients for some time",
      .since = "2.9.50",
      .complexity = "O(1)",
      .history = "6.2.0: `CLIENT PAUSE WRITE` mode added along with the `mode` option."},
     client_pause},
    {{.name = "REPLY",
      .syntax = "(on_off_skip: ON|OFF|SKIP)",
      .flags = kNoScript | kLoading | kStale,
      .summary = "Instruct the server whether to reply to commands",
      .since = "3.2.0",
      .complexity = "O(1)"},
     client_reply},
    {{.name = "SETINFO",
      .syntax = "(attr: LIB-NAME libname|LIB-VER libver)",
      .flags = kNoScript | kLoading | kStale,
      .summary = "Sets information specific to the client or connection.",
      .since = "7.2.0",
      .complexity = "O(1)"},
     client_setinfo},
    {{.name = "SETNAME",
      .syntax = "connection-name",
      .flags = kNoScript | kLoading | kStale,
      .summary = "Set the current connection name",
      .since = "2.6.9",
      .complexity = "O(1)"},
     client_setname},
    {{.name = "TRACKING",
      .syntax = "(status: ON|OFF) [REDIRECT client-id:integer] [PREFIX prefix:string ...] [BCAST] "
                "[OPTIN] [OPTOUT] [NOLOOP]",
      .flags = kNoScript | kLoading | kStale,
      .summary = "Enable or disable server assisted client side caching support",
      .since = "6.0.0",
      .complexity = "O(1). Some options may introduce additional complexity."},
     client_tracking},
    {{.name = "TRACKINGINFO",
      .flags = kNoScript | kLoading | kStale,
      .summary = "Return information about server assisted client side caching for the current "
                 "connection",
      .since = "6.2.0",
      .complexity = "O(1)"},
     client_trackinginfo},
    {{.name = "UNBLOCK",
      .syntax = "client-id:integer [timeout_error: TIMEOUT|ERROR]",
      .flags = kAdmin | kNoScript | kLoading | kStale,
      .summary = "Unblock a client blocked in a blocking command from a different connection",
      .since = "5.0.0",
      .complexity = "O(log N) where N is the number of client connections"},
     client_unblock},
    {{.name = "UNPAUSE",
      .flags = kAdmin | kNoScript | kLoading | kStale,
      .summary = "Resume processing of clients that were paused",
      .since = "6.2.0",
      .complexity = "O(N) Where N is the number of paused clients"},
     client_unpause},
};

constexpr Command<Call> kCommands[] = {
    {{.name = "CLIENT",
      .summary = "A container for client connection commands",
      .since = "2.4.0",
      .complexity = "Depends on subcommand."},
     nullptr,
     kClientSubcommands},
};

}  // namespace

CommandFamily<Call> client_commands() {
  return {.group = Group::kConnection, .commands = kCommands};
}

}  // namespace redan
