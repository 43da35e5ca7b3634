// Runs seeds of a world on both cores until one fails, and tells how to replay it.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace redan::sim {

struct SeedsRun {
  uint64_t seeds = 0;              // How many were run.
  std::optional<uint64_t> failed;  // The lowest seed that failed.
  std::string failure;
};

// Seeds first .. first + count - 1; stops soon after the first failure. `run(seed)` returns an
// outcome with `ok`, `failure` and `faults`, on either thread; `add(outcome)` sums up, one at a
// time.
template <class Run, class Add>
SeedsRun run_on_both_cores(uint64_t first, uint64_t count, const std::string& world, Run&& run,
                           Add&& add) {
  SeedsRun all;
  std::mutex mutex;
  std::atomic<uint64_t> next{first};
  std::atomic<bool> stop{false};
  const auto work = [&] {
    for (uint64_t seed = next++; seed < first + count && !stop; seed = next++) {
      const auto outcome = run(seed);
      const std::lock_guard lock(mutex);
      ++all.seeds;
      add(outcome);
      if (outcome.ok) continue;
      stop = true;
      if (all.failed && *all.failed < seed) continue;
      all.failed = seed;
      all.failure = "seed " + std::to_string(seed) + ": " + outcome.failure +
                    "\n  faults: " + outcome.faults + "\n  replay: redan_sim --world=" + world +
                    " --seed=" + std::to_string(seed) + " --trace";
    }
  };
  std::thread other(work);
  work();
  other.join();
  return all;
}

}  // namespace redan::sim
