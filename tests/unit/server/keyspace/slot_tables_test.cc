// What a cluster node asks of its keyspace: one table for each slot that has keys.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/base/crc16.h"
#include "server/keyspace/keyspace.h"

namespace redan {
namespace {

struct Listener final : KeyspaceObserver {
  std::set<std::string, std::less<>> gone, written;
  void expired(int, std::string_view key) override { EXPECT_TRUE(gone.emplace(key).second); }
  void changed(int, std::string_view key) override { written.emplace(key); }
  void flushing(int) override {}
};

TEST(SlotTables, ASlotIsCountedListedAndDropped) {
  Keyspace keyspace({.databases = 1, .seed = 7, .slots = true});
  for (int i = 0; i < 5000; ++i) {
    keyspace.set_string(0, (i % 5 == 0 ? "{a}" : "") + std::to_string(i), "v",
                        i % 2 == 0 ? SetExpiry::at(INT64_MAX) : SetExpiry{});
  }
  const Slot slot = slot_of_key("a");
  const size_t in_slot = keyspace.slot_size(slot);
  EXPECT_GE(in_slot, 1000U);
  EXPECT_EQ(keyspace.keys_in_slot(slot, 17).size(), 17U);
  const std::vector<std::string> keys = keyspace.keys_in_slot(slot, 100'000);
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), in_slot);
  for (const std::string& key : keys) EXPECT_EQ(slot_of_key(key), slot);

  Listener listener;
  keyspace.observe(&listener);
  keyspace.watch_changes(true);
  const uint64_t dirty = keyspace.dirty();
  EXPECT_EQ(keyspace.drop_slot(slot, Keyspace::Free::kLazily), in_slot);
  EXPECT_EQ(listener.written.size(), in_slot);
  EXPECT_EQ(keyspace.dirty(), dirty + in_slot);
  EXPECT_EQ(keyspace.lazy_pending(), in_slot);
  EXPECT_EQ(keyspace.size(0), 5000 - in_slot);
  EXPECT_TRUE(keyspace.keys_in_slot(slot, 1).empty());
  EXPECT_EQ(keyspace.drop_slot(slot, Keyspace::Free::kNow), 0U);
  keyspace.check_invariants();
}

TEST(SlotTables, MemoryOfEmptySlotsIsGivenBack) {
  Keyspace keyspace({.databases = 1, .seed = 7, .slots = true});
  EXPECT_EQ(keyspace.memory_bytes(), 0U);
  for (int i = 0; i < 20'000; ++i) keyspace.set_string(0, std::to_string(i), "v");
  const size_t tables = keyspace.table_count();
  EXPECT_GT(tables, 10'000U);
  for (int i = 0; i < 20'000; ++i) keyspace.erase(0, std::to_string(i));
  // Looking for what is not there makes tables too, and they go as well.
  for (int i = 0; i < 100; ++i) keyspace.change(0, "no" + std::to_string(i));
  EXPECT_GT(keyspace.table_bytes(), 0U);
  keyspace.free_empty_tables();
  EXPECT_EQ(keyspace.table_count(), 0U);
  EXPECT_EQ(keyspace.memory_bytes(), 0U);
  keyspace.check_invariants();
}

TEST(SlotTables, ReadingMakesNoTable) {
  Keyspace keyspace({.databases = 1, .seed = 7, .slots = true});
  EXPECT_EQ(keyspace.read(0, "a"), nullptr);
  EXPECT_EQ(keyspace.peek(0, "b"), nullptr);
  EXPECT_EQ(keyspace.random(0), nullptr);
  EXPECT_EQ(keyspace.table_count(), 0U);
}

// The chance of a key does not depend on how many keys its slot has.
TEST(SlotTables, RandomIsFairAcrossSlots) {
  Keyspace keyspace({.databases = 1, .seed = 7, .slots = true});
  constexpr int kLonely = 50, kTogether = 50, kDraws = 40'000;
  for (int i = 0; i < kLonely; ++i) keyspace.set_string(0, "lonely" + std::to_string(i), "v");
  for (int i = 0; i < kTogether; ++i) keyspace.set_string(0, "{x}" + std::to_string(i), "v");
  std::map<std::string, int> drawn;
  for (int i = 0; i < kDraws; ++i) ++drawn[std::string(keyspace.random(0)->key())];
  EXPECT_EQ(drawn.size(), size_t{kLonely + kTogether});
  // Chi-square with 99 degrees of freedom: 149 is passed once in a thousand times.
  double chi = 0;
  const double expected = double{kDraws} / (kLonely + kTogether);
  for (const auto& [key, times] : drawn) chi += (times - expected) * (times - expected) / expected;
  EXPECT_LT(chi, 149);
}

TEST(SlotTables, TheExpiryCycleFindsTheKeysOfEverySlot) {
  Keyspace keyspace({.databases = 1, .seed = 7, .slots = true});
  Listener listener;
  keyspace.observe(&listener);
  keyspace.set_now(from_unix_ms(1000));
  std::set<std::string, std::less<>> expected;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = (i % 3 == 0 ? "{x}" : "") + std::to_string(i);
    keyspace.set_string(0, key, "v", i % 4 == 0 ? SetExpiry::at(1000 + i) : SetExpiry{});
    if (i % 4 == 0 && 1000 + i <= 11'000) expected.insert(key);
  }
  EXPECT_EQ(keyspace.expiring(0), 5000U);
  keyspace.set_now(from_unix_ms(11'000));
  keyspace.set_replica(true);
  EXPECT_TRUE(keyspace.expire_some(100).round_done);
  EXPECT_TRUE(listener.gone.empty());
  keyspace.set_replica(false);
  // A table that shrinks meanwhile may hide a key from one round, not from two.
  for (int round = 0; round < 2; ++round) {
    while (!keyspace.expire_some(50).round_done) {
    }
  }
  EXPECT_EQ(listener.gone, expected);
  EXPECT_EQ(keyspace.size(0), 20'000 - expected.size());
  EXPECT_GT(keyspace.average_ttl_ms(0), 0);
  keyspace.check_invariants();
}

// A key that expires while a snapshot runs was there at the mark, in a table that nobody wrote to.
TEST(SlotTables, ASnapshotHasWhatExpiredBehindItsMark) {
  struct Names final : SnapshotSink {
    std::set<std::string, std::less<>> seen;
    void emit(int db, const Entry& entry) override {
      EXPECT_EQ(db, 0);
      EXPECT_TRUE(seen.emplace(entry.key()).second);
    }
  } names;
  Keyspace keyspace({.databases = 1, .seed = 7, .slots = true});
  keyspace.set_now(from_unix_ms(1000));
  for (int i = 0; i < 3000; ++i) {
    keyspace.set_string(0, (i % 3 == 0 ? "{x}" : "") + std::to_string(i), "v",
                        SetExpiry::at(i % 2 == 0 ? 2000 : 90'000));
  }
  keyspace.begin_snapshot(&names);
  keyspace.set_now(from_unix_ms(2000));
  for (int i = 0; i < 300; ++i) keyspace.read(0, std::to_string(i));
  for (int i = 0; i < 300; ++i) keyspace.random(0);
  while (!keyspace.expire_some(100).round_done) {
  }
  keyspace.rehash_some(100'000);
  keyspace.free_empty_tables();
  while (keyspace.walk_snapshot(64)) {
  }
  EXPECT_EQ(names.seen.size(), 3000U);
  EXPECT_LT(keyspace.size(0), 1600U);
  keyspace.check_invariants();
}

// What a streaming migration sends: its slots as they were at the mark, whatever is written then.
TEST(SlotTables, ASnapshotOfSomeSlotsLeavesTheOthersAlone) {
  struct Values final : SnapshotSink {
    std::map<std::string, std::string, std::less<>> seen;
    void emit(int, const Entry& entry) override {
      Entry::Scratch scratch;
      EXPECT_TRUE(seen.emplace(entry.key(), entry.string(scratch)).second);
    }
  } values;
  Keyspace keyspace({.databases = 1, .seed = 7, .slots = true});
  for (int i = 0; i < 4000; ++i) {
    const char* tag = i % 4 == 0 ? "{a}" : i % 4 == 1 ? "{b}" : "";
    keyspace.set_string(0, tag + std::to_string(i), "old");
  }
  SlotSet moving;
  for (const char* tag : {"a", "b", "nothing is here"}) moving.add(slot_of_key(tag));
  std::set<std::string> expected;
  moving.for_each([&](Slot slot) {
    for (std::string& key : keyspace.keys_in_slot(slot, 10'000)) expected.insert(std::move(key));
  });
  keyspace.begin_snapshot(&values, &moving);
  for (int i = 0; i < 400; ++i) keyspace.set_string(0, "{a}" + std::to_string(4 * i), "new");
  for (int i = 0; i < 100; ++i) keyspace.set_string(0, "{b}later" + std::to_string(i), "new");
  for (int i = 0; i < 100; ++i) keyspace.erase(0, "{b}" + std::to_string(4 * i + 1));
  for (int i = 0; i < 400; ++i) keyspace.set_string(0, std::to_string(4 * i + 2), "new");
  while (keyspace.walk_snapshot(16)) {
  }
  EXPECT_FALSE(keyspace.in_snapshot());
  EXPECT_EQ(values.seen.size(), expected.size());
  for (const auto& [key, value] : values.seen) {
    EXPECT_EQ(value, "old") << key;
    EXPECT_TRUE(expected.contains(key)) << key;
  }
  keyspace.check_invariants();
}

TEST(SlotTables, KeysOnTheirWayHereAreNeitherShownNorExpired) {
  Keyspace keyspace({.databases = 1, .seed = 7, .slots = true});
  Listener listener;
  keyspace.observe(&listener);
  SlotSet coming;
  coming.add(slot_of_key("a"));
  keyspace.hold_slots(coming);
  keyspace.set_now(from_unix_ms(1000));
  keyspace.set_string(0, "{a}1", "v", SetExpiry::at(1500));
  keyspace.set_string(0, "{a}2", "v");
  EXPECT_EQ(keyspace.random(0), nullptr);
  keyspace.set_string(0, "mine", "v", SetExpiry::at(1500));
  EXPECT_EQ(keyspace.size(0), 1U);
  EXPECT_EQ(keyspace.slot_size(slot_of_key("a")), 2U);
  size_t listed = 0;
  keyspace.for_each(0, [&](const Entry&) { ++listed; });
  for (uint64_t cursor = 0;;) {
    cursor = keyspace.scan(0, cursor, [&](const Entry&) { ++listed; });
    if (cursor == 0) break;
  }
  EXPECT_EQ(listed, 2U) << "the one that is ours, twice";
  EXPECT_EQ(keyspace.random(0)->key(), "mine");

  keyspace.set_now(from_unix_ms(2000));
  while (!keyspace.expire_some(100).round_done) {
  }
  EXPECT_EQ(keyspace.peek(0, "{a}1"), nullptr) << "expired: hidden";
  EXPECT_EQ(listener.gone, (std::set<std::string, std::less<>>{"mine"}));
  // Its owner's clock may be behind ours: what it does to the key is done here too.
  keyspace.set_applying_stream(true);
  EXPECT_TRUE(keyspace.set_expiry(0, "{a}1", Entry::kNoExpiry));
  keyspace.set_applying_stream(false);
  keyspace.hold_slots({});
  EXPECT_NE(keyspace.peek(0, "{a}1"), nullptr);
  EXPECT_EQ(keyspace.size(0), 2U);
  keyspace.check_invariants();
}

TEST(SlotTables, AnyCursorIsSafe) {
  Keyspace keyspace({.databases = 1, .seed = 7, .slots = true});
  for (int i = 0; i < 1000; ++i) keyspace.set_string(0, "{y}" + std::to_string(i), "v");
  Rng rng(1);
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t cursor = rng.next() >> rng.below(64);
    const uint64_t next = keyspace.scan(0, cursor, [](const Entry&) {});
    EXPECT_TRUE(next == 0 || (next & 16383) >= (cursor & 16383));
  }
}

}  // namespace
}  // namespace redan
