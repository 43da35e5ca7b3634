// Slots: claims, epochs, moves, and the verbs that change them.
#include <gtest/gtest.h>

#include "net.h"

namespace redan::cluster {
namespace {

template <class Call>
std::string said(Net& net, int i, Call call) {
  const Result<void> done = net.with(i, call);
  return done ? "OK" : done.error().text();
}

TEST(Slots, ConfigEpochsThatCollideAreMadeDistinct) {
  Net net(4);
  for (int i = 1; i < 4; ++i) net.meet(0, i);
  net.run_for(Seconds(5));
  std::set<Epoch> epochs;
  for (int i = 0; i < 4; ++i) epochs.insert(net.view(i).myself().config_epoch);
  EXPECT_EQ(epochs.size(), 4u);
}

TEST(Slots, ANewOwnerIsKnownToAllAtOnce) {
  auto net = Net::cluster(3, 0);
  const Slot slot(5);
  ASSERT_EQ(said(*net, 1,
                 [&](ClusterMachine& m, BusEffects& out) {
                   return m.set_slot_importing(net->now(), slot, net->id(0), out);
                 }),
            "OK");
  ASSERT_EQ(said(*net, 0,
                 [&](ClusterMachine& m, BusEffects& out) {
                   return m.set_slot_migrating(net->now(), slot, net->id(1), out);
                 }),
            "OK");
  EXPECT_TRUE(net->view(0).is_moving(slot));
  ASSERT_EQ(said(*net, 1,
                 [&](ClusterMachine& m, BusEffects& out) {
                   return m.set_slot_node(net->now(), slot, net->id(1), 3, out);
                 }),
            "OK");
  net->run_for(Millis(20));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(net->view(i).owner(slot)->id, net->id(1)) << i;
  EXPECT_FALSE(net->view(0).is_moving(slot)) << "lost, so it migrates no longer";
  ASSERT_EQ(net->events<DropSlots>(0).size(), 1u);
  EXPECT_EQ(net->events<DropSlots>(0)[0].slots.text(), "5");
  std::set<Epoch> epochs;
  for (int i = 0; i < 3; ++i) epochs.insert(net->view(i).myself().config_epoch);
  EXPECT_EQ(epochs.size(), 3u);
}

TEST(Slots, APrimaryThatGivesItsLastSlotAwayFollowsTheNewOwner) {
  auto net = Net::cluster(3, 0);
  const SlotSet mine = net->view(2).myself().slots;
  mine.for_each([&](Slot slot) {
    ASSERT_EQ(said(*net, 0,
                   [&](ClusterMachine& m, BusEffects& out) {
                     return m.set_slot_importing(net->now(), slot, net->id(2), out);
                   }),
              "OK");
    ASSERT_EQ(said(*net, 0,
                   [&](ClusterMachine& m, BusEffects& out) {
                     return m.set_slot_node(net->now(), slot, net->id(0), 0, out);
                   }),
              "OK");
  });
  EXPECT_TRUE(net->run_until([&] { return !net->view(2).myself().is_primary; }));
  EXPECT_EQ(net->view(2).myself().primary, net->id(0));
}

TEST(Slots, AnOutdatedClaimIsCorrected) {
  auto net = Net::cluster(3, 0);
  net->isolate(0);
  // Somebody takes slot 7 over while node 0 is away.
  ASSERT_EQ(said(*net, 1,
                 [&](ClusterMachine& m, BusEffects& out) {
                   return m.set_slot_importing(net->now(), Slot(7), net->id(0), out);
                 }),
            "OK");
  ASSERT_EQ(said(*net, 1,
                 [&](ClusterMachine& m, BusEffects& out) {
                   return m.set_slot_node(net->now(), Slot(7), net->id(1), 0, out);
                 }),
            "OK");
  net->run_for(Millis(500));
  // Of all others only node 2 reaches it.
  for (const auto& [a, b] : {std::pair(0, 2), std::pair(2, 0)}) net->cut(a, b, false);
  EXPECT_TRUE(net->run_until([&] { return net->view(0).owner(Slot(7))->id == net->id(1); }));
}

TEST(Slots, SlotsWithoutAnOwnerBringTheClusterDown) {
  auto net = Net::cluster(3, 0);
  SlotSet one;
  one.add(Slot(3));
  ASSERT_EQ(
      said(*net, 0,
           [&](ClusterMachine& m, BusEffects& out) { return m.del_slots(net->now(), one, out); }),
      "OK");
  net->run_for(Millis(10));
  EXPECT_FALSE(net->view(0).ok());
  // Elsewhere the slot stays bound to who let it go, so that clients are redirected, not refused.
  EXPECT_TRUE(net->view(1).unclaimed().contains(Slot(3)));
  ASSERT_EQ(
      said(*net, 0,
           [&](ClusterMachine& m, BusEffects& out) { return m.add_slots(net->now(), one, out); }),
      "OK");
  net->run_for(Seconds(2));
  EXPECT_TRUE(net->all_ok());
  EXPECT_TRUE(net->view(1).unclaimed().empty());
}

TEST(Slots, ARestartForgetsNothing) {
  auto net = Net::cluster(3, 3);
  ASSERT_EQ(said(*net, 0,
                 [&](ClusterMachine& m, BusEffects& out) {
                   return m.set_slot_migrating(net->now(), Slot(1), net->id(1), out);
                 }),
            "OK");
  net->run_for(Seconds(1));
  const auto stable = [&] {  // Apart from times and links.
    std::string text;
    const NodesFile file = NodesFile::parse(net->machine(0).config_text()).take();
    for (const ClusterNode& n : file.nodes) {
      text += n.id.hex() + n.primary.hex() + n.address.ip + std::to_string(n.config_epoch.value) +
              n.shard_id.hex() + n.slots.text();
    }
    return text + std::to_string(file.migrating.size()) + std::to_string(file.current_epoch.value);
  };
  const std::string before = stable();
  net->kill(0);
  net->restart(0);
  EXPECT_EQ(stable(), before);
}

TEST(Slots, VerbsRefuseInRedisWords) {
  auto net = Net::cluster(3, 1);
  SlotSet zero;
  zero.add(Slot(0));
  const NodeId me = net->id(0), other = net->id(1), replica = net->id(3), nobody = NodeId(77);
  const auto on = [&](int i, auto call) { return said(*net, i, call); };
  using M = ClusterMachine;
  using E = BusEffects;
  const Instant now = net->now();
  EXPECT_EQ(on(1, [&](M& m, E& e) { return m.add_slots(now, zero, e); }),
            "ERR Slot 0 is already busy");
  EXPECT_EQ(on(0, [&](M& m, E& e) { return m.flush_slots(now, true, e); }),
            "ERR DB must be empty to perform CLUSTER FLUSHSLOTS.");
  EXPECT_EQ(on(0, [&](M& m, E& e) { return m.set_slot_importing(now, Slot(0), other, e); }),
            "ERR I'm already the owner of hash slot 0");
  EXPECT_EQ(on(1, [&](M& m, E& e) { return m.set_slot_migrating(now, Slot(0), me, e); }),
            "ERR I'm not the owner of hash slot 0");
  EXPECT_EQ(on(0, [&](M& m, E& e) { return m.set_slot_migrating(now, Slot(0), nobody, e); }),
            "ERR I don't know about node " + nobody.hex());
  EXPECT_EQ(on(0, [&](M& m, E& e) { return m.set_slot_migrating(now, Slot(0), replica, e); }),
            "ERR Target node is not a master");
  EXPECT_EQ(on(0, [&](M& m, E& e) { return m.set_slot_node(now, Slot(0), other, 2, e); }),
            "ERR Can't assign hashslot 0 to a different node while I still hold keys for this "
            "hash slot.");
  EXPECT_EQ(on(3, [&](M& m, E& e) { return m.set_slot_stable(now, Slot(0), e); }),
            "ERR Please use SETSLOT only with masters.");
  EXPECT_EQ(on(0, [&](M& m, E& e) { return m.replicate(now, other, false, e); }),
            "ERR To set a master the node must be empty and without assigned slots.");
  EXPECT_EQ(on(0, [&](M& m, E& e) { return m.replicate(now, me, false, e); }),
            "ERR Can't replicate myself");
  EXPECT_EQ(on(0, [&](M& m, E& e) { return m.replicate(now, replica, false, e); }),
            "ERR I can only replicate a master, not a replica.");
  EXPECT_EQ(on(0, [&](M& m, E& e) { return m.set_config_epoch(now, 9, e); }),
            "ERR The user can assign a config epoch only when the node does not know any other "
            "node.");
  EXPECT_EQ(on(0, [&](M& m, E& e) { return m.reset(now, ResetMode::kSoft, true, e); }),
            "ERR CLUSTER RESET can't be called with master nodes containing keys");
}

TEST(Slots, ResetHardIsANewNode) {
  auto net = Net::cluster(3, 1);
  const NodeId before = net->id(3);
  ASSERT_EQ(said(*net, 3,
                 [&](ClusterMachine& m, BusEffects& out) {
                   return m.reset(net->now(), ResetMode::kHard, true, out);
                 }),
            "OK");
  EXPECT_NE(net->id(3), before);
  EXPECT_TRUE(net->view(3).myself().is_primary);
  EXPECT_EQ(net->view(3).current_epoch(), Epoch(0));
  EXPECT_EQ(net->view(3).known_nodes(), 1u);
  EXPECT_EQ(net->events<EmptyDatabase>(3).size(), 1u);
}

TEST(Slots, BumpEpochMovesOnlyWhoIsNotHighest) {
  auto net = Net::cluster(3, 0);
  BusEffects out;
  EXPECT_TRUE(net->machine(0).bump_epoch(net->now(), out));
  EXPECT_EQ(net->view(0).myself().config_epoch, Epoch(4));
  EXPECT_FALSE(net->machine(0).bump_epoch(net->now(), out));
}

TEST(Slots, KeysThatWereLoadedAreTakenCareOf) {
  auto net = Net::cluster(3, 0);
  SlotSet free, with_keys;
  free.add(Slot(1));
  with_keys.add(Slot(1));
  with_keys.add(Slot(16000));
  ASSERT_EQ(said(*net, 0,
                 [&](ClusterMachine& m, BusEffects& out) {
                   const Result<void> gone = m.del_slots(net->now(), free, out);
                   m.adopt_loaded_slots(net->now(), with_keys, out);
                   return gone;
                 }),
            "OK");
  EXPECT_EQ(net->view(0).owner(Slot(1)), &net->view(0).myself());
  EXPECT_TRUE(net->view(0).importing().empty()) << "a dump from before the move opens no slot";
  EXPECT_EQ(net->machine(0).leftovers().text(), "16000") << "not to be seen meanwhile";
  ASSERT_TRUE(net->run_until([&] { return !net->events<DropSlots>(0).empty(); }, Seconds(3)));
  EXPECT_EQ(net->events<DropSlots>(0)[0].slots.text(), "16000");
}

}  // namespace
}  // namespace redan::cluster
