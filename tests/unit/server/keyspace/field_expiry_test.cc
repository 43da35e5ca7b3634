// Fields of hashes that expire: found by the cycle wherever their key goes, counted with it.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/data/large_hash.h"
#include "server/keyspace/keyspace.h"

namespace redan {
namespace {

struct Heard final : KeyspaceObserver {
  void expired(int, std::string_view key) override { keys.emplace_back(key); }
  void changed(int, std::string_view) override {}
  void flushing(int) override {}
  void fields_expired(int db, std::string_view key, std::span<const std::string> names,
                      bool key_goes) override {
    for (const std::string& name : names) {
      ASSERT_TRUE(fields[std::to_string(db) + std::string(key)].emplace(name).second);
    }
    if (key_goes) gone.emplace_back(key);
  }
  std::map<std::string, std::set<std::string>> fields;
  std::vector<std::string> keys;
  std::vector<std::string> gone;
};

struct World {
  explicit World(bool slots = false)
      : keyspace({.databases = slots ? 1 : 2, .seed = 7, .slots = slots}) {
    keyspace.observe(&heard);
    set_now_ms(1000);
  }
  void set_now_ms(int64_t ms) { keyspace.set_now(from_unix_ms(ms)); }
  // Fields 0 to n - 1, of which field i expires at `first_ms` + i, and one that stays.
  void make(const std::string& key, int n, int64_t first_ms, bool stays = true) {
    auto hash = std::make_unique<LargeHash>(keyspace.limits().hash_key);
    for (int i = 0; i < n; ++i) {
      hash->set(std::to_string(i), "v");
      hash->set_expiry(std::to_string(i), first_ms + i);
    }
    if (stays) hash->set("stays", "v");
    keyspace.set_value(0, key, StoredValue::of_large(ValueType::kHash, std::move(hash)));
  }
  void run_cycle() {
    for (int i = 0; i < 10'000; ++i) static_cast<void>(keyspace.expire_some(16));
    keyspace.check_invariants();
  }
  size_t fields_of(int db, const std::string& key) {
    const Entry* const entry = keyspace.peek(db, key);
    return entry == nullptr ? 0 : entry->large().size();
  }

  Heard heard;
  Keyspace keyspace;
};

class FieldExpiry : public testing::TestWithParam<bool> {};

TEST_P(FieldExpiry, TheCycleTakesWhatIsDue) {
  World world(GetParam());
  world.make("h", 1000, 2000);
  world.make("all", 10, 2000, false);
  EXPECT_EQ(world.keyspace.expiring_hashes(0), 2U);
  EXPECT_EQ(world.keyspace.expiring(0), 0U);
  world.run_cycle();
  EXPECT_EQ(world.fields_of(0, "h"), 1001U);
  world.set_now_ms(2499);
  world.run_cycle();
  EXPECT_EQ(world.fields_of(0, "h"), 501U);
  EXPECT_EQ(world.heard.fields["0h"].size(), 500U);
  EXPECT_EQ(world.keyspace.stats().expired_fields, 510U);
  EXPECT_EQ(world.heard.gone, std::vector<std::string>{"all"});
  EXPECT_EQ(world.keyspace.peek(0, "all"), nullptr);
  world.set_now_ms(3000);
  world.run_cycle();
  EXPECT_EQ(world.fields_of(0, "h"), 1U);
  EXPECT_EQ(world.keyspace.expiring_hashes(0), 0U);
  EXPECT_TRUE(world.heard.keys.empty());
}

TEST_P(FieldExpiry, AReplicaAndAPauseKeepThem) {
  World world(GetParam());
  world.make("h", 10, 2000);
  world.set_now_ms(5000);
  world.keyspace.set_replica(true);
  world.run_cycle();
  world.keyspace.expire_fields(0, "h");
  world.keyspace.set_replica(false);
  world.keyspace.pause_expiry(true);
  world.run_cycle();
  world.keyspace.expire_fields(0, "h");
  EXPECT_EQ(world.fields_of(0, "h"), 11U);
  world.keyspace.pause_expiry(false);
  world.keyspace.expire_fields(0, "h");
  EXPECT_EQ(world.fields_of(0, "h"), 1U);
  world.keyspace.check_invariants();
}

TEST_P(FieldExpiry, TheFirstAndTheLastDeadlineAreNoticed) {
  World world(GetParam());
  world.make("h", 0, 0);
  EXPECT_EQ(world.keyspace.expiring_hashes(0), 0U);
  const auto set_expiry = [&](int64_t at_ms) {
    Keyspace::Ref ref = world.keyspace.change(0, "h");
    world.keyspace.large<LargeHash>(ref)->set_expiry("stays", at_ms);
  };
  set_expiry(2000);
  EXPECT_EQ(world.keyspace.expiring_hashes(0), 1U);
  world.keyspace.check_invariants();
  set_expiry(HashField::kStays);
  EXPECT_EQ(world.keyspace.expiring_hashes(0), 0U);
  world.keyspace.check_invariants();
  set_expiry(3000);
  // With a deadline of the key itself.
  world.keyspace.set_expiry(0, "h", 9000);
  world.keyspace.check_invariants();
  world.keyspace.set_expiry(0, "h", Entry::kNoExpiry);
  world.set_now_ms(4000);
  world.run_cycle();
  EXPECT_EQ(world.heard.gone, std::vector<std::string>{"h"});
  EXPECT_EQ(world.keyspace.size(0), 0U);
}

INSTANTIATE_TEST_SUITE_P(, FieldExpiry, testing::Bool(), [](const auto& with_slots) {
  return with_slots.param ? "WithSlots" : "WithoutSlots";
});

TEST(FieldExpiryOfKeys, ThatMove) {
  World world;
  Keyspace& keyspace = world.keyspace;
  for (const char* key : {"renamed", "moved", "copied", "replaced", "erased"}) {
    world.make(key, 5, 2000);
  }
  keyspace.rename(0, "renamed", "new name");
  keyspace.move(0, "moved", 1);
  keyspace.copy(0, "copied", 1, "copy");
  keyspace.set_string(0, "replaced", "text");
  keyspace.erase(0, "erased");
  keyspace.check_invariants();
  EXPECT_EQ(keyspace.expiring_hashes(0), 2U);
  EXPECT_EQ(keyspace.expiring_hashes(1), 2U);
  keyspace.swap(0, 1);
  world.set_now_ms(3000);
  world.run_cycle();
  EXPECT_EQ(world.fields_of(1, "new name"), 1U);
  EXPECT_EQ(world.fields_of(0, "moved"), 1U);
  EXPECT_EQ(world.fields_of(1, "copied"), 1U);
  EXPECT_EQ(world.fields_of(0, "copy"), 1U);
  EXPECT_EQ(keyspace.expiring_hashes(0) + keyspace.expiring_hashes(1), 0U);
  world.make("flushed", 5, 9000);
  keyspace.flush(-1, Keyspace::Free::kNow);
  EXPECT_EQ(keyspace.expiring_hashes(0), 0U);
  keyspace.check_invariants();
}

// A field that expires while a snapshot runs was there at its mark.
TEST(FieldExpiryOfKeys, InASnapshot) {
  World world;
  world.make("h", 1000, 2000);
  struct Collected final : SnapshotSink, LargeSink {
    void emit(int, const Entry&) override {}
    LargeSink* large_sink() override { return this; }
    void begin_large(uint32_t, int, const Entry& entry) override {
      kind = entry.large().kind();
      count = entry.large().piece_count();
      header = entry.large().piece_header();
    }
    void piece(uint32_t, const ValuePiece& piece) override {
      ASSERT_TRUE(found.emplace(std::string(piece.a), piece.number).second);
    }
    void end_large(uint32_t) override {}
    LargeKind kind{};
    size_t count = 0;
    int64_t header = 0;
    std::map<std::string, int64_t> found;
  } sink;
  world.keyspace.begin_snapshot(&sink);
  world.set_now_ms(2600);
  static_cast<void>(world.keyspace.walk_snapshot(1));
  world.run_cycle();
  EXPECT_EQ(world.fields_of(0, "h"), 400U);
  while (world.keyspace.walk_snapshot(10)) {
  }
  EXPECT_EQ(sink.kind, LargeKind::kExpiringHash);
  EXPECT_EQ(sink.count, 1001U);
  EXPECT_EQ(sink.header, 2000);
  EXPECT_EQ(sink.found.size(), 1001U);
  EXPECT_EQ(sink.found["7"], 2007);
  EXPECT_EQ(sink.found["stays"], 0);
}

}  // namespace
}  // namespace redan
