#include "server/command/node/client_text.h"

#include <fmt/core.h>

#include "common/acl/user.h"
#include "server/command/node/client_tracking.h"
#include "server/drivers/client_io.h"
#include "server/session/blocked_keys.h"
#include "server/session/node_control.h"
#include "server/session/tracking.h"
#include "server/session/waits.h"

namespace redan {

ClientKind effective_kind(const Session& session) {
  const bool is_client =
      session.kind == ClientKind::kNormal || session.kind == ClientKind::kMonitor;
  if (!is_client) return session.kind;
  return session.subscription_count() > 0 ? ClientKind::kPubSub : ClientKind::kNormal;
}

namespace {

std::string flags_of(const ServerParts& parts, const Session& session) {
  std::string flags;
  if (session.kind == ClientKind::kMonitor) flags += 'O';
  if (session.kind == ClientKind::kReplica) flags += 'S';
  if (session.kind == ClientKind::kPrimary) flags += 'M';
  if (session.subscription_count() > 0) flags += 'P';
  if (session.in_multi()) flags += 'x';
  if (parts.waits.contains(session) || parts.blocked.contains(session)) flags += 'b';
  if (session.tracker != nullptr) {
    flags += 't';
    if (session.tracker->broken) flags += 'R';
    if (session.tracker->mode.broadcast) flags += 'B';
  }
  if (session.transaction != nullptr && session.transaction->disturbed) flags += 'd';
  if (session.unix_socket) flags += 'U';
  if (session.readonly) flags += 'r';
  if (session.no_evict) flags += 'e';
  if (session.no_touch) flags += 'T';
  return flags.empty() ? "N" : flags;
}

}  // namespace

std::string client_line(const ServerParts& parts, const Session& session) {
  const ClientBuffers buffers = parts.clients.buffers(session);
  const Instant now = parts.control.now();
  const size_t channels = session.subscriptions ? session.subscriptions->channels.size() : 0;
  const size_t patterns = session.subscriptions ? session.subscriptions->patterns.size() : 0;
  const size_t sharded = session.subscriptions ? session.subscriptions->shard_channels.size() : 0;
  int64_t multi = -1;
  size_t multi_memory = 0;
  if (session.in_multi()) {
    multi = static_cast<int64_t>(session.transaction->queue.size());
    for (const QueuedCommand& command : session.transaction->queue) {
      for (const std::string& arg : command.args) multi_memory += arg.capacity();
    }
  }
  return fmt::format(
      "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} "
      "multi={} qbuf={} qbuf-free={} argv-mem=0 multi-mem={} rbs={} rbp={} obl={} oll={} omem={} "
      "tot-mem={} events={} cmd={} user={} redir={} resp={} lib-name={} lib-ver={}",
      session.id, session.connection->peer_address(), session.connection->local_address(),
      session.connection->descriptor(), session.name, whole_ms(now - session.created) / 1000,
      whole_ms(now - session.last_interaction) / 1000, flags_of(parts, session), session.db,
      channels, patterns, sharded, multi, buffers.query, buffers.query_free, multi_memory,
      buffers.output, buffers.output, buffers.output, buffers.output_list, buffers.output_bytes,
      buffers.memory, buffers.output_list > 0 ? "rw" : "r", session.last_command,
      session.user == nullptr ? "(superuser)" : session.user->name(), redirection_of(session),
      static_cast<int>(session.resp), session.lib_name, session.lib_version);
}

}  // namespace redan
