#include "server/command/node/memory_report.h"

#include <algorithm>

#include "server/drivers/client_io.h"
#include "server/session/node_control.h"
#include "server/session/server_stats.h"

namespace redan {

namespace {

// Who asks again and again gets an older answer and what the data have grown since; Redis takes
// most of these figures ten times a second.
MemoryUse recent_use(const ServerParts& parts) {
  constexpr Millis kMostAge(10);
  std::optional<ServerStats::MemorySample>& sample = parts.stats.memory_sample;
  const Instant now = parts.control.now();
  const auto keyspace = static_cast<int64_t>(parts.keyspace.memory_bytes());
  if (!sample || now - sample->taken > kMostAge) {
    const MemoryUse use = memory_use();
    sample = {.used = use.used,
              .keyspace = keyspace,
              .active = use.active,
              .resident = use.resident,
              .rss = use.rss,
              .total_system = use.total_system,
              .taken = now};
  }
  return {.used = std::max<int64_t>(0, sample->used + keyspace - sample->keyspace),
          .active = sample->active,
          .resident = sample->resident,
          .rss = sample->rss,
          .total_system = sample->total_system};
}

}  // namespace

MemoryReport memory_report(const ServerParts& parts) {
  ServerStats& stats = parts.stats;
  MemoryReport report;
  report.use = recent_use(parts);
  stats.peak_memory = std::max(stats.peak_memory, static_cast<uint64_t>(report.use.used));
  report.peak = static_cast<int64_t>(stats.peak_memory);
  report.startup = static_cast<int64_t>(stats.startup_memory);
  report.tables = static_cast<int64_t>(parts.keyspace.table_bytes());
  for (const auto& [id, session] : parts.clients.sessions()) {
    const auto memory = static_cast<int64_t>(parts.clients.buffers(*session).memory);
    const bool replica = session->kind == ClientKind::kReplica;
    (replica ? report.replicas : report.clients) += memory;
    ++(replica ? report.replica_count : report.client_count);
  }
  if (parts.cluster != nullptr) {
    for (const ClusterLinkFacts& link : parts.cluster->links()) {
      report.links += static_cast<int64_t>(link.allocated_bytes);
    }
  }
  report.replication = parts.replication.traffic();
  return report;
}

}  // namespace redan
