// Client-side caching through the dispatcher: which commands are reads, when a client is told, and
// what else in the server changes keys.
#include <gtest/gtest.h>

#include "server/front/gates.h"
#include "tests/unit/server/front/dispatcher_fixture.h"

namespace redan {
namespace {

using testing::StartsWith;

class TrackingClients : public DispatcherFixture {
 protected:
  TestClient& reader(std::string_view mode = "") {
    TestClient& made = client();
    made.session.resp = Resp::k3;
    EXPECT_EQ(ask(made, "CLIENT TRACKING ON " + std::string(mode)), "+OK|");
    return made;
  }
  // Without a session of kind kNormal there is no reply to look at.
  void stream(std::string_view line) {
    TestClient& link = client();
    link.session.kind = ClientKind::kPrimary;
    ask(link, line);
  }
  TestClient& writer = client();
};

constexpr std::string_view kAboutK = ">2|$10|invalidate|*1|$1|k|";

TEST_F(TrackingClients, ReadsAreTrackedAndWritesAreNot) {
  TestClient& ann = reader();
  ask(ann, "GET k");
  ask(writer, "SET k 1");
  EXPECT_EQ(ann.connection.take(), kAboutK);
  ask(ann, "APPEND k x");
  ask(ann, "SET k y GET");
  ask(writer, "SET k 2");
  EXPECT_EQ(ann.connection.take(), "");
  // An error says that something else is there, which may be cached as well.
  EXPECT_THAT(ask(ann, "LRANGE k 0 -1"), StartsWith("-WRONGTYPE"));
  ask(writer, "DEL k");
  EXPECT_EQ(ann.connection.take(), kAboutK);
}

TEST_F(TrackingClients, EachKeyOfACommandIsTracked) {
  TestClient& ann = reader();
  ask(ann, "SINTERCARD 2 j k LIMIT 1");
  ask(writer, "SADD k x");
  EXPECT_EQ(ann.connection.take(), kAboutK);
  EXPECT_EQ(tracking.table().keys(), 1u);
  ask(ann, "SORT_RO k BY nosort");
  EXPECT_EQ(tracking.table().keys(), 2u);
}

TEST_F(TrackingClients, OnesOwnChangesComeBehindTheReply) {
  TestClient& ann = reader();
  ask(ann, "GET k");
  EXPECT_EQ(ask(ann, "SET k 1"), "+OK|" + std::string(kAboutK));
  ask(ann, "GET k");
  ask(ann, "MULTI");
  ask(ann, "SET k 1");
  ask(ann, "GET k");
  ask(ann, "SET k 2");
  EXPECT_EQ(ask(ann, "EXEC"), "*3|+OK|$1|1|+OK|" + std::string(kAboutK) + std::string(kAboutK));
}

TEST_F(TrackingClients, WhoOnlyHearsForAnotherIsNotInterruptedEither) {
  TestClient& ear = client();
  ear.session.resp = Resp::k3;
  TestClient& ann = client();
  ASSERT_TRUE(tracking.turn_on(ann.session, {.redirect = &ear.session}).ok());
  ask(ann, "GET k");
  EXPECT_EQ(ask(ear, "SET k 1"), "+OK|" + std::string(kAboutK));
  tracking.turn_off(ann.session);
  EXPECT_FALSE(ear.session.in_tracking) << "its commands go the short way again";
}

TEST_F(TrackingClients, AClientThatTracksNothingIsOrdinary) {
  EXPECT_TRUE(is_ordinary(writer.session));
  TestClient& ann = reader();
  EXPECT_FALSE(is_ordinary(ann.session));
  ask(ann, "CLIENT TRACKING OFF");
  EXPECT_TRUE(is_ordinary(ann.session));
}

TEST_F(TrackingClients, CachingStandsForOneCommandOrOneTransaction) {
  TestClient& ann = reader("OPTIN");
  ask(ann, "CLIENT CACHING YES");
  ask(ann, "CLIENT ID");
  ask(ann, "GET k");
  ask(ann, "GET l");
  EXPECT_EQ(tracking.table().keys(), 1u);
  ask(ann, "CLIENT CACHING YES");
  ask(ann, "MULTI");
  ask(ann, "GET a");
  ask(ann, "GET b");
  ask(ann, "EXEC");
  ask(ann, "GET c");
  EXPECT_EQ(tracking.table().keys(), 3u);
}

TEST_F(TrackingClients, CachingOutlastsAPause) {
  TestClient& ann = reader("OPTIN");
  ask(ann, "CLIENT CACHING YES");
  dispatcher.pause(Dispatcher::PauseReason::kClient, PauseKind::kAll, Instant(Seconds(10)));
  EXPECT_EQ(send(ann, {"GET", "k"}), Executed::kLater);
  dispatcher.unpause(Dispatcher::PauseReason::kClient);
  ask(ann, "GET k");
  EXPECT_EQ(tracking.table().keys(), 1u);
}

TEST_F(TrackingClients, ABlockedReadIsTrackedWhenItIsAnswered) {
  TestClient& ann = reader("OPTIN");
  ask(ann, "CLIENT CACHING YES");
  ask(ann, "XREAD BLOCK 0 STREAMS k $");
  ask(writer, "XADD k 1-1 a b");
  // The change that ended the wait, the reply, and then what comes later.
  EXPECT_THAT(ann.connection.take(), StartsWith(std::string(kAboutK) + "%1|$1|k|"));
  ask(writer, "XADD k 2-1 a b");
  EXPECT_EQ(ann.connection.take(), kAboutK);
  EXPECT_FALSE(ann.session.tracker->caching);
}

TEST_F(TrackingClients, KeysThatExpireAreTold) {
  TestClient& ann = reader();
  TestClient& all = reader("BCAST NOLOOP");
  ask(writer, "SET k 1 PX 100");
  dispatcher.batch_done();
  all.connection.take();
  ask(ann, "GET k");
  keyspace.set_now(redan::wall_now() + Seconds(1));
  keyspace.expire_some(1000);
  EXPECT_EQ(ann.connection.take(), kAboutK);
  dispatcher.tell_trackers();
  EXPECT_EQ(all.connection.take(), kAboutK);
}

TEST_F(TrackingClients, NoloopDoesNotMeanKeysThatExpiredUnderOnesHands) {
  TestClient& all = reader("BCAST NOLOOP");
  ask(writer, "SET k 1");
  ask(writer, "PEXPIREAT k " + std::to_string(unix_ms(redan::wall_now()) + 1));
  dispatcher.batch_done();
  all.connection.take();
  control.wall = redan::wall_now() + Seconds(1);
  ask(all, "GET k");
  dispatcher.batch_done();
  EXPECT_EQ(all.connection.take(), kAboutK);
}

TEST_F(TrackingClients, KeysThatTheStreamChangesAreTold) {
  replication.replica = true;
  keyspace.set_replica(true);
  TestClient& ann = reader();
  ask(ann, "GET k");
  stream("SET k 1");
  EXPECT_EQ(ann.connection.take(), kAboutK);
  stream("FLUSHALL");
  EXPECT_EQ(ann.connection.take(), ">2|$10|invalidate|_|");
}

TEST_F(TrackingClients, ReplacedDataIsToldOnce) {
  TestClient& ann = reader();
  Keyspace fresh({.databases = 16, .seed = 2});
  keyspace.swap_data(fresh);
  EXPECT_EQ(ann.connection.take(), ">2|$10|invalidate|_|");
  ask(writer, "SWAPDB 0 1");
  EXPECT_EQ(ann.connection.take(), ">2|$10|invalidate|_|");
  ask(writer, "FLUSHDB");
  EXPECT_EQ(ann.connection.take(), ">2|$10|invalidate|_|");
}

TEST_F(TrackingClients, BroadcastsComeOnceABatch) {
  TestClient& all = reader("BCAST PREFIX k");
  ask(writer, "SET k2 1");
  ask(writer, "SET k1 1");
  ask(writer, "SET other 1");
  EXPECT_EQ(all.connection.take(), "");
  dispatcher.batch_done();
  EXPECT_EQ(all.connection.take(), ">2|$10|invalidate|*2|$2|k1|$2|k2|");
}

TEST_F(TrackingClients, TheTableFollowsItsLimit) {
  config.tracking_table_max_keys = 10;
  TestClient& ann = reader();
  std::vector<std::string> names;
  for (int i = 0; i < 300; ++i) names.push_back("key:" + std::to_string(i));
  std::vector<std::string_view> request = {"MGET"};
  request.insert(request.end(), names.begin(), names.end());
  ask(ann, request);
  EXPECT_EQ(tracking.table().keys(), 10u);
  config.tracking_table_max_keys = 3;
  dispatcher.batch_done();
  EXPECT_EQ(tracking.table().keys(), 3u);
}

TEST_F(TrackingClients, ResetTurnsItOff) {
  TestClient& ann = reader();
  ask(ann, "GET k");
  ask(ann, "RESET");
  EXPECT_EQ(tracking.clients(), 0u);
  ask(writer, "SET k 1");
  EXPECT_EQ(ann.connection.take(), "");
}

TEST_F(TrackingClients, WhoIsGoneIsToldNothing) {
  {
    TestClient& ann = reader();
    ask(ann, "GET k");
    dispatcher.closed(ann.session);
  }
  ask(writer, "SET k 1");
  EXPECT_EQ(tracking.clients(), 0u);
}

}  // namespace
}  // namespace redan
