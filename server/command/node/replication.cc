// Commands about replication; the work is done behind ReplicationService.

#include "common/base/parse.h"
#include "server/command/families.h"
#include "server/command/timeout_arg.h"
#include "server/session/node_control.h"
#include "server/session/waits.h"

namespace redan {

namespace {

Result<void> replicaof(Call& call) {
  if (call.server().cluster != nullptr) return Error("REPLICAOF not allowed in cluster mode.");
  ReplicationService& replication = call.server().replication;
  if (iequals(call.arg(1), "no") && iequals(call.arg(2), "one")) {
    if (Result<void> result = replication.replicate_from("", 0); !result) return result.error();
    call.reply().ok();
    return kOk;
  }
  if (call.session().kind == ClientKind::kReplica) {
    return Error("Command is not valid when client is a replica.");
  }
  const std::optional<int64_t> port = parse_int64(call.arg(2));
  if (!port || *port < 0 || *port > 65535) return Error("Invalid master port");
  if (replication.is_replica() && iequals(replication.primary_host(), call.arg(1)) &&
      replication.primary_port() == *port) {
    call.reply().simple("OK Already connected to specified master");
    return kOk;
  }
  if (Result<void> result = replication.replicate_from(call.arg(1), static_cast<int>(*port));
      !result) {
    return result.error();
  }
  call.reply().ok();
  return kOk;
}

Result<void> psync(Call& call) {
  Session& session = call.session();
  call.server().replication.psync(session, call.args(), call.reply());
  const bool gather = session.kind == ClientKind::kReplica && session.connection != nullptr &&
                      call.server().config.repl_disable_tcp_nodelay;
  if (gather) session.connection->gather_packets();
  return kOk;
}

Result<void> replconf(Call& call) {
  call.server().replication.replconf(call.session(), call.args(), call.reply());
  return kOk;
}

Result<void> role(Call& call) {
  call.server().replication.write_role(call.reply());
  return kOk;
}

Result<void> failover(Call& call) {
  if (call.server().cluster != nullptr) {
    return Error("FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.");
  }
  if (Result<void> result = call.server().replication.failover(call.args()); !result) {
    return result.error();
  }
  call.reply().ok();
  return kOk;
}

Result<void> wait(Call& call) {
  ReplicationService& replication = call.server().replication;
  if (replication.is_replica()) {
    return Error(
        "WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a "
        "replica is configured to be writable (which is not the default) writes to replicas are "
        "just local and are not propagated.");
  }
  Result<int64_t> replicas = integer_arg(call.arg(1));
  if (!replicas) return replicas.error();
  const Result<Millis> timeout = timeout_arg(call, 2);
  if (!timeout) return timeout.error();

  Session& session = call.session();
  const int reached = replication.replicas_at(session.last_write_offset);
  if (reached >= *replicas || session.in_exec || session.connection == nullptr) {
    call.reply().integer(reached);
    return kOk;
  }
  // Answered later, in Waits: until then the connection reads no further request.
  const Instant now = call.server().control.now();
  call.server().waits.add(
      {.session = &session,
       .offset = session.last_write_offset,
       .replicas = static_cast<int>(std::min<int64_t>(*replicas, INT32_MAX)),
       .deadline = *timeout == Millis(0) ? std::nullopt : std::optional(now + *timeout)});
  session.connection->stop_reading();
  replication.request_acks();
  call.server().control.waits_changed();
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "FAILOVER",
      .syntax = "[TO (target: host port:integer [FORCE])] [ABORT] [TIMEOUT milliseconds:integer]",
      .flags = kAdmin | kNoScript | kStale,
      .summary = "Start a coordinated failover between this server and one of its replicas.",
      .since = "6.2.0",
      .complexity = "O(1)"},
     failover},
    {{.name = "PSYNC",
      .syntax = "replicationid offset:integer",
      .flags = kAdmin | kNoScript | kNoAsyncLoading | kNoMulti,
      .summary = "Internal command used for replication",
      .since = "2.8.0",
      .arity = -3},
     psync},
    {{.name = "REPLCONF",
      .flags = kAdmin | kNoScript | kLoading | kStale | kAllowBusy | kSysCmd,
      .summary = "An internal command for configuring the replication stream",
      .since = "3.0.0",
      .complexity = "O(1)",
      .arity = -1},
     replconf},
    {{.name = "REPLICAOF",
      .syntax = "(args: (host-port: host port:integer)|(no-one: NO ONE))",
      .flags = kAdmin | kNoScript | kStale | kNoAsyncLoading,
      .summary = "Make the server a replica of another instance, or promote it as master.",
      .since = "5.0.0",
      .complexity = "O(1)"},
     replicaof},
    {{.name = "ROLE",
      .flags = kNoScript | kLoading | kStale | kFast,
      .summary = "Return the role of the instance in the context of replication",
      .since = "2.8.12",
      .complexity = "O(1)",
      .extra_categories = "admin dangerous"},
     role},
    {{.name = "SLAVEOF",
      .syntax = "(args: (host-port: host port:integer)|(no-one: NO ONE))",
      .flags = kAdmin | kNoScript | kStale | kNoAsyncLoading,
      .summary = "Make the server a replica of another instance, or promote it as master.",
      .since = "1.0.0",
      .complexity = "O(1)",
      .deprecated_since = "5.0.0",
      .replaced_by = "`REPLICAOF`"},
     replicaof},
    {{.name = "SYNC",
      .flags = kAdmin | kNoScript | kNoAsyncLoading | kNoMulti,
      .summary = "Internal command used for replication",
      .since = "1.0.0"},
     psync},
};

constexpr Command<Call> kGenericCommands[] = {
    {{.name = "WAIT",
      .syntax = "numreplicas:integer timeout:integer",
      .flags = kNoScript,
      .summary = "Wait for the synchronous replication of all the write commands sent in the "
                 "context of the current connection",
      .since = "3.0.0",
      .complexity = "O(1)",
      .hints = "request_policy:all_shards\nresponse_policy:agg_min",
      .extra_categories = "-keyspace connection"},
     wait},
};

}  // namespace

CommandFamily<Call> replication_commands() {
  return {.group = Group::kServer, .commands = kCommands};
}
CommandFamily<Call> wait_commands() {
  return {.group = Group::kGeneric, .commands = kGenericCommands};
}

}  // namespace redan
