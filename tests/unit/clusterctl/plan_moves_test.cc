#include "clusterctl/plan_moves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "clusterctl/journal.h"
#include "common/base/rng.h"
#include "tests/unit/clusterctl/world.h"

namespace redan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

World three() {
  return World().primary("0-5460").primary("5461-10921").primary("10922-16383");
}

std::map<NodeId, int64_t> sizes(const ClusterSnapshot& snapshot, const Moves& moves) {
  std::map<NodeId, int64_t> result;
  for (const NodeSnapshot& node : snapshot.nodes) {
    result[node.id()] = static_cast<int64_t>(node.self.slots.size());
  }
  for (const SlotMove& move : moves) {
    --result[move.from];
    ++result[move.to];
  }
  return result;
}

TEST(Divide, GivesWhatRoundingLeavesToTheLargestRemainders) {
  EXPECT_THAT(divide(10, {1, 1, 1}), ElementsAre(4, 3, 3));
  EXPECT_THAT(divide(10, {1, 2, 0}), ElementsAre(3, 7, 0));
  EXPECT_THAT(divide(0, {1, 2}), ElementsAre(0, 0));
  EXPECT_THAT(divide(5, {0, 0}), ElementsAre(0, 0));
}

TEST(Reshard, TakesFromAllInProportion) {
  const ClusterSnapshot snapshot = three().primary("").agreed();
  const auto moves = plan_reshard(snapshot, {.slots = 4096, .from = {}, .to = NodeId(4)}, {});
  ASSERT_TRUE(moves.ok());
  const auto after = sizes(snapshot, *moves);
  EXPECT_EQ(after.at(NodeId(4)), 4096);
  for (const uint64_t id : {1, 2, 3})
    EXPECT_NEAR(static_cast<double>(after.at(NodeId(id))), 4096, 1);
}

TEST(Reshard, IndivisibleCountsAreExact) {
  const ClusterSnapshot snapshot = three().primary("").agreed();
  for (const int64_t count : {1, 2, 7, 16384}) {
    const auto moves = plan_reshard(snapshot, {.slots = count, .from = {}, .to = NodeId(4)}, {});
    ASSERT_TRUE(moves.ok());
    EXPECT_EQ(static_cast<int64_t>(moves->size()), count);
  }
}

TEST(Reshard, RefusesWhatCannotBe) {
  World world = three().replica(1);
  const ClusterSnapshot snapshot = world.agreed();
  const auto why = [&](ReshardGoal goal) {
    return plan_reshard(snapshot, goal, {}).error().message();
  };
  EXPECT_THAT(why({.slots = 1, .from = {}, .to = NodeId(4)}), HasSubstr("no primary"));
  EXPECT_THAT(why({.slots = 1, .from = {NodeId(1)}, .to = NodeId(1)}), HasSubstr("at once"));
  EXPECT_THAT(why({.slots = 1, .from = {NodeId(9)}, .to = NodeId(1)}), HasSubstr("no primary"));
  EXPECT_THAT(why({.slots = 6000, .from = {NodeId(1)}, .to = NodeId(2)}),
              HasSubstr("5 461 slots, not 6 000"));
}

TEST(Reshard, FinishesWhatWasBegunBeforeItTakesMore) {
  World world = three();
  world.node(1).self.migrating[slot(100)] = NodeId(2);
  world.node(2).self.importing[slot(100)] = NodeId(1);
  const ClusterSnapshot snapshot = world.agreed();
  SlotSet unclear;
  const Moves begun = begun_moves(snapshot, unclear);
  EXPECT_THAT(begun, ElementsAre(SlotMove{slot(100), NodeId(1), NodeId(2)}));
  EXPECT_TRUE(unclear.empty());
  const auto moves =
      plan_reshard(snapshot, {.slots = 3, .from = {NodeId(1)}, .to = NodeId(2)}, begun);
  ASSERT_TRUE(moves.ok());
  EXPECT_THAT(*moves, ElementsAre(SlotMove{slot(100), NodeId(1), NodeId(2)},
                                  SlotMove{slot(0), NodeId(1), NodeId(2)},
                                  SlotMove{slot(1), NodeId(1), NodeId(2)}));
}

TEST(BegunMoves, EveryStateThatAKilledMoveLeavesIsFinished) {
  {  // Only the target was told.
    World world = three();
    world.node(2).self.importing[slot(7)] = NodeId(1);
    SlotSet unclear;
    EXPECT_THAT(begun_moves(world.agreed(), unclear),
                ElementsAre(SlotMove{slot(7), NodeId(1), NodeId(2)}));
  }
  {  // The target owns it, the source was not told.
    World world = three();
    world.node(1).self.slots.remove(slot(7));
    world.node(1).self.migrating[slot(7)] = NodeId(2);
    world.node(2).self.slots.add(slot(7));
    SlotSet unclear;
    EXPECT_THAT(begun_moves(world.agreed(), unclear),
                ElementsAre(SlotMove{slot(7), NodeId(1), NodeId(2)}));
  }
}

TEST(BegunMoves, WhoWonAFailoverStandsForWhoLost) {
  {  // The source died: its replica owns the slots and knows of no move.
    World world = World().replica(4).primary("5461-10921").primary("10922-16383").primary("0-5460");
    world.node(2).self.importing[slot(7)] = NodeId(1);
    SlotSet unclear;
    EXPECT_THAT(begun_moves(world.agreed(), unclear),
                ElementsAre(SlotMove{slot(7), NodeId(4), NodeId(2)}));
    // The same where it never came back.
    world.node(1).self.flags = {"master", "fail"};
    world.node(1).reachable = false;
    EXPECT_THAT(begun_moves(world.agreed(), unclear),
                ElementsAre(SlotMove{slot(7), NodeId(4), NodeId(2)}));
    // Until it is told so, the target believes nobody about that slot.
    EXPECT_THAT(stale_imports(world.agreed()),
                ElementsAre(testing::Pair(NodeId(2), ElementsAre(slot(7)))));
    // An import from somebody who owns slots, but not this one, is something else.
    world.node(2).self.importing[slot(7)] = NodeId(3);
    EXPECT_TRUE(begun_moves(world.agreed(), unclear).empty());
    EXPECT_TRUE(stale_imports(world.agreed()).empty());
  }
  {  // The target died, and the source still says that it gives it the slot.
    World world = World().primary("0-5460").replica(4).primary("10922-16383").primary("5461-10921");
    world.node(1).self.migrating[slot(7)] = NodeId(2);
    SlotSet unclear;
    EXPECT_THAT(begun_moves(world.agreed(), unclear),
                ElementsAre(SlotMove{slot(7), NodeId(1), NodeId(4)}));
    // It never came back, but its heir knows of the move.
    world.node(2).self.flags = {"master", "fail"};
    world.node(2).reachable = false;
    EXPECT_TRUE(begun_moves(world.agreed(), unclear).empty());
    world.node(4).self.importing[slot(7)] = NodeId(1);
    EXPECT_THAT(begun_moves(world.agreed(), unclear),
                ElementsAre(SlotMove{slot(7), NodeId(1), NodeId(4)}));
  }
  {  // What a replica has heard of a move is no second opinion.
    World world = three().replica(1);
    world.node(1).self.migrating[slot(7)] = NodeId(2);
    world.node(2).self.importing[slot(7)] = NodeId(1);
    world.node(4).self.migrating[slot(7)] = NodeId(2);
    SlotSet unclear;
    EXPECT_THAT(begun_moves(world.agreed(), unclear),
                ElementsAre(SlotMove{slot(7), NodeId(1), NodeId(2)}));
  }
}

TEST(BegunMoves, WhatDoesNotFitTogetherIsLeftToFix) {
  World world = three();
  world.node(1).self.migrating[slot(7)] = NodeId(2);
  world.node(3).self.importing[slot(7)] = NodeId(1);
  SlotSet unclear;
  EXPECT_TRUE(begun_moves(world.agreed(), unclear).empty());
  EXPECT_EQ(unclear, slots("7"));
}

TEST(Rebalance, LeavesABalancedClusterAlone) {
  const auto plan = plan_rebalance(three().agreed(), {});
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan->moves.empty());
}

TEST(Rebalance, GivesEqualShares) {
  const ClusterSnapshot snapshot =
      World().primary("0-9999").primary("10000-16382").primary("16383").agreed();
  const auto plan = plan_rebalance(snapshot, {});
  ASSERT_TRUE(plan.ok());
  EXPECT_THAT(sizes(snapshot, plan->moves),
              ElementsAre(std::pair(NodeId(1), 5462), std::pair(NodeId(2), 5461),
                          std::pair(NodeId(3), 5461)));
}

TEST(Rebalance, LetsBeWhatIsWithinTheThreshold) {
  const ClusterSnapshot snapshot =
      World().primary("0-5520").primary("5521-10921").primary("10922-16383").agreed();
  EXPECT_TRUE(plan_rebalance(snapshot, {.weights = {}, .threshold_percent = 2})->moves.empty());
  EXPECT_FALSE(plan_rebalance(snapshot, {.weights = {}, .threshold_percent = 1})->moves.empty());
}

TEST(Rebalance, EmptyPrimariesGetSlotsOnlyWhenAskedFor) {
  const ClusterSnapshot snapshot = three().primary("").agreed();
  EXPECT_TRUE(plan_rebalance(snapshot, {})->moves.empty());
  const auto plan = plan_rebalance(snapshot, {.weights = {}, .use_empty_primaries = true});
  EXPECT_EQ(sizes(snapshot, plan->moves).at(NodeId(4)), 4096);
}

TEST(Rebalance, FollowsWeights) {
  const ClusterSnapshot snapshot = three().agreed();
  const auto plan = plan_rebalance(snapshot, {.weights = {{NodeId(1), 2}, {NodeId(3), 1}}});
  const auto after = sizes(snapshot, plan->moves);
  EXPECT_EQ(after.at(NodeId(1)), 8192);
  EXPECT_EQ(after.at(NodeId(2)), 4096);
}

TEST(Rebalance, WeightZeroEmptiesANode) {
  const ClusterSnapshot snapshot = three().agreed();
  const auto plan = plan_rebalance(snapshot, {.weights = {{NodeId(2), 0}}});
  EXPECT_EQ(sizes(snapshot, plan->moves).at(NodeId(2)), 0);
}

TEST(Rebalance, RefusesWeightsForNobody) {
  const ClusterSnapshot snapshot = three().replica(1).agreed();
  EXPECT_FALSE(plan_rebalance(snapshot, {.weights = {{NodeId(4), 1}}}).ok());
  EXPECT_FALSE(
      plan_rebalance(snapshot, {.weights = {{NodeId(1), 0}, {NodeId(2), 0}, {NodeId(3), 0}}}).ok());
}

TEST(Moves, HoldTheirInvariantsInRandomWorlds) {
  Rng rng(11);
  for (int round = 0; round < 200; ++round) {
    const auto count = static_cast<uint64_t>(rng.between(2, 12));
    World world;
    for (uint64_t i = 0; i < count; ++i) world.primary("");
    // Some own nothing: slots are dealt to a random part of the nodes.
    const auto owners = static_cast<uint64_t>(rng.between(1, static_cast<int64_t>(count)));
    for (int i = 0; i < kSlotCount;) {
      const auto run = static_cast<int>(rng.between(1, 900));
      NodeSnapshot& node = world.node(1 + rng.below(owners));
      for (const int end = std::min<int>(kSlotCount, i + run); i < end; ++i) {
        node.self.slots.add(slot(i));
      }
    }
    const ClusterSnapshot snapshot = world.agreed();
    RebalanceGoal goal{.weights = {}, .use_empty_primaries = rng.chance(0.5)};
    for (uint64_t id = 1; id <= count; ++id) {
      if (rng.chance(0.3)) goal.weights[NodeId(id)] = static_cast<double>(rng.between(0, 4));
    }
    const auto plan = plan_rebalance(snapshot, goal);
    if (!plan) continue;  // All weights were 0.
    SlotSet moved;
    for (const SlotMove& move : plan->moves) {
      ASSERT_FALSE(moved.contains(move.slot));
      moved.add(move.slot);
      ASSERT_NE(move.from, move.to);
      ASSERT_TRUE(snapshot.find(move.from)->self.slots.contains(move.slot));
    }
    const auto after = sizes(snapshot, plan->moves);
    int64_t total = 0;
    for (const auto& [id, slots_after] : after) {
      total += slots_after;
      if (plan->moves.empty()) continue;
      ASSERT_EQ(slots_after, plan->target.at(id)) << "round " << round;
    }
    ASSERT_EQ(total, kSlotCount);
    // No more moves than the surpluses ask for: nobody both gives and takes.
    std::set<NodeId> giving;
    for (const SlotMove& move : plan->moves) giving.insert(move.from);
    for (const SlotMove& move : plan->moves) ASSERT_FALSE(giving.contains(move.to));
  }
}

TEST(Journal, KeepsWhatIsLeft) {
  ClusterSnapshot snapshot = three().agreed();
  const Moves moves = {{slot(0), NodeId(1), NodeId(2)},
                       {slot(6000), NodeId(1), NodeId(2)},    // done: 2 owns it
                       {slot(12000), NodeId(1), NodeId(2)}};  // somebody gave it to 3
  EXPECT_EQ(parse_journal(journal_text(moves)), moves);
  const Remainder rest = still_to_do(snapshot, moves);
  EXPECT_THAT(rest.left, ElementsAre(moves[0]));
  EXPECT_EQ(rest.elsewhere, slots("12000"));
  EXPECT_TRUE(rest.replaced.empty());
  EXPECT_FALSE(parse_journal("clusterctl reshard 1\n7 x y\n").has_value());
  EXPECT_FALSE(parse_journal(journal_text(moves).substr(0, 80)).has_value());
}

TEST(Journal, GoesOnWithWhoWonAFailover) {
  // 1 and 2 lost theirs; 5 has the slots of 1, and 6 those of 2.
  World world = World().replica(5).replica(6).primary("10922-16383").primary("").primary("0-5460");
  world.primary("5461-10921");
  const Moves moves = {{slot(0), NodeId(1), NodeId(2)},
                       {slot(1), NodeId(1), NodeId(2)},
                       {slot(6000), NodeId(1), NodeId(2)},    // done before
                       {slot(12000), NodeId(1), NodeId(2)}};  // somebody gave it to 3
  const Remainder rest = still_to_do(world.agreed(), moves);
  EXPECT_THAT(rest.left, ElementsAre(SlotMove{slot(0), NodeId(5), NodeId(6)},
                                     SlotMove{slot(1), NodeId(5), NodeId(6)}));
  EXPECT_EQ(rest.replaced.at(NodeId(1)), NodeId(5));
  EXPECT_EQ(rest.replaced.at(NodeId(2)), NodeId(6));
  EXPECT_EQ(rest.elsewhere, slots("12000"));
  // A source that never came back; a target that did not either.
  world.node(1).self.flags = {"master", "fail"};
  world.node(1).reachable = false;
  EXPECT_THAT(still_to_do(world.agreed(), {moves[0]}).left,
              ElementsAre(SlotMove{slot(0), NodeId(5), NodeId(6)}));
  world.node(2).self.flags = {"master", "fail"};
  world.node(2).reachable = false;
  EXPECT_EQ(still_to_do(world.agreed(), {moves[0]}).elsewhere, slots("0"));
}

}  // namespace
}  // namespace redan
