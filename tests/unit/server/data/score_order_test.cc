// The order of a large sorted set beside a std::set, under random changes of several kinds.
#include "server/data/score_order.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/rng.h"

namespace redan {
namespace {

struct Free {
  void operator()(ScoredMember* member) const { ScoredMember::free(member); }
};
using Owned = std::unique_ptr<ScoredMember, Free>;
struct Before {
  bool operator()(const ScoredMember* a, const ScoredMember* b) const {
    return stands_before(a->score(), a->key(), b->score(), b->key());
  }
};

struct World {
  explicit World(uint64_t seed) : rng(seed) {}
  Rng rng;
  std::map<std::string, Owned, std::less<>> owned;
  std::set<ScoredMember*, Before> model;
  ScoreOrder order;

  ScoredMember* make(const std::string& name, double score) {
    auto& place = owned[name];
    place.reset(ScoredMember::make(name, score));
    return place.get();
  }
  void insert(const std::string& name, double score) {
    if (owned.contains(name)) return;
    ScoredMember* const member = make(name, score);
    model.insert(member);
    order.insert(member);
  }
  ScoredMember* any() {
    const auto at = owned.lower_bound(std::to_string(rng.below(100'000)));
    return (at == owned.end() ? owned.begin() : at)->second.get();
  }
  void erase(ScoredMember* member) {
    order.erase(*member);
    model.erase(member);
    owned.erase(owned.find(member->key()));
  }
  void move(ScoredMember* member, double score) {
    model.erase(member);
    order.move(*member, score);
    model.insert(member);
  }
  void take_an_end(bool first) {
    ScoredMember* const member = order.take(first ? 0 : order.size() - 1);
    EXPECT_EQ(member, first ? *model.begin() : *model.rbegin());
    model.erase(member);
    owned.erase(owned.find(member->key()));
  }

  void compare() {
    order.check_invariants();
    ASSERT_EQ(order.size(), model.size());
    std::vector<const ScoredMember*> expected(model.begin(), model.end());
    std::vector<const ScoredMember*> found;
    for (ScoreOrder::Cursor at = order.at(0); at; at.next()) found.push_back(&*at);
    ASSERT_EQ(found, expected);
    found.clear();
    if (!expected.empty()) {
      for (ScoreOrder::Cursor at = order.at(expected.size() - 1); at; at.previous()) {
        found.push_back(&*at);
      }
    }
    ASSERT_TRUE(std::equal(found.rbegin(), found.rend(), expected.begin(), expected.end()));
    ASSERT_FALSE(order.at(expected.size()));
    for (int i = 0; i < 50 && !expected.empty(); ++i) {
      const size_t rank = rng.below(expected.size());
      ASSERT_EQ(order.rank(*expected[rank]), rank);
      ASSERT_EQ(&*order.at(rank), expected[rank]);
      const double score = expected[rank]->score();
      size_t less = rank;
      while (less > 0 && expected[less - 1]->score() == score) --less;
      size_t not_more = rank;
      while (not_more < expected.size() && expected[not_more]->score() == score) ++not_more;
      ASSERT_EQ(order.count_before_score(score, false), less);
      ASSERT_EQ(order.count_before_score(score, true), not_more);
    }
  }
};

// Scores of which many are equal, so that bytes decide.
double few_scores(Rng& rng) {
  return static_cast<double>(rng.below(20)) - 10;
}
double many_scores(Rng& rng) {
  return static_cast<double>(rng.below(1'000'000)) / 7;
}

TEST(ScoreOrder, IsThatOfASetUnderRandomChanges) {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    World world(seed);
    const auto score = seed % 2 == 0 ? few_scores : many_scores;
    // Grows to three levels of inner nodes, lives for a while, shrinks to nothing.
    for (int i = 0; i < 45'000; ++i) {
      world.insert(std::to_string(world.rng.below(100'000)), score(world.rng));
      if (i % 9'000 == 0) world.compare();
    }
    for (int i = 0; i < 30'000; ++i) {
      switch (world.rng.below(4)) {
        case 0:
          world.insert(std::to_string(world.rng.below(100'000)), score(world.rng));
          break;
        case 1:
          world.erase(world.any());
          break;
        case 2:
          world.move(world.any(), score(world.rng));
          break;
        default: {
          ScoredMember* const member = world.any();
          world.move(member, member->score() + (world.rng.chance(0.5) ? 0.01 : -0.01));
        }
      }
      if (i % 7'500 == 0) world.compare();
    }
    while (!world.model.empty()) {
      world.erase(world.any());
      if (world.model.size() % 6'000 == 0 || world.model.size() < 20) world.compare();
    }
    EXPECT_EQ(world.order.memory_bytes(), 0U);
  }
}

// Scores that only rise, or only fall: leaves are full, and both ends can be eaten away.
TEST(ScoreOrder, FillsItsLeavesWhereMembersArriveInOrder) {
  for (const int direction : {1, -1}) {
    World world(7);
    constexpr int kMembers = 30'000;
    for (int i = 0; i < kMembers; ++i) world.insert(std::to_string(i), i * direction);
    world.compare();
    EXPECT_LT(static_cast<double>(world.order.memory_bytes()) / kMembers, 9.7) << direction;
    while (world.model.size() > 0) {
      world.take_an_end(world.rng.chance(0.7));
      if (world.model.size() % 5'000 == 0 || world.model.size() < 5) world.compare();
    }
  }
}

TEST(ScoreOrder, GivesUpRangesFromItsMiddle) {
  for (uint64_t seed = 20; seed < 24; ++seed) {
    World world(seed);
    for (int i = 0; i < 20'000; ++i) world.insert(std::to_string(i), many_scores(world.rng));
    while (!world.model.empty()) {
      const size_t rank = world.rng.below(world.model.size());
      for (uint64_t n = world.rng.below(3'000); n > 0 && rank < world.model.size(); --n) {
        ScoredMember* const member = world.order.take(rank);
        world.model.erase(member);
        world.owned.erase(world.owned.find(member->key()));
      }
      world.compare();
    }
  }
}

TEST(ScoreOrder, IsBuiltAtOnce) {
  for (const size_t members : {0, 1, 2, 53, 54, 61, 62, 1'400, 1'500, 40'000}) {
    World world(9);
    for (size_t i = 0; i < members; ++i) {
      world.model.insert(world.make(std::to_string(i), few_scores(world.rng)));
    }
    world.order.build(std::vector<ScoredMember*>(world.model.begin(), world.model.end()));
    world.compare();
    for (int i = 0; i < 3'000; ++i) {
      if (world.rng.chance(0.5) || world.model.empty()) {
        world.insert("n" + std::to_string(i), few_scores(world.rng));
      } else {
        world.erase(world.any());
      }
    }
    world.compare();
  }
}

TEST(ScoreOrder, CountsByBytesWhereScoresAreEqual) {
  World world(11);
  for (int i = 0; i < 5'000; ++i) world.insert(std::to_string(world.rng.below(100'000)), 0);
  std::vector<const ScoredMember*> all(world.model.begin(), world.model.end());
  for (int i = 0; i < 500; ++i) {
    const std::string bound = std::to_string(world.rng.below(100'000));
    const auto less = [&](bool inclusive) {
      return static_cast<size_t>(std::count_if(all.begin(), all.end(), [&](const auto* member) {
        return inclusive ? member->key() <= bound : member->key() < bound;
      }));
    };
    ASSERT_EQ(world.order.count_before_member(bound, false), less(false)) << bound;
    ASSERT_EQ(world.order.count_before_member(bound, true), less(true)) << bound;
  }
}

TEST(ScoreOrder, KnowsInfinitiesAndZeroes) {
  World world(12);
  const double inf = std::numeric_limits<double>::infinity();
  world.insert("b", 0.0);
  world.insert("a", -0.0);  // equal to 0: the bytes decide
  world.insert("top", inf);
  world.insert("bottom", -inf);
  world.compare();
  EXPECT_EQ(world.order.at(0)->key(), "bottom");
  EXPECT_EQ(world.order.at(1)->key(), "a");
  EXPECT_EQ(world.order.at(3)->key(), "top");
  EXPECT_EQ(world.order.count_before_score(inf, true), 4U);
  EXPECT_EQ(world.order.count_before_score(-inf, false), 0U);
}

TEST(ScoredMember, KeepsNamesOfAnyLength) {
  for (const size_t length : {0, 1, 7, 8, 254, 255, 256, 70'000}) {
    const std::string name(length, 'm');
    const Owned member(ScoredMember::make(name, 1.5));
    EXPECT_EQ(member->key(), name);
    EXPECT_EQ(member->score(), 1.5);
    const Owned copy(ScoredMember::copy(*member));
    EXPECT_EQ(copy->key(), name);
    EXPECT_EQ(copy->allocated_bytes(), member->allocated_bytes());
  }
  const Owned small(ScoredMember::make("1234567", 1));
  EXPECT_EQ(small->allocated_bytes(), 16U);
}

}  // namespace
}  // namespace redan
