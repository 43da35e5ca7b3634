// Real sockets, real snapshots, and the real redis-server 7.0.15 at either end.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/rng.h"
#include "tests/unit/server/drivers/replication_node.h"

namespace redan {
namespace {

ServerConfig at_once() {
  ServerConfig config;
  config.repl_diskless_sync_delay = 0;
  return config;
}

template <class Replica, class Primary>
bool follows(Replica& replica, Primary& primary) {
  return eventually([&] {
    return replica.info("master_link_status") == "up" &&
           replica.info("slave_repl_offset") == primary.info("master_repl_offset") &&
           replica.info("master_replid") == primary.info("master_replid");
  });
}

template <class Replica, class Primary>
void follow(Replica& replica, Primary& primary) {
  replica.call({"REPLICAOF", "127.0.0.1", std::to_string(primary.port())});
}

template <class Node>
void write_some(Node& node, int round) {
  for (int i = 0; i < 30; ++i) {
    node.call({"SELECT", std::to_string(i % 3)});
    node.call({"SET", "key:" + std::to_string(i), "round " + std::to_string(round)});
  }
  node.call({"MULTI"});
  node.call({"SET", "a", std::to_string(round)});
  node.call({"DEL", "key:7"});
  node.call({"EXEC"});
  node.call({"SELECT", "0"});
}

// Full sync, stream, a cut link that goes on, and the other way round after a promotion.
template <class Primary, class Replica>
void tell_the_story(Primary& primary, Replica& replica, void (*cut)(Primary&)) {
  primary.call({"SET", "before", "x"});
  replica.call({"SET", "old", "data"});
  follow(replica, primary);
  ASSERT_TRUE(follows(replica, primary));
  EXPECT_EQ(replica.content(), "0 before x\n");
  EXPECT_EQ(primary.info("sync_full"), "1");
  write_some(primary, 1);
  ASSERT_TRUE(follows(replica, primary));
  EXPECT_EQ(replica.content(), primary.content());
  for (int round = 2; round < 5; ++round) {
    cut(primary);
    write_some(primary, round);
    ASSERT_TRUE(follows(replica, primary));
    EXPECT_EQ(replica.content(), primary.content());
  }
  EXPECT_EQ(primary.info("sync_full"), "1");
  EXPECT_EQ(primary.info("sync_partial_ok"), "3");
  // The replica takes over; the old primary goes on from where both stand.
  const std::string old_id = primary.info("master_replid");
  replica.call({"REPLICAOF", "NO", "ONE"});
  EXPECT_EQ(replica.info("master_replid2"), old_id);
  write_some(replica, 5);
  follow(primary, replica);
  ASSERT_TRUE(follows(primary, replica));
  EXPECT_EQ(primary.content(), replica.content());
  EXPECT_EQ(replica.info("sync_full"), "0");
  EXPECT_EQ(replica.info("sync_partial_ok"), "1");
}

TEST(ReplicationDriver, FollowsItselfThroughCutsAndAPromotion) {
  TestNode primary(at_once());
  TestNode replica(at_once());
  tell_the_story<TestNode, TestNode>(primary, replica, [](TestNode& node) { node.call({"CUT"}); });
}

TEST(ReplicationDriver, NodesWithATableForEachSlotFollowEachOther) {
  ServerConfig config = at_once();
  config.cluster_enabled = true;
  TestNode primary(config);
  TestNode replica(config);
  tell_the_story<TestNode, TestNode>(primary, replica, [](TestNode& node) { node.call({"CUT"}); });
}

TEST(ReplicationDriver, RedisFollowsUsThroughCutsAndAPromotion) {
  TestNode primary(at_once());
  RedisServer replica;
  tell_the_story<TestNode, RedisServer>(primary, replica,
                                        [](TestNode& node) { node.call({"CUT"}); });
}

TEST(ReplicationDriver, WeFollowRedisThroughCutsAndAPromotion) {
  RedisServer primary;
  TestNode replica(at_once());
  tell_the_story<RedisServer, TestNode>(primary, replica, [](RedisServer& server) {
    server.call({"CLIENT", "KILL", "TYPE", "replica"});
  });
}

TEST(ReplicationDriver, FilesOnDiskServeReplicasToo) {
  ServerConfig config = at_once();
  config.repl_diskless_sync = false;
  TestNode primary(config);
  primary.call({"BULK", "20000"});
  TestNode ours(at_once());
  RedisServer redis;
  follow(ours, primary);
  follow(redis, primary);
  ASSERT_TRUE(follows(ours, primary));
  ASSERT_TRUE(follows(redis, primary));
  write_some(primary, 1);
  ASSERT_TRUE(follows(ours, primary));
  ASSERT_TRUE(follows(redis, primary));
  EXPECT_EQ(ours.content(), primary.content());
  EXPECT_EQ(redis.content(), primary.content());

  RedisServer from_file({"--repl-diskless-sync", "no"});
  from_file.call({"SET", "k", "v"});
  TestNode replica(at_once());
  follow(replica, from_file);
  ASSERT_TRUE(follows(replica, from_file));
  EXPECT_EQ(replica.content(), from_file.content());
}

TEST(ReplicationDriver, AChainPassesTheStreamOnAndSurvivesItsTop) {
  TestNode top(at_once());
  TestNode middle(at_once());
  RedisServer low;
  TestNode last(at_once());
  top.call({"SELECT", "2"});
  top.call({"SET", "first", "1"});
  follow(middle, top);
  ASSERT_TRUE(follows(middle, top));
  follow(low, middle);
  ASSERT_TRUE(follows(low, top));
  follow(last, low);
  ASSERT_TRUE(follows(last, top));
  // No SELECT comes any more: the snapshots said which database the stream is in.
  top.call({"SET", "second", "2"});
  for (int i = 0; i < 3; ++i) {
    write_some(top, i);
    ASSERT_TRUE(follows(last, top));
    EXPECT_EQ(last.content(), top.content());
    EXPECT_EQ(low.content(), top.content());
  }
  middle.call({"REPLICAOF", "NO", "ONE"});
  write_some(middle, 9);
  ASSERT_TRUE(follows(last, middle));
  EXPECT_EQ(last.content(), middle.content());
  EXPECT_EQ(middle.info("sync_full"), "1");
  follow(top, middle);
  ASSERT_TRUE(follows(top, middle));
  EXPECT_EQ(middle.info("sync_full"), "1");
  EXPECT_EQ(top.content(), middle.content());
}

TEST(ReplicationDriver, SeveralReplicasShareOneSnapshotWhileWritesGoOn) {
  ServerConfig config;
  config.repl_diskless_sync_delay = 60;
  config.repl_diskless_sync_max_replicas = 3;
  TestNode primary(config);
  primary.call({"BULK", "20000"});
  TestNode one(at_once());
  RedisServer two;
  TestNode three(at_once());
  follow(one, primary);
  follow(two, primary);
  ASSERT_TRUE(eventually([&] { return primary.info("replicas_waiting_psync") == "2"; }));
  EXPECT_NE(primary.info("slave0").find("state=wait_bgsave"), std::string::npos);
  follow(three, primary);
  for (int i = 0; i < 20; ++i) write_some(primary, i);
  ASSERT_TRUE(follows(one, primary));
  ASSERT_TRUE(follows(two, primary));
  ASSERT_TRUE(follows(three, primary));
  EXPECT_EQ(primary.info("sync_full"), "3");
  EXPECT_EQ(one.content(), primary.content());
  EXPECT_EQ(two.content(), primary.content());
  EXPECT_EQ(three.content(), primary.content());
}

TEST(ReplicationDriver, AcksCountForWait) {
  TestNode primary(at_once());
  TestNode ours(at_once());
  RedisServer redis;
  follow(ours, primary);
  follow(redis, primary);
  ASSERT_TRUE(follows(ours, primary));
  ASSERT_TRUE(follows(redis, primary));
  primary.call({"SET", "k", "v"});
  const std::string offset = primary.info("master_repl_offset");
  EXPECT_TRUE(eventually([&] { return primary.call({"ACKED", offset}).integer == 2; }));
  EXPECT_EQ(primary.call({"ACKED", "999999999"}).integer, 0);
}

TEST(ReplicationDriver, ASourceThatKeepsStillAsksForNothing) {
  TestNode primary(at_once());
  TestNode replica(at_once());
  follow(replica, primary);
  ASSERT_TRUE(follows(replica, primary));
  primary.call({"STILL", "yes"});
  const std::string offset = primary.info("master_repl_offset");
  primary.call({"ACKED", "0"});
  EXPECT_EQ(primary.info("master_repl_offset"), offset);
  // What was asked for meanwhile is made up for.
  primary.call({"STILL", "no"});
  EXPECT_NE(primary.info("master_repl_offset"), offset);
}

TEST(ReplicationDriver, KnowsWhetherItWasEverInSync) {
  auto primary = std::make_unique<TestNode>(at_once());
  TestNode replica(at_once());
  EXPECT_EQ(replica.call({"CONTACT"}).text, "never");
  replica.call({"REPLICAOF", "127.0.0.1", std::to_string(free_port())});
  EXPECT_EQ(replica.call({"CONTACT"}).text, "never");
  follow(replica, *primary);
  ASSERT_TRUE(follows(replica, *primary));
  EXPECT_EQ(replica.call({"CONTACT"}).text, "past");
  primary.reset();
  ASSERT_TRUE(eventually([&] { return replica.info("master_link_status") == "down"; }));
  EXPECT_EQ(replica.call({"CONTACT"}).text, "past");
  // Whomever it follows next: this is how old its data is.
  replica.call({"REPLICAOF", "127.0.0.1", std::to_string(free_port())});
  EXPECT_EQ(replica.call({"CONTACT"}).text, "past");
}

TEST(ReplicationDriver, FailoverHandsTheRoleOverWithoutAFullSync) {
  TestNode primary(at_once());
  TestNode ours(at_once());
  RedisServer redis;
  follow(ours, primary);
  follow(redis, primary);
  ASSERT_TRUE(follows(ours, primary));
  ASSERT_TRUE(follows(redis, primary));
  write_some(primary, 1);
  EXPECT_TRUE(primary.call({"FAILOVER", "TO", "127.0.0.1", "1"}).is_error());
  ASSERT_FALSE(
      primary.call({"FAILOVER", "TO", "127.0.0.1", std::to_string(redis.port())}).is_error());
  ASSERT_TRUE(eventually([&] { return redis.info("role") == "master"; }));
  ASSERT_TRUE(follows(primary, redis));
  EXPECT_EQ(primary.info("master_failover_state"), "no-failover");
  EXPECT_EQ(redis.info("sync_full"), "0");
  // And Redis hands over to us, by its own FAILOVER.
  redis.call({"SET", "more", "data"});
  ASSERT_TRUE(follows(primary, redis));
  ASSERT_FALSE(
      redis.call({"FAILOVER", "TO", "127.0.0.1", std::to_string(primary.port())}).is_error());
  ASSERT_TRUE(eventually([&] { return primary.info("role") == "master"; }));
  ASSERT_TRUE(follows(redis, primary));
  EXPECT_EQ(redis.content(), primary.content());
}

// A primary made of text: answers the handshake, then sends `snapshot` and waits.
std::string full_sync_of(const std::string& snapshot, size_t claimed) {
  return "+FULLRESYNC " + std::string(40, 'a') + " 1\r\n$" + std::to_string(claimed) + "\r\n" +
         snapshot;
}

TEST(ReplicationDriver, ABrokenFullSyncLeavesTheOldDataInService) {
  RedisServer source;
  for (int i = 0; i < 50; ++i) source.call({"SET", "k" + std::to_string(i), "new"});
  // Take a real snapshot by hand.
  TestClient thief(source.port());
  thief.send("SYNC\r\n");
  std::string stolen;
  while (stolen.find("\xff") == std::string::npos || stolen.find("k49") == std::string::npos) {
    stolen += thief.receive();
  }
  const size_t header = stolen.find("\r\n", stolen.find('$')) + 2;
  const size_t size = std::stoul(stolen.substr(stolen.find('$') + 1));
  while (stolen.size() < header + size) stolen += thief.receive();
  const std::string good = stolen.substr(header, size);
  std::string bad = good;
  bad[bad.size() / 2] ^= 1;

  TestNode replica(at_once());
  replica.call({"SET", "old", "data"});
  const std::string snapshots[] = {
      full_sync_of(bad, bad.size()),                     // a flipped bit
      full_sync_of(good.substr(0, size / 2), size),      // breaks off
      full_sync_of(good.substr(0, size / 2), size / 2),  // claims to be whole
      full_sync_of("hello, this is no snapshot", 26),    // nonsense
      full_sync_of(good + good, 2 * size),               // more than a snapshot
      full_sync_of(good, size)};
  for (const std::string& snapshot : snapshots) {
    const int port = free_port();
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::listen(listener, 8);
    replica.call({"REPLICAOF", "127.0.0.1", std::to_string(port)});
    const int fd = ::accept(listener, nullptr, nullptr);
    std::string heard;
    char bytes[4096];
    const auto read_until = [&](const char* what) {
      while (heard.find(what) == std::string::npos) {
        const ssize_t got = ::recv(fd, bytes, sizeof bytes, 0);
        if (got <= 0) return;
        heard.append(bytes, static_cast<size_t>(got));
      }
    };
    const auto say = [&](const std::string& text) {
      EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(text.size()));
    };
    read_until("PING\r\n");
    say("+PONG\r\n");
    read_until("VERSION\r\n");
    say("+OK\r\n+OK\r\n+OK\r\n");
    read_until("PSYNC\r\n");
    say(snapshot);
    const bool last = &snapshot == &snapshots[5];
    if (last) {
      ASSERT_TRUE(eventually([&] { return replica.info("master_link_status") == "up"; }));
      EXPECT_EQ(replica.content(), source.content());
    } else {
      if (&snapshot == &snapshots[1]) ::shutdown(fd, SHUT_RDWR);
      // It hangs up and tries again; we are not there any more.
      ::close(listener);
      ASSERT_TRUE(eventually([&] {
        return replica.info("master_sync_in_progress") == "0" &&
               replica.call({"ROLE"}).elements[3].text == "connect";
      }));
      EXPECT_EQ(replica.content(), "0 old data\n");
    }
    ::close(fd);
    if (last) ::close(listener);
    replica.call({"REPLICAOF", "NO", "ONE"});
  }
}

TEST(ReplicationDriver, AReplicaThatDoesNotReadKeepsNobodyWaitingAndIsDropped) {
  ServerConfig config = at_once();
  config.client_output_buffer_limit.replica = {.hard_bytes = 8 << 20, .soft_bytes = 0};
  TestNode primary(config);
  TestNode good(at_once());
  follow(good, primary);
  ASSERT_TRUE(follows(good, primary));
  TestClient stuck(primary.port());
  EXPECT_EQ(stuck.call({"REPLCONF", "listening-port", "1"}).text, "OK");
  stuck.send("PSYNC ? -1\r\n");
  ASSERT_TRUE(eventually([&] { return primary.info("connected_slaves") == "2"; }));
  ASSERT_TRUE(eventually([&] {
    for (int i = 0; i < 20; ++i) primary.call({"SET", "big", std::string(100'000, 'x')});
    return primary.info("connected_slaves") == "1";
  }));
  ASSERT_TRUE(follows(good, primary));
  EXPECT_EQ(good.content(), primary.content());
}

TEST(ReplicationDriver, HostileRequestsGetErrorsOnly) {
  TestNode node(at_once());
  TestClient client(node.port());
  EXPECT_TRUE(client.call({"REPLCONF", "odd"}).is_error());
  EXPECT_TRUE(client.call({"REPLCONF", "listening-port", "many"}).is_error());
  EXPECT_TRUE(client.call({"PSYNC", "?", "nonsense"}).is_error());
  EXPECT_TRUE(client.call({"PSYNC", "x", "1", "FAILOVER"}).is_error());
  EXPECT_TRUE(node.call({"FAILOVER"}).is_error());
  EXPECT_TRUE(node.call({"FAILOVER", "ABORT"}).is_error());
  EXPECT_TRUE(node.call({"FAILOVER", "TO", "x"}).is_error());
  EXPECT_TRUE(node.call({"FAILOVER", "TO", "x", "1", "FORCE"}).is_error());
  // Strangers that introduce themselves and leave.
  for (int i = 0; i < 1500; ++i) {
    TestClient stranger(node.port());
    stranger.send("REPLCONF listening-port 1\r\n");
  }
  EXPECT_EQ(node.info("connected_slaves"), "0");
  EXPECT_EQ(client.call({"PING"}).text, "PONG");
}

}  // namespace
}  // namespace redan
