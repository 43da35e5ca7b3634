// The whole picture: data nodes, sentinels, clients that write, an unkind fate, and what must hold.
// A seed chooses one of four stories:
//   storm     every fault for a while, then healing; safety throughout, then progress within 60 s
//   handover  manual failovers under load, nobody crashes: no acknowledged write is lost
//   leftover  the primary is stopped or cut off until it was replaced, then reachable again:
//             it is a replica within one second
//   emptied   the primary restarts without its data: no replica gives up what was acknowledged,
//             and a manual failover brings it back
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/checkers.h"

namespace redan::sim {

enum class Story { kStorm, kHandover, kLeftover, kEmptied };

struct Outcome {
  bool ok = true;
  std::string failure;
  std::string faults;
  std::string trace;
  uint64_t hash = 0;
  uint64_t events = 0;
  uint64_t acknowledged = 0;
  int handovers = 0;      // Completed manual failovers.
  int refusals = 0;       // Replicas that kept their data from an emptied primary.
  Nanos longest_gap{};    // Without an acknowledged write, in a handover.
  Nanos demoted_after{};  // A leftover, since it was reachable.
  Nanos failover_took{};  // From the kill (leftover: cut) to the new primary's promotion.
};

Outcome run_seed(uint64_t seed, bool tracing = false);

}  // namespace redan::sim
