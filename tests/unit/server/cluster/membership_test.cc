// Meeting, learning of others, forgetting, moving house.
#include <gtest/gtest.h>

#include "net.h"

namespace redan::cluster {
namespace {

TEST(Membership, NodesThatMeetOneMeetAll) {
  Net net(4);
  net.meet(0, 1);
  net.meet(0, 2);
  net.meet(3, 2);
  EXPECT_TRUE(net.run_until([&] {
    for (int i = 0; i < 4; ++i) {
      if (net.view(i).known_nodes() != 4 || net.view(i).nodes().size() != 4) return false;
    }
    return true;
  }));
  EXPECT_EQ(net.seen(3, 0)->address.ip, "10.0.0.1");
  EXPECT_EQ(net.view(0).myself().address.ip, "10.0.0.1") << "learned from who reached it";
}

TEST(Membership, AMeetThatNobodyAnswersIsGivenUp) {
  Net net(1);
  ASSERT_TRUE(net.with(0, [&](ClusterMachine& m, BusEffects& out) {
    return m.meet(net.now(), "10.9.9.9", 6379, 16379, out);
  }));
  EXPECT_EQ(net.view(0).nodes().size(), 2u);
  net.run_for(Seconds(2));
  EXPECT_EQ(net.view(0).nodes().size(), 1u);
}

TEST(Membership, WeDoNotMeetOurselves) {
  Net net(1);
  net.meet(0, 0);
  net.run_for(Seconds(3));
  EXPECT_EQ(net.view(0).nodes().size(), 1u);
}

TEST(Membership, WhoIsForgottenByOneIsForgottenByAll) {
  auto net = Net::cluster(3, 1);
  net->node(3).down = true;
  const NodeId gone = net->id(3);
  ASSERT_TRUE(net->with(
      1, [&](ClusterMachine& m, BusEffects& out) { return m.forget(net->now(), gone, out); }));
  EXPECT_TRUE(net->run_until([&] {
    for (int i = 0; i < 3; ++i) {
      if (net->view(i).find(gone) != nullptr) return false;
    }
    return true;
  }));
}

TEST(Membership, AForgottenNodeThatLivesDoesNotComeBackForAMinute) {
  auto net = Net::cluster(3, 1);
  const NodeId gone = net->id(3);
  net->isolate(3);
  ASSERT_TRUE(net->with(
      1, [&](ClusterMachine& m, BusEffects& out) { return m.forget(net->now(), gone, out); }));
  net->run_for(Seconds(5));
  net->isolate(3, false);
  net->run_for(Seconds(40));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(net->view(i).find(gone), nullptr) << i;
}

TEST(Membership, AnOperatorBringsAForgottenNodeBackThroughAnyOneMember) {
  auto net = Net::cluster(3, 3);
  const NodeId gone = net->id(5);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(net->with(
        i, [&](ClusterMachine& m, BusEffects& out) { return m.forget(net->now(), gone, out); }));
  }
  ASSERT_TRUE(net->with(5, [&](ClusterMachine& m, BusEffects& out) {
    return m.reset(net->now(), ResetMode::kSoft, false, out);
  }));
  net->run_for(Seconds(1));
  net->meet(5, 0);
  const auto known_to_all = [&] {
    for (int i = 0; i < 6; ++i) {
      if (net->view(i).known_nodes() != 6 || net->view(i).find(gone) == nullptr) return false;
    }
    return true;
  };
  EXPECT_TRUE(net->run_until(known_to_all, Seconds(5)));
  net->run_for(Seconds(70));  // What the others remembered of it is over, and nobody fell for it.
  EXPECT_TRUE(known_to_all());
  // Forgotten once more it stays away.
  net->isolate(5);
  ASSERT_TRUE(net->with(
      1, [&](ClusterMachine& m, BusEffects& out) { return m.forget(net->now(), gone, out); }));
  net->run_for(Seconds(5));
  net->isolate(5, false);
  net->run_for(Seconds(20));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(net->view(i).find(gone), nullptr) << i;
}

TEST(Membership, WhomAReplicaFollowsIsLearntAlsoIfItsPrimaryIsMetLater) {
  auto net = Net::cluster(3, 7);  // 3, 6 and 9 follow 0.
  ASSERT_TRUE(net->with(9, [&](ClusterMachine& m, BusEffects& out) {
    return m.reset(net->now(), ResetMode::kHard, false, out);
  }));
  net->cut(3, 9);
  net->cut(9, 3);
  net->meet(0, 9);
  ASSERT_TRUE(net->run_until([&] { return net->seen(9, 6) != nullptr; }));
  ASSERT_EQ(net->seen(9, 6)->primary, net->id(0));
  ASSERT_TRUE(net->with(3, [&](ClusterMachine& m, BusEffects& out) {
    return m.failover(net->now(), FailoverMode::kTakeover, out);
  }));
  net->run_for(Seconds(1));
  ASSERT_EQ(net->view(6).myself().primary, net->id(3));
  ASSERT_EQ(net->seen(9, 3), nullptr);
  net->cut(3, 9, false);
  net->cut(9, 3, false);
  ASSERT_TRUE(net->run_until([&] { return net->seen(9, 3) != nullptr; }, Seconds(70)));
  EXPECT_TRUE(net->run_until([&] { return net->seen(9, 6)->primary == net->id(3); }, Seconds(3)));
}

TEST(Membership, APrimaryThatWasForgottenAndCameBackHasItsReplicasAgain) {
  auto net = Net::cluster(3, 3);  // 3 follows 0.
  ASSERT_TRUE(net->with(1, [&](ClusterMachine& m, BusEffects& out) {
    return m.forget(net->now(), net->id(0), out);
  }));
  ASSERT_TRUE(net->run_until([&] { return net->seen(2, 0) == nullptr; }));
  net->meet(1, 0);
  ASSERT_TRUE(net->run_until(
      [&] { return net->seen(1, 0) != nullptr && net->seen(2, 0) != nullptr; }, Seconds(70)));
  EXPECT_TRUE(net->run_until(
      [&] {
        return net->seen(1, 3)->primary == net->id(0) && net->seen(2, 3)->primary == net->id(0);
      },
      Seconds(3)));
}

TEST(Membership, ForgettingHasItsLimits) {
  auto net = Net::cluster(3, 1);
  const auto forget = [&](int by, NodeId whom) {
    const Result<void> done = net->with(
        by, [&](ClusterMachine& m, BusEffects& out) { return m.forget(net->now(), whom, out); });
    return done ? std::string("OK") : done.error().text();
  };
  EXPECT_EQ(forget(0, net->id(0)), "ERR I tried hard but I can't forget myself...");
  EXPECT_EQ(forget(3, net->id(0)), "ERR Can't forget my master!");
  EXPECT_EQ(forget(0, NodeId(77)), "ERR Unknown node " + NodeId(77).hex());
}

TEST(Membership, ANodeComesBackAtANewAddress) {
  auto net = Net::cluster(3, 1);
  net->kill(3);
  net->run_for(Seconds(3));
  net->restart(3, "10.0.0.99");
  EXPECT_TRUE(net->run_until([&] {
    for (int i = 0; i < 3; ++i) {
      if (net->seen(i, 3)->address.ip != "10.0.0.99" || net->seen(i, 3)->suspected()) return false;
    }
    return true;
  }));
}

TEST(Membership, AReplicaHearsOfItsPrimarysNewAddress) {
  auto net = Net::cluster(3, 1);
  net->kill(0);
  net->restart(0, "10.0.0.98");
  net->node(3).events.clear();
  EXPECT_TRUE(net->run_until([&] {
    const auto follows = net->events<Follow>(3);
    return !follows.empty() && follows.back().address.ip == "10.0.0.98";
  }));
}

TEST(Membership, AReplicaFollowsAPrimaryWhoseNewAddressItHearsFromOthers) {
  auto net = Net::cluster(3, 1);
  net->isolate(0);
  net->run_for(Millis(1'200));  // Suspected, not replaced.
  ASSERT_TRUE(net->run_until([&] { return net->seen(3, 0)->suspected(); }));
  net->node(3).events.clear();
  const NodeAddress moved{.ip = "10.0.0.98", .port = 6379, .bus_port = 16379};
  net->with(3, [&](ClusterMachine& m, BusEffects& out) {
    const Members told{{{.id = net->id(0), .shard_id = net->id(0), .address = moved}}};
    m.receive(net->now(), {.id = net->id(1)}, told, out);
    return 0;
  });
  const auto follows = net->events<Follow>(3);
  ASSERT_EQ(follows.size(), 1u);
  EXPECT_EQ(follows[0].address.ip, "10.0.0.98");
}

TEST(Membership, TwoNodesThatChangedPlacesAreReachedAgain) {
  auto net = Net::cluster(3, 3);
  const std::string one = net->node(1).ip, other = net->node(4).ip;
  net->kill(1);
  net->kill(4);
  net->restart(1, other);
  // Those who ask for 4 find 1 there, before 4 is back.
  ASSERT_TRUE(net->run_until([&] { return net->seen(0, 4)->noaddr; }));
  EXPECT_EQ(net->seen(0, 4)->address.ip, "");
  net->restart(4, one);
  // Nothing but its pings tells of it: what we know of its ports must do to ask for the rest.
  ASSERT_TRUE(net->run_until([&] {
    for (int i = 0; i < 6; ++i) {
      if (i != 1 && net->seen(i, 1)->address.ip != other) return false;
      if (i != 4 && net->seen(i, 4)->address.ip != one) return false;
      if (i != 4 && net->seen(i, 4)->address.bus_port == 0) return false;
    }
    return true;
  }));
}

// On one host, so that only ports tell them apart. Who comes back last believes the other to be at
// its own address, and asks itself what it wants to know of it.
TEST(Membership, TwoNodesThatChangedPortsLearnOfEachOther) {
  auto net = Net::cluster(3, 3);
  const auto restart = [&](int i, uint16_t bus_port) {
    net->kill(i);
    net->node(i).options.announce.bus_port = bus_port;
    net->restart(i, "10.0.0.1");
  };
  const auto all_know = [&] {
    for (int by = 0; by < 6; ++by) {
      for (int who : {0, 1}) {
        if (by == who) continue;
        const ClusterNode* seen = net->seen(by, who);
        if (seen->address.ip != "10.0.0.1" || seen->ping_sent) return false;
        if (seen->address.bus_port != net->node(who).options.announce.bus_port) return false;
      }
    }
    return true;
  };
  restart(1, 17001);
  ASSERT_TRUE(net->run_until(all_know));
  net->kill(0);
  restart(1, 16379);
  net->run_for(Millis(400));
  restart(0, 17001);
  EXPECT_TRUE(net->run_until(all_know));
}

TEST(Membership, AnotherNodeAtAnAddressIsNotTakenForTheOldOne) {
  auto net = Net::cluster(3, 1);
  Net& n = *net;
  const NodeId old = n.id(3);
  n.kill(3);
  n.node(3).disk = "";
  const NodesFile fresh = NodesFile::fresh(NodeId(500), NodeId(501));
  n.node(3).machine = std::make_unique<ClusterMachine>(n.node(3).options, fresh, 5, n.now());
  n.with(3, [&](ClusterMachine& m, BusEffects& out) {
    m.start(n.now(), out);
    return 0;
  });
  n.node(3).down = false;
  EXPECT_TRUE(n.run_until([&] { return n.view(0).find(old)->noaddr; }));
  EXPECT_EQ(n.view(0).find(NodeId(500)), nullptr);
  EXPECT_EQ(n.view(3).known_nodes(), 1u);
}

TEST(Membership, WhatAStrangerSaysIsNotHeard) {
  auto net = Net::cluster(3, 0);
  const std::string before = net->machine(0).config_text();
  net->with(0, [&](ClusterMachine& m, BusEffects& out) {
    const BusSender stranger{.id = NodeId(999), .observed_ip = "10.6.6.6"};
    m.receive(net->now(), stranger, Fail{net->id(1)}, out);
    m.receive(net->now(), stranger, NodeState{.config_epoch = Epoch(99), .slots = SlotSet::all()},
              out);
    m.receive(net->now(), stranger, Publish{.channel = "c", .message = "m"}, out);
    m.receive(net->now(), {.id = net->id(1)}, Heartbeat{.current_epoch = Epoch(UINT64_MAX)}, out);
    return 0;
  });
  EXPECT_EQ(net->machine(0).config_text(), before);
  EXPECT_TRUE(net->events<Deliver>(0).empty());
}

TEST(Membership, PublishReachesAllOrTheShard) {
  auto net = Net::cluster(3, 1);
  net->with(0, [&](ClusterMachine& m, BusEffects& out) {
    m.publish(net->now(), {.sharded = false, .channel = "a", .message = "1"}, out);
    m.publish(net->now(), {.sharded = true, .channel = "b", .message = "2"}, out);
    return 0;
  });
  net->run_for(Millis(10));
  EXPECT_EQ(net->events<Deliver>(1).size(), 1u);
  EXPECT_EQ(net->events<Deliver>(2).size(), 1u);
  ASSERT_EQ(net->events<Deliver>(3).size(), 2u);
  EXPECT_EQ(net->events<Deliver>(3)[1].publish.channel, "b");
}

TEST(Membership, AtRestOnlyHeartbeatsTravel) {
  auto net = Net::cluster(3, 3);
  net->run_for(Seconds(5));
  net->record = true;
  net->run_for(Seconds(10));
  for (const Net::Sent& sent : net->wire) {
    ASSERT_TRUE(std::holds_alternative<Heartbeat>(sent.envelope.message))
        << sent.envelope.message.index();
  }
  // 15 pairs, a question somewhat more than twice in a node timeout.
  EXPECT_GT(net->wire.size(), 300u);
  EXPECT_LT(net->wire.size(), 400u);
}

}  // namespace
}  // namespace redan::cluster
