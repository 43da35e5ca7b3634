#include "server/command/node/memory_report.h"

#include <algorithm>

#include "server/drivers/client_io.h"
#include "server/session/server_stats.h"

namespace redan {

MemoryReport memory_report(const ServerParts& parts) {
  MemoryReport report;
  report.use = memory_use();
  ServerStats& stats = parts.stats;
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
