// The mutation gate: each planted bug is found by some seed, or the checkers prove nothing.
#include <gtest/gtest.h>

#include <cstdio>

#include "common/protocol/mutants.h"
#include "tests/sim/seeds.h"

#ifndef REDAN_MUTANTS
#error "build this with REDAN_MUTANTS"
#endif

namespace redan::sim {
namespace {

class MutantGate : public testing::TestWithParam<size_t> {};

TEST_P(MutantGate, IsFoundWithinTenThousandSeeds) {
  mutants::chosen = GetParam();
  const Batch batch = for_each_seed(1, 10'000);
  mutants::chosen = 0;
  const std::string name(mutants::kNames[GetParam() - 1]);
  ASSERT_TRUE(batch.failed.has_value()) << name << " was not found by " << batch.seeds << " seeds";
  std::printf("%-24s found after %llu seeds: %s\n", name.c_str(),
              static_cast<unsigned long long>(batch.seeds),
              batch.failure.substr(0, batch.failure.find('\n')).c_str());
}

INSTANTIATE_TEST_SUITE_P(All, MutantGate, testing::Range<size_t>(1, mutants::kNames.size() + 1),
                         [](const testing::TestParamInfo<size_t>& mutant) {
                           return std::string(mutants::kNames[mutant.param - 1]);
                         });

TEST(MutantGate, WithoutAPlantedBugTheSameSeedsPass) {
  const Batch batch = for_each_seed(1, 100);
  EXPECT_FALSE(batch.failed.has_value()) << batch.failure;
}

}  // namespace
}  // namespace redan::sim
