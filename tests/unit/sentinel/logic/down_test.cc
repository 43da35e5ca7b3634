// Who counts as down: for one sentinel (SDOWN), and for enough of them (ODOWN).
#include <gmock/gmock.h>

#include "lone_sentinel.h"

namespace redan {
namespace {

constexpr Millis kDownAfter{5'000};
constexpr Millis kMoment{1};

// When the first PING left that the primary did not answer, after it fell silent now.
Instant first_unanswered(LoneSentinel& s) {
  s.forget();
  s.node(kPrimaryAt).answers = false;
  EXPECT_TRUE(s.run_until([&] { return !s.sent<AskPing>(kPrimaryAt).empty(); }, Seconds(5)));
  return s.sent<AskPing>(kPrimaryAt).front().first;
}

TEST(Down, SilenceOfExactlyDownAfterIsNotYetDown) {
  LoneSentinel s;
  s.run_for(Seconds(3));
  const Instant asked = first_unanswered(s);
  s.run_until(asked + kDownAfter);
  EXPECT_FALSE(s.says("+sdown"));
  s.run_until(asked + kDownAfter + kMoment);
  EXPECT_EQ(s.said("+sdown"), "master m 10.0.0.1 6379");
}

TEST(Down, ANodeThatCannotBeReachedIsDownSinceItsLastAnswer) {
  LoneSentinel s;
  s.run_for(Millis(3'300));
  const Instant answered = s.machine.find_link(s.primary().link)->last_valid_pong;
  s.forget();
  s.kill(kPrimaryAt);
  s.run_until(answered + kDownAfter);
  EXPECT_FALSE(s.says("+sdown"));
  s.run_until(answered + kDownAfter + kMoment);
  EXPECT_TRUE(s.says("+sdown"));
}

TEST(Down, ANodeThatNeverAnsweredIsDownAfterTheSameTime) {
  LoneSentinel s({.replicas = {}});
  s.kill(kPrimaryAt);
  s.run_until(kStart + kDownAfter);
  EXPECT_FALSE(s.says("+sdown"));
  s.run_until(kStart + kDownAfter + kMoment);
  EXPECT_TRUE(s.says("+sdown"));
}

TEST(Down, OneValidAnswerEndsIt) {
  LoneSentinel s({.options = {.quorum = 2, .down_after = kDownAfter}});
  first_unanswered(s);
  ASSERT_TRUE(s.waits_for("+sdown"));
  s.node(kPrimaryAt).answers = true;
  EXPECT_TRUE(s.waits_for("-sdown", Seconds(20)));
  EXPECT_FALSE(s.primary().is_down());
  EXPECT_FALSE(s.primary().down_since);
}

struct Pong {
  NodeReply reply;
  bool valid;
};

class Answering : public testing::TestWithParam<Pong> {};

TEST_P(Answering, OnlyCertainAnswersProveLife) {
  LoneSentinel s({.options = {.quorum = 2, .down_after = kDownAfter}});
  s.run_for(Seconds(2));
  s.node(kPrimaryAt).pong = GetParam().reply;
  s.run_for(Seconds(20));
  EXPECT_EQ(s.says("+sdown"), !GetParam().valid) << GetParam().reply.text;
}

INSTANTIATE_TEST_SUITE_P(, Answering,
                         testing::Values(Pong{{false, "PONG"}, true},
                                         Pong{{true, "LOADING Redis is loading"}, true},
                                         Pong{{true, "MASTERDOWN Link with MASTER is down"}, true},
                                         Pong{{true, "NOAUTH Authentication required."}, false},
                                         Pong{{true, "BUSY Redis is busy running a script"}, false},
                                         Pong{{false, "HELLO"}, false}, Pong{{false, ""}, false}));

TEST(Down, AScriptThatBlocksThePrimaryIsKilledOnce) {
  LoneSentinel s({.options = {.quorum = 2, .down_after = kDownAfter}});
  s.node(kPrimaryAt).pong = {.error = true, .text = "BUSY Redis is busy running a script."};
  ASSERT_TRUE(s.waits_for("+sdown"));
  EXPECT_TRUE(s.sent<KillScript>(kPrimaryAt).empty()) << "not before it counts as down";
  s.run_for(Seconds(10));
  EXPECT_EQ(s.sent<KillScript>(kPrimaryAt).size(), 1u);
  EXPECT_LE(s.effects<OpenLink>().size(), 6u) << "a node that answers keeps its connections";
}

TEST(Down, APrimaryThatSaysReplicaIsDownAfterTwoInfoPeriodsMore) {
  LoneSentinel s({.options = {.quorum = 2, .down_after = kDownAfter}, .replicas = {}});
  s.run_for(Seconds(2));
  s.node(kPrimaryAt).follows = kOtherAt;
  ASSERT_TRUE(s.waits_for("-role-change", Seconds(15)));
  const Instant limit = *s.when("-role-change") + kDownAfter + 2 * Seconds(10);
  s.run_until(limit);
  EXPECT_FALSE(s.says("+sdown"));
  s.run_until(limit + kMoment);
  EXPECT_TRUE(s.says("+sdown"));
}

TEST(Down, ARebootThatLoadsForTooLongIsDownOnlyWhereAsked) {
  for (const Millis limit : {Millis(0), Millis(3'000)}) {
    LoneSentinel s({.options = {.quorum = 2, .down_after = kDownAfter, .reboot_down_after = limit},
                    .replicas = {}});
    s.run_for(Seconds(2));
    s.node(kPrimaryAt).run_id = NodeId(0xa2).hex();
    s.node(kPrimaryAt).pong = {.error = true, .text = "LOADING"};
    ASSERT_TRUE(s.waits_for("+reboot", Seconds(15)));
    const Instant reboot = s.now;
    s.run_until(reboot + Millis(3'000));
    EXPECT_FALSE(s.says("+sdown"));
    s.run_until(reboot + Millis(3'000) + kMoment);
    EXPECT_EQ(s.says("+sdown"), limit > Millis(0));
  }
}

TEST(Down, ReplicasAndPeersGoDownToo) {
  LoneSentinel s({.options = {.quorum = 3, .down_after = kDownAfter}, .peers = 1});
  s.run_for(Seconds(2));
  s.node(kReplicaAt).answers = false;
  s.peer(1).answers = false;
  s.run_for(Seconds(7));
  EXPECT_TRUE(s.replica(kReplicaAt).is_down());
  EXPECT_TRUE(s.primary().peers.at(NodeId(1)).is_down());
  EXPECT_FALSE(s.primary().is_down());
  EXPECT_EQ(s.said("+sdown"), "sentinel " + NodeId(1).hex() + " 10.0.1.1 26379 @ m 10.0.0.1 6379");
}

TEST(ODown, PeersAreAskedAtOnceAndThenOncePerSecond) {
  LoneSentinel s({.options = {.quorum = 2, .down_after = kDownAfter}, .peers = 2});
  first_unanswered(s);
  ASSERT_TRUE(s.waits_for("+sdown"));
  const Instant down = s.now;
  s.run_until(down + Millis(3'500));
  std::vector<Nanos> times;
  const auto questions = s.sent<AskPrimaryDown>(s.peer(1).at);
  for (const auto& [at, question] : questions) {
    times.push_back(at - down);
    EXPECT_FALSE(question.candidate) << "only the opinion is asked for";
    EXPECT_EQ(question.primary, kPrimaryAt);
    EXPECT_EQ(question.epoch, Epoch(3));
  }
  EXPECT_THAT(times, testing::ElementsAre(Seconds(0), Seconds(1), Seconds(2), Seconds(3)));
}

TEST(ODown, NeedsTheQuorumIncludingOurselves) {
  LoneSentinel s({.options = {.quorum = 3, .down_after = kDownAfter}, .peers = 3});
  s.peer(1).says_down = true;
  first_unanswered(s);
  ASSERT_TRUE(s.waits_for("+sdown"));
  s.run_for(Seconds(5));
  EXPECT_FALSE(s.says("+odown")) << "two of three";
  s.peer(2).says_down = true;
  ASSERT_TRUE(s.waits_for("+odown", Seconds(2)));
  EXPECT_EQ(s.said("+odown"), "master m 10.0.0.1 6379 #quorum 3/3");
}

TEST(ODown, OthersAloneCannotMakeIt) {
  LoneSentinel s({.options = {.quorum = 2, .down_after = kDownAfter}, .peers = 3});
  for (uint64_t id : {1, 2, 3}) s.peer(id).says_down = true;
  s.run_for(Seconds(30));
  EXPECT_FALSE(s.says("+odown"));
}

TEST(ODown, AReportThatIsNotRenewedStopsCounting) {
  // A long failover timeout after a vote for somebody else keeps us from acting on it.
  LoneSentinel s({.options = {.quorum = 2, .down_after = kDownAfter}, .peers = 2});
  s.peer(1).says_down = true;
  s.asked({.name = "m", .primary = kPrimaryAt, .epoch = Epoch(4), .candidate = NodeId(1)});
  first_unanswered(s);
  ASSERT_TRUE(s.waits_for("+odown"));
  s.peer(1).answers = false;
  const Instant told = s.primary().peers.at(NodeId(1)).last_down_reply;
  s.run_until(told + Millis(4'999));
  EXPECT_FALSE(s.says("-odown"));
  s.run_until(told + Millis(5'001));
  EXPECT_TRUE(s.says("-odown"));
}

TEST(ODown, EndsWithTheSDown) {
  LoneSentinel s({.options = {.quorum = 2, .down_after = kDownAfter}, .peers = 2});
  s.peer(1).says_down = true;
  s.asked({.name = "m", .primary = kPrimaryAt, .epoch = Epoch(4), .candidate = NodeId(1)});
  first_unanswered(s);
  ASSERT_TRUE(s.waits_for("+odown"));
  s.node(kPrimaryAt).answers = true;
  ASSERT_TRUE(s.waits_for("-odown", Seconds(20)));
  EXPECT_EQ(s.when("-sdown"), s.when("-odown"));
}

TEST(ODown, AReplicaHasNone) {
  LoneSentinel s({.options = {.quorum = 1, .down_after = kDownAfter}});
  s.node(kReplicaAt).answers = false;
  s.run_for(Seconds(30));
  EXPECT_TRUE(s.says("+sdown"));
  EXPECT_FALSE(s.says("+odown"));
}

TEST(Tilt, AClockThatRunsBackwardsStopsJudgementForItsPeriod) {
  LoneSentinel s;
  s.run_for(Seconds(10));
  s.node(kPrimaryAt).answers = false;
  s.now -= Seconds(2);
  const Instant began = s.now;
  s.hear(HelloHeard{});  // Whatever comes next shows the new time.
  EXPECT_EQ(s.said("+tilt"), "#tilt mode entered");
  EXPECT_TRUE(s.machine.in_tilt());
  s.run_until(began + Seconds(30) - kMoment);
  EXPECT_FALSE(s.says("+sdown"));
  EXPECT_FALSE(s.asked({.name = "m", .primary = kPrimaryAt})->down);
  s.run_until(began + Seconds(30) + kMoment);
  EXPECT_EQ(s.said("-tilt"), "#tilt mode exited");
  EXPECT_TRUE(s.says("+sdown")) << "it was silent all the time";
}

TEST(Tilt, OurOwnStandstillIsNobodysSilence) {
  LoneSentinel s;
  s.run_for(Seconds(10));
  s.forget();
  s.now += Seconds(60);  // Stopped; every answer of this time lies unread in the sockets.
  s.run_for(Millis(100));
  EXPECT_FALSE(s.says("+sdown"));
  EXPECT_FALSE(s.says("+tilt"));
  s.node(kPrimaryAt).answers = false;
  EXPECT_TRUE(s.waits_for("+sdown", Seconds(10))) << "real silence still counts";
}

TEST(Tilt, AStandstillForgetsWhatPeersSaidAndEndsAnEarlyFailover) {
  LoneSentinel s({.options = {.quorum = 2, .down_after = kDownAfter}, .peers = 2});
  s.peer(1).says_down = true;
  s.peer(1).votes = s.peer(2).votes = false;
  s.node(kPrimaryAt).answers = false;
  ASSERT_TRUE(s.waits_for("+try-failover"));
  s.now += Seconds(20);
  s.peer(1).answers = false;
  s.run_for(Millis(1));
  EXPECT_TRUE(s.says("-failover-abort-not-elected"));
  EXPECT_FALSE(s.primary().failing_over());
  EXPECT_FALSE(s.primary().peers.at(NodeId(1)).says_down);
}

}  // namespace
}  // namespace redan
