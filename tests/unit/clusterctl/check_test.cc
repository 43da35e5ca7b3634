#include "clusterctl/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/clusterctl/world.h"

namespace redan {
namespace {

using Kind = Finding::Kind;

World sound_world() {
  return World().primary("0-8000").primary("8001-16383").replica(1).replica(2);
}

std::vector<Kind> kinds(const std::vector<Finding>& findings) {
  std::vector<Kind> all;
  for (const Finding& finding : findings) all.push_back(finding.kind);
  return all;
}

TEST(Check, FindsNothingInASoundCluster) {
  EXPECT_TRUE(check_cluster(sound_world().agreed()).empty());
}

TEST(Check, NamesUncoveredSlots) {
  World world = sound_world();
  world.node(1).self.slots.remove(slot(77));
  const auto found = check_cluster(world.agreed());
  ASSERT_THAT(kinds(found), testing::ElementsAre(Kind::kUncovered));
  EXPECT_EQ(found[0].text, "1 slot without an owner: 77");
  EXPECT_FALSE(sound(found));
}

TEST(Check, NamesOpenSlotsOnBothSides) {
  World world = sound_world();
  world.node(1).self.migrating[slot(5)] = NodeId(2);
  world.node(2).self.importing[slot(5)] = NodeId(1);
  const auto found = check_cluster(world.agreed());
  EXPECT_THAT(kinds(found), testing::ElementsAre(Kind::kOpenSlots, Kind::kOpenSlots));
}

TEST(Check, NamesSlotsThatTwoClaim) {
  World world = sound_world();
  world.node(2).self.slots.add(slot(5));
  EXPECT_THAT(kinds(check_cluster(world.agreed())), testing::ElementsAre(Kind::kManyOwners));
}

TEST(Check, NamesDisagreementAndDeadNodes) {
  ClusterSnapshot snapshot = sound_world().agreed();
  snapshot.nodes[3].lines[0].slots.remove(slot(0));
  snapshot.nodes[2].reachable = false;
  snapshot.nodes[2].error = "refused";
  EXPECT_THAT(kinds(check_cluster(snapshot)),
              testing::UnorderedElementsAre(Kind::kUnreachable, Kind::kDisagreement));
}

TEST(Check, MissingAndHuddledReplicasAreWarningsOnly) {
  World world;
  world.primary("0-8000", "a").primary("8001-16383", "b").replica(1, "a");
  const auto found = check_cluster(world.agreed());
  EXPECT_THAT(kinds(found), testing::UnorderedElementsAre(Kind::kSameHost, Kind::kNoReplica));
  EXPECT_TRUE(sound(found));
}

TEST(Check, WarnsOnceOfAClusterOnOneHost) {
  World world;
  world.primary("0-8000", "a").primary("8001-16383", "a").replica(1, "a").replica(2, "a");
  EXPECT_THAT(kinds(check_cluster(world.agreed())), testing::ElementsAre(Kind::kSameHost));
}

TEST(Check, NamesStateAndLinks) {
  World world = sound_world();
  world.node(1).state = "fail";
  world.node(4).link = "down";
  EXPECT_THAT(kinds(check_cluster(world.agreed())),
              testing::UnorderedElementsAre(Kind::kStateFail, Kind::kLinkDown));
}

}  // namespace
}  // namespace redan
