// A large sorted set beside a std::map, and its snapshots under random changes.
#include "server/data/large_sorted_set.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "common/base/rng.h"

namespace redan {
namespace {

using Model = std::map<std::string, double, std::less<>>;

struct Collected final : PieceSink {
  Model found;
  void piece(const ValuePiece& piece) override {
    ASSERT_EQ(piece.kind, ValuePiece::Kind::kScored);
    double score;
    std::memcpy(&score, &piece.number, sizeof score);
    ASSERT_TRUE(found.emplace(piece.a, score).second) << piece.a;
  }
};

struct World {
  explicit World(uint64_t seed) : rng(seed), set(HashKey{seed, seed + 1}) {}
  Rng rng;
  LargeSortedSet set;
  Model model;

  void step() {
    const std::string name = "m" + std::to_string(rng.below(3000));
    const double score = static_cast<double>(rng.below(500));
    set.prefetch_matches(set.prefetch_bucket(name));  // A lookup may be announced at any time.
    const LargeSortedSet::Place place = set.locate(name);
    if (rng.chance(0.3)) {
      if (!place) return;
      set.erase(place);
      model.erase(name);
    } else if (rng.chance(0.01) && set.size() > 50) {
      set.erase_ranks(rng.below(set.size() - 20), 1 + rng.below(20), [&](const ScoredMember& gone) {
        EXPECT_EQ(model.find(gone.key())->second, gone.score());
        model.erase(model.find(gone.key()));
      });
    } else {
      if (place) {
        set.set_score(place, score);
      } else {
        set.insert(place, name, score);
      }
      model[name] = score;
    }
  }
  Model contents() const {
    Collected all;
    set.for_each_piece(all);
    return all.found;
  }
};

TEST(LargeSortedSet, HoldsWhatAMapHolds) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    World world(seed);
    for (int i = 0; i < 20'000; ++i) {
      world.step();
      if (i % 4'000 == 0) world.set.check_invariants();
    }
    world.set.check_invariants();
    EXPECT_EQ(world.contents(), world.model);
    for (const auto& [name, score] : world.model) {
      ASSERT_NE(world.set.find(name), nullptr);
      EXPECT_EQ(world.set.find(name)->score(), score);
    }
  }
}

TEST(LargeSortedSet, ASnapshotHasItAsItWasAtTheMark) {
  for (uint64_t seed = 100; seed < 180; ++seed) {
    World world(seed);
    for (int i = 0; i < 3'000; ++i) world.step();
    Collected sink;
    const Model at_mark = world.model;
    world.set.begin_snapshot(&sink);
    do {
      for (uint64_t n = world.rng.below(60); n > 0; --n) world.step();
    } while (world.set.walk_snapshot(1 + world.rng.below(30)));
    world.set.end_snapshot();
    ASSERT_EQ(sink.found, at_mark) << seed;
    ASSERT_EQ(world.contents(), world.model);
    world.set.check_invariants();
  }
}

TEST(LargeSortedSet, CopiesStandForThemselves) {
  World world(3);
  for (int i = 0; i < 5'000; ++i) world.step();
  const Model before = world.model;
  const auto copy = world.set.clone();
  for (int i = 0; i < 5'000; ++i) world.step();
  copy->check_invariants();
  Collected all;
  copy->for_each_piece(all);
  EXPECT_EQ(all.found, before);
  EXPECT_EQ(copy->size(), before.size());
}

TEST(LargeSortedSet, IsFilledWithoutOrderAndThenOrdered) {
  Rng rng(5);
  LargeSortedSet set(HashKey{1, 2});
  Model model;
  set.reserve(10'000);
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = std::to_string(rng.below(20'000));
    const auto score = static_cast<double>(rng.below(100));
    EXPECT_EQ(set.add_unordered(name, score), model.emplace(name, score).second);
  }
  set.order_all();
  set.check_invariants();
  Collected all;
  set.for_each_piece(all);
  EXPECT_EQ(all.found, model);
}

// What it counts is what it has; and it is what the goal of 72 bytes a member leaves room for.
TEST(LargeSortedSet, AMillionMembersTakeAtMost64BytesEach) {
  LargeSortedSet set(HashKey{1, 2});
  Rng rng(6);
  constexpr size_t kMembers = 1'000'000;
  for (size_t i = 0; i < kMembers; ++i) {
    const std::string name = "member:" + std::to_string(100'000'000 + i);
    set.insert(set.locate(name), name, static_cast<double>(rng.below(1'000'000'000)));
  }
  EXPECT_LT(static_cast<double>(set.memory_bytes()) / kMembers, 64.0);
}

}  // namespace
}  // namespace redan
