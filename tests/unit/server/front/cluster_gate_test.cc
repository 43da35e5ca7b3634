// Requests to a cluster node, through its dispatcher: what is served here and what is told
// otherwise. We own slots 0-9999 but those that the stories move; peer has the rest but 16383.
#include "server/front/cluster_gate.h"

#include <gtest/gtest.h>

#include "server/front/dispatcher.h"
#include "tests/unit/server/command/command_fixture.h"
#include "tests/unit/server/session/fake_connection.h"

namespace redan {
namespace {

using testing::StartsWith;

struct FakeCluster final : ClusterService {
  FakeCluster() : shown(NodeId(1)) {
    ClusterNode& peer = shown.add(NodeId(2));
    peer.address = {.ip = "10.0.0.2", .port = 7002, .bus_port = 17002, .hostname = "two.example"};
    for (uint16_t slot = 0; slot < kSlotCount - 1; ++slot) {
      shown.assign(Slot(slot), slot < 10'000 ? shown.self() : peer);
    }
    shown.set_state(true, "");
  }
  const ClusterView& view() const override { return shown; }
  Result<void> perform(const std::function<Result<void>(ClusterVerb&)>&) override { return kOk; }
  void publish(bool sharded, std::string_view channel, std::string_view) override {
    published.push_back((sharded ? "s:" : "") + std::string(channel));
  }
  ClusterView shown;
  std::vector<std::string> published;
};

class ClusterGateTest : public CommandTest {
 protected:
  // Slots of these keys: a 15495, b 3300, c 7365, "foo" 12182, "1" 9842.
  ClusterGateTest() : CommandTest({.databases = 1, .seed = 1, .slots = true}) {
    stats.commands.resize(commands.size());
    session.authenticated = session.unlimited = true;
    session.connection = &sent;
    transactions.dispatcher = &dispatcher;
    keyspace.observe(&dispatcher);
    dispatcher.batch_begins();
  }

  std::string request(std::string_view line) {
    const auto words = split_words(line);
    const std::vector<std::string_view> args(words->begin(), words->end());
    ByteBuffer out;
    ReplyWriter reply(out, session.resp);
    EXPECT_EQ(dispatcher.execute(session, args, "", reply), Executed::kDone);
    std::string text(out.view());
    for (size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos;) {
      text.replace(at, 2, "|");
    }
    return text;
  }
  const CommandStats& counted(std::string_view name) {
    return stats.commands[static_cast<size_t>(commands.find(name)->id)];
  }
  const Slot b_slot = slot_of_key("b");
  const Slot a_slot = slot_of_key("a");
  NodeId peer{2};

  FakeCluster cluster;
  FakeConnection sent;
  ServerParts& with_cluster = (parts_.cluster = &cluster, parts_);
  Dispatcher dispatcher{with_cluster};
};

TEST_F(ClusterGateTest, OursIsServedAndOthersAreNamed) {
  EXPECT_EQ(request("SET b 1"), "+OK|");
  EXPECT_EQ(request("GET b"), "$1|1|");
  EXPECT_EQ(request("SET a 1"), "-MOVED 15495 10.0.0.2:7002|");
  EXPECT_EQ(request("GET {a}x"), "-MOVED 15495 10.0.0.2:7002|");
  EXPECT_EQ(counted("set").calls, 1u);
  EXPECT_EQ(counted("set").rejected, 1u);
  EXPECT_EQ(request("PING"), "+PONG|");
  EXPECT_EQ(request("DBSIZE"), ":1|");
  EXPECT_EQ(request("GET"), "-ERR wrong number of arguments for 'get' command|");
  keyspace.check_invariants();
}

TEST_F(ClusterGateTest, EndpointsFollowTheirPreference) {
  config.cluster_preferred_endpoint_type = PreferredEndpoint::kHostname;
  EXPECT_EQ(request("GET a"), "-MOVED 15495 two.example:7002|");
  config.cluster_preferred_endpoint_type = PreferredEndpoint::kUnknownEndpoint;
  EXPECT_EQ(request("GET a"), "-MOVED 15495 :7002|");
}

TEST_F(ClusterGateTest, SeveralKeysShareASlotOrNothingHappens) {
  EXPECT_EQ(request("MSET {b}1 x {b}2 y"), "+OK|");
  EXPECT_EQ(request("MGET {b}1 {b}2"), "*2|$1|x|$1|y|");
  EXPECT_EQ(request("MSET b x c y"), "-CROSSSLOT Keys in request don't hash to the same slot|");
  EXPECT_EQ(request("DEL b a"), "-CROSSSLOT Keys in request don't hash to the same slot|");
  EXPECT_EQ(request("DEL {a}1 {a}2"), "-MOVED 15495 10.0.0.2:7002|");
  EXPECT_EQ(request("RENAME {b}1 {b}3"), "+OK|");
  EXPECT_EQ(request("SORT {b}9 STORE c"),
            "-CROSSSLOT Keys in request don't hash to the same slot|");
  keyspace.check_invariants();
}

TEST_F(ClusterGateTest, ASlotWithoutOwnerIsDown) {
  cluster.shown.unassign(b_slot);
  EXPECT_EQ(request("GET b"), "-CLUSTERDOWN Hash slot not served|");
  EXPECT_EQ(request("MGET b c"), "-CLUSTERDOWN Hash slot not served|");
}

TEST_F(ClusterGateTest, ADownClusterServesWhatTheOptionsAllow) {
  request("SET b 1");
  cluster.shown.set_state(false, "test");
  EXPECT_EQ(request("GET b"), "-CLUSTERDOWN The cluster is down|");
  EXPECT_EQ(request("DBSIZE"), ":1|");
  config.cluster_allow_reads_when_down = true;
  EXPECT_EQ(request("GET b"), "$1|1|");
  EXPECT_EQ(request("SET b 2"), "-CLUSTERDOWN The cluster is down and only accepts read commands|");
}

TEST_F(ClusterGateTest, ALeavingSlotServesWhatIsStillHere) {
  request("SET {b}1 x");
  cluster.shown.set_migrating(b_slot, peer);
  EXPECT_EQ(request("GET {b}1"), "$1|x|");
  EXPECT_EQ(request("GET {b}2"), "-ASK 3300 10.0.0.2:7002|");
  EXPECT_EQ(request("SET {b}2 y"), "-ASK 3300 10.0.0.2:7002|");
  EXPECT_EQ(request("MGET {b}1 {b}2"), "-TRYAGAIN Multiple keys request during rehashing of slot|");
  EXPECT_EQ(request("MGET {b}2 {b}3"), "-ASK 3300 10.0.0.2:7002|");
  EXPECT_EQ(request("GET c"), "$-1|");  // another slot
  cluster.shown.clear_migrating(b_slot);
  EXPECT_EQ(request("GET {b}2"), "$-1|");
}

TEST_F(ClusterGateTest, AskingOutlastsAPause) {
  cluster.shown.set_importing(a_slot, peer);
  request("ASKING");
  dispatcher.pause(Dispatcher::PauseReason::kClient, PauseKind::kAll, Instant(Seconds(10)));
  const std::string_view get[] = {"GET", "a"};
  ByteBuffer out;
  ReplyWriter reply(out, session.resp);
  EXPECT_EQ(dispatcher.execute(session, get, "", reply), Executed::kLater);
  dispatcher.unpause(Dispatcher::PauseReason::kClient);
  EXPECT_EQ(request("GET a"), "$-1|");
  EXPECT_EQ(request("GET a"), "-MOVED 15495 10.0.0.2:7002|");
}

TEST_F(ClusterGateTest, AComingSlotServesOneCallAfterAsking) {
  cluster.shown.set_importing(a_slot, peer);
  EXPECT_EQ(request("SET a 1"), "-MOVED 15495 10.0.0.2:7002|");
  EXPECT_EQ(request("ASKING"), "+OK|");
  EXPECT_EQ(request("SET a 1"), "+OK|");
  EXPECT_EQ(request("GET a"), "-MOVED 15495 10.0.0.2:7002|");
  request("ASKING");
  EXPECT_EQ(request("MGET {a} {a}2"), "-TRYAGAIN Multiple keys request during rehashing of slot|");
  // ASKING lasts for one call, whatever it was.
  request("ASKING");
  request("PING");
  EXPECT_EQ(request("GET a"), "-MOVED 15495 10.0.0.2:7002|");
  request("ASKING");
  request("GET b");
  EXPECT_EQ(request("GET a"), "-MOVED 15495 10.0.0.2:7002|");
  // And for a whole transaction.
  request("ASKING");
  EXPECT_EQ(request("MULTI"), "+OK|");
  EXPECT_EQ(request("SET a 3"), "+QUEUED|");
  EXPECT_EQ(request("GET a"), "+QUEUED|");
  EXPECT_EQ(request("EXEC"), "*2|+OK|$1|3|");
  EXPECT_EQ(request("GET a"), "-MOVED 15495 10.0.0.2:7002|");
}

TEST_F(ClusterGateTest, AReplicaSendsToItsPrimaryUnlessReadonlyWasSaid) {
  cluster.shown.unassign_all(cluster.shown.self());
  cluster.shown.self().is_primary = false;
  cluster.shown.self().primary = peer;
  cluster.shown.assign(b_slot, *cluster.shown.find(peer));
  replication.replica = true;
  dispatcher.batch_begins();
  EXPECT_EQ(request("GET b"), "-MOVED 3300 10.0.0.2:7002|");
  EXPECT_EQ(request("READONLY"), "+OK|");
  EXPECT_EQ(request("GET b"), "$-1|");
  EXPECT_EQ(request("SET b 1"), "-MOVED 3300 10.0.0.2:7002|");
  EXPECT_EQ(request("READWRITE"), "+OK|");
  EXPECT_EQ(request("GET b"), "-MOVED 3300 10.0.0.2:7002|");
}

TEST_F(ClusterGateTest, ATransactionStaysInOneSlot) {
  request("MULTI");
  EXPECT_EQ(request("SET b 1"), "+QUEUED|");
  EXPECT_EQ(request("INCR b"), "+QUEUED|");
  EXPECT_EQ(request("EXEC"), "*2|+OK|:2|");

  request("MULTI");
  EXPECT_EQ(request("SET b 1"), "+QUEUED|");
  EXPECT_EQ(request("SET c 1"), "+QUEUED|");
  EXPECT_EQ(request("EXEC"), "-CROSSSLOT Keys in request don't hash to the same slot|");
  EXPECT_EQ(request("EXEC"), "-ERR EXEC without MULTI|");
  EXPECT_EQ(request("GET b"), "$1|2|");

  request("MULTI");
  EXPECT_EQ(request("SET a 1"), "-MOVED 15495 10.0.0.2:7002|");
  EXPECT_EQ(request("SET b 7"), "+QUEUED|");
  EXPECT_EQ(request("EXEC"), "-EXECABORT Transaction discarded because of previous errors.|");
  EXPECT_EQ(request("GET b"), "$1|2|");
}

// The slot went to another node between MULTI and EXEC.
TEST_F(ClusterGateTest, ExecIsRoutedAsItsCommandsWere) {
  request("WATCH c");
  request("MULTI");
  request("SET b 1");
  cluster.shown.assign(b_slot, *cluster.shown.find(peer));
  EXPECT_EQ(request("EXEC"), "-MOVED 3300 10.0.0.2:7002|");
  EXPECT_TRUE(watched.empty());
  EXPECT_EQ(request("PING"), "+PONG|");
}

TEST_F(ClusterGateTest, KeysThatAreWatchedMayLieElsewhereThanWhatRuns) {
  request("SET c 1");
  request("WATCH c");
  request("MULTI");
  request("SET b 1");
  EXPECT_EQ(request("EXEC"), "*1|+OK|");
  request("WATCH c");
  request("MULTI");
  request("SET b 2");
  keyspace.set_string(0, "c", "other");
  EXPECT_EQ(request("EXEC"), "*-1|");
  keyspace.check_invariants();
}

TEST_F(ClusterGateTest, ShardedChannelsHaveSlots) {
  EXPECT_EQ(request("SSUBSCRIBE b"), "*3|$10|ssubscribe|$1|b|:1|");
  EXPECT_EQ(request("SSUBSCRIBE a"), "-MOVED 15495 10.0.0.2:7002|");
  EXPECT_EQ(request("SSUBSCRIBE b c"), "-CROSSSLOT Keys in request don't hash to the same slot|");
  EXPECT_EQ(request("SUBSCRIBE b"), "*3|$9|subscribe|$1|b|:1|");
  EXPECT_EQ(request("SPUBLISH b hi"),
            "-ERR Can't execute 'spublish': only (P|S)SUBSCRIBE / "
            "(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
            "context|");
  EXPECT_EQ(pubsub.spublish("b", "hi"), 1);
  EXPECT_EQ(sent.sent, "*3\r\n$8\r\nsmessage\r\n$1\r\nb\r\n$2\r\nhi\r\n");
  // The slot goes: who listened there is told, who listens to a plain channel stays.
  sent.sent.clear();
  SlotSet gone;
  gone.add(b_slot);
  pubsub.unsubscribe_slots(gone);
  EXPECT_EQ(sent.sent, "*3\r\n$12\r\nsunsubscribe\r\n$1\r\nb\r\n:0\r\n");
  EXPECT_EQ(pubsub.shard_subscribers("b"), 0u);
  EXPECT_EQ(pubsub.subscribers("b"), 1u);
  EXPECT_EQ(request("SUNSUBSCRIBE"), "*3|$12|sunsubscribe|$-1|:0|");
}

TEST_F(ClusterGateTest, MessagesGoOverTheBusAndNotToReplicas) {
  EXPECT_EQ(request("PUBLISH a hi"), ":0|");
  EXPECT_EQ(request("SPUBLISH b hi"), ":0|");
  EXPECT_EQ(request("SPUBLISH a hi"), "-MOVED 15495 10.0.0.2:7002|");
  EXPECT_EQ(cluster.published, (std::vector<std::string>{"a", "s:b"}));
  EXPECT_EQ(request("PUBSUB SHARDNUMSUB b"), "*2|$1|b|:0|");
  EXPECT_EQ(request("PUBSUB SHARDCHANNELS"), "*0|");
}

// The stream of our primary is obeyed, whoever owns the slot.
TEST_F(ClusterGateTest, ThePrimarysStreamIsNotRouted) {
  session.kind = ClientKind::kPrimary;
  request("SET a 1");
  EXPECT_EQ(keyspace.size(0), 1u);
  keyspace.check_invariants();
}

TEST_F(ClusterGateTest, APausedNodeStillSendsElsewhere) {
  dispatcher.pause(Dispatcher::PauseReason::kClient, PauseKind::kWrites, Instant::max());
  EXPECT_EQ(request("GET b"), "$-1|");
  EXPECT_EQ(request("SET a 1"), "-MOVED 15495 10.0.0.2:7002|");
}

}  // namespace
}  // namespace redan
