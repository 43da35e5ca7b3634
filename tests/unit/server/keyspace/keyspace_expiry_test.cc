// Keys that expire, as seen by primaries, replicas and writers, and by who listens.
#include <gtest/gtest.h>

#include <map>

#include "server/data/listpack.h"
#include "server/keyspace/keyspace.h"

namespace redan {
namespace {

struct Listener final : KeyspaceObserver {
  std::vector<std::string> gone;
  std::vector<std::string> written;
  std::vector<int> flushes;
  void expired(int db, std::string_view key) override {
    gone.push_back(std::to_string(db) + ":" + std::string(key));
  }
  void changed(int db, std::string_view key) override {
    written.push_back(std::to_string(db) + ":" + std::string(key));
  }
  void flushing(int db) override { flushes.push_back(db); }
};

struct Fixture {
  Fixture() {
    keyspace.observe(&listener);
    keyspace.set_now(from_unix_ms(1000));
    keyspace.set_string(0, "a", "old", SetExpiry::at(2000));
    keyspace.set_now(from_unix_ms(3000));
  }
  Keyspace keyspace{{.databases = 2, .seed = 1}};
  Listener listener;
};

TEST(Expiry, AKeyThatIsMetIsReportedOnceAndByName) {
  Fixture f;
  EXPECT_EQ(f.keyspace.peek(0, "a"), nullptr);
  EXPECT_EQ(f.keyspace.peek(0, "a"), nullptr);
  EXPECT_EQ(f.listener.gone, std::vector<std::string>{"0:a"});
  EXPECT_EQ(f.keyspace.dirty(), 1U);  // the SET alone
}

TEST(Expiry, AWriterFindsThePlaceFreeOnPrimaryAndReplica) {
  for (const bool replica : {false, true}) {
    Fixture f;
    f.keyspace.set_replica(replica);
    EXPECT_FALSE(f.keyspace.change(0, "a"));
    f.keyspace.set_string(0, "a", "new");
    EXPECT_EQ(f.keyspace.size(0), 1U);
    EXPECT_EQ(f.keyspace.peek(0, "a")->expiry_ms(), Entry::kNoExpiry);
    f.keyspace.check_invariants();
  }
}

TEST(Expiry, OverwritingAHiddenKeyOfAReplicaLeavesOneKey) {
  Fixture f;
  f.keyspace.set_replica(true);
  f.keyspace.set_string(0, "a", "new");  // without a look before
  EXPECT_EQ(f.keyspace.size(0), 1U);
  f.keyspace.check_invariants();
}

TEST(Expiry, CopyAndMoveOntoAHiddenKeyReplaceIt) {
  Fixture f;
  f.keyspace.set_replica(true);
  f.keyspace.set_string(0, "b", "value");
  ASSERT_EQ(f.keyspace.peek(0, "a"), nullptr);
  f.keyspace.copy(0, "b", 0, "a");
  EXPECT_EQ(f.keyspace.size(0), 2U);
  f.keyspace.set_string(1, "a", "x", SetExpiry::at(1));
  f.keyspace.move(0, "a", 1);
  EXPECT_EQ(f.keyspace.size(0), 1U);
  EXPECT_EQ(f.keyspace.size(1), 1U);
  f.keyspace.check_invariants();
}

TEST(Expiry, ThePrimarysStreamSeesWhatThePrimaryHasNotDeleted) {
  Fixture f;
  f.keyspace.set_replica(true);
  f.keyspace.set_applying_stream(true);
  EXPECT_NE(f.keyspace.peek(0, "a"), nullptr);
  EXPECT_TRUE(f.keyspace.change(0, "a"));
  f.keyspace.set_applying_stream(false);
  EXPECT_EQ(f.keyspace.peek(0, "a"), nullptr);
  EXPECT_TRUE(f.listener.gone.empty());
}

TEST(Expiry, WhilePausedKeysAreHiddenAndStay) {
  Fixture f;
  f.keyspace.pause_expiry(true);
  EXPECT_EQ(f.keyspace.read(0, "a"), nullptr);
  while (!f.keyspace.expire_some(100).round_done) {
  }
  EXPECT_EQ(f.keyspace.size(0), 1U);
  f.keyspace.pause_expiry(false);
  EXPECT_EQ(f.keyspace.read(0, "a"), nullptr);
  EXPECT_EQ(f.keyspace.size(0), 0U);
}

TEST(Expiry, TheCycleOfAReplicaDeletesNothing) {
  Fixture f;
  f.keyspace.set_replica(true);
  while (!f.keyspace.expire_some(100).round_done) {
  }
  EXPECT_EQ(f.keyspace.size(0), 1U);
}

TEST(Expiry, TheCycleReportsEachKeyAndKeepsTheOthers) {
  Keyspace keyspace({.databases = 3, .seed = 5});
  Listener listener;
  keyspace.observe(&listener);
  keyspace.set_now(from_unix_ms(1000));
  std::map<std::string, bool> expected;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = "k" + std::to_string(i);
    keyspace.set_string(i % 3, key, "v", i % 4 == 0 ? SetExpiry::at(1000 + i) : SetExpiry{});
    if (i % 4 == 0 && 1000 + i <= 11'000) expected[std::to_string(i % 3) + ":" + key] = true;
  }
  keyspace.set_now(from_unix_ms(11'000));
  // A table that shrinks meanwhile may hide a key from one round, not from two.
  for (int round = 0; round < 2; ++round) {
    while (!keyspace.expire_some(50).round_done) {
    }
  }
  std::map<std::string, bool> reported;
  for (const std::string& key : listener.gone) EXPECT_TRUE(reported.emplace(key, true).second);
  EXPECT_EQ(reported, expected);
  EXPECT_EQ(keyspace.total_size(), 20'000 - expected.size());
  EXPECT_GT(keyspace.average_ttl_ms(0), 0);
  keyspace.check_invariants();
}

TEST(Expiry, RandomNeverNamesAnExpiredKeyOfAPrimary) {
  Keyspace keyspace({.databases = 1, .seed = 5});
  keyspace.set_now(from_unix_ms(1000));
  for (int i = 0; i < 200; ++i) {
    keyspace.set_string(0, "k" + std::to_string(i), "v", i > 0 ? SetExpiry::at(1500) : SetExpiry{});
  }
  keyspace.set_now(from_unix_ms(2000));
  for (int i = 0; i < 300; ++i) {
    const Entry* entry = keyspace.random(0);
    EXPECT_TRUE(entry == nullptr || entry->key() == "k0");
  }
  EXPECT_EQ(keyspace.size(0), 1U);
}

TEST(Expiry, TtlCanBeSetChangedAndTakenAway) {
  Keyspace keyspace({.databases = 1, .seed = 5});
  for (const std::string& value :
       {std::string("inline"), std::string("12"), std::string(900, 'x')}) {
    keyspace.set_string(0, "k", value);
    EXPECT_TRUE(keyspace.set_expiry(0, "k", 5000));
    EXPECT_TRUE(keyspace.set_expiry(0, "k", 7000));
    Entry::Scratch scratch;
    EXPECT_EQ(keyspace.peek(0, "k")->expiry_ms(), 7000);
    EXPECT_EQ(keyspace.peek(0, "k")->string(scratch), value);
    keyspace.set_string(0, "k", value + "1", SetExpiry::keep());
    EXPECT_EQ(keyspace.peek(0, "k")->expiry_ms(), 7000);
    EXPECT_EQ(keyspace.expiring(0), 1U);
    keyspace.check_invariants();
    EXPECT_TRUE(keyspace.set_expiry(0, "k", Entry::kNoExpiry));
    EXPECT_EQ(keyspace.expiring(0), 0U);
    EXPECT_EQ(keyspace.peek(0, "k")->string(scratch), value + "1");
    keyspace.check_invariants();
  }
  EXPECT_FALSE(keyspace.set_expiry(0, "missing", 1));
}

TEST(Observer, HearsOfChangesOnlyWhenAsked) {
  Fixture f;
  f.listener.written.clear();
  f.keyspace.set_string(0, "x", "1");
  EXPECT_TRUE(f.listener.written.empty());
  f.keyspace.watch_changes(true);
  f.keyspace.set_string(0, "x", "2");
  f.keyspace.rename(0, "x", "y");
  f.keyspace.move(0, "y", 1);
  f.keyspace.erase(1, "y");
  EXPECT_EQ(f.listener.written,
            (std::vector<std::string>{"0:x", "0:x", "0:y", "0:y", "1:y", "1:y"}));
  f.keyspace.swap(0, 1);
  f.keyspace.flush(-1, Keyspace::Free::kNow);
  EXPECT_EQ(f.listener.flushes, (std::vector<int>{0, 1, 0, 1, -1}));
}

TEST(Observer, HearsOfKeysThatComeAndOfKeysThatAreMissed) {
  struct Arrivals final : KeyspaceObserver {
    std::string heard;
    void expired(int, std::string_view) override {}
    void changed(int, std::string_view) override {}
    void flushing(int) override {}
    void created(int db, std::string_view key) override {
      heard += "+" + std::to_string(db) + std::string(key) + " ";
    }
    void missed(int db, std::string_view key) override {
      heard += "?" + std::to_string(db) + std::string(key) + " ";
    }
  } arrivals;
  Keyspace keyspace({.databases = 2, .seed = 1});
  keyspace.observe(&arrivals);
  keyspace.set_string(0, "unseen", "v");
  keyspace.read(0, "missing");
  keyspace.watch_creation(true);
  keyspace.watch_misses(true);
  const auto list = [] { return StoredValue::packed(ValueType::kList, Listpack::empty_bytes()); };
  keyspace.set_string(0, "a", "v");
  keyspace.set_string(0, "a", "again");
  keyspace.set_integer(1, "b", 7);
  keyspace.set_value(0, "c", list());
  keyspace.set_value(0, "c", list());
  keyspace.create(0, "d", keyspace.change(0, "d"), list());
  keyspace.rename(0, "a", "e");
  keyspace.move(0, "e", 1);
  keyspace.copy(1, "e", 0, "f");
  EXPECT_EQ(std::exchange(arrivals.heard, ""), "+0a +1b +0c +0d +0e +1e +0f ");
  keyspace.read(0, "a");
  keyspace.glance(0, "a");
  keyspace.peek(0, "a");
  keyspace.change(0, "a");
  keyspace.load_string(0, "loaded", "v", Entry::kNoExpiry);
  EXPECT_EQ(arrivals.heard, "?0a ?0a ");
}

TEST(Access, IdleTimeAndFrequencyFollowReads) {
  Keyspace keyspace({.databases = 1, .seed = 5});
  keyspace.set_now(from_unix_ms(100'000));
  keyspace.set_string(0, "k", "v");
  keyspace.set_now(from_unix_ms(160'000));
  EXPECT_EQ(keyspace.idle_s(*keyspace.peek(0, "k")), 60);
  keyspace.set_touching(false);
  EXPECT_EQ(keyspace.idle_s(*keyspace.read(0, "k")), 60);
  keyspace.set_touching(true);
  EXPECT_EQ(keyspace.idle_s(*keyspace.read(0, "k")), 0);
  keyspace.set_idle(0, "k", 1000);
  EXPECT_EQ(keyspace.idle_s(*keyspace.peek(0, "k")), 1000);

  keyspace.set_clock(EvictionClock::kLfu, 10, 1);
  keyspace.set_string(0, "f", "v");
  EXPECT_EQ(keyspace.frequency(*keyspace.peek(0, "f")), 5);
  for (int i = 0; i < 1000; ++i) keyspace.read(0, "f");
  const int64_t after = keyspace.frequency(*keyspace.peek(0, "f"));
  EXPECT_GT(after, 10);
  EXPECT_LT(after, 100);
  keyspace.set_now(from_unix_ms(160'000 + 3 * 60'000));
  EXPECT_EQ(keyspace.frequency(*keyspace.peek(0, "f")), after - 3);
  keyspace.set_frequency(0, "f", 200);
  EXPECT_EQ(keyspace.frequency(*keyspace.peek(0, "f")), 200);
}

}  // namespace
}  // namespace redan
