// An old primary that says master after it was replaced: when it is demoted at once, and when the
// sentinel waits as Redis does.
#include "lone_sentinel.h"
#include "sentinel/logic/commands.h"

namespace redan {
namespace {

constexpr Epoch kNew{4};

// Three sentinels; kReplicaAt took over in epoch 4, of which the peers told us, while the old
// primary was away. The peers say hello every second, as many as are up.
class Leftover : public testing::Test {
 protected:
  Leftover() : s({.replicas = {kReplicaAt}, .peers = 2}) {
    s.run_for(Seconds(2));
    s.kill(kPrimaryAt);
    s.node(kReplicaAt).follows.reset();
    for (const uint64_t id : {1, 2}) {
      s.hear(HelloHeard{.link = std::nullopt, .payload = s.hello_text(id, kNew, kReplicaAt, kNew)});
    }
    run_for(Seconds(15));
    s.forget();
  }

  void run_for(Nanos span) {
    const Instant end = s.now + span;
    while (s.now < end) {
      s.run_for(std::min<Nanos>(Seconds(1), end - s.now));
      for (const uint64_t id : {1, 2}) {
        s.hear(
            HelloHeard{.link = std::nullopt, .payload = s.hello_text(id, kNew, kReplicaAt, kNew)});
      }
    }
  }
  void comes_back() { s.node(kPrimaryAt).accepts = s.node(kPrimaryAt).answers = true; }
  void ballots(std::optional<Epoch> epoch) {
    for (const uint64_t id : {1, 2}) s.peer(id).ballot_epoch = epoch;
  }
  Instant demoted_at() { return s.when("+convert-to-slave").value_or(Instant::max()); }

  LoneSentinel s;
};

TEST_F(Leftover, IsDemotedAtOnceWhenAMajorityTellsNoLaterBallot) {
  ballots(kNew);
  const Instant back = s.now;
  comes_back();
  run_for(Seconds(2));
  EXPECT_LE(demoted_at(), back + Seconds(1));
  EXPECT_EQ(s.node(kPrimaryAt).follows, kReplicaAt);
}

// Stock sentinels tell their ballot only to who names a candidate, and give no vote of epoch zero.
TEST_F(Leftover, PeersAreAskedForTheirBallotAsStockOnesTellIt) {
  ballots(kNew);
  comes_back();
  run_for(Seconds(1));
  size_t asked = 0;
  for (const Send& send : s.effects<Send>()) {
    const auto* question = std::get_if<AskPrimaryDown>(&send.message);
    if (question == nullptr) continue;
    ++asked;
    EXPECT_EQ(question->candidate, kSelf);
    EXPECT_EQ(question->epoch, Epoch(0));
    EXPECT_EQ(words(send.message, {})[0].back(), kSelf.hex());
  }
  EXPECT_EQ(asked, 2u);
}

TEST_F(Leftover, WhereNoMajorityTellsItsBallotItIsRedisWait) {
  ballots(std::nullopt);
  const Instant back = s.now;
  comes_back();
  run_for(Seconds(12));
  EXPECT_TRUE(s.says("+convert-to-slave"));
  EXPECT_GE(demoted_at(), back + Seconds(8));
}

TEST_F(Leftover, OneSilentPeerOfTwoChangesNothing) {
  s.peer(1).ballot_epoch = kNew;
  const Instant back = s.now;
  comes_back();
  run_for(Seconds(2));
  EXPECT_LE(demoted_at(), back + Seconds(1));
}

TEST_F(Leftover, APeerThatVotedLaterMayKnowANewPromotion) {
  ballots(kNew);
  s.peer(1).ballot_epoch = s.peer(2).ballot_epoch = Epoch(5);
  const Instant back = s.now;
  comes_back();
  run_for(Seconds(7));
  EXPECT_FALSE(s.says("+convert-to-slave"));
  run_for(Seconds(5));
  EXPECT_GE(demoted_at(), back + Seconds(8)) << "from then on it is Redis' rule";
}

// Another sentinel reconfigured the node: our connection to it is cut, and what the peers told
// before the node spoke anew proves nothing.
TEST_F(Leftover, AfterEachCutTheProofBeginsAnew) {
  ballots(kNew);
  s.node(kReplicaAt).answers = false;  // So that the first proof stays incomplete.
  comes_back();
  run_for(Seconds(2));
  ASSERT_TRUE(s.replica(kPrimaryAt).says_primary);
  ASSERT_EQ(s.primary().peers.at(NodeId(1)).told_ballot, kNew);
  s.peer(1).answers = s.peer(2).answers = false;
  s.cut(kPrimaryAt);
  s.node(kReplicaAt).answers = true;
  run_for(Seconds(3));
  EXPECT_FALSE(s.says("+convert-to-slave"));
  s.peer(1).answers = true;
  const Instant answered = s.now;
  run_for(Seconds(3));
  EXPECT_LE(demoted_at(), answered + Seconds(2));
}

TEST_F(Leftover, RedisWaitCountsFromTheLastCut) {
  ballots(std::nullopt);
  comes_back();
  run_for(Seconds(6));
  s.cut(kPrimaryAt);
  const Instant cut = s.now;
  run_for(Seconds(12));
  EXPECT_GE(demoted_at(), cut + Seconds(8));
  EXPECT_TRUE(s.says("+convert-to-slave"));
}

// Nothing is ordered over a connection on which the node has not told its role.
TEST_F(Leftover, NothingIsOrderedBeforeItToldItsRole) {
  ballots(kNew);
  s.node(kPrimaryAt).accepts = true;
  run_for(Seconds(5));
  EXPECT_TRUE(s.sent<Reconfigure>(kPrimaryAt).empty());
}

TEST(Promotion, ThatWasLostWithItsConnectionIsSaidAgain) {
  LoneSentinel s(
      {.options = {.quorum = 1, .down_after = Millis(5'000), .failover_timeout = Millis(30'000)}});
  s.node(kReplicaAt).obeys = false;
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+failover-state-wait-promotion"));
  s.run_for(Seconds(3));
  EXPECT_EQ(s.sent<Reconfigure>(kReplicaAt).size(), 1u) << "over one connection it cannot get lost";
  s.node(kReplicaAt).obeys = true;
  s.cut(kReplicaAt);
  ASSERT_TRUE(s.waits_for("+promoted-slave", Seconds(1)));
  EXPECT_EQ(s.sent<Reconfigure>(kReplicaAt).size(), 2u);
}

}  // namespace
}  // namespace redan
