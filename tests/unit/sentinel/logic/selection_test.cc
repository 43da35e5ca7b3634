// Which replica takes over, and the reason against each other one.
#include "sentinel/logic/selection.h"

#include <gtest/gtest.h>

#include "lone_sentinel.h"

namespace redan {
namespace {

constexpr Instant kNow{std::chrono::hours(10)};

class Selecting : public testing::Test {
 protected:
  Selecting() {
    primary.options.down_after = Seconds(5);
    primary.down_since = kNow - Seconds(6);
  }
  Replica& add(uint16_t port) {
    const Address at{.ip = "10.0.0.2", .port = port};
    const LinkId id(port);
    links[id] = {.id = id};
    links[id].commands.up = true;
    links[id].last_valid_pong = kNow;
    Replica& replica = primary.replicas[at];
    replica.address = at;
    replica.link = id;
    replica.info_at = kNow;
    replica.info.replica_offset = 100;
    replica.run_id = NodeId(port).hex();
    return replica;
  }
  SelectionInput input() const {
    return {.primary = &primary, .links = &links, .now = kNow, .timings = &timings};
  }
  Rejection verdict(const Replica& replica) const { return reject(input(), replica); }
  uint16_t chosen() const {
    const Selection selection = select_replica(input());
    return selection.chosen() == nullptr ? 0 : selection.chosen()->port;
  }
  Link& link(const Replica& replica) { return links.at(replica.link); }

  Primary primary;
  std::map<LinkId, Link> links;
  SentinelTimings timings;
};

TEST_F(Selecting, WithoutReplicasNobody) {
  EXPECT_EQ(chosen(), 0);
}

TEST_F(Selecting, AHealthyReplicaIsFit) {
  EXPECT_EQ(verdict(add(1)), Rejection::kNone);
  EXPECT_EQ(chosen(), 1);
}

TEST_F(Selecting, OneThatIsDownIsNot) {
  Replica& replica = add(1);
  replica.down_since = kNow;
  EXPECT_EQ(verdict(replica), Rejection::kDown);
  EXPECT_EQ(chosen(), 0);
}

TEST_F(Selecting, OneWithoutConnectionIsNot) {
  Replica& replica = add(1);
  link(replica).commands.up = false;
  EXPECT_EQ(verdict(replica), Rejection::kDisconnected);
}

TEST_F(Selecting, FivePingPeriodsOfSilenceAreTheLimit) {
  Replica& replica = add(1);
  link(replica).last_valid_pong = kNow - Seconds(5);
  EXPECT_EQ(verdict(replica), Rejection::kNone);
  link(replica).last_valid_pong = kNow - Seconds(5) - Nanos(1);
  EXPECT_EQ(verdict(replica), Rejection::kSilent);
}

TEST_F(Selecting, PriorityZeroIsNeverPromoted) {
  Replica& replica = add(1);
  replica.info.priority = 0;
  EXPECT_EQ(verdict(replica), Rejection::kPriorityZero);
  replica.info.priority = 1;
  EXPECT_EQ(verdict(replica), Rejection::kNone);
}

TEST_F(Selecting, InfoMayBeFivePingPeriodsOldWhileThePrimaryIsDown) {
  Replica& replica = add(1);
  replica.info_at = kNow - Seconds(5);
  EXPECT_EQ(verdict(replica), Rejection::kNone);
  replica.info_at = kNow - Seconds(5) - Nanos(1);
  EXPECT_EQ(verdict(replica), Rejection::kStaleInfo);
}

TEST_F(Selecting, InfoMayBeThreeInfoPeriodsOldWhileThePrimaryIsUp) {
  primary.down_since.reset();
  Replica& replica = add(1);
  replica.info_at = kNow - Seconds(30);
  EXPECT_EQ(verdict(replica), Rejection::kNone);
  replica.info_at = kNow - Seconds(30) - Nanos(1);
  EXPECT_EQ(verdict(replica), Rejection::kStaleInfo);
}

TEST_F(Selecting, OneThatNeverToldAnythingIsNotFit) {
  Replica& replica = add(1);
  replica.info_at.reset();
  EXPECT_EQ(verdict(replica), Rejection::kStaleInfo);
}

TEST_F(Selecting, ItsLinkMayBeDownTenDownAftersLongerThanThePrimary) {
  Replica& replica = add(1);
  replica.info.link_down_seconds = 10 * 5 + 6;
  EXPECT_EQ(verdict(replica), Rejection::kNone);
  replica.info.link_down_seconds = 10 * 5 + 7;
  EXPECT_EQ(verdict(replica), Rejection::kLinkDownTooLong);
  SelectionInput lenient = input();
  lenient.ignore_link_age = true;
  EXPECT_EQ(reject(lenient, replica), Rejection::kNone);
  primary.down_since.reset();
  replica.info.link_down_seconds = 51;
  EXPECT_EQ(verdict(replica), Rejection::kLinkDownTooLong);
  replica.info.link_down_seconds = 50;
  EXPECT_EQ(verdict(replica), Rejection::kNone);
}

TEST_F(Selecting, TheLowerPriorityWinsWhateverTheOffset) {
  add(1).info.replica_offset = 1'000'000;
  Replica& preferred = add(2);
  preferred.info.priority = 99;
  EXPECT_EQ(chosen(), 2);
}

TEST_F(Selecting, ThenTheLargerOffset) {
  add(1).run_id = std::string(40, '0');
  add(2).info.replica_offset = 101;
  EXPECT_EQ(chosen(), 2);
}

TEST_F(Selecting, ThenTheSmallerRunIdWhateverItsCase) {
  add(1).run_id = std::string(40, 'B');
  add(2).run_id = std::string(40, 'a');
  EXPECT_EQ(chosen(), 2);
  add(3).run_id = std::string(40, 'A').replace(39, 1, "9");
  EXPECT_EQ(chosen(), 3);
}

TEST_F(Selecting, OneWithoutARunIdComesLast) {
  add(1).run_id.clear();
  add(2).run_id = std::string(40, 'f');
  EXPECT_EQ(chosen(), 2);
}

TEST_F(Selecting, TheUnfitAreListedBehindTheFitWithTheirReasons) {
  add(1).info.priority = 0;
  add(2).down_since = kNow;
  add(3);
  const Selection selection = select_replica(input());
  ASSERT_EQ(selection.candidates.size(), 3u);
  EXPECT_EQ(selection.candidates[0].address.port, 3);
  EXPECT_EQ(selection.candidates[0].rejection, Rejection::kNone);
  EXPECT_EQ(selection.candidates[1].rejection, Rejection::kPriorityZero);
  EXPECT_EQ(selection.candidates[2].rejection, Rejection::kDown);
  EXPECT_STREQ(rejection_text(Rejection::kPriorityZero), "replica-priority 0");
}

}  // namespace
}  // namespace redan
