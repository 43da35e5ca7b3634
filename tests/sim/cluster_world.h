// A cluster under an unkind fate: 3 to 9 primaries with up to 2 replicas each, every fault for a
// while, then calm. Safety at every step; after the calm one map of slots that all agree on.
#pragma once

#include <cstdint>
#include <string>

namespace redan::sim {

struct ClusterOutcome {
  bool ok = true;
  std::string failure, faults, trace;
  uint64_t hash = 0, events = 0;
  int elections = 0, votes = 0, forgotten = 0;
};

ClusterOutcome run_cluster_seed(uint64_t seed, bool tracing = false);

}  // namespace redan::sim
