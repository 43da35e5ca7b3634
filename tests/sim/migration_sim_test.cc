#include <gtest/gtest.h>

#include "common/protocol/mutants.h"
#include "tests/sim/both_cores.h"
#include "tests/sim/migration_world.h"

namespace redan::sim {
namespace {

struct Batch : SeedsRun {
  uint64_t moves = 0, decided = 0, claimed = 0, taken_back = 0, acknowledged = 0, elections = 0;
};

Batch run_seeds(uint64_t count) {
  Batch batch;
  const auto add = [&](const MigrationOutcome& outcome) {
    batch.moves += static_cast<uint64_t>(outcome.moves);
    batch.decided += static_cast<uint64_t>(outcome.decided);
    batch.claimed += static_cast<uint64_t>(outcome.claimed);
    batch.taken_back += static_cast<uint64_t>(outcome.taken_back);
    batch.elections += static_cast<uint64_t>(outcome.elections);
    batch.acknowledged += outcome.acknowledged;
  };
  static_cast<SeedsRun&>(batch) = run_on_both_cores(
      1, count, "migration", [](uint64_t seed) { return run_migration_seed(seed); }, add);
  return batch;
}

#ifdef REDAN_MUTANTS

class MigrationMutants : public testing::TestWithParam<size_t> {};

TEST_P(MigrationMutants, IsFoundWithinTwoThousandSeeds) {
  mutants::chosen = mutants::kFirstMigration + GetParam();
  const Batch batch = run_seeds(2'000);
  mutants::chosen = 0;
  ASSERT_TRUE(batch.failed.has_value()) << "not found by " << batch.seeds << " seeds";
  std::printf("found after %llu seeds: %s\n", static_cast<unsigned long long>(batch.seeds),
              batch.failure.substr(0, batch.failure.find('\n')).c_str());
}

INSTANTIATE_TEST_SUITE_P(All, MigrationMutants,
                         testing::Range<size_t>(0, mutants::kMigrationNames.size()),
                         [](const testing::TestParamInfo<size_t>& mutant) {
                           return std::string(mutants::kMigrationNames[mutant.param]);
                         });

#else

TEST(MigrationSim, AThousandSeedsLoseNoWriteAndLeaveNoSlotOpen) {
  const Batch batch = run_seeds(1'000);
  EXPECT_FALSE(batch.failed.has_value()) << batch.failure;
  // The stories were really told.
  EXPECT_GT(batch.moves, 3'000u);
  EXPECT_GT(batch.claimed, 1'000u);
  EXPECT_GT(batch.taken_back, 10u);
  EXPECT_GT(batch.elections, 300u);
  EXPECT_GT(batch.acknowledged, 100'000u);
  std::printf("%llu moves, %llu decided, %llu claimed, %llu taken back, %llu elections\n",
              static_cast<unsigned long long>(batch.moves),
              static_cast<unsigned long long>(batch.decided),
              static_cast<unsigned long long>(batch.claimed),
              static_cast<unsigned long long>(batch.taken_back),
              static_cast<unsigned long long>(batch.elections));
}

// They found something once, beyond the first thousand: targets that were stopped while their heirs
// claimed and went on; an heir with keys of slots that its primary was given and did not want, or
// whose claim it had not heard.
TEST(MigrationSim, SeedsThatFailedOnceKeepEveryPromise) {
  for (const uint64_t seed : {358, 723, 4189, 4392, 40'002'613}) {
    const MigrationOutcome outcome = run_migration_seed(seed);
    EXPECT_TRUE(outcome.ok) << "seed " << seed << ": " << outcome.failure;
  }
}

TEST(MigrationSim, ASeedReplaysTheSameRun) {
  for (const uint64_t seed : {5, 6, 7}) {
    const MigrationOutcome once = run_migration_seed(seed), again = run_migration_seed(seed, true);
    EXPECT_EQ(once.hash, again.hash);
    EXPECT_EQ(once.events, again.events);
    EXPECT_FALSE(again.trace.empty());
  }
}

#endif

}  // namespace
}  // namespace redan::sim
