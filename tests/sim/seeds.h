// Runs many seeds on both cores and reports the first that failed, with all that replays it.
#pragma once

#include <cstdint>
#include <optional>

#include "tests/sim/sentinel_world.h"

namespace redan::sim {

struct Batch {
  uint64_t seeds = 0;  // How many were run.
  uint64_t handovers = 0;
  uint64_t demotions = 0;
  uint64_t refusals = 0;
  uint64_t acknowledged = 0;
  std::optional<uint64_t> failed;  // The lowest seed that failed.
  std::string failure;
};

// Seeds first .. first + count - 1; stops soon after the first failure.
Batch for_each_seed(uint64_t first, uint64_t count);

}  // namespace redan::sim
