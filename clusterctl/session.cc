#include "clusterctl/session.h"

#include <algorithm>

namespace redan {

Result<Session> Session::begin(const Endpoint& at, const Access& access, const std::string& verb) {
  Result<ClusterSnapshot> seen = look_at_cluster(at, access);
  if (!seen) return seen.error();
  std::vector<const NodeSnapshot*> primaries = seen->primaries();
  // Everybody locks in the same order, so that of two somebody comes first everywhere.
  std::sort(primaries.begin(), primaries.end(),
            [](const NodeSnapshot* a, const NodeSnapshot* b) { return a->id() < b->id(); });
  std::vector<Endpoint> nodes;
  for (const NodeSnapshot* primary : primaries) nodes.push_back(primary->at);
  Result<OperatorLock> lock = OperatorLock::take(nodes, access, verb);
  if (!lock) return lock.error();
  Result<ClusterSnapshot> fresh = wait_for_agreement(at, access, Seconds(5));
  if (!fresh) fresh = look_at_cluster(at, access);
  if (!fresh) return fresh.error();
  return Session{.lock = lock.take(), .snapshot = fresh.take()};
}

Result<ClusterSnapshot> wait_for_agreement(const Endpoint& at, const Access& access,
                                           Millis within) {
  return wait_for_cluster(at, access, within, "agreement of the nodes", disagreement);
}

}  // namespace redan
