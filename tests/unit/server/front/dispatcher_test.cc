#include "server/front/dispatcher.h"

#include <gtest/gtest.h>

#include "common/base/clock.h"
#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

// The fixture's parts behind a dispatcher, which takes requests as a connection brings them.
class DispatcherTest : public CommandTest {
 protected:
  DispatcherTest() {
    stats.commands.resize(commands.size());
    session.authenticated = session.unlimited = true;
  }

  std::string request(std::vector<std::string_view> args, std::string_view raw = "") {
    ByteBuffer out;
    ReplyWriter reply(out, session.resp);
    EXPECT_EQ(dispatcher.execute(session, args, raw, reply), Executed::kDone);
    return std::string(out.view());
  }
  static void spin(Millis span) {
    for (const Instant until = monotonic_now() + span; monotonic_now() < until;) {
    }
  }

  const CommandStats& counted(std::string_view name) {
    return stats.commands[static_cast<size_t>(commands.find(name)->id)];
  }

  Dispatcher dispatcher{parts_};
};

// Durations are taken from the end of one command to the end of the next. What lies between two
// clients of a batch, the system call that reads above all, belongs to neither.
TEST_F(DispatcherTest, TheFirstCommandOfAReadIsNotChargedForTheRead) {
  constexpr Millis kRead(100);
  config.slowlog_log_slower_than = std::chrono::microseconds(kRead).count();
  dispatcher.batch_begins();
  dispatcher.input_begins();
  EXPECT_EQ(request({"PING"}), "+PONG\r\n");
  dispatcher.input_ends();
  spin(kRead);  // The system call that reads: the clock goes on.
  dispatcher.input_begins();
  EXPECT_EQ(request({"PING"}), "+PONG\r\n");
  dispatcher.input_ends();
  EXPECT_EQ(counted("ping").calls, 2u);
  EXPECT_LT(Nanos(counted("ping").nanoseconds), kRead);
  EXPECT_TRUE(logs.slow.entries().empty());
}

TEST_F(DispatcherTest, ACommandThatTakesLongIsChargedAndLogged) {
  constexpr Millis kWork(20);
  config.enable_debug_command = LocalAllowed::kYes;
  config.slowlog_log_slower_than = std::chrono::microseconds(kWork).count() / 2;
  dispatcher.batch_begins();
  dispatcher.input_begins();
  EXPECT_EQ(request({"DEBUG", "SLEEP", "0.02"}), "+OK\r\n");
  ASSERT_EQ(logs.slow.entries().size(), 1u);
  EXPECT_EQ(logs.slow.entries()[0].args, (std::vector<std::string>{"DEBUG", "SLEEP", "0.02"}));
  EXPECT_GE(logs.slow.entries()[0].amount, std::chrono::microseconds(kWork).count() / 2);
}

// Announcing lookups pays where the data is larger than the caches, and costs nothing elsewhere. It
// must be harmless for every type, with names that are there and names that are not.
TEST_F(DispatcherTest, LooksAheadOnceTheDataOutgrowsTheCaches) {
  const auto text = [](std::vector<std::string> words) {
    std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
    for (const auto& word : words)
      bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    return bytes;
  };
  std::string input;
  for (int i = 0; i < 40; ++i) {
    const char* const keys[] = {"hash", "set", "zset", "list", "text:1", "none"};
    const std::string key = keys[i % 6];
    const std::string member = i % 4 == 3 ? std::to_string(i) : "member:" + std::to_string(i);
    input += key == "zset" ? text({"ZADD", key, "1", member}) : text({"SADD", key, member});
  }
  dispatcher.batch_begins();
  dispatcher.input_begins();
  const auto look_at_all = [&] {
    RequestsAhead ahead;
    for (size_t at = 0; at < input.size();) {
      ahead.find(std::string_view(input).substr(at), {});
      ASSERT_GT(ahead.size(), 0U);
      dispatcher.look_ahead(session, ahead);
      for (size_t i = 0; i < ahead.size(); ++i) at += ahead.raw(i).size();
    }
  };
  look_at_all();  // Nothing to announce.
  for (int i = 0; i < 600; ++i) {
    const std::string name = "member:" + std::to_string(i);
    request({"HSET", "hash", name, "value"});
    request({"SADD", "set", i % 2 == 0 ? std::to_string(i) : name});
    request({"ZADD", "zset", "1", name});
    request({"RPUSH", "list", name});
  }
  const std::string large(600, 'v');
  for (int i = 0; i < 2000; ++i) request({"SET", "text:" + std::to_string(i), large});
  ASSERT_TRUE(keyspace.outgrows_caches(0));
  look_at_all();
  dispatcher.input_ends();
}

// Nobody hears the stream, so it is not written; from the moment that a replica asks for it on it
// is, also within one batch.
TEST_F(DispatcherTest, FeedsTheStreamFromTheMomentThatAReplicaAsks) {
  replication.listened = false;
  replication.fed = 7;
  dispatcher.batch_begins();
  dispatcher.input_begins();
  request({"SET", "a", "1"});
  request({"HINCRBYFLOAT", "h", "f", "1.5"});
  EXPECT_EQ(replication.stream, "");
  EXPECT_EQ(session.last_write_offset, 7);
  request({"PSYNC", "?", "-1"});
  request({"SET", "a", "2"});
  EXPECT_EQ(replication.stream, "SET a 2; ");
  EXPECT_EQ(session.last_write_offset, 8);
  // What stands in the stream in place of a request has its own way there.
  request({"HINCRBYFLOAT", "h", "f", "1.5"});
  EXPECT_EQ(replication.stream, "SET a 2; HSET h f 3; ");
  dispatcher.input_ends();
}

// latency-monitor-threshold keeps events on its own, whatever the slow log's threshold is.
TEST_F(DispatcherTest, WhatHoldsTheThreadUpIsALatencyEvent) {
  config.enable_debug_command = LocalAllowed::kYes;
  config.slowlog_log_slower_than = -1;
  config.latency_monitor_threshold = 5;
  dispatcher.batch_begins();
  dispatcher.input_begins();
  EXPECT_EQ(request({"DEBUG", "SLEEP", "0.02"}), "+OK\r\n");
  EXPECT_TRUE(logs.slow.entries().empty());
  ASSERT_NE(logs.latency.find("command"), nullptr);
  EXPECT_GE(logs.latency.find("command")->worst_ms, 20);
  EXPECT_EQ(logs.latency.find("fast-command"), nullptr);
}

TEST_F(DispatcherTest, LargeRequestsAndRepliesAreKept) {
  config.commandlog_request_larger_than = 5000;
  config.commandlog_reply_larger_than = 5000;
  config.commandlog_large_request_max_len = config.commandlog_large_reply_max_len = 10;
  dispatcher.batch_begins();
  dispatcher.input_begins();
  for (const size_t size : {4990, 6000}) {
    const std::string value(size, 'x');
    request({"SET", "k", value}, value);
    dispatcher.input_ends();
    request({"GET", "k"});
    dispatcher.input_ends();
  }
  ASSERT_EQ(logs.large_requests.entries().size(), 1u);
  EXPECT_EQ(logs.large_requests.entries()[0].amount, 6004);
  EXPECT_EQ(logs.large_requests.entries()[0].args[0], "SET");
  ASSERT_EQ(logs.large_replies.entries().size(), 1u);
  EXPECT_EQ(logs.large_replies.entries()[0].amount, 6009);
}

TEST_F(DispatcherTest, HotKeysHearOfEachCall) {
  logs.hot_keys.start({.time = true, .bytes = true}, 0, 1);
  dispatcher.batch_begins();
  dispatcher.input_begins();
  const std::string value(300, 'x');
  request({"MSET", "a", "1", "hot", value}, "raw");
  for (int i = 0; i < 3; ++i) request({"GET", "hot"}, "raw");
  request({"PING"}, "raw");
  dispatcher.input_ends();
  EXPECT_EQ(logs.hot_keys.totals().calls, 5u);
  const auto keys = logs.hot_keys.by_bytes();
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].first, "hot");
  EXPECT_GT(keys[0].second, 900u);
  EXPECT_EQ(logs.hot_keys.by_time_ns()[0].first, "hot");
}

// Quick commands of a pipeline are measured together: all are counted, and where one took long the
// log says that it need not be the one that it shows.
TEST_F(DispatcherTest, QuickCommandsOfAPipelineShareAReading) {
  config.slowlog_log_slower_than = 10'000;
  dispatcher.batch_begins();
  dispatcher.input_begins();
  constexpr std::string_view kRaw = "*2\r\n$3\r\nGET\r\n$1\r\nb\r\n";
  EXPECT_EQ(request({"GET", "a"}, kRaw), "$-1\r\n");
  EXPECT_EQ(counted("get").calls, 0u);  // Not yet.
  spin(Millis(20));
  EXPECT_EQ(request({"GET", "b"}, kRaw), "$-1\r\n");
  EXPECT_EQ(request({"PING"}), "+PONG\r\n");  // Another command ends it.
  EXPECT_EQ(counted("get").calls, 2u);
  EXPECT_GE(Nanos(counted("get").nanoseconds), Millis(20));
  ASSERT_NE(counted("get").latency, nullptr);
  EXPECT_EQ(counted("get").latency->total(), 2u);
  EXPECT_LT(counted("get").latency->percentile_us(50), 10.0);
  ASSERT_EQ(logs.slow.entries().size(), 1u);
  EXPECT_EQ(logs.slow.entries()[0].args,
            (std::vector<std::string>{"GET", "b",
                                      "... (or one of the 1 before it in the same pipeline)"}));
  dispatcher.input_ends();
  EXPECT_EQ(counted("ping").calls, 1u);
  EXPECT_EQ(stats.processed, 3u);
}

TEST_F(DispatcherTest, WhoLogsMicrosecondsGetsEachCallByItself) {
  config.slowlog_log_slower_than = 0;
  dispatcher.batch_begins();
  dispatcher.input_begins();
  request({"GET", "a"});
  EXPECT_EQ(counted("get").calls, 1u);
  EXPECT_EQ(logs.slow.entries().size(), 1u);
}

// A series is short, so that what is measured together is alike.
TEST_F(DispatcherTest, LargeRequestsAndRepliesEndASeries) {
  config.slowlog_log_slower_than = 10'000;
  dispatcher.batch_begins();
  dispatcher.input_begins();
  const std::string large(4096, 'x');
  request({"SET", "k", large}, large);
  EXPECT_EQ(counted("set").calls, 1u);
  request({"GET", "k"});
  EXPECT_EQ(counted("get").calls, 1u);
  for (int i = 0; i < 8; ++i) request({"GET", "missing"});
  EXPECT_EQ(counted("get").calls, 9u);
}

TEST_F(DispatcherTest, AReplicaLeavesMaxmemoryToItsPrimaryIfItMay) {
  replication.replica = true;
  config.replica_read_only = false;
  config.maxmemory = 1;
  stats.used_memory = 2;
  config.replica_ignore_maxmemory = true;
  dispatcher.batch_begins();
  EXPECT_EQ(request({"SET", "k", "v"}), "+OK\r\n");
  config.replica_ignore_maxmemory = false;
  dispatcher.batch_begins();
  EXPECT_EQ(request({"SET", "k", "v"}).substr(0, 4), "-OOM");
  replication.replica = false;
  config.replica_ignore_maxmemory = true;  // Of no meaning for a primary.
  dispatcher.batch_begins();
  EXPECT_EQ(request({"SET", "k", "v"}).substr(0, 4), "-OOM");
}

}  // namespace
}  // namespace redan
