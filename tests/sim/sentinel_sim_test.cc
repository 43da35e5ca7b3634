#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "common/base/rng.h"
#include "tests/sim/seeds.h"

namespace redan::sim {
namespace {

std::string trace_of(const Batch& batch) {
  if (!batch.failed) return "";
  const std::string trace = run_seed(*batch.failed, true).trace;
  constexpr size_t kShown = 20'000;  // The end tells most.
  return batch.failure + "\n" +
         (trace.size() > kShown ? "...\n" + trace.substr(trace.size() - kShown) : trace);
}

TEST(SentinelSim, AThousandSeedsKeepEveryPromise) {
  const Batch batch = for_each_seed(1, 1'000);
  EXPECT_FALSE(batch.failed.has_value()) << trace_of(batch);
  // The stories were really told: a world in which nothing happens proves nothing.
  EXPECT_GT(batch.handovers, 300u);
  EXPECT_GT(batch.demotions, 100u);
  EXPECT_GT(batch.refusals, 100u);
  EXPECT_GT(batch.acknowledged, 300'000u);
  RecordProperty("handovers", static_cast<int>(batch.handovers));
  RecordProperty("refusals", static_cast<int>(batch.refusals));
  RecordProperty("demotions", static_cast<int>(batch.demotions));
}

// Seeds that nobody ran before: a hundred, or as many as REDAN_FRESH_SEEDS says (tests/run.sh
// says how many). A failure prints its seed, which replays it.
TEST(SentinelSim, FreshSeedsKeepEveryPromise) {
  const char* wanted = std::getenv("REDAN_FRESH_SEEDS");
  const uint64_t count = wanted == nullptr ? 100 : std::strtoull(wanted, nullptr, 10);
  ASSERT_GT(count, 0u) << "REDAN_FRESH_SEEDS is no number: " << wanted;
  const uint64_t first = system_seed() >> 8;
  std::printf("seeds %llu and %llu more\n", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(count - 1));
  const Batch batch = for_each_seed(first, count);
  EXPECT_FALSE(batch.failed.has_value()) << trace_of(batch);
}

TEST(SentinelSim, ASeedReplaysTheSameRun) {
  for (const uint64_t seed : {5, 6, 7, 8, 9}) {
    const Outcome once = run_seed(seed), again = run_seed(seed, true);
    EXPECT_EQ(once.hash, again.hash) << "seed " << seed;
    EXPECT_EQ(once.events, again.events) << "seed " << seed;
    EXPECT_FALSE(again.trace.empty());
  }
  EXPECT_NE(run_seed(7).hash, run_seed(8).hash);
}

}  // namespace
}  // namespace redan::sim
