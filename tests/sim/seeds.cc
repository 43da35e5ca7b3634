#include "tests/sim/seeds.h"

namespace redan::sim {

Batch for_each_seed(uint64_t first, uint64_t count) {
  Batch batch;
  const auto add = [&](const Outcome& outcome) {
    batch.handovers += static_cast<uint64_t>(outcome.handovers);
    batch.demotions += outcome.demoted_after.count() > 0 ? 1 : 0;
    batch.refusals += static_cast<uint64_t>(outcome.refusals);
    batch.acknowledged += outcome.acknowledged;
  };
  static_cast<SeedsRun&>(batch) = run_on_both_cores(
      first, count, "sentinel", [](uint64_t seed) { return run_seed(seed); }, add);
  return batch;
}

}  // namespace redan::sim
