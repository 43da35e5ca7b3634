#include "clusterctl/plan_members.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/clusterctl/world.h"

namespace redan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

World two() {
  return World().primary("0-8000", "a").primary("8001-16383", "b").replica(1, "b").replica(2, "a");
}

NodeSnapshot newcomer() {
  NodeSnapshot node;
  node.self.id = NodeId(99);
  node.self.flags = {"myself", "master"};
  node.at = node.self.at = {"c", 7000};
  node.reachable = true;
  node.lines = {node.self};
  return node;
}

TEST(Join, AnEmptyNodeMeetsAndStaysAPrimary) {
  const auto plan = plan_join(two().agreed(), newcomer(), {});
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan->meet);
  EXPECT_FALSE(plan->replicate);
}

TEST(Join, AReplicaGoesWhereReplicasAreFewestAndOnAnotherHost) {
  World world = two();
  NodeSnapshot node = newcomer();
  node.at.host = "a";
  EXPECT_EQ(plan_join(world.agreed(), node, {.as_replica = true})->primary, NodeId(2));
  world.replica(2, "c");
  EXPECT_EQ(plan_join(world.agreed(), node, {.as_replica = true})->primary, NodeId(1));
  EXPECT_EQ(plan_join(world.agreed(), node, {.as_replica = true, .primary = NodeId(2)})->primary,
            NodeId(2));
  EXPECT_FALSE(plan_join(world.agreed(), node, {.as_replica = true, .primary = NodeId(3)}).ok());
}

TEST(Join, SaidAgainOnlyDoesWhatIsMissing) {
  World world = two();
  const ClusterSnapshot snapshot = world.agreed();
  const auto there = plan_join(snapshot, world.node(3), {.as_replica = true});
  EXPECT_FALSE(there->meet || there->replicate);
  const auto other = plan_join(snapshot, world.node(3), {.as_replica = true, .primary = NodeId(2)});
  EXPECT_TRUE(!other->meet && other->replicate);
  EXPECT_THAT(plan_join(snapshot, world.node(1), {.as_replica = true, .primary = NodeId(2)})
                  .error()
                  .message(),
              HasSubstr("owns slots"));
}

TEST(Join, RefusesKeysSlotsAndMembersOfOtherClusters) {
  const ClusterSnapshot snapshot = two().agreed();
  NodeSnapshot node = newcomer();
  node.keys = 2;
  EXPECT_THAT(plan_join(snapshot, node, {}).error().message(), HasSubstr("holds 2 keys"));
  node = newcomer();
  node.self.slots.add(slot(3));
  EXPECT_THAT(plan_join(snapshot, node, {}).error().message(), HasSubstr("owns slots 3"));
  node = newcomer();
  node.lines.push_back({.id = NodeId(50), .at = {"d", 1}});
  EXPECT_THAT(plan_join(snapshot, node, {}).error().message(), HasSubstr("another cluster"));
}

TEST(Leave, ANodeWithSlotsIsRefusedAndTheWayOutNamed) {
  EXPECT_THAT(plan_leave(two().agreed(), NodeId(1)).error().message(), HasSubstr("rebalance"));
}

TEST(Leave, EverybodyForgetsAndReplicasFollowOthers) {
  World world = two();
  world.primary("").replica(5).replica(5);
  const auto plan = plan_leave(world.agreed(), NodeId(5));
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan->reset);
  EXPECT_EQ(plan->forgetting.size(), 6u);
  ASSERT_EQ(plan->rehomed.size(), 2u);
  // Not both to the same.
  EXPECT_NE(plan->rehomed[0].primary, plan->rehomed[1].primary);
}

TEST(Leave, ADeadNodeIsForgottenWithAWarning) {
  World world = two();
  world.node(3).reachable = false;
  const auto plan = plan_leave(world.agreed(), NodeId(3));
  ASSERT_TRUE(plan.ok());
  EXPECT_FALSE(plan->reset);
  EXPECT_THAT(plan->warnings, ElementsAre(HasSubstr("does not answer")));
}

TEST(Leave, WaitsForASilentMemberUnlessTheClusterCountsItAsFailed) {
  World world = two();
  world.node(4).reachable = false;
  EXPECT_THAT(plan_leave(world.agreed(), NodeId(3)).error().message(),
              HasSubstr("does not count it as failed"));
  world.node(4).self.flags.insert("fail");
  EXPECT_TRUE(plan_leave(world.agreed(), NodeId(3)).ok());
}

}  // namespace
}  // namespace redan
