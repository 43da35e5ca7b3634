// The steps of a failover after a death, their order, their limits in time, and how they end.
#include <gmock/gmock.h>

#include "lone_sentinel.h"

namespace redan {
namespace {

using testing::ElementsAre;

const PrimaryOptions kAlone{
    .quorum = 1, .down_after = Millis(5'000), .failover_timeout = Millis(30'000)};

// The events of a failover, in order, without those that only inform.
std::vector<std::string> steps(const LoneSentinel& s) {
  std::vector<std::string> types;
  for (const Announce& each : s.effects<Announce>()) {
    if (each.level == EventLevel::kDebug || each.level == EventLevel::kVerbose) continue;
    if (each.type == "+slave" || each.type == "-role-change") continue;
    types.push_back(each.type);
  }
  return types;
}

TEST(Failover, GoesThroughItsStepsInRedisOrder) {
  LoneSentinel s({.options = kAlone, .replicas = {kReplicaAt, kOtherAt}});
  s.node(kReplicaAt).offset = 2000;
  s.run_for(Seconds(2));
  s.forget();
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+switch-master"));
  EXPECT_THAT(
      steps(s),
      ElementsAre("+sdown", "+odown", "+new-epoch", "+try-failover", "+vote-for-leader",
                  "+elected-leader", "+failover-state-select-slave", "+selected-slave",
                  "+failover-state-send-slaveof-noone", "+failover-state-wait-promotion",
                  "+promoted-slave", "+failover-state-reconf-slaves", "+slave-reconf-sent",
                  "+slave-reconf-inprog", "+slave-reconf-done", "+failover-end", "+switch-master"));
  EXPECT_EQ(s.said("+switch-master"), "m 10.0.0.1 6379 10.0.0.2 6379");
  EXPECT_EQ(s.said("+selected-slave"), "slave 10.0.0.2:6379 10.0.0.2 6379 @ m 10.0.0.1 6379");
  EXPECT_EQ(s.primary().address, kReplicaAt);
  EXPECT_EQ(s.primary().config_epoch, Epoch(4));
  EXPECT_TRUE(s.primary().replicas.count(kPrimaryAt)) << "the old primary is a replica now";
  EXPECT_TRUE(s.primary().replicas.count(kOtherAt));
  EXPECT_EQ(s.node(kOtherAt).follows, kReplicaAt);
}

TEST(Failover, TheNewConfigurationIsSavedAsSoonAsThePromotionIsSeen) {
  LoneSentinel s({.options = kAlone});
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+promoted-slave"));
  const DurableState saved = s.effects<Persist>().back().state;
  EXPECT_EQ(saved.primaries[0].address, kReplicaAt);
  EXPECT_EQ(saved.primaries[0].config_epoch, Epoch(4));
  EXPECT_THAT(saved.primaries[0].replicas, ElementsAre(kPrimaryAt));
}

TEST(Failover, ClientsAreToldTheNewAddressFromThePromotionOn) {
  LoneSentinel s({.options = kAlone, .replicas = {kReplicaAt, kOtherAt}});
  s.node(kReplicaAt).offset = 2000;
  s.node(kReplicaAt).obeys = s.node(kOtherAt).syncs = false;
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+failover-state-wait-promotion"));
  s.run_for(Seconds(1));
  EXPECT_EQ(s.machine.current_address("m"), kPrimaryAt);
  s.node(kReplicaAt).follows.reset();
  ASSERT_TRUE(s.waits_for("+promoted-slave", Seconds(2)));
  EXPECT_FALSE(s.says("+switch-master"));
  EXPECT_EQ(s.machine.current_address("m"), kReplicaAt);
}

TEST(Failover, WithoutAFitReplicaItIsGivenUp) {
  LoneSentinel s({.options = kAlone});
  s.node(kReplicaAt).priority = 0;
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("-failover-abort-no-good-slave"));
  EXPECT_EQ(s.said("-failover-abort-no-good-slave"), "master m 10.0.0.1 6379");
  EXPECT_FALSE(s.primary().failing_over());
  EXPECT_TRUE(s.sent<Reconfigure>(kReplicaAt).empty());
}

TEST(Failover, TheNextAttemptComesTwoFailoverTimeoutsLater) {
  LoneSentinel s({.options = kAlone});
  s.node(kReplicaAt).priority = 0;
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("-failover-abort-no-good-slave"));
  const Instant attempt = s.primary().last_attempt;  // With a random second.
  s.node(kReplicaAt).priority = 100;
  s.run_until(attempt + Seconds(60) - Millis(1));
  EXPECT_EQ(s.count("+try-failover"), 1u);
  s.run_until(attempt + Seconds(60) + Millis(101));
  EXPECT_EQ(s.count("+try-failover"), 2u);
  EXPECT_TRUE(s.says("+switch-master"));
}

TEST(Failover, APromotionThatDoesNotComeIsGivenUpAfterTheTimeout) {
  LoneSentinel s({.options = kAlone});
  s.node(kReplicaAt).obeys = false;
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+failover-state-wait-promotion"));
  const Instant since = s.now;
  s.run_until(since + Seconds(30) - Millis(1));
  EXPECT_FALSE(s.says("-failover-abort-slave-timeout"));
  s.run_until(since + Seconds(30) + Millis(1));
  EXPECT_EQ(s.said("-failover-abort-slave-timeout"), "master m 10.0.0.1 6379");
  EXPECT_EQ(s.primary().address, kPrimaryAt);
  EXPECT_EQ(s.primary().config_epoch, Epoch(3));
}

TEST(Failover, ReplicasAreMovedAFewAtATime) {
  for (const uint32_t parallel : {1u, 2u}) {
    PrimaryOptions options = kAlone;
    options.parallel_syncs = parallel;
    const Address third{.ip = "10.0.0.4", .port = 6379};
    LoneSentinel s({.options = options, .replicas = {kReplicaAt, kOtherAt, third}});
    s.node(kReplicaAt).priority = 1;
    s.node(kOtherAt).syncs = s.node(third).syncs = false;
    s.kill(kPrimaryAt);
    ASSERT_TRUE(s.waits_for("+promoted-slave"));
    s.run_for(Seconds(9));
    EXPECT_EQ(s.count("+slave-reconf-sent"), parallel);
    EXPECT_EQ(s.count("+slave-reconf-inprog"), parallel);
    s.node(kOtherAt).link_up = s.node(third).link_up = true;
    s.node(kOtherAt).syncs = s.node(third).syncs = true;
    ASSERT_TRUE(s.waits_for("+failover-end", Seconds(5)));
    EXPECT_EQ(s.count("+slave-reconf-done"), 2u);
  }
}

TEST(Failover, AReplicaThatDoesNotMoveIsLeftBehindAfterItsTimeout) {
  LoneSentinel s({.options = kAlone, .replicas = {kReplicaAt, kOtherAt}});
  s.node(kReplicaAt).priority = 1;
  s.node(kOtherAt).obeys = false;
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+slave-reconf-sent"));
  const Instant sent = s.now;
  s.run_until(sent + Seconds(10) - Millis(1));
  EXPECT_FALSE(s.says("-slave-reconf-sent-timeout"));
  EXPECT_EQ(s.primary().state, FailoverState::kReconfigureReplicas);
  s.run_until(sent + Seconds(10) + Millis(1));
  EXPECT_TRUE(s.says("-slave-reconf-sent-timeout"));
  EXPECT_TRUE(s.says("+failover-end"));
  EXPECT_TRUE(s.says("+switch-master"));
}

TEST(Failover, EndsAfterTheTimeoutWhereAReplicaNeverGetsInSync) {
  LoneSentinel s({.options = kAlone, .replicas = {kReplicaAt, kOtherAt}});
  s.node(kReplicaAt).priority = 1;
  s.node(kOtherAt).syncs = false;
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+slave-reconf-inprog"));
  const Instant since = s.primary().state_since;
  s.run_until(since + Seconds(30) - Millis(1));
  EXPECT_FALSE(s.says("+failover-end-for-timeout"));
  s.run_until(since + Seconds(30) + Millis(1));
  EXPECT_TRUE(s.says("+failover-end-for-timeout"));
  EXPECT_TRUE(s.says("+switch-master"));
}

TEST(Failover, TheChoiceWaitsForOffsetsOfAfterTheDeathButNotForLong) {
  LoneSentinel s({.options = kAlone, .replicas = {kReplicaAt, kOtherAt}});
  s.run_for(Seconds(2));
  s.node(kOtherAt).offset = 5'000;  // Grew since its last INFO: seen only if asked again.
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+selected-slave"));
  EXPECT_EQ(s.said("+selected-slave"), "slave 10.0.0.3:6379 10.0.0.3 6379 @ m 10.0.0.1 6379");
}

TEST(Failover, ANewerConfigurationEndsOurs) {
  LoneSentinel s({.options = kAlone, .peers = 0});
  s.node(kReplicaAt).obeys = false;
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+failover-state-wait-promotion"));
  s.hello(s.hello_text(1, Epoch(9), kPrimaryAt, Epoch(9)));
  EXPECT_TRUE(s.says("-failover-abort-not-elected"));
  EXPECT_FALSE(s.primary().failing_over());
  EXPECT_EQ(s.primary().config_epoch, Epoch(9));
}

TEST(Failover, AnOldPrimaryThatReturnsIsDemotedAtOnce) {
  LoneSentinel s({.options = kAlone});
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+switch-master"));
  s.run_for(Seconds(15));
  s.node(kPrimaryAt).accepts = s.node(kPrimaryAt).answers = true;
  ASSERT_TRUE(s.waits_for("+convert-to-slave", Seconds(2)));
  EXPECT_EQ(s.node(kPrimaryAt).follows, kReplicaAt);
}

TEST(Failover, AnOldPrimaryThatReturnsWhileReplicasAreMovedIsDemotedAtOnce) {
  LoneSentinel s({.options = kAlone, .replicas = {kReplicaAt, kOtherAt}});
  s.node(kReplicaAt).offset = 2000;
  s.node(kOtherAt).syncs = false;
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+promoted-slave"));
  s.run_for(Seconds(2));
  s.node(kPrimaryAt).accepts = s.node(kPrimaryAt).answers = true;
  EXPECT_TRUE(s.run_until([&] { return s.node(kPrimaryAt).follows == kReplicaAt; }, Seconds(2)));
  EXPECT_FALSE(s.says("+switch-master")) << "the other replica is still being moved";
}

TEST(Failover, ScriptsAreToldOfEachWarningAndOfTheNewAddress) {
  PrimaryOptions options = kAlone;
  options.notification_script = "/notify";
  options.client_reconfig_script = "/reconfig";
  LoneSentinel s({.options = options});
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+switch-master"));
  std::vector<std::string> told;
  std::vector<std::vector<std::string>> moved;
  for (const RunScript& script : s.effects<RunScript>()) {
    if (script.path == "/notify") {
      ASSERT_EQ(script.args.size(), 2u);
      told.push_back(script.args[0]);
    } else {
      moved.push_back(script.args);
    }
  }
  EXPECT_THAT(told, testing::IsSupersetOf({"+sdown", "+odown", "+try-failover", "+switch-master"}));
  EXPECT_THAT(told, testing::Not(testing::Contains("+slave"))) << "a notice, no warning";
  EXPECT_THAT(moved, ElementsAre(ElementsAre("m", "leader", "start", "10.0.0.1", "6379", "10.0.0.2",
                                             "6379")));
}

TEST(Failover, StatesHaveTheNamesThatSentinelMasterShows) {
  EXPECT_STREQ(failover_state_name(FailoverState::kNone), "none");
  EXPECT_STREQ(failover_state_name(FailoverState::kWaitStart), "wait_start");
  EXPECT_STREQ(failover_state_name(FailoverState::kSelectReplica), "select_slave");
  EXPECT_STREQ(failover_state_name(FailoverState::kHandOver), "send_slaveof_noone");
  EXPECT_STREQ(failover_state_name(FailoverState::kSendPromotion), "send_slaveof_noone");
  EXPECT_STREQ(failover_state_name(FailoverState::kWaitPromotion), "wait_promotion");
  EXPECT_STREQ(failover_state_name(FailoverState::kReconfigureReplicas), "reconf_slaves");
  EXPECT_STREQ(failover_state_name(FailoverState::kUpdateConfig), "update_config");
}

}  // namespace
}  // namespace redan
