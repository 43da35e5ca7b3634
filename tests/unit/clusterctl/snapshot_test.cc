#include "clusterctl/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/clusterctl/world.h"

namespace redan {
namespace {

using testing::HasSubstr;

const std::string kA(40, 'a');
const std::string kB(40, 'b');

TEST(ClusterNodes, LinesOfRedisAreRead) {
  const auto lines = parse_cluster_nodes(
      kA + " 10.0.0.1:7000@17000,host.name,shard-id=" + kB +
      " myself,master - 0 1700 3 connected 0-5460 5462 [93->-" + kB + "] [94-<-" + kB + "]\n" + kB +
      " [::1]:7001@17001 slave,fail? " + kA + " 5 6 3 disconnected\n");
  ASSERT_TRUE(lines.ok());
  ASSERT_EQ(lines->size(), 2u);
  const NodeLine& first = (*lines)[0];
  EXPECT_EQ(first.at, (Endpoint{"10.0.0.1", 7000}));
  EXPECT_EQ(first.bus_port, 17000);
  EXPECT_EQ(first.hostname, "host.name");
  EXPECT_TRUE(first.is_primary() && first.has("myself") && first.connected);
  EXPECT_EQ(first.config_epoch, 3u);
  EXPECT_EQ(first.slots, slots("0-5460 5462"));
  EXPECT_EQ(first.migrating.at(slot(93)).hex(), kB);
  EXPECT_EQ(first.importing.at(slot(94)).hex(), kB);
  const NodeLine& second = (*lines)[1];
  EXPECT_EQ(second.at, (Endpoint{"::1", 7001}));
  EXPECT_EQ(second.primary.hex(), kA);
  EXPECT_FALSE(second.failed());  // "fail?" is a suspicion only.
}

TEST(ClusterNodes, NonsenseIsNamed) {
  for (const std::string& text : {std::string("x"), kA + " 10.0.0.1:7000 master - 0 0",
                                  kA + " nowhere master - 0 0 1 connected",
                                  kA + " 10.0.0.1:7000 master - 0 0 1 connected 0-99999",
                                  kA + " 10.0.0.1:7000 master - 0 0 1 connected [93->-short]"}) {
    const auto lines = parse_cluster_nodes(text);
    ASSERT_FALSE(lines.ok()) << text;
    EXPECT_THAT(lines.error().message(), HasSubstr(text.substr(0, 20)));
  }
}

TEST(ClusterSnapshot, NodesAreFoundByIdItsBeginningOrAddress) {
  const ClusterSnapshot snapshot = World().primary("0-100").primary("101-200").agreed();
  EXPECT_EQ((*snapshot.find(std::string("10.0.0.2:7002")))->id(), NodeId(2));
  EXPECT_EQ((*snapshot.find(NodeId(1).hex()))->id(), NodeId(1));
  EXPECT_THAT(snapshot.find(std::string("0000")).error().message(),
              HasSubstr("give more of the id"));
  EXPECT_THAT(snapshot.find(std::string("ff")).error().message(), HasSubstr("there are:"));
  EXPECT_FALSE(snapshot.find(std::string()).ok());
}

TEST(ClusterSnapshot, TheMinorityIsNamedAsDisagreeing) {
  World world;
  world.primary("0-100").primary("101-200").primary("201-300");
  ClusterSnapshot snapshot = world.agreed();
  EXPECT_EQ(disagreement(snapshot), "");
  snapshot.nodes[1].lines[0].slots.remove(slot(0));
  EXPECT_THAT(disagreement(snapshot), HasSubstr("10.0.0.2:7002"));
  EXPECT_THAT(disagreement(snapshot), testing::Not(HasSubstr("10.0.0.1:7001")));
  // Who imports a slot learns nothing of its owner meanwhile.
  snapshot.nodes[1].self.importing[slot(0)] = NodeId(3);
  EXPECT_EQ(disagreement(snapshot), "");
}

TEST(ClusterSnapshot, SortsByFirstSlotWithReplicasBehindTheirPrimary) {
  ClusterSnapshot snapshot =
      World().primary("").primary("500-600").replica(4).primary("0-499").replica(2).agreed();
  snapshot.sort();
  std::vector<NodeId> order;
  for (const NodeSnapshot& node : snapshot.nodes) order.push_back(node.id());
  EXPECT_THAT(order, testing::ElementsAre(NodeId(4), NodeId(3), NodeId(2), NodeId(5), NodeId(1)));
}

}  // namespace
}  // namespace redan
