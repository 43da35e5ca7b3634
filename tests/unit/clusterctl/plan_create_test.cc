#include "clusterctl/plan_create.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/base/rng.h"
#include "tests/unit/clusterctl/world.h"

namespace redan {
namespace {

using testing::HasSubstr;

std::vector<Endpoint> on_hosts(const std::vector<int>& counts) {
  std::vector<Endpoint> nodes;
  for (size_t host = 0; host < counts.size(); ++host) {
    for (int i = 0; i < counts[host]; ++i) {
      nodes.push_back({"host" + std::to_string(host), 7000 + i});
    }
  }
  return nodes;
}

TEST(PlanCreate, GivesEachHostAPrimaryAndItsReplicaToAnother) {
  const auto plan = plan_create(on_hosts({2, 2, 2}), 1);
  ASSERT_TRUE(plan.ok());
  std::set<std::string> hosts;
  for (const auto& primary : plan->primaries) {
    hosts.insert(primary.at.host);
    ASSERT_EQ(primary.replicas.size(), 1u);
    EXPECT_NE(primary.replicas[0].host, primary.at.host);
  }
  EXPECT_EQ(hosts.size(), 3u);
  EXPECT_TRUE(plan->warnings.empty());
}

TEST(PlanCreate, DividesSlotsThatCannotBeDividedEvenly) {
  const auto plan = plan_create(on_hosts({7}), 0);
  ASSERT_TRUE(plan.ok());
  int next = 0;
  for (const auto& primary : plan->primaries) {
    EXPECT_EQ(primary.slots.first.value, next);
    const int count = primary.slots.last.value - primary.slots.first.value + 1;
    EXPECT_TRUE(count == 2340 || count == 2341) << count;
    next = primary.slots.last.value + 1;
  }
  EXPECT_EQ(next, kSlotCount);
}

TEST(PlanCreate, ReplicasThatCannotBeDividedGoToSomePrimaries) {
  const auto plan = plan_create(on_hosts({4, 4}), 1);  // 4 primaries, 4 replicas
  ASSERT_TRUE(plan.ok());
  const auto odd = plan_create(on_hosts({3, 4}), 1);  // 3 primaries, 4 replicas
  ASSERT_TRUE(odd.ok());
  EXPECT_EQ(odd->primaries.size(), 3u);
  EXPECT_EQ(odd->primaries[0].replicas.size(), 2u);
  EXPECT_EQ(crowded(*plan), 0);
}

TEST(PlanCreate, OneHostIsAllowedAndWarnedOf) {
  const auto plan = plan_create(on_hosts({6}), 1);
  ASSERT_TRUE(plan.ok());
  EXPECT_THAT(plan->warnings, testing::ElementsAre(HasSubstr("all nodes are on host host0")));
}

TEST(PlanCreate, TooFewNodesAndDoublesAreRefused) {
  EXPECT_THAT(plan_create(on_hosts({5}), 1).error().message(), HasSubstr("at least 3 primaries"));
  std::vector<Endpoint> nodes = on_hosts({3});
  nodes.push_back(nodes[1]);
  EXPECT_THAT(plan_create(nodes, 0).error().message(), HasSubstr("named twice"));
}

TEST(PlanCreate, RefusesNodesThatHoldKeysOrBelongElsewhere) {
  const std::vector<Endpoint> nodes = on_hosts({1, 1, 1});
  const CreatePlan plan = plan_create(nodes, 0).take();
  World world;
  world.primary("").primary("").primary("9");
  ClusterSnapshot snapshot = world.agreed();
  for (size_t i = 0; i < 3; ++i) {
    snapshot.nodes[i].at = nodes[i];
    snapshot.nodes[i].lines = {snapshot.nodes[i].self};
    snapshot.nodes[i].lines[0].flags.insert("myself");
  }
  EXPECT_EQ(unfit_for_create(snapshot.nodes[0], plan, nodes), "");
  EXPECT_THAT(unfit_for_create(snapshot.nodes[2], plan, nodes), HasSubstr("owns slots 9"));
  snapshot.nodes[0].keys = 3;
  EXPECT_THAT(unfit_for_create(snapshot.nodes[0], plan, nodes), HasSubstr("holds 3 keys"));
  snapshot.nodes[1].lines.push_back({.id = NodeId(9), .at = {"elsewhere", 1}});
  EXPECT_THAT(unfit_for_create(snapshot.nodes[1], plan, nodes), HasSubstr("knows elsewhere:1"));
  // What a create that was cut off has done is no obstacle.
  snapshot.nodes[1].lines.back().at = nodes[0];
  snapshot.nodes[1].self.slots.add(plan.primaries[1].slots);
  EXPECT_EQ(unfit_for_create(snapshot.nodes[1], plan, nodes), "");
}

TEST(PlanCreate, ClustersThatStandAreKnownWhoeverIsPrimaryByNow) {
  World world;
  world.primary("0-8191").primary("8192-16383").replica(1).primary("");
  const ClusterSnapshot whole = world.agreed();
  EXPECT_TRUE(stand_already(whole.nodes));
  // The named nodes may be fewer than the members.
  EXPECT_TRUE(stand_already({whole.nodes[0], whole.nodes[2], whole.nodes[3]}));
  ClusterSnapshot strange = whole;
  strange.nodes[2].lines.erase(strange.nodes[2].lines.begin());
  EXPECT_FALSE(stand_already(strange.nodes));
  strange = whole;
  for (NodeSnapshot& node : strange.nodes) node.lines[0].slots.remove(slot(5));
  EXPECT_FALSE(stand_already(strange.nodes));
  strange = whole;
  strange.nodes[1].lines[0].flags.insert("handshake");
  EXPECT_FALSE(stand_already(strange.nodes));
}

TEST(PlanCreate, HoldsItsInvariantsInRandomWorlds) {
  Rng rng(7);
  for (int round = 0; round < 500; ++round) {
    std::vector<int> counts;
    const auto hosts = static_cast<size_t>(rng.between(1, 6));
    for (size_t i = 0; i < hosts; ++i) counts.push_back(static_cast<int>(rng.between(1, 6)));
    const auto replicas = static_cast<size_t>(rng.between(0, 2));
    const std::vector<Endpoint> nodes = on_hosts(counts);
    const auto plan = plan_create(nodes, replicas);
    ASSERT_EQ(plan.ok(), nodes.size() / (replicas + 1) >= 3);
    if (!plan) continue;
    std::set<Endpoint> used;
    SlotSet covered;
    size_t least = nodes.size();
    for (const auto& primary : plan->primaries) {
      ASSERT_TRUE(used.insert(primary.at).second);
      for (const Endpoint& replica : primary.replicas) ASSERT_TRUE(used.insert(replica).second);
      least = std::min(least, primary.replicas.size());
      covered.add(primary.slots);
    }
    ASSERT_EQ(used.size(), nodes.size());
    ASSERT_EQ(covered, SlotSet::all());
    ASSERT_GE(least, replicas);
    // Equal hosts, and more of them than members of a shard: everybody can live apart.
    const bool equal = std::set<int>(counts.begin(), counts.end()).size() == 1;
    if (equal && hosts > replicas + 1) {
      ASSERT_EQ(crowded(*plan), 0) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace redan
