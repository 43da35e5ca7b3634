#include "clusterctl/plan_fix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/rng.h"
#include "tests/unit/clusterctl/world.h"

namespace redan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

World three() {
  return World().primary("0-5460").primary("5461-10921").primary("10922-16383");
}

TEST(Fix, HasNothingToDoInASoundCluster) {
  const ClusterSnapshot snapshot = three().agreed();
  EXPECT_TRUE(broken_slots(snapshot, false).empty());
  EXPECT_TRUE(plan_fix(snapshot, {}, false)->empty());
}

TEST(Fix, FinishesAMoveWhoseEndsAgree) {
  World world = three();
  world.node(1).self.migrating[slot(5)] = NodeId(2);
  world.node(2).self.importing[slot(5)] = NodeId(1);
  const auto plan = plan_fix(world.agreed(), {}, false);
  EXPECT_THAT(plan->finished, ElementsAre(SlotMove{slot(5), NodeId(1), NodeId(2)}));
  EXPECT_TRUE(plan->repairs.empty());
}

TEST(Fix, ClosesAnImportFromSomebodyElseAndBringsItsKeysBack) {
  World world = three();
  world.node(3).self.importing[slot(5)] = NodeId(2);
  const auto plan =
      plan_fix(world.agreed(), {{slot(5), {{NodeId(1), 10}, {NodeId(3), 99}}}}, false);
  ASSERT_EQ(plan->repairs.size(), 1u);
  const SlotRepair& repair = plan->repairs[0];
  EXPECT_EQ(repair.owner, NodeId(1));  // A claim outweighs keys.
  EXPECT_FALSE(repair.claim);
  EXPECT_THAT(repair.closing, ElementsAre(NodeId(3)));
  EXPECT_THAT(repair.giving, ElementsAre(NodeId(3)));
}

TEST(Fix, GivesUncoveredSlotsToWhoHoldsTheirKeysElseToTheLeastLoaded) {
  World world = three();
  world.node(1).self.slots -= slots("1 2 3");
  const auto plan = plan_fix(world.agreed(), {{slot(2), {{NodeId(3), 4}, {NodeId(2), 1}}}}, false);
  ASSERT_EQ(plan->repairs.size(), 3u);
  EXPECT_EQ(plan->repairs[0].owner, NodeId(1));
  EXPECT_EQ(plan->repairs[1].owner, NodeId(3));
  EXPECT_THAT(plan->repairs[1].giving, ElementsAre(NodeId(2)));
  EXPECT_EQ(plan->repairs[2].owner, NodeId(1));
  for (const SlotRepair& repair : plan->repairs) EXPECT_TRUE(repair.claim);
}

TEST(Fix, LeavesOneOwnerToADisputedSlot) {
  World world = three();
  world.node(2).self.slots.add(slot(5));
  const auto plan = plan_fix(world.agreed(), {{slot(5), {{NodeId(1), 1}, {NodeId(2), 7}}}}, false);
  ASSERT_EQ(plan->repairs.size(), 1u);
  EXPECT_EQ(plan->repairs[0].owner, NodeId(2));
  EXPECT_THAT(plan->repairs[0].dropping, ElementsAre(NodeId(1)));
  EXPECT_THAT(plan->repairs[0].giving, ElementsAre(NodeId(1)));
}

TEST(Fix, LeavesSlotsOfADeadPrimaryAloneUnlessTold) {
  World world = three();
  world.node(3).reachable = false;
  world.node(3).error = "refused";
  const ClusterSnapshot snapshot = world.agreed();
  const auto careful = plan_fix(snapshot, {}, false);
  EXPECT_TRUE(careful->repairs.empty());
  EXPECT_THAT(careful->warnings, ElementsAre(HasSubstr("left alone")));
  const auto told = plan_fix(snapshot, {}, true);
  EXPECT_EQ(told->repairs.size(), 5462u);
  std::map<NodeId, int> given;
  for (const SlotRepair& repair : told->repairs) ++given[repair.owner];
  EXPECT_EQ(given[NodeId(1)], given[NodeId(2)]);
  EXPECT_THAT(told->warnings, ElementsAre(HasSubstr("is lost")));
}

TEST(Fix, DoesNotGuessWhileAPrimaryIsSilent) {
  World world = three();
  world.node(3).reachable = false;
  world.node(1).self.slots.remove(slot(0));
  EXPECT_THAT(plan_fix(world.agreed(), {}, false).error().message(),
              HasSubstr("--fix-with-unreachable-primaries"));
}

TEST(Fix, LeavesOneOwnerToEverySlotInRandomWorlds) {
  Rng rng(3);
  for (int round = 0; round < 100; ++round) {
    World world = three();
    KeyCounts keys;
    const auto any_node = [&] { return 1 + rng.below(3); };
    for (int i = 0; i < 40; ++i) {
      const Slot which = slot(static_cast<int>(rng.below(kSlotCount)));
      NodeSnapshot& node = world.node(any_node());
      switch (rng.below(5)) {
        case 0:
          node.self.slots.remove(which);
          break;
        case 1:
          node.self.slots.add(which);
          break;
        case 2:
          node.self.migrating[which] = NodeId(any_node());
          break;
        case 3:
          node.self.importing[which] = NodeId(any_node());
          break;
        default:
          break;
      }
      if (rng.chance(0.7)) keys[which][NodeId(any_node())] = rng.between(1, 9);
    }
    ClusterSnapshot after = world.agreed();
    const auto plan = plan_fix(after, keys, false);
    ASSERT_TRUE(plan.ok());
    const auto node_of = [&](const NodeId& id) -> NodeSnapshot& {
      return after.nodes[id.bytes()[19] - 1u];
    };
    for (const SlotMove& move : plan->finished) {
      node_of(move.from).self.slots.remove(move.slot);
      node_of(move.to).self.slots.add(move.slot);
      for (NodeSnapshot& node : after.nodes) {
        node.self.migrating.erase(move.slot);
        node.self.importing.erase(move.slot);
      }
    }
    for (const SlotRepair& repair : plan->repairs) {
      for (const NodeId& id : repair.dropping) node_of(id).self.slots.remove(repair.slot);
      if (repair.claim) node_of(repair.owner).self.slots.add(repair.slot);
      for (const NodeId& id : repair.closing) {
        node_of(id).self.migrating.erase(repair.slot);
        node_of(id).self.importing.erase(repair.slot);
      }
      // No key is left where it cannot be read.
      for (const auto& [id, count] : keys[repair.slot]) {
        ASSERT_TRUE(id == repair.owner || std::find(repair.giving.begin(), repair.giving.end(),
                                                    id) != repair.giving.end());
      }
    }
    ASSERT_TRUE(broken_slots(after, false).empty()) << "round " << round;
  }
}

}  // namespace
}  // namespace redan
