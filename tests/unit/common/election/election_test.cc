#include "common/election/election.h"

#include <gtest/gtest.h>

namespace redan {
namespace {

constexpr NodeId kAnn{1}, kBob{2}, kEve{3};

TEST(Voter, BacksTheFirstWhoAsksInAnEpochAndNobodyElse) {
  Voter voter;
  EXPECT_TRUE(voter.back(Epoch(7), kAnn));
  EXPECT_FALSE(voter.back(Epoch(7), kBob));
  EXPECT_EQ(voter.ballot(), (Ballot{.epoch = Epoch(7), .choice = kAnn}));
}

TEST(Voter, AskedAgainByItsChoiceHasNothingNewToPersist) {
  Voter voter;
  ASSERT_TRUE(voter.back(Epoch(7), kAnn));
  EXPECT_FALSE(voter.back(Epoch(7), kAnn));
  EXPECT_EQ(voter.ballot().choice, kAnn);
}

TEST(Voter, ALaterEpochIsAnotherElection) {
  Voter voter;
  ASSERT_TRUE(voter.back(Epoch(7), kAnn));
  EXPECT_TRUE(voter.back(Epoch(8), kBob));
  EXPECT_EQ(voter.ballot(), (Ballot{.epoch = Epoch(8), .choice = kBob}));
}

TEST(Voter, AnEarlierEpochIsOverEvenIfItNeverVotedThere) {
  Voter voter;
  ASSERT_TRUE(voter.back(Epoch(7), kAnn));
  EXPECT_FALSE(voter.back(Epoch(6), kBob));
  EXPECT_EQ(voter.ballot().epoch, Epoch(7));
}

TEST(Voter, EpochZeroIsNoElection) {
  Voter voter;
  EXPECT_FALSE(voter.back(Epoch(0), kAnn));
  EXPECT_FALSE(voter.ballot().choice);
}

TEST(Voter, KeepsItsBallotAcrossARestart) {
  Voter voter;
  ASSERT_TRUE(voter.back(Epoch(7), kAnn));
  Voter reborn(voter.ballot());
  EXPECT_FALSE(reborn.back(Epoch(7), kBob));
  EXPECT_EQ(reborn.ballot().choice, kAnn);
}

TEST(Voter, AnEpochWhoseChoiceWasForgottenAllowsNoSecondVote) {
  Voter reborn(Ballot{.epoch = Epoch(7), .choice = std::nullopt});
  EXPECT_FALSE(reborn.back(Epoch(7), kBob));
  EXPECT_FALSE(reborn.ballot().choice);
  EXPECT_TRUE(reborn.back(Epoch(8), kBob));
}

class Count : public testing::Test {
 protected:
  void vote(uint64_t voter, NodeId choice, Epoch epoch = Epoch(5)) {
    campaign.count(NodeId(voter), {.epoch = epoch, .choice = choice});
  }
  Campaign campaign{Epoch(5)};
};

TEST_F(Count, HalfOfTheVotersIsNoMajority) {
  vote(1, kAnn);
  vote(2, kAnn);
  EXPECT_FALSE(campaign.leader(4, 1));
  EXPECT_EQ(campaign.leader(3, 1), kAnn);
}

TEST_F(Count, OneVoterAloneIsItsOwnMajority) {
  EXPECT_FALSE(campaign.leader(1, 1));
  vote(1, kAnn);
  EXPECT_EQ(campaign.leader(1, 1), kAnn);
}

TEST_F(Count, TheLargerOfQuorumAndMajorityIsNeeded) {
  for (uint64_t voter = 1; voter <= 3; ++voter) vote(voter, kAnn);
  EXPECT_EQ(campaign.leader(5, 3), kAnn);
  EXPECT_FALSE(campaign.leader(5, 4)) << "the quorum is above the majority";
  EXPECT_FALSE(campaign.leader(6, 1)) << "the majority is above the quorum";
  vote(4, kAnn);
  EXPECT_EQ(campaign.leader(5, 4), kAnn);
}

TEST_F(Count, VotesOfAnotherEpochOrForNobodyDoNotCount) {
  vote(1, kAnn, Epoch(4));
  vote(2, kAnn, Epoch(6));
  campaign.count(NodeId(3), {.epoch = Epoch(5), .choice = std::nullopt});
  EXPECT_EQ(campaign.votes_for(kAnn), 0u);
  EXPECT_FALSE(campaign.leader(1, 1));
  EXPECT_FALSE(campaign.front_runner());
}

TEST_F(Count, AVoterCountsOnceAndItsFirstWordStands) {
  vote(1, kAnn);
  vote(1, kAnn);
  EXPECT_EQ(campaign.votes_for(kAnn), 1u);
  vote(1, kBob);
  EXPECT_EQ(campaign.votes_for(kBob), 0u);
  EXPECT_FALSE(campaign.has_rival(kAnn));
}

TEST_F(Count, ARivalIsAnybodyElseWhoWasBacked) {
  EXPECT_FALSE(campaign.has_rival(kAnn));
  vote(1, kAnn);
  EXPECT_FALSE(campaign.has_rival(kAnn));
  vote(2, kBob);
  EXPECT_TRUE(campaign.has_rival(kAnn));
}

TEST_F(Count, SplitVotesElectNobody) {
  vote(1, kAnn);
  vote(2, kAnn);
  vote(3, kBob);
  vote(4, kEve);
  vote(5, kEve);
  EXPECT_FALSE(campaign.leader(5, 2));
  EXPECT_EQ(campaign.front_runner(), kAnn) << "the lower identity among equals";
}

TEST_F(Count, AGroupThatGrewIsCountedAtItsNewSize) {
  vote(1, kAnn);
  vote(2, kAnn);
  EXPECT_EQ(campaign.leader(3, 2), kAnn);
  EXPECT_FALSE(campaign.leader(4, 2));
}

}  // namespace
}  // namespace redan
