#include "server/session/hot_keys.h"

#include <gtest/gtest.h>

namespace redan {
namespace {

// A Zipf-like load over many more keys than are kept: the heaviest are found, in their order.
TEST(HeavyHitters, FindTheHeaviestAmongMany) {
  HeavyHitters hitters;
  Rng rng(5);
  for (int i = 0; i < 400'000; ++i) {
    const uint64_t key = rng.chance(0.3) ? rng.below(10) : 10 + rng.below(200'000);
    hitters.add("k" + std::to_string(key), key < 10 ? 100 - key : 1);
    ASSERT_LE(hitters.size(), 2 * HeavyHitters::kTracked);
  }
  const auto top = hitters.top(10);
  ASSERT_EQ(top.size(), 10u);
  for (size_t i = 0; i < top.size(); ++i) {
    EXPECT_EQ(top[i].first.size(), 2u) << top[i].first;
    if (i > 0) {
      EXPECT_GE(top[i - 1].second, top[i].second);
    }
  }
}

TEST(HeavyHitters, ForgetHalfAlsoWhereAllAreAlike) {
  HeavyHitters hitters;
  for (size_t i = 0; i <= 2 * HeavyHitters::kTracked; ++i) hitters.add(std::to_string(i), 7);
  EXPECT_EQ(hitters.size(), HeavyHitters::kTracked + 1);
  EXPECT_EQ(hitters.top(3).size(), 3u);
}

TEST(HotKeys, CountWhatTheyWereAskedFor) {
  HotKeys hot;
  EXPECT_FALSE(hot.started());
  hot.start({.time = true, .count = 1}, 1000, 1);
  hot.call(5, 100);
  hot.key("a", 4000, 100);
  hot.key("b", 5000, 1);
  hot.tick(1'000'000'000);
  EXPECT_TRUE(hot.active());  // No duration: until somebody ends it.
  hot.stop(3000);
  EXPECT_EQ(hot.duration_ms(9000), 2000);
  EXPECT_EQ(hot.by_time_ns(), (std::vector<HeavyHitters::Sum>{{"b", 5000}}));
  EXPECT_TRUE(hot.by_bytes().empty());
  EXPECT_EQ(hot.totals().bytes, 100u);
  hot.reset();
  EXPECT_FALSE(hot.started());
}

TEST(HotKeys, EndByThemselvesAfterTheirTime) {
  HotKeys hot;
  hot.start({.bytes = true, .duration_ms = 500}, 1000, 1);
  hot.tick(1499);
  EXPECT_TRUE(hot.active());
  hot.tick(1700);
  EXPECT_FALSE(hot.active());
  EXPECT_EQ(hot.duration_ms(5000), 500);
}

TEST(HotKeys, ASampleIsAShareOfTheCalls) {
  HotKeys hot;
  hot.start({.time = true, .sample = 10}, 0, 3);
  int told = 0;
  for (int i = 0; i < 10'000; ++i) told += hot.takes_call() ? 1 : 0;
  EXPECT_GT(told, 800);
  EXPECT_LT(told, 1200);
}

}  // namespace
}  // namespace redan
