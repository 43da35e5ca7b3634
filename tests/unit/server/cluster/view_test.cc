#include "server/cluster/view.h"

#include <gtest/gtest.h>

namespace redan {
namespace {

TEST(ClusterView, ASlotHasOneOwner) {
  ClusterView view(NodeId(1));
  ClusterNode& other = view.add(NodeId(2));
  view.assign(Slot(7), view.self());
  view.assign(Slot(7), other);
  EXPECT_EQ(view.owner(Slot(7)), &other);
  EXPECT_FALSE(view.myself().has_slots());
  EXPECT_EQ(view.size(), 1u);
  view.check_invariants();
}

TEST(ClusterView, ANodeThatGoesLeavesNothingBehind) {
  ClusterView view(NodeId(1));
  ClusterNode& gone = view.add(NodeId(2));
  ClusterNode& replica = view.add(NodeId(3));
  replica.is_primary = false;
  replica.primary = gone.id;
  replica.reports[gone.id] = Instant{};
  view.assign(Slot(0), gone);
  view.set_migrating(Slot(5), gone.id);
  EXPECT_TRUE(view.is_moving(Slot(5)));
  view.remove(NodeId(2));
  EXPECT_EQ(view.owner(Slot(0)), nullptr);
  EXPECT_FALSE(view.is_moving(Slot(5)));
  EXPECT_TRUE(replica.primary.empty());
  EXPECT_TRUE(replica.reports.empty());
  EXPECT_EQ(view.known_nodes(), 2u);
  view.check_invariants();
}

TEST(ClusterView, AReplicaSeesTheSlotsOfItsPrimary) {
  ClusterView view(NodeId(1));
  ClusterNode& primary = view.add(NodeId(2));
  view.self().is_primary = false;
  view.self().primary = primary.id;
  view.assign(Slot(9), primary);
  EXPECT_TRUE(view.slot(Slot(9)).of_my_primary);
  EXPECT_FALSE(view.slot(Slot(9)).mine);
  EXPECT_EQ(view.primary_of(view.myself()), &primary);
  ASSERT_EQ(view.replicas_of(primary.id).size(), 1u);
}

TEST(ClusterView, ANewNameForOurselvesStartsEmpty) {
  ClusterView view(NodeId(1));
  view.add(NodeId(2));
  view.assign(Slot(3), view.self());
  view.rename_self(NodeId(8));
  EXPECT_EQ(view.myself().id, NodeId(8));
  EXPECT_EQ(view.known_nodes(), 1u);
  EXPECT_EQ(view.owner(Slot(3)), nullptr);
  view.check_invariants();
}

TEST(ClusterView, EveryVisibleChangeIsANewVersion) {
  ClusterView view(NodeId(1));
  uint64_t before = view.version();
  const auto changed = [&] { return std::exchange(before, view.version()) != before; };
  view.assign(Slot(3), view.self());
  EXPECT_TRUE(changed());
  view.assign(Slot(3), view.self());
  EXPECT_FALSE(changed());
  view.set_importing(Slot(4), NodeId(2));
  EXPECT_TRUE(changed());
  view.clear_importing(Slot(4));
  EXPECT_TRUE(changed());
  view.clear_importing(Slot(4));
  EXPECT_FALSE(changed());
}

}  // namespace
}  // namespace redan
