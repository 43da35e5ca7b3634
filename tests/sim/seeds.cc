#include "tests/sim/seeds.h"

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace redan::sim {

Batch for_each_seed(uint64_t first, uint64_t count) {
  Batch batch;
  std::mutex mutex;
  std::atomic<uint64_t> next{first};
  std::atomic<bool> stop{false};
  const auto work = [&] {
    for (;;) {
      const uint64_t seed = next++;
      if (seed >= first + count || stop) return;
      const Outcome outcome = run_seed(seed);
      const std::lock_guard lock(mutex);
      ++batch.seeds;
      batch.handovers += static_cast<uint64_t>(outcome.handovers);
      batch.demotions += outcome.demoted_after.count() > 0 ? 1 : 0;
      batch.refusals += static_cast<uint64_t>(outcome.refusals);
      batch.acknowledged += outcome.acknowledged;
      if (outcome.ok) continue;
      stop = true;
      if (batch.failed && *batch.failed < seed) continue;
      batch.failed = seed;
      batch.failure = "seed " + std::to_string(seed) + ": " + outcome.failure +
                      "\n  faults: " + outcome.faults +
                      "\n  replay: redan_sim --world=sentinel --seed=" + std::to_string(seed) +
                      " --trace";
    }
  };
  std::thread other(work);
  work();
  other.join();
  return batch;
}

}  // namespace redan::sim
