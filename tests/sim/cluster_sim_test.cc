#include <gtest/gtest.h>

#include "common/protocol/mutants.h"
#include "tests/sim/both_cores.h"
#include "tests/sim/cluster_world.h"

namespace redan::sim {
namespace {

struct Batch : SeedsRun {
  uint64_t elections = 0, votes = 0, forgotten = 0;
};

Batch run_seeds(uint64_t count) {
  Batch batch;
  const auto add = [&](const ClusterOutcome& outcome) {
    batch.elections += static_cast<uint64_t>(outcome.elections);
    batch.votes += static_cast<uint64_t>(outcome.votes);
    batch.forgotten += static_cast<uint64_t>(outcome.forgotten);
  };
  static_cast<SeedsRun&>(batch) = run_on_both_cores(
      1, count, "cluster", [](uint64_t seed) { return run_cluster_seed(seed); }, add);
  return batch;
}

#ifdef REDAN_MUTANTS

class ClusterMutants : public testing::TestWithParam<size_t> {};

TEST_P(ClusterMutants, IsFoundWithinTwoThousandSeeds) {
  mutants::chosen = mutants::kFirstCluster + GetParam();
  const Batch batch = run_seeds(2'000);
  mutants::chosen = 0;
  ASSERT_TRUE(batch.failed.has_value()) << "not found by " << batch.seeds << " seeds";
  std::printf("found after %llu seeds: %s\n", static_cast<unsigned long long>(batch.seeds),
              batch.failure.substr(0, batch.failure.find('\n')).c_str());
}

INSTANTIATE_TEST_SUITE_P(All, ClusterMutants,
                         testing::Range<size_t>(0, mutants::kClusterNames.size()),
                         [](const testing::TestParamInfo<size_t>& mutant) {
                           return std::string(mutants::kClusterNames[mutant.param]);
                         });

#else

TEST(ClusterSim, AThousandSeedsKeepEveryPromise) {
  const Batch batch = run_seeds(1'000);
  EXPECT_FALSE(batch.failed.has_value()) << batch.failure;
  // The stories were really told.
  EXPECT_GT(batch.elections, 300u);
  EXPECT_GT(batch.votes, 600u);
  EXPECT_GE(batch.forgotten, 200u);
  std::printf("%llu elections won, %llu votes\n", static_cast<unsigned long long>(batch.elections),
              static_cast<unsigned long long>(batch.votes));
}

TEST(ClusterSim, ASeedReplaysTheSameRun) {
  for (const uint64_t seed : {5, 6, 7}) {
    const ClusterOutcome once = run_cluster_seed(seed), again = run_cluster_seed(seed, true);
    EXPECT_EQ(once.hash, again.hash);
    EXPECT_EQ(once.events, again.events);
    EXPECT_FALSE(again.trace.empty());
  }
}

#endif

}  // namespace
}  // namespace redan::sim
