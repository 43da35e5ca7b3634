// Slots on the move when nodes fail: what a primary moves survives with its replicas. Slot 5 goes
// from node 0 to node 1; nodes 3 and 4 are their replicas.
#include <gtest/gtest.h>

#include "net.h"
#include "server/cluster/text.h"

namespace redan::cluster {
namespace {

constexpr Slot kSlot(5);

struct Moves : testing::Test {
  Moves() {
    EXPECT_TRUE(net->with(1, [&](ClusterMachine& m, BusEffects& out) {
      return m.set_slot_importing(net->now(), kSlot, net->id(0), out);
    }));
    EXPECT_TRUE(net->with(0, [&](ClusterMachine& m, BusEffects& out) {
      return m.set_slot_migrating(net->now(), kSlot, net->id(1), out);
    }));
    net->run_for(Millis(300));
  }
  NodeId leaving_to(int i) { return id_of(net->view(i).migrating_to(kSlot)); }
  NodeId coming_from(int i) { return id_of(net->view(i).importing_from(kSlot)); }
  static NodeId id_of(const ClusterNode* node) { return node == nullptr ? NodeId() : node->id; }

  std::unique_ptr<Net> net = Net::cluster(3, 3);
};

TEST_F(Moves, ReplicasKnowThemAndServeNobodyByThem) {
  EXPECT_EQ(leaving_to(3), net->id(1));
  EXPECT_EQ(coming_from(4), net->id(0));
  EXPECT_EQ(leaving_to(5), NodeId());
  EXPECT_EQ(net->view(4).slot(kSlot).importing_from, nullptr);
  EXPECT_EQ(nodes_text(net->view(4), {}, false).find('['), std::string::npos);
  EXPECT_NE(net->machine(4).config_text().find("[5-<-" + net->id(0).hex() + "]"),
            std::string::npos);
  // Another restart of the replica loses nothing.
  net->kill(4);
  net->restart(4);
  EXPECT_EQ(coming_from(4), net->id(0));
}

// A tool that moves a thousand slots does not wait for the disk a thousand times; what others rely
// on does not wait for the tool.
TEST_F(Moves, TheyAreSavedALittleLaterAndWithAnyPromiseAtOnce) {
  const auto mark = [&](uint16_t slot) {
    ASSERT_TRUE(net->with(0, [&](ClusterMachine& m, BusEffects& out) {
      return m.set_slot_migrating(net->now(), Slot(slot), net->id(1), out);
    }));
  };
  const auto saved = [&](uint16_t slot) {
    return net->node(0).disk.find("[" + std::to_string(slot) + "->-") != std::string::npos;
  };
  mark(6);
  EXPECT_FALSE(saved(6));
  EXPECT_EQ(net->view(0).migrating_to(Slot(6))->id, net->id(1));
  net->run_for(Millis(50));
  mark(7);  // Does not put the first one off.
  net->run_for(Millis(51));
  EXPECT_TRUE(saved(6));
  EXPECT_TRUE(saved(7));
  mark(8);
  ASSERT_TRUE(net->with(
      0, [&](ClusterMachine& m, BusEffects& out) { return m.bump_epoch(net->now(), out); }));
  EXPECT_TRUE(saved(8));
}

TEST_F(Moves, ASourceThatTookANewEpochMeanwhileGetsNothingBack) {
  const auto bump = [&](int i) {
    return net->with(
        i, [&](ClusterMachine& m, BusEffects& out) { return m.bump_epoch(net->now(), out); });
  };
  // The target's epoch is the highest already, so that it needs no new one to finish.
  bump(1);
  net->run_for(Millis(300));
  ASSERT_TRUE(net->with(1, [&](ClusterMachine& m, BusEffects& out) {
    return m.set_slot_node(net->now(), kSlot, net->id(1), 3, out);
  }));
  // The source takes one for some other slot before it hears of that.
  ASSERT_TRUE(bump(0));
  ASSERT_GT(net->view(0).myself().config_epoch, net->view(1).myself().config_epoch);
  net->run_for(Seconds(3));
  for (int i = 0; i < net->size(); ++i) {
    EXPECT_EQ(net->view(i).owner(kSlot)->id, net->id(1)) << i;
    EXPECT_TRUE(net->view(i).ok()) << i;
  }
  for (const BusEvent& event : net->node(1).events) {
    EXPECT_FALSE(std::holds_alternative<DropSlots>(event)) << "the keys are here";
  }
  // An operator may take the slot away as any other.
  ASSERT_TRUE(net->with(0, [&](ClusterMachine& m, BusEffects& out) {
    return m.set_slot_importing(net->now(), kSlot, net->id(1), out);
  }));
  ASSERT_TRUE(net->with(1, [&](ClusterMachine& m, BusEffects& out) {
    return m.set_slot_migrating(net->now(), kSlot, net->id(0), out);
  }));
  ASSERT_TRUE(net->with(0, [&](ClusterMachine& m, BusEffects& out) {
    return m.set_slot_node(net->now(), kSlot, net->id(0), 3, out);
  }));
  net->run_for(Seconds(3));
  for (int i = 0; i < net->size(); ++i) {
    EXPECT_EQ(net->view(i).owner(kSlot)->id, net->id(0)) << i;
  }
}

TEST_F(Moves, TheTargetsSuccessorGoesOn) {
  net->kill(1);
  ASSERT_TRUE(net->run_until([&] { return net->view(4).myself().is_primary; }));
  ASSERT_TRUE(net->run_until([&] { return net->all_ok(); }));
  EXPECT_EQ(coming_from(4), net->id(0));
  EXPECT_EQ(leaving_to(0), net->id(4)) << "redirects follow the failover";
  EXPECT_EQ(leaving_to(3), net->id(4));
  ASSERT_TRUE(net->with(4, [&](ClusterMachine& m, BusEffects& out) {
    return m.set_slot_node(net->now(), kSlot, net->id(4), 3, out);
  }));
  net->run_for(Millis(300));
  EXPECT_EQ(net->view(0).owner(kSlot)->id, net->id(4));
  EXPECT_FALSE(net->view(0).is_moving(kSlot));
  EXPECT_FALSE(net->view(3).is_moving(kSlot));
  // The old target follows, and has nothing on the move any more.
  net->restart(1);
  EXPECT_EQ(coming_from(1), net->id(0)) << "as it was when it fell";
  ASSERT_TRUE(net->run_until([&] { return !net->view(1).myself().is_primary; }));
  net->run_for(Seconds(1));
  EXPECT_FALSE(net->view(1).is_moving(kSlot));
}

TEST_F(Moves, TheSourcesSuccessorGoesOn) {
  net->kill(0);
  ASSERT_TRUE(net->run_until([&] { return net->view(3).myself().is_primary; }));
  ASSERT_TRUE(net->run_until([&] { return net->all_ok(); }));
  EXPECT_EQ(leaving_to(3), net->id(1));
  EXPECT_EQ(coming_from(1), net->id(3));
  net->restart(0);
  ASSERT_TRUE(net->run_until([&] { return !net->view(0).myself().is_primary; }));
  net->run_for(Seconds(1));
  EXPECT_EQ(leaving_to(0), net->id(1)) << "it is a replica that knows";
}

TEST_F(Moves, AReplicaThatComesLaterIsTold) {
  ASSERT_TRUE(net->with(5, [&](ClusterMachine& m, BusEffects& out) {
    return m.replicate(net->now(), net->id(1), true, out);
  }));
  net->run_for(Seconds(1));
  EXPECT_EQ(coming_from(5), net->id(0));
}

TEST_F(Moves, WhatEndsForThePrimaryEndsForItsReplicas) {
  for (int i : {0, 1}) {
    ASSERT_TRUE(net->with(i, [&](ClusterMachine& m, BusEffects& out) {
      return m.set_slot_stable(net->now(), kSlot, out);
    }));
  }
  net->run_for(Millis(300));
  for (int i : {3, 4}) EXPECT_FALSE(net->view(i).is_moving(kSlot)) << i;
}

// The words of a move that ended may be on their way when the replica takes over.
TEST_F(Moves, ASuccessorForgetsMovesThatHaveEnded) {
  net->cut(1, 4);
  ASSERT_TRUE(net->with(1, [&](ClusterMachine& m, BusEffects& out) {
    return m.set_slot_node(net->now(), kSlot, net->id(1), 3, out);
  }));
  net->run_for(Millis(50));
  ASSERT_EQ(net->view(3).owner(kSlot)->id, net->id(1));
  net->kill(0);
  ASSERT_TRUE(net->run_until([&] { return net->view(3).myself().is_primary; }));
  EXPECT_FALSE(net->view(3).is_moving(kSlot));
  EXPECT_EQ(net->view(3).owner(kSlot)->id, net->id(1));
}

TEST_F(Moves, AReplicaOwnsNothing) {
  SlotSet one;
  one.add(kSlot);
  const Result<void> added = net->with(4, [&](ClusterMachine& m, BusEffects& out) {
    EXPECT_TRUE(m.del_slots(net->now(), one, out));
    return m.add_slots(net->now(), one, out);
  });
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().text(), "ERR A replica cannot own slots: send this to its master");
}

}  // namespace
}  // namespace redan::cluster
