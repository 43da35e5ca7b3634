// Slots that move between two shards while clients write to them and everything goes wrong: the
// cluster's machines, both ends of the stream, replicas and their data. No write that a primary and
// its replica acknowledged is lost, and after the calm the move ends.
#pragma once

#include <cstdint>
#include <string>

namespace redan::sim {

struct MigrationOutcome {
  bool ok = true;
  std::string failure, faults, trace;
  uint64_t hash = 0, events = 0;
  uint64_t acknowledged = 0;
  int moves = 0, decided = 0, claimed = 0, taken_back = 0, elections = 0;
};

MigrationOutcome run_migration_seed(uint64_t seed, bool tracing = false);

}  // namespace redan::sim
