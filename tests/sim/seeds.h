// Runs many seeds on both cores and reports the first that failed, with all that replays it.
#pragma once

#include <cstdint>

#include "tests/sim/both_cores.h"
#include "tests/sim/sentinel_world.h"

namespace redan::sim {

struct Batch : SeedsRun {
  uint64_t handovers = 0;
  uint64_t demotions = 0;
  uint64_t refusals = 0;
  uint64_t acknowledged = 0;
};

// Seeds first .. first + count - 1; stops soon after the first failure.
Batch for_each_seed(uint64_t first, uint64_t count);

}  // namespace redan::sim
