#include "server/session/tracking_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace redan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

bool all_alive(uint64_t) {
  return true;
}

TEST(TrackingTable, AKeyIsTakenOutWithAllWhoReadIt) {
  TrackingTable table;
  table.add("a", 7, all_alive);
  table.add("a", 3, all_alive);
  table.add("a", 7, all_alive);
  table.add("b", 3, all_alive);
  EXPECT_EQ(table.keys(), 2u);
  EXPECT_EQ(table.items(), 3u);
  EXPECT_THAT(table.take("a"), ElementsAre(3, 7));
  EXPECT_THAT(table.take("a"), IsEmpty());
  EXPECT_EQ(table.keys(), 1u);
  EXPECT_EQ(table.items(), 1u);
  table.check_invariants();
}

TEST(TrackingTable, AKeyThatNobodyChangesDoesNotGatherTheDead) {
  TrackingTable table;
  // Clients come, read the one key that never changes, and go.
  constexpr uint64_t kClients = 100'000;
  for (uint64_t id = 1; id <= kClients; ++id) {
    table.add("hot", id, [&](uint64_t one) { return one + 10 > id; });
  }
  EXPECT_LT(table.items(), 100u);
  // Those who live are all there.
  const TrackingTable::Ids ids = table.take("hot");
  for (uint64_t id = kClients - 9; id <= kClients; ++id) EXPECT_THAT(ids, testing::Contains(id));
}

TEST(TrackingTable, LivingClientsAreNeverSwept) {
  TrackingTable table;
  for (uint64_t id = 1000; id > 0; --id) table.add("hot", id, all_alive);
  EXPECT_EQ(table.items(), 1000u);
  table.check_invariants();
}

TEST(TrackingTable, EachKeyIsDrawnSoonerOrLater) {
  TrackingTable table;
  for (int i = 0; i < 10; ++i) table.add(std::to_string(i), 1, all_alive);
  Rng rng(1);
  std::set<std::string> drawn;
  for (int i = 0; i < 200; ++i) drawn.emplace(table.draw(rng));
  EXPECT_EQ(drawn.size(), 10u);
}

TEST(TrackingTable, WhatIsLargeIsFreedInPieces) {
  TrackingTable table;
  for (int i = 0; i < 25'000; ++i) table.add(std::to_string(i), 1, all_alive);
  table.clear();
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.items(), 0u);
  table.add("1", 2, all_alive);
  EXPECT_TRUE(table.free_some(20'000));
  EXPECT_FALSE(table.free_some(20'000));
  EXPECT_THAT(table.take("1"), ElementsAre(2));
}

TEST(TrackingTable, AgreesWithAModel) {
  Rng rng(5);
  TrackingTable table;
  std::map<std::string, std::set<uint64_t>> model;
  for (int step = 0; step < 50'000; ++step) {
    const std::string key = std::to_string(rng.below(200));
    if (rng.below(4) == 0) {
      const TrackingTable::Ids ids = table.take(key);
      const std::set<uint64_t>& expected = model[key];
      ASSERT_TRUE(std::equal(ids.begin(), ids.end(), expected.begin(), expected.end()));
      model.erase(key);
    } else {
      const uint64_t id = 1 + rng.below(50);
      table.add(key, id, all_alive);
      model[key].insert(id);
    }
    if (step % 1000 == 0) table.check_invariants();
  }
  EXPECT_EQ(table.keys(), model.size());
  table.clear();
  EXPECT_TRUE(table.empty());
}

}  // namespace
}  // namespace redan
