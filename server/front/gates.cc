#include "server/front/gates.h"

namespace redan {

Refusal authenticated(const GateView& view) {
  if (view.session.authenticated || (view.flags & kNoAuth) != 0) return {};
  return Error("NOAUTH", "Authentication required.");
}

namespace {
bool is_local(const Session& session) {
  if (session.connection == nullptr || session.unix_socket) return true;
  const std::string peer = session.connection->peer_address();
  return peer.starts_with("127.") || peer.starts_with("[::1]");
}
}  // namespace

// DEBUG, and what loads and unloads modules.
Refusal protected_allowed(const GateView& view) {
  if (!view.command.has(kProtected)) return {};
  const bool is_debug = view.command.full_name == "debug";
  const LocalAllowed rule =
      is_debug ? view.config.enable_debug_command : view.config.enable_module_command;
  if (rule == LocalAllowed::kYes) return {};
  if (rule == LocalAllowed::kLocal && is_local(view.session)) return {};
  return Error(std::string(is_debug ? "DEBUG" : "MODULE") + " command not allowed. If the enable-" +
               (is_debug ? "debug" : "module") +
               "-command option is set to \"local\", you can run it from a local connection, "
               "otherwise you need to set this option in the configuration file, and then restart "
               "the server.");
}

Refusal not_from_replica(const GateView& view) {
  // (Who watches counts as one, as in Redis.)
  const ClientKind kind = view.session.kind;
  if (kind != ClientKind::kReplica && kind != ClientKind::kMonitor) return {};
  if ((view.flags & (kWrite | kReadOnly | kMayReplicate)) == 0) return {};
  return Error("Replica can't interact with the keyspace");
}

bool disk_fails(const ServerConfig& config, const SnapshotService& snapshots) {
  return config.stop_writes_on_bgsave_error && !config.save.empty() && !snapshots.last_save_ok();
}

Refusal disk_trusted(const GateView& view) {
  const bool is_ping = view.command.group == Group::kConnection && view.command.full_name == "ping";
  if ((view.flags & kWrite) == 0 && !is_ping) return {};
  if (!disk_fails(view.config, view.snapshots)) return {};
  return Error(
      "MISCONF",
      "Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. "
      "Commands that may modify the data set are disabled, because this instance is configured to "
      "report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). "
      "Please check the Redis logs for details about the RDB error.");
}

Refusal enough_replicas(const GateView& view) {
  if ((view.flags & kWrite) == 0 || view.config.min_replicas_to_write == 0) return {};
  if (view.config.min_replicas_max_lag == 0 || view.replication.is_replica()) return {};
  if (view.replication.good_replicas() >= view.config.min_replicas_to_write) return {};
  return Error("NOREPLICAS", "Not enough good replicas to write.");
}

Refusal writable_here(const GateView& view) {
  if ((view.flags & kWrite) == 0 || !view.config.replica_read_only) return {};
  if (!view.replication.is_replica()) return {};
  return Error("READONLY", "You can't write against a read only replica.");
}

Refusal allowed_while_subscribed(const GateView& view) {
  if (view.session.subscription_count() == 0 || view.session.resp == Resp::k3) return {};
  const std::string& name = view.command.full_name;
  for (const std::string_view allowed :
       {"ping", "subscribe", "ssubscribe", "psubscribe", "unsubscribe", "sunsubscribe",
        "punsubscribe", "quit", "reset"}) {
    if (name == allowed) return {};
  }
  return Error("Can't execute '" + name +
               "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
               "this context");
}

Refusal not_stale(const GateView& view) {
  if ((view.flags & kStale) != 0 || view.config.replica_serve_stale_data) return {};
  if (!view.replication.is_replica() || view.replication.link_up()) return {};
  return Error("MASTERDOWN",
               "Link with MASTER is down and replica-serve-stale-data is set to 'no'.");
}

Refusal not_loading(const GateView& view) {
  if (!view.loading || (view.flags & kLoading) != 0) return {};
  return Error("LOADING", "Redis is loading the dataset in memory");
}

Refusal allowed_in_multi(const GateView& view) {
  if (!view.session.in_multi() || (view.flags & kNoMulti) == 0) return {};
  return Error("Command not allowed inside a transaction");
}

Refusal permitted(const GateView& view) {
  if (!view.denial) return {};
  return Error("NOPERM", acl::told_to_client(*view.denial, *view.session.user, view.command));
}

Error denied_in_transaction(acl::Reason reason) {
  return Error("NOPERM",
               "ACLs rules changed between the moment the transaction was accumulated and the EXEC "
               "call. This command is no longer allowed for the following reason: " +
                   std::string(acl::told_in_transaction(reason)));
}

Refusal served_by_this_node(const GateView& view) {
  return view.not_served_here;
}

namespace {
bool ends_or_guards_transaction(const CommandEntry& command) {
  for (const std::string_view name : {"exec", "discard", "multi", "watch", "unwatch", "reset"}) {
    if (command.full_name == name) return true;
  }
  return false;
}
}  // namespace

Refusal enough_memory(const GateView& view) {
  if (!view.memory_exceeded) return {};
  // What a transaction queues takes memory whatever it is.
  const bool queued = view.session.in_multi() && !ends_or_guards_transaction(view.command);
  if ((view.flags & kDenyOom) == 0 && !queued) return {};
  return Error("OOM", "command not allowed when used memory > 'maxmemory'.");
}

Refusal first_refusal(const GateView& view) {
  if (Refusal refusal = authenticated(view)) return refusal;
  if (view.from_primary) return {};
  for (const auto gate : {protected_allowed, not_from_replica, allowed_in_multi, permitted,
                          served_by_this_node, enough_memory, disk_trusted, enough_replicas,
                          writable_here, allowed_while_subscribed, not_stale, not_loading}) {
    if (Refusal refusal = gate(view)) return refusal;
  }
  return {};
}

uint32_t doubtful_flags(const ServerConfig& config, const ReplicationService& replication,
                        const SnapshotService& snapshots, bool loading, bool memory_nearly_short) {
  // DEBUG depends on who asks. Administration may change the answers, so it never goes the short
  // way, and what comes behind it is judged anew.
  uint32_t flags = kAdmin;
  if (loading) flags |= kAnyCommand;
  if (memory_nearly_short) flags |= kDenyOom;
  if (config.min_replicas_to_write > 0) flags |= kWrite;
  if (disk_fails(config, snapshots)) flags |= kAnyCommand;  // PING too
  if (replication.is_replica()) {
    if (config.replica_read_only) flags |= kWrite;
    if (!config.replica_serve_stale_data) flags |= kAnyCommand;
  }
  return flags;
}

}  // namespace redan
