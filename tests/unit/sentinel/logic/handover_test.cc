// A manual failover: writers wait, the replica catches up, then it is promoted. Nothing is lost,
// and what does not work out in time leaves everything as it was.
#include <gmock/gmock.h>

#include <algorithm>

#include "lone_sentinel.h"

namespace redan {
namespace {

LoneSentinel::Setup calm() {
  return {.options = {.quorum = 1, .down_after = Millis(5'000)}};
}

// What left for both nodes in order: p(ause), u(npause), n(o one), f(ollow).
std::string orders(const LoneSentinel& s) {
  std::string text;
  for (const Timed& each : s.log) {
    const auto* send = std::get_if<Send>(&each.effect);
    if (send == nullptr) continue;
    if (std::holds_alternative<PauseWrites>(send->message)) text += 'p';
    if (std::holds_alternative<UnpauseWrites>(send->message)) text += 'u';
    if (const auto* r = std::get_if<Reconfigure>(&send->message)) text += r->primary ? 'f' : 'n';
  }
  return text;
}

TEST(HandOver, PausesPromotesDemotesAndResumes) {
  LoneSentinel s(calm());
  s.run_for(Seconds(2));
  ASSERT_TRUE(s.failover());
  ASSERT_TRUE(s.waits_for("+switch-master", Seconds(3)));
  s.run_for(Seconds(1));
  EXPECT_EQ(orders(s), "pnfu");
  EXPECT_EQ(s.node(kPrimaryAt).follows, kReplicaAt);
  EXPECT_EQ(s.said("+switch-master"), "m 10.0.0.1 6379 10.0.0.2 6379");
}

TEST(HandOver, NobodyIsPromotedBeforeItHasEverything) {
  LoneSentinel s(calm());
  s.run_for(Seconds(2));
  s.node(kPrimaryAt).offset = 1001;
  ASSERT_TRUE(s.failover());
  s.run_for(Millis(300));
  EXPECT_EQ(orders(s), "p");
  s.node(kReplicaAt).offset = 1001;
  ASSERT_TRUE(s.waits_for("+promoted-slave", Millis(100)));
}

TEST(HandOver, OffsetsThatDoNotMeetEndItAndNothingChanged) {
  LoneSentinel s(calm());
  s.run_for(Seconds(2));
  s.node(kPrimaryAt).offset = 1001;
  const Instant asked = s.now;
  ASSERT_TRUE(s.failover());
  s.run_until(asked + Millis(399));
  EXPECT_FALSE(s.says("-failover-abort-slave-timeout"));
  s.run_until(asked + Millis(402));
  EXPECT_TRUE(s.says("-failover-abort-slave-timeout"));
  EXPECT_EQ(orders(s), "pu");
  EXPECT_EQ(s.machine.current_address("m"), kPrimaryAt);
}

TEST(HandOver, AReplicaWhoseLinkIsDownDoesNotCountAsCaughtUp) {
  LoneSentinel s(calm());
  s.run_for(Seconds(2));
  s.node(kReplicaAt).link_up = false;
  s.node(kReplicaAt).link_down_s = 1;
  ASSERT_TRUE(s.failover());
  ASSERT_TRUE(s.waits_for("-failover-abort-slave-timeout", Seconds(1)));
}

// The primary restarted without its data, which the replica keeps: they can never meet.
TEST(HandOver, AReplicaThatRefusesAnEmptyPrimaryHasAllThereIs) {
  LoneSentinel s(calm());
  s.run_for(Seconds(2));
  s.node(kPrimaryAt).offset = 2000;
  s.node(kReplicaAt).link_up = false;
  s.node(kReplicaAt).refuses_sync = true;
  ASSERT_TRUE(s.failover());
  ASSERT_TRUE(s.waits_for("+switch-master", Seconds(3)));
  s.run_for(Seconds(1));
  EXPECT_EQ(orders(s), "pnfu");
}

TEST(HandOver, AServerWithoutPauseIsHandledAsRedisDoes) {
  LoneSentinel s(calm());
  s.run_for(Seconds(2));
  s.node(kPrimaryAt).paused = {.error = true, .text = "ERR unknown subcommand 'PAUSE'"};
  ASSERT_TRUE(s.failover());
  ASSERT_TRUE(s.waits_for("+switch-master", Seconds(3)));
  EXPECT_EQ(orders(s), "pnf");
}

TEST(HandOver, APromotionThatIsNotConfirmedIsGivenUpAndWritersGoOn) {
  LoneSentinel s(calm());
  s.run_for(Seconds(2));
  s.node(kReplicaAt).obeys = false;
  ASSERT_TRUE(s.failover());
  ASSERT_TRUE(s.waits_for("+failover-state-wait-promotion", Seconds(1)));
  const Instant told = s.now;
  s.run_until(told + Millis(1'999));
  EXPECT_FALSE(s.says("-failover-abort-slave-timeout"));
  s.run_until(told + Millis(2'001));
  EXPECT_TRUE(s.says("-failover-abort-slave-timeout"));
  EXPECT_EQ(orders(s).back(), 'u');
}

TEST(HandOver, ThePauseIsRenewedWhileThePromotionIsAwaited) {
  LoneSentinel s(calm());
  s.run_for(Seconds(2));
  s.node(kReplicaAt).obeys = false;
  ASSERT_TRUE(s.failover());
  s.run_for(Millis(1'600));
  const auto pauses = s.sent<PauseWrites>(kPrimaryAt);
  ASSERT_EQ(pauses.size(), 4u);
  for (size_t i = 1; i < pauses.size(); ++i) {
    EXPECT_EQ(pauses[i].first - pauses[i - 1].first, pauses[i].second.span / 4);
  }
}

TEST(HandOver, ADeadPrimaryIsFailedOverWithoutPause) {
  LoneSentinel s({.options = {.quorum = 2, .down_after = Millis(5'000)}, .peers = 1});
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+sdown"));
  ASSERT_TRUE(s.failover());
  ASSERT_TRUE(s.waits_for("+promoted-slave", Seconds(2)));
  EXPECT_TRUE(s.sent<PauseWrites>(kPrimaryAt).empty());
}

TEST(HandOver, NeedsNobodysConsentButYieldsToARival) {
  LoneSentinel silent({.options = {.quorum = 2, .down_after = Millis(5'000)}, .peers = 2});
  for (const uint64_t id : {1, 2}) silent.peer(id).answers = false;
  silent.run_for(Seconds(2));
  const Instant asked = silent.now;
  ASSERT_TRUE(silent.failover());
  silent.run_until(asked + Millis(299));
  EXPECT_FALSE(silent.says("+elected-leader"));
  silent.run_until(asked + Millis(301));
  EXPECT_TRUE(silent.says("+elected-leader"));

  LoneSentinel rivalled({.options = {.quorum = 2, .down_after = Millis(5'000)}, .peers = 2});
  for (const uint64_t id : {1, 2}) rivalled.peer(id).choice = NodeId(1);
  rivalled.run_for(Seconds(2));
  ASSERT_TRUE(rivalled.failover());
  rivalled.run_for(Seconds(1));
  EXPECT_TRUE(rivalled.says("-failover-abort-not-elected"));
  EXPECT_FALSE(rivalled.says("+elected-leader"));
}

TEST(HandOver, IsRefusedWhileOneIsUnderWayAndWithoutAFitReplica) {
  LoneSentinel s(calm());
  s.run_for(Seconds(2));
  s.node(kReplicaAt).obeys = false;
  ASSERT_TRUE(s.failover());
  EXPECT_EQ(s.failover().error().code(), "INPROG");
  LoneSentinel bare({.options = {.quorum = 1}, .replicas = {}});
  EXPECT_EQ(bare.failover().error().code(), "NOGOODSLAVE");
  EXPECT_FALSE(bare.primary().forced);
}

}  // namespace
}  // namespace redan
