// A cluster under an unkind fate: 3 to 9 primaries with up to 2 replicas each, clients who write,
// and a story that the seed chooses. Safety at every step; after the calm one map of slots that all
// agree on, and every key where it belongs. seed % 10:
//   0 5  a node that was cut off is forgotten, and stays so
//   1 2 3  storm: every fault, and operators who move shards by FAILOVER and FAILOVER FORCE
//   4  a graceful failover under load loses nothing that was acknowledged
//   6  a slot moves by SETSLOT and MIGRATE; one end dies on the way; its heir goes on with the move
//   7  nodes come back at other addresses, also at each other's
//   8  guests join and replicas become new nodes (RESET HARD) in a storm
//   9  a storm in which operators also take over without a vote
#pragma once

#include <cstdint>
#include <string>

namespace redan::sim {

struct ClusterOutcome {
  bool ok = true;
  std::string failure, faults, trace;
  uint64_t hash = 0, events = 0;
  int elections = 0, votes = 0;
  int forgotten = 0, handovers = 0, moves = 0, addresses = 0, guests = 0;
  uint64_t acknowledged = 0, lost = 0;
};

ClusterOutcome run_cluster_seed(uint64_t seed, bool tracing = false);

}  // namespace redan::sim
