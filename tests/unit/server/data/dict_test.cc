#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <set>

#include "tests/unit/server/data/dict_model.h"

namespace redan {
namespace {

using testing::DictWorld;
using testing::Item;
using World = DictWorld<KeepsAllRules>;

TEST(Dict, HoldsWhatAMapHoldsThroughGrowthAndShrinkage) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    World world(seed);
    const uint64_t names = uint64_t{1} << world.rng.between(3, 13);
    bool rehashed = false;
    for (int phase = 0; phase < 6; ++phase) {
      for (uint64_t i = 0; i < names; ++i) {
        world.step(names, phase % 2 == 0);
        rehashed |= world.dict.rehashing();
        if (i % 509 == 0) world.dict.check_invariants();
      }
      world.dict.check_invariants();
      ASSERT_EQ(world.dict.size(), world.model.size());
      ASSERT_EQ(world.contents(), world.model) << "seed " << seed;
    }
    EXPECT_TRUE(rehashed || names < 64);
  }
}

TEST(Dict, FindsEachKeyAndNoOther) {
  World world(1);
  for (int i = 0; i < 20'000; ++i) world.set("n" + std::to_string(i), i);
  for (int i = 0; i < 20'000; ++i) {
    const Item* item = world.dict.find("n" + std::to_string(i));
    ASSERT_NE(item, nullptr);
    ASSERT_EQ(item->value, i);
    ASSERT_EQ(world.dict.find("m" + std::to_string(i)), nullptr);
  }
}

TEST(Dict, ShrinksToTheSizeOfWhatIsLeft) {
  World world(2);
  for (int i = 0; i < 50'000; ++i) world.set("n" + std::to_string(i), i);
  const size_t at_most = world.dict.home_buckets();
  for (int i = 0; i < 49'990; ++i) world.erase("n" + std::to_string(i));
  while (world.dict.rehash(1000)) {
  }
  EXPECT_LT(world.dict.home_buckets(), at_most / 100);
  world.dict.check_invariants();
}

TEST(Dict, AFewKeysLeftOfManyAreFoundByARandomDraw) {
  World world(3);
  for (int i = 0; i < 300'000; ++i) world.set("n" + std::to_string(i), i);
  for (int i = 1; i < 300'000; ++i) world.erase("n" + std::to_string(i));
  for (int i = 0; i < 100; ++i) {
    const Item* item = world.dict.random(world.rng);
    ASSERT_NE(item, nullptr);
    EXPECT_EQ(item->name, "n0");
  }
  world.erase("n0");
  EXPECT_EQ(world.dict.random(world.rng), nullptr);
}

TEST(Dict, RandomDrawsAreFair) {
  World world(4);
  constexpr int kKeys = 500;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kKeys; ++i) world.set("n" + std::to_string(i), i);
  std::map<std::string, int> drawn;
  for (int i = 0; i < kDraws; ++i) ++drawn[world.dict.random(world.rng)->name];
  ASSERT_EQ(drawn.size(), size_t{kKeys});
  // Chi squared with 499 degrees of freedom: 499 +- 32; seeded, so no chance of a stray failure.
  const double expected = static_cast<double>(kDraws) / kKeys;
  double chi = 0;
  for (const auto& [name, count] : drawn) chi += (count - expected) * (count - expected) / expected;
  EXPECT_LT(chi, 499 + 5 * 32);
}

TEST(Dict, AScanSeesEveryKeyThatStays) {
  int rehashes = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    World world(seed);
    std::set<std::string> staying;
    for (uint64_t i = world.rng.below(400); i > 0; --i) {
      staying.insert("stay" + std::to_string(i));
      world.set("stay" + std::to_string(i), 1);
    }
    for (uint64_t i = world.rng.below(4000); i > 0; --i) world.step(4096, true);
    bool growing = world.rng.chance(0.5);
    uint64_t cursor = 0;
    bool rehashed = false;
    do {
      cursor = world.dict.scan(cursor, [&](Item* item) { staying.erase(item->name); });
      for (uint64_t i = world.rng.below(120); i > 0; --i) world.step(4096, growing);
      rehashed |= world.dict.rehashing();
      if (world.rng.chance(0.02)) growing = !growing;
    } while (cursor != 0);
    EXPECT_TRUE(staying.empty()) << staying.size() << " missed, seed " << seed;
    rehashes += rehashed ? 1 : 0;
  }
  EXPECT_GT(rehashes, 20);
}

TEST(Dict, TheExpiryFlagFollowsTheEntry) {
  World world(5);
  for (int i = 0; i < 3000; ++i) world.step(2000, true);
  std::set<std::string> flagged;
  uint64_t cursor = 0;
  do {
    cursor = world.dict.scan_expiring(cursor, [&](Item* item) { flagged.insert(item->name); });
  } while (cursor != 0);
  for (const auto& [name, value] : world.model) EXPECT_EQ(flagged.contains(name), value % 2 == 0);
}

TEST(Dict, ReservedRoomIsNotGrown) {
  World world(6);
  world.dict.reserve(10'000);
  const size_t buckets = world.dict.home_buckets();
  for (int i = 0; i < 10'000; ++i) world.set("n" + std::to_string(i), i);
  EXPECT_EQ(world.dict.home_buckets(), buckets);
  EXPECT_FALSE(world.dict.rehashing());
}

TEST(Dict, AnotherKeySpreadsTheSameNamesDifferently) {
  World one(7), other(8);
  std::vector<std::string> first, second;
  for (int i = 0; i < 200; ++i) {
    one.set("n" + std::to_string(i), i);
    other.set("n" + std::to_string(i), i);
  }
  one.dict.for_each([&](Item* item) { first.push_back(item->name); });
  other.dict.for_each([&](Item* item) { second.push_back(item->name); });
  EXPECT_NE(first, second);
}

// g++ once removed the prefetches of a helper that was not inlined: they must be in this program.
TEST(Dict, PrefetchesWhileItMovesBuckets) {
  std::array<char, 4096> self{};
  ASSERT_GT(readlink("/proc/self/exe", self.data(), self.size() - 1), 0);
  const std::string command =
      "objdump -d --no-show-raw-insn '" + std::string(self.data()) +
      "' | c++filt | awk '/^[0-9a-f]+ <.*Dict<.*Item.*move_next_bucket/{on=1} "
      "/^$/{on=0} on && /prefetcht0/{n++} END{print n+0}'";
  FILE* const pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  int found = -1;
  ASSERT_EQ(fscanf(pipe, "%d", &found), 1);
  pclose(pipe);
#if defined(__x86_64__) && defined(__OPTIMIZE__)
  EXPECT_GT(found, 0);
#endif
}

}  // namespace
}  // namespace redan
