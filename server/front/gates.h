// Every reason why a known command is not executed, as a list of small decisions. Each gate lets a
// call through or says why not; the first refusal counts, so their order is part of the contract
// (it is Redis'). Pure: they look at what is passed in.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "common/acl/denials.h"
#include "common/base/result.h"
#include "common/command/catalog.h"
#include "server/config/server_config.h"
#include "server/session/services.h"
#include "server/session/session.h"

namespace redan {

struct GateView {
  const CommandEntry& command;
  uint32_t flags;  // the command's; for EXEC also those of what was queued
  const Session& session;
  const ServerConfig& config;
  const ReplicationService& replication;
  const SnapshotService& snapshots;
  bool loading;
  bool from_primary;  // the stream of our primary is obeyed, whatever the gates for clients say
  bool memory_exceeded;
  // What the user's rules refuse of the call.
  std::optional<acl::Denial> denial = std::nullopt;
  // In a cluster: why another node has to be asked, or none can be (ClusterGate).
  std::optional<Error> not_served_here = std::nullopt;
};

using Refusal = std::optional<Error>;

Refusal authenticated(const GateView& view);
Refusal protected_allowed(const GateView& view);
Refusal not_from_replica(const GateView& view);
Refusal enough_memory(const GateView& view);
Refusal disk_trusted(const GateView& view);
Refusal enough_replicas(const GateView& view);
Refusal writable_here(const GateView& view);
Refusal allowed_while_subscribed(const GateView& view);
Refusal not_stale(const GateView& view);
Refusal not_loading(const GateView& view);
Refusal allowed_in_multi(const GateView& view);
Refusal permitted(const GateView& view);
Refusal served_by_this_node(const GateView& view);

// Snapshots fail, and stop-writes-on-bgsave-error asks to notice.
bool disk_fails(const ServerConfig& config, const SnapshotService& snapshots);

// The reply for a command that was queued, and that its user may not execute any more.
Error denied_in_transaction(acl::Reason reason);

// All of them, in Redis' order.
Refusal first_refusal(const GateView& view);

// The short way past all gates, because they stand in the way of every request: what the state of
// the node makes doubtful is one word of command flags, computed once for each wake-up. A command
// of an ordinary client that has none of them would be let through by every gate. (A test asks both
// ways in every state.)
inline constexpr uint32_t kAnyCommand = 1u << 31;
uint32_t doubtful_flags(const ServerConfig& config, const ReplicationService& replication,
                        const SnapshotService& snapshots, bool loading, bool memory_nearly_short);
// Signed in as a user who may do everything, and neither in a transaction nor subscribed nor a
// server nor part of tracking.
inline bool is_ordinary(const Session& session) {
  return session.unlimited && session.kind == ClientKind::kNormal &&
         session.transaction == nullptr && session.subscriptions == nullptr && !session.in_tracking;
}
inline bool is_doubtful(uint32_t command_flags, uint32_t doubtful) {
  return ((command_flags | kAnyCommand) & doubtful) != 0;
}

}  // namespace redan
