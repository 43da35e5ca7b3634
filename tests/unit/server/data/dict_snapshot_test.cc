// The snapshot against copies of a map, over random schedules; and each of its rules broken, which
// the same comparison must notice.
#include <gtest/gtest.h>

#include "tests/unit/server/data/dict_model.h"

namespace redan {
namespace {

using testing::BreaksOne;
using testing::DictWorld;
using testing::Item;

template <class Rules>
struct Copies final : Dict<Item, Rules>::Sink {
  std::map<std::string, int> seen;
  size_t twice = 0;
  void emit(int tag, const Item& item) override {
    if (tag != 7 || !seen.emplace(item.name, item.value).second) ++twice;
  }
};

// One schedule: some keys, a mark, changes and slices by turns, until the walk is through; then,
// as it comes, another snapshot. True if each was exactly the state at its mark.
template <class Rules>
bool schedule_holds(uint64_t seed) {
  DictWorld<Rules> world(seed);
  Rng& rng = world.rng;
  const uint64_t names = uint64_t{1} << rng.between(3, 12);
  for (uint64_t i = rng.below(3 * names); i > 0; --i) world.step(names, true);
  for (uint64_t i = rng.below(names); i > 0; --i) world.step(names, false);
  for (uint64_t round = 1 + rng.below(3); round > 0; --round) {
    const auto at_mark = world.model;
    Copies<Rules> copies;
    world.dict.begin_snapshot(&copies, 7);
    const uint64_t pace = 1 + rng.below(60);
    const bool given_up = rng.chance(0.1);
    bool growing = rng.chance(0.5);
    bool more = true;
    while (more) {
      for (uint64_t i = rng.below(pace); i > 0; --i) world.step(names * 4, growing);
      if (rng.chance(0.05)) growing = !growing;
      if (rng.chance(0.05)) world.dict.rehash(rng.below(50));
      more = world.dict.walk_snapshot(1 + rng.below(5));
      if (given_up && rng.chance(0.02)) break;
    }
    world.dict.end_snapshot();
    const auto after = copies.seen;
    for (int i = 0; i < 20; ++i) world.step(names, growing);
    if (copies.seen != after || copies.twice > 0) return false;
    if (!more && copies.seen != at_mark) return false;
    // A snapshot that was given up has seen nothing but the truth.
    for (const auto& [name, value] : copies.seen) {
      const auto found = at_mark.find(name);
      if (found == at_mark.end() || found->second != value) return false;
    }
  }
  world.dict.check_invariants();
  return world.contents() == world.model;
}

TEST(DictSnapshot, IsTheStateAtItsMarkUnderAnySchedule) {
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    ASSERT_TRUE(schedule_holds<KeepsAllRules>(seed)) << "seed " << seed;
  }
}

class BrokenRule : public ::testing::TestWithParam<SnapshotRule> {};

TEST_P(BrokenRule, IsNoticed) {
  BreaksOne::broken = static_cast<int>(GetParam());
  int seeds = 0;
  while (seeds < 300 && schedule_holds<BreaksOne>(static_cast<uint64_t>(seeds))) ++seeds;
  BreaksOne::broken = -1;
  EXPECT_LT(seeds, 300) << "the rule is of no use, or the test is not";
  EXPECT_TRUE(schedule_holds<BreaksOne>(static_cast<uint64_t>(seeds)));
}

INSTANTIATE_TEST_SUITE_P(
    EachRule, BrokenRule,
    ::testing::Values(SnapshotRule::kEmitBeforeInsert, SnapshotRule::kEmitBeforeChange,
                      SnapshotRule::kEmitBeforeMovingFrom, SnapshotRule::kEmitBeforeMovingInto,
                      SnapshotRule::kMarkEmitted, SnapshotRule::kWalkBothArrays));

}  // namespace
}  // namespace redan
