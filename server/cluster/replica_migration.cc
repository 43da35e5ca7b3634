// A primary that lost all of its replicas gets one of a shard that has several.
#include "server/cluster/bus_machine.h"

namespace redan {

using namespace cluster;

namespace {

constexpr Nanos kOrphanFor = Seconds(5);

}  // namespace

void ClusterMachine::consider_migration() {
  const ClusterNode* mine = my_primary();
  if (mine == nullptr || !options_.allow_replica_migration || !view_.ok()) return;
  std::map<NodeId, size_t> working;  // Replicas of each primary.
  for (const auto& [id, node] : view_.nodes()) {
    if (!node.is_primary && !node.failed()) ++working[node.primary];
  }
  size_t most = 0;
  ClusterNode* orphan = nullptr;
  for (auto& [id, node] : view_.nodes()) {
    if (!counts(node) || node.failed()) continue;
    const auto found = working.find(id);
    const size_t replicas = found == working.end() ? 0 : found->second;
    most = std::max(most, replicas);
    Peer& p = peer(id);
    if (replicas > 0 || !p.had_replicas) {
      p.orphan_since.reset();
    } else {
      if (!p.orphan_since) p.orphan_since = now_;
      if (orphan == nullptr) orphan = &node;
    }
  }
  if (orphan == nullptr || most < 2) return;
  const size_t here = working[mine->id];
  if (here != most || here <= static_cast<size_t>(options_.migration_barrier)) return;
  // Of all who could go, one goes: the smallest identity in the best served shards.
  for (const auto& [id, node] : view_.nodes()) {
    if (node.is_primary || node.failed() || node.primary.empty()) continue;
    const ClusterNode* primary = view_.find(node.primary);
    if (primary == nullptr || !counts(*primary) || working[primary->id] != most) continue;
    if (&node != &self()) return;
    break;
  }
  const Instant when = *peer(orphan->id).orphan_since + kOrphanFor;
  if (now_ < when) return at(when);
  log(LogLevel::kNotice, "Migrating to orphaned master " + orphan->id.hex());
  follow(*orphan);
}

}  // namespace redan
