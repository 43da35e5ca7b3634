// maxmemory: what is refused, what goes to make room, and who hears of it.
#include "server/front/memory_limit.h"

#include <gtest/gtest.h>

#include "tests/unit/server/front/dispatcher_fixture.h"

namespace redan {
namespace {

using testing::StartsWith;

class MemoryLimits : public DispatcherFixture {
 protected:
  MemoryLimits() {
    config.maxmemory_samples = 5;
    config.maxmemory_eviction_tenacity = 100;
    config.enable_debug_command = LocalAllowed::kYes;
  }
  // Room for about so many keys of a hundred bytes beside what is there.
  void limit_to(int64_t more_keys) {
    config.maxmemory = static_cast<int64_t>(keyspace.memory_bytes()) + more_keys * 160;
  }
  int64_t used() const { return static_cast<int64_t>(keyspace.memory_bytes()); }
  std::string set(int i) {
    const std::string key = "key:" + std::to_string(i);
    const std::string value(100, 'v');
    return ask(writer, {"SET", key, value});
  }
  TestClient& writer = client();
};

TEST_F(MemoryLimits, WithoutEvictionWritesAreRefusedAndReadsAreNot) {
  set(0);
  config.maxmemory_policy = MaxmemoryPolicy::kNoeviction;
  config.maxmemory = 1;
  EXPECT_EQ(set(1), "-OOM command not allowed when used memory > 'maxmemory'.|");
  EXPECT_THAT(ask(writer, "GET key:0"), StartsWith("$100|"));
  EXPECT_THAT(ask(writer, "SADD s a"), StartsWith("-OOM"));
  EXPECT_EQ(ask(writer, "MULTI"), "+OK|");
  EXPECT_THAT(ask(writer, "GET key:0"), StartsWith("-OOM")) << "a queue takes memory too";
  EXPECT_THAT(ask(writer, "EXEC"), StartsWith("-EXECABORT"));
  EXPECT_EQ(ask(writer, "DEL key:0"), ":1|");
  EXPECT_EQ(keyspace.stats().evicted, 0u);
  EXPECT_TRUE(dispatcher.out_of_memory());
}

TEST_F(MemoryLimits, EveryPolicyMakesRoomAndReplicasHearOfItBeforeTheWrite) {
  for (const MaxmemoryPolicy policy :
       {MaxmemoryPolicy::kAllkeysLru, MaxmemoryPolicy::kAllkeysLfu, MaxmemoryPolicy::kAllkeysRandom,
        MaxmemoryPolicy::kVolatileLru, MaxmemoryPolicy::kVolatileLfu,
        MaxmemoryPolicy::kVolatileRandom, MaxmemoryPolicy::kVolatileTtl}) {
    keyspace.flush(-1, Keyspace::Free::kNow);
    keyspace.reset_stats();
    config.maxmemory = 0;
    config.maxmemory_policy = policy;
    for (int i = 0; i < 200; ++i) set(i);
    for (int i = 0; i < 100; ++i) ask(writer, "EXPIRE key:" + std::to_string(i) + " 1000");
    limit_to(0);
    replication.stream.clear();
    for (int i = 1000; i < 1050; ++i) {
      EXPECT_EQ(set(i), "+OK|");
      EXPECT_LE(used(), config.maxmemory + 320);
    }
    const std::vector<std::string_view> stream = split(replication.stream, ';');
    ASSERT_GT(stream.size(), 90u);
    EXPECT_THAT(stream[stream.size() - 2], StartsWith(" SET key:1049 "));
    EXPECT_THAT(stream[stream.size() - 3], StartsWith(" DEL key:"));
    EXPECT_GE(keyspace.stats().evicted, 48u);
    if (eviction_policy(policy).expiring_only) {
      for (int i = 100; i < 200; ++i) {
        EXPECT_EQ(ask(writer, "EXISTS key:" + std::to_string(i)), ":1|");
      }
    }
    keyspace.check_invariants();
  }
}

TEST_F(MemoryLimits, AVolatilePolicyWithoutSuchKeysRefuses) {
  for (const MaxmemoryPolicy policy :
       {MaxmemoryPolicy::kVolatileLru, MaxmemoryPolicy::kVolatileLfu,
        MaxmemoryPolicy::kVolatileRandom, MaxmemoryPolicy::kVolatileTtl}) {
    config.maxmemory = 0;
    config.maxmemory_policy = policy;
    for (int i = 0; i < 50; ++i) set(i);
    config.maxmemory = used() - 1;
    EXPECT_THAT(set(50), StartsWith("-OOM"));
    EXPECT_EQ(ask(writer, "DBSIZE"), ":50|");
    ask(writer, "EXPIRE key:7 1000");
    EXPECT_EQ(set(3), "+OK|");
    EXPECT_EQ(ask(writer, "EXISTS key:7"), ":0|");
    config.maxmemory = 0;
    set(7);
  }
}

TEST_F(MemoryLimits, MemoryStaysBelowTheLimit) {
  config.maxmemory_policy = MaxmemoryPolicy::kAllkeysLru;
  config.maxmemory = 300'000;
  Rng dice(5);
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = "key:" + std::to_string(dice.below(5000));
    const std::string value(dice.below(400), 'v');
    if (dice.chance(0.2)) {
      const std::string set_key = "set:" + std::to_string(dice.below(100));
      ask(writer, {"SADD", set_key, key, value});
    } else {
      ASSERT_EQ(ask(writer, {"SET", key, value}), "+OK|");
    }
    // Room is made before the command, for what was there then.
    ASSERT_LE(used(), config.maxmemory + 20'000) << i;
  }
  EXPECT_GT(keyspace.stats().evicted, 1000u);
  keyspace.check_invariants();
}

// A batch looks at memory when it begins; a single large write in it is noticed all the same.
TEST_F(MemoryLimits, ABatchOfLargeWritesIsNoticed) {
  config.maxmemory_policy = MaxmemoryPolicy::kNoeviction;
  config.maxmemory = 64 * 1024 * 1024;
  dispatcher.batch_begins();
  const std::string value(1024 * 1024, 'v');
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string key = "key:" + std::to_string(i);
    ByteBuffer out;
    ReplyWriter reply(out, Resp::k2);
    const std::vector<std::string_view> args = {"SET", key, value};
    dispatcher.execute(writer.session, args, "", reply);
    refused += out.view().starts_with("-OOM") ? 1 : 0;
  }
  EXPECT_GT(refused, 30);
  EXPECT_LT(used(), config.maxmemory + 3 * 1024 * 1024);
}

TEST_F(MemoryLimits, AReplicaIsACopyAndEvictsNothingByItself) {
  for (int i = 0; i < 50; ++i) set(i);
  config.maxmemory_policy = MaxmemoryPolicy::kAllkeysLru;
  config.maxmemory = 1;
  config.replica_ignore_maxmemory = true;
  config.replica_read_only = false;
  replication.replica = true;
  EXPECT_EQ(set(50), "+OK|");
  EXPECT_FALSE(dispatcher.wants_to_evict());
  EXPECT_FALSE(dispatcher.evict_for(Nanos::max()));
  EXPECT_EQ(keyspace.stats().evicted, 0u);
  config.replica_ignore_maxmemory = false;
  set(51);
  EXPECT_GT(keyspace.stats().evicted, 0u);
}

TEST_F(MemoryLimits, PausedClientsKeepTheirKeys) {
  for (int i = 0; i < 50; ++i) set(i);
  config.maxmemory_policy = MaxmemoryPolicy::kAllkeysLru;
  config.maxmemory = 1;
  keyspace.pause_expiry(true);
  EXPECT_FALSE(dispatcher.evict_for(Nanos::max()));
  EXPECT_EQ(ask(writer, "DBSIZE"), ":50|");
}

TEST_F(MemoryLimits, SubscribersAndWatchersHearWhatWent) {
  config.notify_keyspace_events.classes = KeyspaceEvents::kKeyevent | KeyspaceEvents::kEvicted;
  TestClient& listener = client();
  ask(listener, "SUBSCRIBE __keyevent@0__:evicted");
  ask(writer, "SET only v");
  ask(writer, "WATCH only");
  dispatcher.batch_begins();
  dispatcher.batch_done();
  config.maxmemory_policy = MaxmemoryPolicy::kAllkeysLru;
  config.maxmemory = 1;
  EXPECT_FALSE(dispatcher.evict_for(Nanos::max()));
  EXPECT_THAT(listener.connection.take(), testing::HasSubstr("|only|"));
  config.maxmemory = 0;
  ask(writer, "MULTI");
  ask(writer, "PING");
  EXPECT_EQ(ask(writer, "EXEC"), "*-1|");
}

TEST_F(MemoryLimits, LazyEvictionIsToldAsUnlink) {
  set(1);
  config.lazyfree_lazy_eviction = true;
  config.maxmemory_policy = MaxmemoryPolicy::kAllkeysRandom;
  config.maxmemory = 1;
  replication.stream.clear();
  EXPECT_THAT(set(2), StartsWith("-OOM")) << "an empty keyspace takes more than this";
  EXPECT_EQ(replication.stream, "UNLINK key:1; ");
}

// A command does not wait for all that must go; idle time does the rest.
TEST_F(MemoryLimits, ACommandEvictsForABoundedTime) {
  for (int i = 0; i < 20'000; ++i) set(i);
  config.maxmemory_policy = MaxmemoryPolicy::kAllkeysLru;
  config.maxmemory_eviction_tenacity = 0;
  config.maxmemory = used() / 2;
  EXPECT_EQ(set(1), "+OK|") << "there is something that may go, so it is not refused";
  EXPECT_GT(used(), config.maxmemory);
  EXPECT_EQ(control.short_of_memory, 1);
  EXPECT_TRUE(stats.memory_exceeded_since.has_value());
  EXPECT_TRUE(dispatcher.evict_for(Nanos(1)));
  EXPECT_FALSE(dispatcher.evict_for(Nanos::max()));
  EXPECT_LE(used(), config.maxmemory);
  EXPECT_FALSE(stats.memory_exceeded_since.has_value());
}

TEST(MemoryLimit, TimeForEvictionFollowsRedisScale) {
  EXPECT_EQ(eviction_time(0), Nanos(0));
  EXPECT_EQ(eviction_time(1), Micros(50));
  EXPECT_EQ(eviction_time(10), Micros(500));
  EXPECT_EQ(eviction_time(11), Micros(575));
  EXPECT_GT(eviction_time(99), Seconds(60));
  EXPECT_EQ(eviction_time(100), Nanos::max());
}

TEST(MemoryLimit, OnlyWhatReplicasStillNeedBeyondTheBacklogIsNotCounted) {
  ServerConfig config;
  config.repl_backlog_size = 1000;
  EXPECT_EQ(uncounted_replication(config, {.buffer_bytes = 900}), 0u);
  EXPECT_EQ(uncounted_replication(config, {.buffer_bytes = 5000}), 4000u);
}

}  // namespace
}  // namespace redan
