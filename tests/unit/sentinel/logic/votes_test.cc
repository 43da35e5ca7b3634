// Votes given to peers and asked of them. One ballot per epoch, on disk before it is told.
#include <gmock/gmock.h>

#include <algorithm>

#include "lone_sentinel.h"

namespace redan {
namespace {

AskPrimaryDown request_for(uint64_t candidate, uint64_t epoch) {
  return {
      .name = "m", .primary = kPrimaryAt, .epoch = Epoch(epoch), .candidate = NodeId(candidate)};
}

TEST(Votes, AVoteIsOnDiskBeforeItIsTold) {
  LoneSentinel s({.peers = 2});
  s.forget();
  const auto reply = s.asked(request_for(1, 4));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->leader, NodeId(1));
  EXPECT_EQ(reply->leader_epoch, Epoch(4));
  const auto persisted = std::find_if(s.log.begin(), s.log.end(), [](const Timed& each) {
    const auto* persist = std::get_if<Persist>(&each.effect);
    return persist != nullptr && persist->state.primaries[0].ballot.epoch == Epoch(4) &&
           persist->state.current_epoch == Epoch(4);
  });
  const auto told = std::find_if(s.log.begin(), s.log.end(), [](const Timed& each) {
    return std::holds_alternative<AnswerPeer>(each.effect);
  });
  ASSERT_NE(persisted, s.log.end());
  EXPECT_LT(persisted, told);
  EXPECT_EQ(s.said("+vote-for-leader"), NodeId(1).hex() + " 4");
}

TEST(Votes, TheSecondCandidateOfAnEpochLearnsWhoWasFirst) {
  LoneSentinel s({.peers = 2});
  ASSERT_EQ(s.asked(request_for(1, 4))->leader, NodeId(1));
  s.forget();
  const auto reply = s.asked(request_for(2, 4));
  EXPECT_EQ(reply->leader, NodeId(1));
  EXPECT_EQ(reply->leader_epoch, Epoch(4));
  EXPECT_TRUE(s.effects<Persist>().empty()) << "nothing is new";
}

TEST(Votes, AnOldEpochGetsOurBallotAndNoVote) {
  LoneSentinel s({.peers = 2});
  ASSERT_EQ(s.asked(request_for(1, 5))->leader, NodeId(1));
  const auto reply = s.asked(request_for(2, 4));
  EXPECT_EQ(reply->leader_epoch, Epoch(5));
  EXPECT_EQ(reply->leader, NodeId(1));
}

TEST(Votes, TheEpochOnDiskAllowsNoSecondVoteAfterARestart) {
  LoneSentinel s({.epoch = Epoch(9), .peers = 2});  // Its ballot of epoch 9 lost the choice.
  const auto reply = s.asked(request_for(2, 9));
  EXPECT_FALSE(reply->leader);
  EXPECT_EQ(reply->leader_epoch, Epoch(9));
  EXPECT_EQ(s.asked(request_for(2, 10))->leader, NodeId(2));
}

TEST(Votes, AnEpochThatLeavesNoneToGoOnWithIsIgnored) {
  LoneSentinel s({.peers = 2});
  const auto reply = s.asked(request_for(1, UINT64_MAX));
  EXPECT_FALSE(reply->leader);
  EXPECT_EQ(s.machine.current_epoch(), Epoch(3));
}

TEST(Votes, OfAPrimaryThatWeDoNotWatchNothingIsSaid) {
  LoneSentinel s({.peers = 2});
  AskPrimaryDown question = request_for(1, 4);
  question.primary = kOtherAt;
  const auto reply = s.asked(question);
  EXPECT_FALSE(reply->down);
  EXPECT_FALSE(reply->leader);
  EXPECT_EQ(s.machine.current_epoch(), Epoch(3));
}

TEST(Votes, AQuestionWithoutACandidateGivesNoVote) {
  LoneSentinel s({.peers = 2});
  const auto stock = s.asked({.primary = kPrimaryAt, .epoch = Epoch(9)});
  EXPECT_FALSE(stock->leader);
  EXPECT_FALSE(stock->leader_epoch) << "stock sentinels expect zero, and we have said nothing";
  const auto ours = s.asked({.name = "m", .primary = kPrimaryAt, .epoch = Epoch(9)});
  EXPECT_EQ(ours->leader_epoch, Epoch(3)) << "ours learn the epoch of the ballot";
  EXPECT_EQ(s.machine.current_epoch(), Epoch(3));
}

TEST(Votes, WhoAsksForEpochZeroIsToldTheBallotAndGivenNoVote) {
  LoneSentinel s({.peers = 2});
  const auto before = s.asked(request_for(1, 0));
  EXPECT_FALSE(before->leader) << "of epoch 3 only the epoch is on disk";
  EXPECT_EQ(before->leader_epoch, Epoch(3));
  ASSERT_EQ(s.asked(request_for(1, 4))->leader, NodeId(1));
  const auto after = s.asked(request_for(2, 0));
  EXPECT_EQ(after->leader, NodeId(1));
  EXPECT_EQ(after->leader_epoch, Epoch(4));
  EXPECT_EQ(s.machine.current_epoch(), Epoch(4));
}

// A sentinel that missed our failover asks whether its old primary may be made a replica's: it must
// not take us for one that never voted since.
TEST(Votes, APeerThatStillHasAnotherPrimaryLearnsTheEpochThatItMissed) {
  LoneSentinel s;
  ASSERT_EQ(s.asked(request_for(1, 4))->leader, NodeId(1));
  const auto reply = s.asked({.name = "m", .primary = {.ip = "10.0.0.77", .port = 6379}});
  EXPECT_FALSE(reply->down);
  EXPECT_FALSE(reply->leader.has_value());
  EXPECT_EQ(reply->leader_epoch, Epoch(4));
}

TEST(Votes, WhoeverVotedStandsBackForTwoFailoverTimeouts) {
  LoneSentinel s(
      {.options = {.quorum = 1, .down_after = Millis(5'000), .failover_timeout = Millis(20'000)},
       .peers = 2});
  s.node(kPrimaryAt).answers = false;
  ASSERT_TRUE(s.waits_for("+sdown"));
  LoneSentinel rested(
      {.options = {.quorum = 1, .down_after = Millis(5'000), .failover_timeout = Millis(20'000)},
       .peers = 2});
  rested.asked(request_for(1, 4));
  const Instant voted = rested.primary().last_attempt;  // With a random second.
  rested.node(kPrimaryAt).answers = false;
  ASSERT_TRUE(rested.waits_for("+odown"));
  rested.run_until(voted + Seconds(40) - Millis(1));
  EXPECT_FALSE(rested.says("+try-failover"));
  rested.run_until(voted + Seconds(40) + Millis(101));
  EXPECT_TRUE(rested.says("+try-failover"));
  EXPECT_TRUE(s.waits_for("+try-failover", Millis(101))) << "who has not voted stands at once";
}

TEST(Votes, AVoteForAHandOverNeedsNoRest) {
  LoneSentinel s({.peers = 2});
  AskPrimaryDown question = request_for(1, 4);
  question.handover = true;
  ASSERT_EQ(s.asked(question)->leader, NodeId(1));
  s.node(kPrimaryAt).answers = false;
  ASSERT_TRUE(s.waits_for("+odown"));
  EXPECT_TRUE(s.waits_for("+try-failover", Millis(101)));
}

// ---- As a candidate.

struct Case {
  const char* name;
  size_t peers;
  uint32_t quorum;
  std::vector<uint64_t> voters;
  bool wins;
};

class ElectingBy : public testing::TestWithParam<Case> {};

TEST_P(ElectingBy, NeedsAMajorityOfAllKnownAndTheQuorum) {
  const Case& c = GetParam();
  LoneSentinel s({.options = {.quorum = c.quorum, .down_after = Millis(5'000)}, .peers = c.peers});
  for (auto& [id, peer] : s.peers) {
    peer.says_down = true;
    peer.votes = false;
  }
  for (const uint64_t id : c.voters) s.peer(id).votes = true;
  s.node(kPrimaryAt).answers = false;
  ASSERT_TRUE(s.waits_for("+try-failover"));
  s.run_for(Seconds(5));
  EXPECT_EQ(s.says("+elected-leader"), c.wins);
}

INSTANTIATE_TEST_SUITE_P(, ElectingBy,
                         testing::Values(Case{"alone", 0, 1, {}, true},
                                         Case{"one_of_two", 1, 1, {}, false},
                                         Case{"two_of_two", 1, 2, {1}, true},
                                         Case{"two_of_three", 2, 2, {1}, true},
                                         Case{"two_of_four", 3, 2, {1}, false},
                                         Case{"three_of_five", 4, 2, {1, 2}, true},
                                         Case{"quorum_above_majority", 4, 4, {1, 2}, false},
                                         Case{"quorum_above_majority_met", 4, 4, {1, 2, 3}, true},
                                         Case{"majority_above_quorum", 4, 2, {1}, false}),
                         [](const auto& each) { return each.param.name; });

TEST(Electing, VotesForOthersOrOfAnotherEpochDoNotHelp) {
  for (const bool wrong_epoch : {false, true}) {
    LoneSentinel s({.options = {.quorum = 1, .down_after = Millis(5'000)}, .peers = 2});
    for (const uint64_t id : {1, 2}) {
      if (wrong_epoch) {
        s.peer(id).ballot_epoch = Epoch(3);
      } else {
        s.peer(id).choice = NodeId(1);
      }
    }
    s.node(kPrimaryAt).answers = false;
    ASSERT_TRUE(s.waits_for("+try-failover"));
    s.run_for(Seconds(9));
    EXPECT_FALSE(s.says("+elected-leader"));
  }
}

TEST(Electing, WhoIsNotElectedGivesUpAndSaysSo) {
  LoneSentinel s({.options = {.quorum = 1, .down_after = Millis(5'000)}, .peers = 2});
  for (const uint64_t id : {1, 2}) s.peer(id).votes = false;
  s.node(kPrimaryAt).answers = false;
  ASSERT_TRUE(s.waits_for("+try-failover"));
  const Instant stood = s.now;
  s.run_until(stood + Seconds(10) - Millis(1));  // election-timeout
  EXPECT_FALSE(s.says("-failover-abort-not-elected"));
  s.run_until(stood + Seconds(10) + Millis(1));
  EXPECT_EQ(s.said("-failover-abort-not-elected"), "master m 10.0.0.1 6379");
  EXPECT_EQ(s.primary().state, FailoverState::kNone);
}

TEST(Electing, AShortFailoverTimeoutEndsTheElectionEarlier) {
  LoneSentinel s(
      {.options = {.quorum = 1, .down_after = Millis(5'000), .failover_timeout = Millis(2'000)},
       .peers = 2});
  for (const uint64_t id : {1, 2}) s.peer(id).votes = false;
  s.node(kPrimaryAt).answers = false;
  ASSERT_TRUE(s.waits_for("+try-failover"));
  s.run_for(Millis(1'999));
  EXPECT_FALSE(s.says("-failover-abort-not-elected"));
  s.run_for(Millis(2));
  EXPECT_TRUE(s.says("-failover-abort-not-elected"));
}

TEST(Electing, EveryAttemptHasAnEpochOfItsOwnSavedBeforeItIsTold) {
  LoneSentinel s({.options = {.quorum = 1, .down_after = Millis(5'000)}, .peers = 1});
  s.node(kPrimaryAt).answers = false;
  s.forget();
  ASSERT_TRUE(s.waits_for("+try-failover"));
  EXPECT_EQ(s.said("+new-epoch"), "4");
  size_t persisted = 0, told = 0;
  for (size_t i = 0; i < s.log.size(); ++i) {
    const auto* persist = std::get_if<Persist>(&s.log[i].effect);
    if (persist != nullptr && persist->state.current_epoch == Epoch(4) && persisted == 0)
      persisted = i;
    const auto* send = std::get_if<Send>(&s.log[i].effect);
    const auto* ask = send == nullptr ? nullptr : std::get_if<AskPrimaryDown>(&send->message);
    if (ask == nullptr || !ask->candidate) continue;
    EXPECT_EQ(ask->epoch, Epoch(4));
    EXPECT_EQ(ask->candidate, kSelf);
    if (told == 0) told = i;
  }
  ASSERT_NE(told, 0u);
  EXPECT_LT(persisted, told);
  EXPECT_NE(persisted, 0u);
}

TEST(Electing, AVoteForALaterEpochEndsOurCandidacy) {
  LoneSentinel s({.options = {.quorum = 1, .down_after = Millis(5'000)}, .peers = 2});
  for (const uint64_t id : {1, 2}) s.peer(id).votes = false;
  s.node(kPrimaryAt).answers = false;
  ASSERT_TRUE(s.waits_for("+try-failover"));
  s.asked(request_for(1, 9));
  EXPECT_TRUE(s.says("-failover-abort-not-elected"));
}

}  // namespace
}  // namespace redan
