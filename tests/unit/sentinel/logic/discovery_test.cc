// What is learnt from hellos and from INFO: peers, replicas, epochs, configurations, roles.
#include <gmock/gmock.h>

#include "lone_sentinel.h"

namespace redan {
namespace {

LoneSentinel::Setup cautious(size_t peers = 0) {
  return {.options = {.quorum = 9, .down_after = Millis(5'000)}, .peers = peers};
}

TEST(Hellos, AreSaidEveryTwoSecondsToEverybody) {
  LoneSentinel s(cautious(1));
  s.run_for(Seconds(1));
  s.forget();
  s.run_for(Seconds(10));
  for (const Address& at : {kPrimaryAt, kReplicaAt, s.peer(1).at}) {
    const auto hellos = s.sent<PublishHello>(at);
    ASSERT_EQ(hellos.size(), 5u) << at;
    EXPECT_EQ(hellos[1].first - hellos[0].first, Seconds(2));
    EXPECT_EQ(hellos[0].second.payload, "10.0.1.100,26379," + kSelf.hex() + ",3,m,10.0.0.1,6379,3");
  }
}

TEST(Hellos, CarryTheAnnouncedAddress) {
  LoneSentinel::Setup setup = cautious();
  setup.global.announce_ip = "192.0.2.7";
  setup.global.announce_port = 5000;
  LoneSentinel s(setup);
  ASSERT_FALSE(s.sent<PublishHello>(kPrimaryAt).empty());
  EXPECT_EQ(s.sent<PublishHello>(kPrimaryAt)[0].second.payload.substr(0, 15), "192.0.2.7,5000,");
}

TEST(Hellos, AnUnknownSentinelIsMetAndSaved) {
  LoneSentinel s(cautious());
  s.forget();
  s.hello(s.hello_text(1, Epoch(3), kPrimaryAt, Epoch(3)));
  EXPECT_EQ(s.said("+sentinel"),
            "sentinel " + NodeId(1).hex() + " 10.0.1.1 26379 @ m 10.0.0.1 6379");
  ASSERT_FALSE(s.effects<Persist>().empty());
  EXPECT_EQ(s.effects<Persist>().back().state.primaries[0].peers[0].id, NodeId(1));
  s.forget();
  s.hello(s.hello_text(1, Epoch(3), kPrimaryAt, Epoch(3)));
  EXPECT_FALSE(s.says("+sentinel")) << "once is enough";
}

TEST(Hellos, OurOwnAndThoseOfOtherPrimariesAreNotForUs) {
  LoneSentinel s(cautious());
  s.hello(s.hello_text(100, Epoch(9), kPrimaryAt, Epoch(9)));  // kSelf
  Hello other = *parse_hello(s.hello_text(1, Epoch(9), kPrimaryAt, Epoch(9)));
  other.name = "other";
  s.hello(format_hello(other));
  s.hello("nonsense");
  EXPECT_TRUE(s.primary().peers.empty());
  EXPECT_EQ(s.machine.current_epoch(), Epoch(3));
}

TEST(Hellos, ASentinelThatMovedIsFoundAtItsNewAddress) {
  LoneSentinel s(cautious(2));
  Hello hello = *parse_hello(s.hello_text(1, Epoch(3), kPrimaryAt, Epoch(3)));
  hello.sentinel = {.ip = "10.0.1.77", .port = 26379};
  s.hello(format_hello(hello));
  EXPECT_EQ(s.said("+sentinel-address-switch"),
            "master m 10.0.0.1 6379 ip 10.0.1.77 port 26379 for " + NodeId(1).hex());
  EXPECT_EQ(s.primary().peers.at(NodeId(1)).address.ip, "10.0.1.77");
}

TEST(Hellos, WhoLivedThereBeforeHasNoAddressAnyMore) {
  LoneSentinel s(cautious(2));
  Hello hello = *parse_hello(s.hello_text(1, Epoch(3), kPrimaryAt, Epoch(3)));
  hello.sentinel = s.peer(2).at;
  s.hello(format_hello(hello));
  EXPECT_TRUE(s.says("+sentinel-invalid-addr"));
  EXPECT_EQ(s.primary().peers.at(NodeId(2)).address.port, 0);
  EXPECT_EQ(s.primary().peers.at(NodeId(1)).address, s.peer(2).at);
}

TEST(Hellos, AHigherEpochIsAdoptedAndSavedALowerOneNot) {
  LoneSentinel s(cautious(1));
  s.forget();
  s.hello(s.hello_text(1, Epoch(2), kPrimaryAt, Epoch(3)));
  EXPECT_EQ(s.machine.current_epoch(), Epoch(3));
  s.hello(s.hello_text(1, Epoch(8), kPrimaryAt, Epoch(3)));
  EXPECT_EQ(s.machine.current_epoch(), Epoch(8));
  EXPECT_EQ(s.said("+new-epoch"), "8");
  EXPECT_EQ(s.effects<Persist>().back().state.current_epoch, Epoch(8));
}

TEST(Hellos, OnlyANewerConfigurationMovesThePrimary) {
  for (const uint64_t epoch : {2u, 3u, 4u}) {
    LoneSentinel s(cautious(1));
    s.hello(s.hello_text(1, Epoch(4), kReplicaAt, Epoch(epoch)));
    EXPECT_EQ(s.says("+switch-master"), epoch == 4);
    EXPECT_EQ(s.primary().address, epoch == 4 ? kReplicaAt : kPrimaryAt);
  }
}

TEST(Hellos, AMovedPrimaryIsTakenOverWithItsOldOneAsReplica) {
  LoneSentinel::Setup setup = cautious(1);
  setup.options.client_reconfig_script = "/reconfig";
  LoneSentinel s(setup);
  s.hello(s.hello_text(1, Epoch(4), kReplicaAt, Epoch(4)));
  EXPECT_TRUE(s.says("+config-update-from"));
  EXPECT_EQ(s.said("+switch-master"), "m 10.0.0.1 6379 10.0.0.2 6379");
  EXPECT_TRUE(s.primary().replicas.count(kPrimaryAt));
  EXPECT_FALSE(s.primary().replicas.count(kReplicaAt));
  EXPECT_EQ(s.effects<Persist>().back().state.primaries[0].config_epoch, Epoch(4));
  ASSERT_EQ(s.effects<RunScript>().size(), 1u);
  EXPECT_THAT(
      s.effects<RunScript>()[0].args,
      testing::ElementsAre("m", "observer", "start", "10.0.0.1", "6379", "10.0.0.2", "6379"));
}

TEST(Hellos, StrangersCannotFillOurMemory) {
  LoneSentinel s(cautious());
  for (uint64_t id = 1; id <= 300; ++id) {
    if (id == 100) continue;
    Hello hello = *parse_hello(s.hello_text(1, Epoch(3), kPrimaryAt, Epoch(3)));
    hello.id = NodeId(id);
    hello.sentinel.port = static_cast<uint16_t>(1000 + id);
    s.hello(format_hello(hello));
  }
  EXPECT_EQ(s.primary().peers.size(), 256u);
}

TEST(Infos, ReplicasThatThePrimaryListsAreWatchedAndSaved) {
  LoneSentinel s(cautious());
  s.node(kOtherAt).follows = kPrimaryAt;
  s.node(kPrimaryAt).replicas.push_back(kOtherAt);
  s.forget();
  ASSERT_TRUE(s.waits_for("+slave", Seconds(11)));
  EXPECT_EQ(s.said("+slave"), "slave 10.0.0.3:6379 10.0.0.3 6379 @ m 10.0.0.1 6379");
  EXPECT_EQ(s.effects<Persist>().back().state.primaries[0].replicas.size(), 2u);
  s.forget();
  s.run_for(Seconds(30));
  EXPECT_FALSE(s.says("+slave"));
}

TEST(Infos, AreAskedEveryTenSecondsAndOfReplicasEverySecondInNeed) {
  LoneSentinel s(cautious());
  s.run_for(Seconds(11));
  s.forget();
  s.run_for(Seconds(30));
  EXPECT_EQ(s.sent<AskInfo>(kPrimaryAt).size(), 3u);
  EXPECT_EQ(s.sent<AskInfo>(kReplicaAt).size(), 3u);
  s.node(kReplicaAt).link_up = false;
  s.node(kReplicaAt).link_down_s = 3;
  s.run_for(Seconds(11));
  s.forget();
  s.run_for(Seconds(10));
  EXPECT_EQ(s.sent<AskInfo>(kReplicaAt).size(), 10u);
  EXPECT_EQ(s.sent<AskInfo>(kPrimaryAt).size(), 1u);
}

TEST(Infos, AReplicaOfSomebodyElseIsBroughtBackAfterTheFailoverTimeout) {
  LoneSentinel::Setup setup = cautious();
  setup.options.failover_timeout = Millis(30'000);
  LoneSentinel s(setup);
  s.run_for(Seconds(2));
  s.node(kReplicaAt).follows = kOtherAt;
  s.run_for(Seconds(11));
  const Instant changed = s.replica(kReplicaAt).source_since;
  s.run_until(changed + Seconds(30) - Millis(1));
  EXPECT_FALSE(s.says("+fix-slave-config"));
  ASSERT_TRUE(s.waits_for("+fix-slave-config", Seconds(11)));
  EXPECT_EQ(s.node(kReplicaAt).follows, kPrimaryAt);
}

TEST(Infos, AReplicaThatSaysPrimaryHasFourHelloPeriodsOfGrace) {
  LoneSentinel s(cautious());
  s.run_for(Seconds(2));
  s.node(kReplicaAt).follows.reset();
  s.forget();
  ASSERT_TRUE(s.waits_for("-role-change", Seconds(11)));
  const Instant changed = s.now;
  s.run_until(changed + Seconds(8) - Millis(1));
  EXPECT_FALSE(s.says("+convert-to-slave"));
  ASSERT_TRUE(s.waits_for("+convert-to-slave", Seconds(10)));
  EXPECT_EQ(s.node(kReplicaAt).follows, kPrimaryAt);
}

TEST(Infos, NobodyIsMovedWhileThePrimaryItselfIsInDoubt) {
  LoneSentinel s(cautious());
  s.run_for(Seconds(2));
  s.kill(kPrimaryAt);
  s.node(kReplicaAt).follows.reset();
  s.run_for(Seconds(60));
  EXPECT_TRUE(s.sent<Reconfigure>(kReplicaAt).empty());
}

TEST(Infos, ARebootIsToldOnce) {
  LoneSentinel s(cautious());
  s.run_for(Seconds(2));
  s.node(kReplicaAt).run_id = NodeId(0xcc).hex();
  s.run_for(Seconds(40));
  EXPECT_EQ(s.count("+reboot"), 1u);
}

TEST(Infos, NonsenseFromANodeChangesNothing) {
  LoneSentinel s(cautious());
  s.run_for(Seconds(2));
  s.node(kPrimaryAt).info = std::string("\0\xff:::\r\nrole\r\nslave0:ip=;port=-1", 30);
  s.run_for(Seconds(30));
  EXPECT_TRUE(s.primary().says_primary);
  EXPECT_EQ(s.primary().replicas.size(), 1u);
  EXPECT_FALSE(s.says("+sdown"));
}

}  // namespace
}  // namespace redan
