#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <initializer_list>

#include "common/base/rng.h"
#include "common/protocol/mutants.h"
#include "tests/sim/both_cores.h"
#include "tests/sim/cluster_world.h"

namespace redan::sim {
namespace {

struct Batch : SeedsRun {
  ClusterOutcome sum;
};

Batch run_seeds(uint64_t first, uint64_t count) {
  Batch batch;
  const auto add = [&](const ClusterOutcome& outcome) {
    batch.sum.elections += outcome.elections;
    batch.sum.votes += outcome.votes;
    batch.sum.forgotten += outcome.forgotten;
    batch.sum.handovers += outcome.handovers;
    batch.sum.moves += outcome.moves;
    batch.sum.addresses += outcome.addresses;
    batch.sum.guests += outcome.guests;
    batch.sum.acknowledged += outcome.acknowledged;
    batch.sum.lost += outcome.lost;
  };
  static_cast<SeedsRun&>(batch) = run_on_both_cores(
      first, count, "cluster", [](uint64_t seed) { return run_cluster_seed(seed); }, add);
  return batch;
}

#ifdef REDAN_MUTANTS

class ClusterMutants : public testing::TestWithParam<size_t> {};

TEST_P(ClusterMutants, IsFoundWithinTwoThousandSeeds) {
  mutants::chosen = mutants::kFirstCluster + GetParam();
  const Batch batch = run_seeds(1, 2'000);
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

std::string trace_of(const Batch& batch) {
  if (!batch.failed) return "";
  const std::string trace = run_cluster_seed(*batch.failed, true).trace;
  constexpr size_t kShown = 20'000;  // The end tells most.
  return batch.failure + "\n" +
         (trace.size() > kShown ? "...\n" + trace.substr(trace.size() - kShown) : trace);
}

TEST(ClusterSim, AThousandSeedsKeepEveryPromise) {
  const Batch batch = run_seeds(1, 1'000);
  EXPECT_FALSE(batch.failed.has_value()) << trace_of(batch);
  // The stories were really told.
  const ClusterOutcome& sum = batch.sum;
  EXPECT_GT(sum.elections, 500);
  EXPECT_GT(sum.votes, 1'000);
  EXPECT_EQ(sum.forgotten, 200);
  EXPECT_GT(sum.handovers, 100);
  EXPECT_EQ(sum.moves, 100);
  EXPECT_EQ(sum.addresses, 300);
  EXPECT_EQ(sum.guests, 200);
  EXPECT_GT(sum.acknowledged, 100'000u);
  std::printf(
      "%d elections won, %d votes; %llu writes acknowledged, %llu of them lost unreplicated\n",
      sum.elections, sum.votes, static_cast<unsigned long long>(sum.acknowledged),
      static_cast<unsigned long long>(sum.lost));
}

// They found something once, beyond the first thousand: replicas that followed another shard after
// nodes had changed places, won with the data of the shard that they came from, with the votes of a
// minority, or after another had won; a replica whose new primary was not met yet.
TEST(ClusterSim, SeedsThatFailedOnceKeepEveryPromise) {
  for (const uint64_t seed :
       std::initializer_list<uint64_t>{1357, 3058, 4587, 5354, 5888, 10'548, 17'378, 18'138, 23'891,
                                       32'752, 40'723, 43'278, 901'158, 5'405'030'827'680'589}) {
    const ClusterOutcome outcome = run_cluster_seed(seed);
    EXPECT_TRUE(outcome.ok) << "seed " << seed << ": " << outcome.failure;
  }
}

// Seeds that nobody ran before: a hundred, or as many as REDAN_FRESH_SEEDS says (tests/run.sh
// says how many). A failure prints its seed, which replays it.
TEST(ClusterSim, FreshSeedsKeepEveryPromise) {
  const char* wanted = std::getenv("REDAN_FRESH_SEEDS");
  const uint64_t count = wanted == nullptr ? 100 : std::strtoull(wanted, nullptr, 10);
  ASSERT_GT(count, 0u) << "REDAN_FRESH_SEEDS is no number: " << wanted;
  const uint64_t first = system_seed() >> 8;
  std::printf("seeds %llu and %llu more\n", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(count - 1));
  const Batch batch = run_seeds(first, count);
  EXPECT_FALSE(batch.failed.has_value()) << trace_of(batch);
}

TEST(ClusterSim, ASeedReplaysTheSameRun) {
  for (const uint64_t seed : {1, 4, 5, 6, 7, 8, 9}) {
    const ClusterOutcome once = run_cluster_seed(seed), again = run_cluster_seed(seed, true);
    EXPECT_EQ(once.hash, again.hash) << "seed " << seed;
    EXPECT_EQ(once.events, again.events) << "seed " << seed;
    EXPECT_FALSE(again.trace.empty());
  }
}

#endif

}  // namespace
}  // namespace redan::sim
