// Keys of others' slots that a node finds when it begins to lead: which of them it drops, and when.
// Slot 5 went from node 0 to node 1; node 5 is the replica of node 0, and still has keys of it.
#include <gtest/gtest.h>

#include "net.h"

namespace redan::cluster {
namespace {

constexpr Slot kSlot(5);

struct LeftOvers : testing::Test {
  LeftOvers() {
    one.add(kSlot);
    open(0, 1);
    EXPECT_TRUE(net->with(1, [&](ClusterMachine& m, BusEffects& out) {
      return m.set_slot_node(net->now(), kSlot, net->id(1), 3, out);
    }));
    net->run_for(Millis(300));
    EXPECT_EQ(drops(0), 1);
    net->node(kHeir).with_keys = one;
  }
  void open(int from, int to) {
    EXPECT_TRUE(net->with(to, [&](ClusterMachine& m, BusEffects& out) {
      return m.set_slot_importing(net->now(), kSlot, net->id(from), out);
    }));
    EXPECT_TRUE(net->with(from, [&](ClusterMachine& m, BusEffects& out) {
      return m.set_slot_migrating(net->now(), kSlot, net->id(to), out);
    }));
  }
  bool heir_takes_over() {
    net->kill(0);
    return net->run_until([&] { return net->view(kHeir).myself().is_primary; });
  }
  int drops(int i) {
    int n = 0;
    for (const DropSlots& drop : net->events<DropSlots>(i)) n += drop.slots.contains(kSlot);
    return n;
  }
  const SlotSet& left() { return net->machine(kHeir).leftovers(); }

  static constexpr int kHeir = 5;
  std::unique_ptr<Net> net = Net::cluster(5, 5);
  SlotSet one;
};

TEST_F(LeftOvers, TheHeirFinishesWhatItsPrimaryBegan) {
  ASSERT_TRUE(heir_takes_over());
  EXPECT_EQ(left(), one) << "not to be seen meanwhile";
  EXPECT_EQ(drops(kHeir), 0) << "the owner is asked first";
  ASSERT_TRUE(net->run_until([&] { return drops(kHeir) == 1; }, 3 * Net::kTimeout));
  EXPECT_TRUE(left().empty());
  net->run_for(Seconds(5));
  EXPECT_EQ(drops(kHeir), 1);
}

// MIGRATE's keys came by the stream, and that the slot is imported came by no bus.
TEST_F(LeftOvers, KeysThatMigrateBroughtStayAndTheMoveGoesOn) {
  net->cut(0, kHeir);
  open(1, 0);
  ASSERT_TRUE(heir_takes_over());
  EXPECT_EQ(net->view(kHeir).importing_from(kSlot), nullptr);
  net->run_for(Seconds(5));
  EXPECT_EQ(drops(kHeir), 0);
  EXPECT_TRUE(left().empty());
  ASSERT_NE(net->view(kHeir).importing_from(kSlot), nullptr);
  EXPECT_EQ(net->view(kHeir).importing_from(kSlot)->id, net->id(1));
  EXPECT_EQ(net->view(1).migrating_to(kSlot)->id, net->id(kHeir)) << "redirects come here";
}

// The keys were on disk at once, and that the slot is imported was not yet.
TEST_F(LeftOvers, ARestartKeepsKeysThatMigrateBrought) {
  open(1, 0);
  ASSERT_EQ(net->node(0).disk.find("[5-<-"), std::string::npos);
  net->kill(0);
  net->restart(0);
  net->with(0, [&](ClusterMachine& m, BusEffects& out) {
    m.adopt_loaded_slots(net->now(), one, out);
    return 0;
  });
  const int before = drops(0);
  ASSERT_TRUE(net->run_until([&] { return net->machine(0).leftovers().empty(); }));
  EXPECT_EQ(drops(0), before);
  ASSERT_NE(net->view(0).importing_from(kSlot), nullptr);
  EXPECT_EQ(net->view(0).importing_from(kSlot)->id, net->id(1));
}

TEST_F(LeftOvers, AnOwnerThatIsNotHeardIsWaitedFor) {
  for (const int silent : {0, 1}) net->cut(silent, kHeir);
  open(1, 0);
  ASSERT_TRUE(heir_takes_over());
  net->run_for(Millis(10'500));
  EXPECT_EQ(drops(kHeir), 0) << "it has not said what it does with the slot";
  EXPECT_EQ(left(), one);
  ASSERT_TRUE(net->with(1, [&](ClusterMachine& m, BusEffects& out) {
    return m.set_slot_stable(net->now(), kSlot, out);
  }));
  net->cut(1, kHeir, false);
  EXPECT_TRUE(net->run_until([&] { return drops(kHeir) == 1; }));
}

TEST_F(LeftOvers, AWordFromBeforeTheMoveIsNoAnswer) {
  for (const int silent : {0, 1}) net->cut(silent, kHeir);
  const ClusterNode& owner = net->view(1).myself();
  const NodeState late{.shard_id = owner.shard_id,
                       .address = owner.address,
                       .current_epoch = net->view(1).current_epoch(),
                       .config_epoch = owner.config_epoch,
                       .slots = owner.slots};
  open(1, 0);
  ASSERT_TRUE(heir_takes_over());
  net->with(kHeir, [&](ClusterMachine& m, BusEffects& out) {
    m.receive(net->now(), {.id = net->id(1)}, late, out);
    return 0;
  });
  net->run_for(Millis(100));
  EXPECT_EQ(drops(kHeir), 0) << "it was on its way all the time";
  net->cut(1, kHeir, false);
  ASSERT_TRUE(net->run_until([&] { return left().empty(); }));
  EXPECT_EQ(drops(kHeir), 0);
  EXPECT_NE(net->view(kHeir).importing_from(kSlot), nullptr);
}

TEST_F(LeftOvers, WhatComesBackDoesNotMeetTheOldKeys) {
  ASSERT_TRUE(heir_takes_over());
  ASSERT_EQ(left(), one);
  ASSERT_TRUE(net->with(kHeir, [&](ClusterMachine& m, BusEffects& out) {
    return m.begin_import(net->now(), {.move = MoveId(7), .from = net->id(1), .slots = one}, out);
  }));
  EXPECT_EQ(drops(kHeir), 1);
  EXPECT_TRUE(left().empty());
  net->run_for(Seconds(5));
  EXPECT_EQ(drops(kHeir), 1) << "not what comes in now";
}

TEST_F(LeftOvers, ASlotThatIsOpenedForKeysIsNoLeftOverAnyMore) {
  ASSERT_TRUE(heir_takes_over());
  ASSERT_EQ(left(), one);
  ASSERT_TRUE(net->with(kHeir, [&](ClusterMachine& m, BusEffects& out) {
    return m.set_slot_importing(net->now(), kSlot, net->id(1), out);
  }));
  EXPECT_TRUE(left().empty());
  net->run_for(Seconds(5));
  EXPECT_EQ(drops(kHeir), 0);
}

// A slot that was freed is no left-over; one that nobody is heard to claim waits for its next
// owner.
TEST_F(LeftOvers, KeysOfSlotsWithoutOwnerStayAsLongAsThereIsNone) {
  SlotSet freed;
  freed.add(Slot(6));
  for (int i = 0; i < net->size(); ++i) {
    ASSERT_TRUE(net->with(i, [&](ClusterMachine& m, BusEffects& out) {
      return m.del_slots(net->now(), freed, out);
    }));
  }
  SlotSet let_go;  // Its owner claims it no more, and nobody else does.
  let_go.add(Slot(4000));
  ASSERT_TRUE(net->with(
      1, [&](ClusterMachine& m, BusEffects& out) { return m.del_slots(net->now(), let_go, out); }));
  net->run_for(Millis(300));
  ASSERT_TRUE(net->view(kHeir).unclaimed().contains(Slot(4000)));
  net->node(kHeir).with_keys |= freed | let_go;
  ASSERT_TRUE(heir_takes_over());
  EXPECT_EQ(left(), one | let_go);
  net->run_for(Seconds(5));
  EXPECT_TRUE(left().contains(Slot(4000)));
  for (int i = 0; i < net->size(); ++i) {
    if (net->node(i).down || i == 1) continue;
    ASSERT_TRUE(net->with(i, [&](ClusterMachine& m, BusEffects& out) {
      return m.del_slots(net->now(), let_go, out);
    }));
  }
  ASSERT_TRUE(net->with(
      2, [&](ClusterMachine& m, BusEffects& out) { return m.add_slots(net->now(), let_go, out); }));
  EXPECT_TRUE(net->run_until([&] { return !left().contains(Slot(4000)); }));
}

TEST_F(LeftOvers, ASlotThatItsOwnerLetsGoOfWaitsForTheNext) {
  ASSERT_TRUE(heir_takes_over());
  ASSERT_TRUE(net->with(
      1, [&](ClusterMachine& m, BusEffects& out) { return m.del_slots(net->now(), one, out); }));
  net->run_for(Seconds(5));
  EXPECT_EQ(drops(kHeir), 0);
  EXPECT_EQ(left(), one);
  for (int i = 0; i < net->size(); ++i) {
    if (net->node(i).down || i == 1) continue;
    ASSERT_TRUE(net->with(
        i, [&](ClusterMachine& m, BusEffects& out) { return m.del_slots(net->now(), one, out); }));
  }
  ASSERT_TRUE(net->with(
      2, [&](ClusterMachine& m, BusEffects& out) { return m.add_slots(net->now(), one, out); }));
  EXPECT_TRUE(net->run_until([&] { return drops(kHeir) == 1; }));
}

TEST_F(LeftOvers, WhatAnOperatorMakesOursHeMakesOursWithItsKeys) {
  ASSERT_TRUE(heir_takes_over());
  ASSERT_EQ(left(), one);
  ASSERT_TRUE(net->with(kHeir, [&](ClusterMachine& m, BusEffects& out) {
    return m.set_slot_node(net->now(), kSlot, net->id(kHeir), 3, out);
  }));
  EXPECT_TRUE(left().empty());
  net->run_for(Millis(500));
  EXPECT_EQ(drops(kHeir), 0);
}

TEST_F(LeftOvers, WhoIsMadeToTakeOverTooEarlyDropsTheDataOfItsOldShard) {
  const int early = 9;  // Of the shard of node 4.
  const SlotSet old_slots = net->view(4).myself().slots;
  net->node(early).facts.link_up = false;
  net->node(early).with_keys = old_slots;
  ASSERT_TRUE(net->with(early, [&](ClusterMachine& m, BusEffects& out) {
    const Result<void> follows = m.replicate(net->now(), net->id(0), true, out);
    return follows ? m.failover(net->now(), FailoverMode::kTakeover, out) : follows;
  }));
  ASSERT_TRUE(net->view(early).myself().is_primary);
  EXPECT_EQ(net->machine(early).leftovers(), old_slots);
  ASSERT_TRUE(net->run_until([&] { return net->machine(early).leftovers().empty(); }));
  SlotSet dropped;
  for (const DropSlots& drop : net->events<DropSlots>(early)) dropped |= drop.slots;
  EXPECT_EQ(dropped & old_slots, old_slots);
}

}  // namespace
}  // namespace redan::cluster
