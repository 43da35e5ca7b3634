#include "server/drivers/cluster_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/crc16.h"
#include "common/config/option.h"
#include "tests/unit/server/drivers/cluster_member.h"

namespace redan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class ClusterDriverTest : public testing::Test {
 protected:
  static SlotRange range(int first, int last) {
    return {Slot(static_cast<uint16_t>(first)), Slot(static_cast<uint16_t>(last))};
  }
  TestMember& add() {
    members.push_back(
        std::make_unique<TestMember>(wires, folder, 7000 + static_cast<int>(members.size())));
    return *members.back();
  }
  TestMember& started() {
    TestMember& member = add();
    member.start();
    return member;
  }
  // Three primaries with a third of the slots each, who think that all is well.
  void make_cluster() {
    const int edges[] = {0, 5461, 10923, 16384};
    for (int i = 0; i < 3; ++i) started().take_slots(range(edges[i], edges[i + 1] - 1));
    for (int i = 1; i < 3; ++i) members[0]->meet(*members[static_cast<size_t>(i)]);
    run_until(loop, [&] {
      for (const auto& member : members) {
        if (!member->view().ok() || member->view().size() != 3) return false;
      }
      return true;
    });
  }
  TestMember& add_replica_of(const TestMember& primary) {
    TestMember& replica = started();
    replica.meet(*members[0]);
    run_until(loop, [&] { return replica.view().ok() && replica.knows_primary(primary); });
    replica.perform(
        [&](ClusterVerb& v) { return v.machine.replicate(v.now, primary.id(), false, v.effects); });
    run_until(loop, [&] {
      return std::all_of(members.begin(), members.end(), [&](const auto& member) {
        const ClusterNode* seen = member->view().find(replica.id());
        return seen != nullptr && seen->primary == primary.id();
      });
    });
    return replica;
  }
  std::string file_of(const TestMember& member) const {
    return folder.read(std::filesystem::path(member.config.cluster_config_file).filename());
  }

  Folder folder;
  DataLoop loop;
  Wires wires{loop};
  std::vector<std::unique_ptr<TestMember>> members;
};

TEST_F(ClusterDriverTest, NodesMeetAndRememberEachOther) {
  TestMember &one = started(), &two = started();
  one.meet(two);
  run_until(loop, [&] { return one.knows_primary(two) && two.knows_primary(one); });
  EXPECT_THAT(file_of(one), HasSubstr(two.id().hex() + " 127.0.0.1:7001@17001"));
  EXPECT_THAT(file_of(two), HasSubstr(one.id().hex() + " 127.0.0.1:7000@17000"));
  EXPECT_EQ(one.driver->links().size(), 1u);

  const NodeId before = two.id();
  two.driver.reset();
  two.revive(wires);
  two.start();
  EXPECT_EQ(two.id(), before);
  run_until(loop, [&] { return one.knows_primary(two) && two.knows_primary(one); });
}

TEST_F(ClusterDriverTest, WhatIsToldIsOnDiskBefore) {
  TestMember &one = started(), &two = started();
  one.meet(two);
  run_until(loop, [&] { return one.knows_primary(two) && two.knows_primary(one); });
  int claims = 0;
  wires.on_send = [&](const BusMessage& message) {
    const auto* state = std::get_if<NodeState>(&message);
    if (state == nullptr || state->slots.empty()) return;
    ++claims;
    EXPECT_THAT(file_of(one), HasSubstr(" connected " + state->slots.text()));
  };
  one.take_slots(range(5, 99));
  run_until(loop, [&] { return two.view().owner(Slot(7)) != nullptr; });
  one.take_slots(range(1000, 1001));
  run_until(loop, [&] { return two.view().owner(Slot(1001)) != nullptr; });
  EXPECT_GE(claims, 2);
}

TEST_F(ClusterDriverTest, APipelineOfVerbsIsWrittenOnceBeforeAnythingIsTold) {
  TestMember &one = started(), &two = started();
  one.meet(two);
  run_until(loop, [&] { return one.knows_primary(two) && two.knows_primary(one); });
  const std::string before = file_of(one);
  for (int i = 0; i < 50; ++i) {
    SlotSet slots;
    slots.add(range(i, i));
    ASSERT_TRUE(one.driver->perform(
        [&](ClusterVerb& v) { return v.machine.add_slots(v.now, slots, v.effects); }));
  }
  EXPECT_EQ(one.view().myself().slots.size(), 50u);
  EXPECT_EQ(file_of(one), before);
  wires.on_send = [&](const BusMessage&) { EXPECT_THAT(file_of(one), HasSubstr(" 0-49")); };
  one.driver->batch_done();
  EXPECT_THAT(file_of(one), HasSubstr(" 0-49"));
  run_until(loop, [&] { return two.view().owner(Slot(49)) != nullptr; });
  wires.on_send = [](const BusMessage&) {};
  // A change of roles does not wait, nor what stands before it.
  ASSERT_TRUE(one.driver->perform([&](ClusterVerb& v) {
    SlotSet slots;
    slots.add(range(0, 49));
    return v.machine.del_slots(v.now, slots, v.effects);
  }));
  ASSERT_TRUE(one.driver->perform(
      [&](ClusterVerb& v) { return v.machine.replicate(v.now, two.id(), false, v.effects); }));
  EXPECT_THAT(one.acts, ElementsAre("follow 7001"));
  EXPECT_THAT(file_of(one), HasSubstr("myself,slave " + two.id().hex()));
}

TEST_F(ClusterDriverTest, AFileThatCannotBeWrittenEndsTheProcess) {
  TestMember& one = started();
  std::filesystem::remove_all(folder.path());
  EXPECT_EXIT(one.take_slots(range(1, 1)), testing::ExitedWithCode(1), "");
  std::filesystem::create_directory(folder.path());
}

TEST_F(ClusterDriverTest, WhatStandsInTheWayOfAStartIsNamed) {
  TestMember& one = started();
  TestMember& rival = add();
  rival.config.cluster_config_file = one.config.cluster_config_file;
  EXPECT_THAT(rival.driver->open().error().message(), HasSubstr("already used by a different"));

  TestMember& high = add();
  high.config.port = 60'000;
  EXPECT_THAT(high.driver->open().error().message(), HasSubstr("must be 55535 or less"));
  high.config.cluster_port = 17'900;
  EXPECT_TRUE(high.driver->open());
  EXPECT_EQ(high.wire->last_options.port, 17'900);

  TestMember& homeless = add();
  homeless.config.bind = {};
  EXPECT_THAT(homeless.driver->open().error().message(), HasSubstr("No bind address"));

  TestMember& confused = add();
  folder.write("nodes-7004.conf", "nonsense\n");
  EXPECT_THAT(confused.driver->open().error().message(), HasSubstr("line 1: \"nonsense\""));
}

TEST_F(ClusterDriverTest, ConfigurationReachesTheMachineAndTheBus) {
  TestMember& one = started();
  EXPECT_TRUE(one.wire->last_options.secrets.empty());
  one.config.masterauth = "a";
  one.config.requirepass = "b";
  one.config.protected_mode = false;
  one.config.cluster_link_sendbuf_limit = 4096;
  one.config.cluster_announce_ip = "10.0.0.9";
  one.config.cluster_announce_hostname = "here.example";
  one.config.cluster_node_timeout = kInt64Max;
  one.config.cluster_replica_validity_factor = kIntMax;
  one.config.port = 7777;
  one.driver->config_changed();
  EXPECT_THAT(one.wire->last_options.secrets, ElementsAre("a", "b"));
  EXPECT_FALSE(one.wire->last_options.protected_mode);
  EXPECT_EQ(one.wire->last_options.max_queued_bytes, 4096u);
  // The bus stays where it is.
  EXPECT_EQ(one.wire->last_options.port, 17'000);
  EXPECT_THAT(file_of(one), HasSubstr("10.0.0.9:7777@17000,here.example"));
}

TEST_F(ClusterDriverTest, KeysWithoutAnOwnerAreAdoptedAtTheStart) {
  TestMember& one = add();
  one.keyspace.load_string(0, "foo", "1", -1);
  one.start();
  EXPECT_EQ(one.view().owner(slot_of_key("foo")), &one.view().myself());
  EXPECT_EQ(one.view().myself().slots.size(), 1u);
}

TEST_F(ClusterDriverTest, AReplicaTakesOverAndItsPrimaryFollowsItLater) {
  make_cluster();
  TestMember& primary = *members[2];
  TestMember& replica = add_replica_of(primary);
  EXPECT_THAT(replica.acts, ElementsAre("follow 7002"));
  EXPECT_EQ(replica.driver->primary()->address.port, 7002);

  primary.driver.reset();
  run_until(loop, [&] { return replica.view().myself().slots.size() == 5461; });
  EXPECT_EQ(replica.acts.back(), "primary");
  EXPECT_EQ(replica.driver->primary(), nullptr);
  EXPECT_THAT(file_of(replica), HasSubstr("myself,master - 0 0"));

  primary.revive(wires);
  primary.start();
  run_until(loop, [&] { return !primary.view().myself().is_primary; });
  EXPECT_EQ(primary.acts.back(), "follow 7003");
  primary.driver.reset();
  primary.revive(wires);
  ASSERT_TRUE(primary.driver->open());
  EXPECT_EQ(primary.driver->primary()->address.port, 7003);
}

TEST_F(ClusterDriverTest, AManualFailoverHoldsWritesBeforeItTellsTheOffset) {
  make_cluster();
  TestMember& primary = *members[2];
  TestMember& replica = add_replica_of(primary);
  // The last write comes as late as it can.
  primary.offset = 100;
  bool told = false;
  wires.on_send = [&](const BusMessage& message) {
    const auto* paused = std::get_if<FailoverPaused>(&message);
    if (paused == nullptr) return;
    told = true;
    EXPECT_EQ(paused->replication_offset, 100);
    EXPECT_TRUE(primary.held);
    replica.offset = 100;
  };
  replica.perform(
      [](ClusterVerb& v) { return v.machine.failover(v.now, FailoverMode::kGraceful, v.effects); });
  run_until(loop, [&] { return !primary.view().myself().is_primary && !primary.held; });
  EXPECT_TRUE(told);
  EXPECT_THAT(primary.acts, ElementsAre("hold", "follow 7003", "go on"));
  EXPECT_THAT(replica.acts, ElementsAre("follow 7002", "primary"));
}

TEST_F(ClusterDriverTest, KeysAndSubscribersOfALostSlotGo) {
  make_cluster();
  TestMember &loser = *members[0], &winner = *members[1];
  const Slot slot = slot_of_key("{b}");  // 3300
  for (const char* key : {"{b}1", "{b}2", "{bar}"}) loser.keyspace.set_string(0, key, "x");
  ByteBuffer bytes;
  ReplyWriter reply(bytes, Resp::k2);
  loser.pubsub.ssubscribe(loser.session, "{b}", reply);
  loser.pubsub.ssubscribe(loser.session, "{bar}", reply);
  ASSERT_EQ(loser.view().owner(slot_of_key("{bar}")), &loser.view().myself());

  winner.perform([&](ClusterVerb& v) {
    return v.machine.set_slot_importing(v.now, slot, loser.id(), v.effects);
  });
  winner.perform([&](ClusterVerb& v) {
    return v.machine.set_slot_node(v.now, slot, winner.id(), 0, v.effects);
  });
  run_until(loop, [&] { return loser.view().owner(slot)->id == winner.id(); });
  EXPECT_EQ(loser.keyspace.size(0), 1u) << "what waits to be dropped is not to be seen";
  run_until(loop, [&] { return loser.keyspace.slot_size(slot) == 0; });
  EXPECT_THAT(loser.acts, UnorderedElementsAre("DEL {b}1", "DEL {b}2"));
  EXPECT_EQ(loser.keyspace.total_size(), 1u);
  EXPECT_EQ(loser.listener.sent, "*3\r\n$12\r\nsunsubscribe\r\n$3\r\n{b}\r\n:1\r\n");
}

TEST_F(ClusterDriverTest, ASlotThatIsOpenedForKeysIsRidOfTheOldOnesFirst) {
  make_cluster();
  TestMember &loser = *members[0], &winner = *members[1];
  const Slot slot = slot_of_key("{b}");
  loser.keyspace.set_string(0, "{b}old", "x");
  winner.perform([&](ClusterVerb& v) {
    return v.machine.set_slot_importing(v.now, slot, loser.id(), v.effects);
  });
  winner.perform([&](ClusterVerb& v) {
    return v.machine.set_slot_node(v.now, slot, winner.id(), 0, v.effects);
  });
  run_until(loop, [&] { return loser.view().owner(slot)->id == winner.id(); });
  ASSERT_EQ(loser.keyspace.slot_size(slot), 1u) << "it waits to be dropped";
  loser.perform([&](ClusterVerb& v) {
    return v.machine.set_slot_importing(v.now, slot, winner.id(), v.effects);
  });
  EXPECT_THAT(loser.acts, ElementsAre("DEL {b}old"));
  loser.keyspace.set_string(0, "{b}moved", "y");
  bool later = false;
  const DataLoop::Timer timer = loop.after(Millis(20), [&] { later = true; });
  run_until(loop, [&] { return later; });
  EXPECT_EQ(loser.keyspace.slot_size(slot), 1u);
  EXPECT_THAT(loser.acts, ElementsAre("DEL {b}old"));
}

TEST_F(ClusterDriverTest, WhatAReplicaThatTakesOverMayHaveToDropIsNotSeenMeanwhile) {
  make_cluster();
  TestMember &loser = *members[0], &winner = *members[1];
  TestMember& replica = add_replica_of(loser);
  const Slot slot = slot_of_key("{b}");
  replica.keyspace.set_string(0, "{b}", "x");
  replica.keyspace.set_string(0, "{bar}", "x");
  winner.perform([&](ClusterVerb& v) {
    return v.machine.set_slot_importing(v.now, slot, loser.id(), v.effects);
  });
  winner.perform([&](ClusterVerb& v) {
    return v.machine.set_slot_node(v.now, slot, winner.id(), 0, v.effects);
  });
  run_until(loop, [&] { return replica.view().owner(slot)->id == winner.id(); });
  EXPECT_EQ(replica.keyspace.size(0), 2u) << "its primary says what goes";
  replica.perform(
      [](ClusterVerb& v) { return v.machine.failover(v.now, FailoverMode::kTakeover, v.effects); });
  EXPECT_EQ(replica.keyspace.size(0), 1u);
  EXPECT_EQ(replica.keyspace.slot_size(slot), 1u);
  run_until(loop, [&] { return replica.keyspace.slot_size(slot) == 0; });
  EXPECT_EQ(replica.acts.back(), "DEL {b}");
}

TEST_F(ClusterDriverTest, SubscribersStayWhereAReplicaTakesOver) {
  make_cluster();
  TestMember& primary = *members[0];
  TestMember& replica = add_replica_of(primary);
  ByteBuffer bytes;
  ReplyWriter reply(bytes, Resp::k2);
  replica.pubsub.ssubscribe(replica.session, "{b}", reply);
  replica.perform(
      [](ClusterVerb& v) { return v.machine.failover(v.now, FailoverMode::kTakeover, v.effects); });
  run_until(loop, [&] { return !primary.view().myself().is_primary; });
  EXPECT_EQ(replica.listener.sent, "");
}

TEST_F(ClusterDriverTest, MessagesReachSubscribersOfOtherNodes) {
  make_cluster();
  TestMember& replica = add_replica_of(*members[0]);
  ByteBuffer bytes;
  ReplyWriter reply(bytes, Resp::k2);
  for (const auto& member : members) {
    member->pubsub.subscribe(member->session, "news", reply);
    member->pubsub.ssubscribe(member->session, "{b}", reply);
  }
  members[0]->driver->publish(false, "news", "hello");
  members[0]->driver->publish(true, "{b}", "shard");
  const std::string to_all = "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n";
  const std::string to_shard = "*3\r\n$8\r\nsmessage\r\n$3\r\n{b}\r\n$5\r\nshard\r\n";
  run_until(loop, [&] {
    return members[1]->listener.sent == to_all && members[2]->listener.sent == to_all &&
           replica.listener.sent == to_all + to_shard;
  });
  // Our own subscribers are PUBLISH's business.
  EXPECT_EQ(members[0]->listener.sent, "");
}

TEST_F(ClusterDriverTest, AReplicaThatIsResetIsAnEmptyPrimary) {
  make_cluster();
  TestMember& replica = add_replica_of(*members[0]);
  replica.keyspace.set_string(0, "{b}", "x");
  replica.perform(
      [](ClusterVerb& v) { return v.machine.reset(v.now, ResetMode::kSoft, true, v.effects); });
  EXPECT_THAT(replica.acts, ElementsAre("follow 7000", "primary", "emptied"));
  EXPECT_EQ(replica.keyspace.total_size(), 0u);
  EXPECT_EQ(replica.view().known_nodes(), 1u);
}

TEST_F(ClusterDriverTest, BeforeTheStartAndAfterTheStopVerbsAreRefused) {
  TestMember& one = add();
  ASSERT_TRUE(one.driver->open());
  const auto bump = [](ClusterVerb& v) -> Result<void> {
    v.machine.bump_epoch(v.now, v.effects);
    return kOk;
  };
  EXPECT_EQ(one.driver->perform(bump).error().code(), "LOADING");
  // What was configured meanwhile is not forgotten.
  one.config.cluster_announce_ip = "10.0.0.9";
  one.driver->config_changed();
  one.driver->start();
  EXPECT_THAT(file_of(one), HasSubstr("10.0.0.9:7000@17000"));
  EXPECT_TRUE(one.driver->perform(bump));
  one.driver->stop();
  EXPECT_FALSE(one.driver->perform(bump));
  EXPECT_THAT(file_of(one), HasSubstr("currentEpoch 1"));
  one.driver->publish(false, "news", "nobody hears it");
  EXPECT_TRUE(one.driver->links().empty());
}

}  // namespace
}  // namespace redan
