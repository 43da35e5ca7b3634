// Fields of hashes that expire: found by the cycle wherever their key goes, counted with it, in
// large hashes and in compact ones.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/data/field_triples.h"
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

struct Kind {
  bool slots = false;
  bool compact = false;
};

struct World {
  explicit World(Kind kind = {})
      : compact(kind.compact),
        keyspace({.databases = kind.slots ? 1 : 2, .seed = 7, .slots = kind.slots}) {
    keyspace.observe(&heard);
    set_now_ms(1000);
  }
  void set_now_ms(int64_t ms) { keyspace.set_now(from_unix_ms(ms)); }
  // Fields 0 to n - 1, of which field i expires at `first_ms` + i, and one that stays.
  void make(const std::string& key, int n, int64_t first_ms, bool stays = true) {
    if (compact) return make_compact(key, n, first_ms, stays);
    auto hash = std::make_unique<LargeHash>(keyspace.limits().hash_key);
    for (int i = 0; i < n; ++i) {
      hash->set(std::to_string(i), "v");
      hash->set_expiry(std::to_string(i), first_ms + i);
    }
    if (stays) hash->set("stays", "v");
    keyspace.set_value(0, key, StoredValue::of_large(ValueType::kHash, std::move(hash)));
  }
  void make_compact(const std::string& key, int n, int64_t first_ms, bool stays) {
    std::string bytes = Listpack::empty_bytes();
    StringBytes store(bytes);
    for (int i = 0; i < n; ++i) {
      FieldTriplesEdit::insert(store, std::to_string(i), "v", first_ms + i);
    }
    if (stays) FieldTriplesEdit::insert(store, "stays", "v", FieldTriples::kStays);
    keyspace.set_value(0, key, StoredValue::triples(std::move(bytes)));
  }
  void run_cycle() {
    for (int i = 0; i < 10'000; ++i) static_cast<void>(keyspace.expire_some(16));
    keyspace.check_invariants();
  }
  size_t fields_of(int db, const std::string& key) {
    const Entry* const entry = keyspace.peek(db, key);
    if (entry == nullptr) return 0;
    if (entry->is_large()) return entry->large().size();
    return Listpack(entry->packed()).size() / (entry->is_triples() ? 3 : 2);
  }

  Heard heard;
  bool compact;
  Keyspace keyspace;
};

class FieldExpiry : public testing::TestWithParam<Kind> {};

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
  EXPECT_EQ(world.keyspace.peek(0, "h")->encoding_name(), world.compact ? "listpack" : "hashtable");
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

TEST(FieldExpiryOfLarge, TheFirstAndTheLastDeadlineAreNoticed) {
  World world;
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

INSTANTIATE_TEST_SUITE_P(, FieldExpiry,
                         testing::Values(Kind{false, false}, Kind{true, false}, Kind{false, true},
                                         Kind{true, true}),
                         [](const auto& kind) {
                           return std::string(kind.param.compact ? "Compact" : "Large") +
                                  (kind.param.slots ? "WithSlots" : "WithoutSlots");
                         });

void expect_found_where_they_move(bool compact) {
  World world({.compact = compact});
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

TEST(FieldExpiryOfKeys, ThatMove) {
  expect_found_where_they_move(false);
  expect_found_where_they_move(true);
}

// With and without a deadline of the key, in the entry and beside it: the form stays.
TEST(FieldExpiryOfKeys, WhoseEntryChangesItsLayout) {
  for (const int fields : {3, 60}) {
    World world({.compact = true});
    world.make("h", fields, 2000);
    const std::string bytes(world.keyspace.peek(0, "h")->packed());
    const auto expect_unchanged = [&](std::string_view key) {
      const Entry* const entry = world.keyspace.peek(0, key);
      EXPECT_EQ(entry->form(), ValueForm::kTriples);
      EXPECT_EQ(entry->packed(), bytes);
      world.keyspace.check_invariants();
    };
    world.keyspace.set_expiry(0, "h", 9000);
    expect_unchanged("h");
    world.keyspace.set_expiry(0, "h", Entry::kNoExpiry);
    expect_unchanged("h");
    world.keyspace.copy(0, "h", 0, std::string(300, 'k'));
    expect_unchanged(std::string(300, 'k'));
    // Out of the entry and in again.
    Keyspace::Ref ref = world.keyspace.change(0, "h");
    auto packed = world.keyspace.packed(ref);
    FieldTriplesEdit::insert(packed, "long", std::string(5000, 'v'), 2500);
    EXPECT_EQ(world.keyspace.peek(0, "h")->form(), ValueForm::kTriples);
    world.keyspace.check_invariants();
    FieldTriplesEdit::erase(packed, FieldTriples(packed.view()).find("long"));
    expect_unchanged("h");
    world.set_now_ms(9000);
    world.run_cycle();
    EXPECT_EQ(world.fields_of(0, "h"), 1U);
  }
}

// A field that expires while a snapshot runs was there at its mark.
TEST(FieldExpiryOfKeys, InASnapshotOfCompactOnes) {
  World world({.compact = true});
  for (int i = 0; i < 300; ++i) world.make(std::to_string(i), 20, 2000);
  struct Collected final : SnapshotSink {
    void emit(int, const Entry& entry) override {
      ASSERT_EQ(entry.form(), ValueForm::kTriples);
      ASSERT_TRUE(found.emplace(entry.key(), entry.packed()).second);
    }
    std::map<std::string, std::string> found;
  } sink;
  const std::string bytes(world.keyspace.peek(0, "0")->packed());
  world.keyspace.begin_snapshot(&sink);
  world.set_now_ms(2010);
  static_cast<void>(world.keyspace.walk_snapshot(1));
  world.run_cycle();
  EXPECT_EQ(world.fields_of(0, "0"), 10U);
  world.set_now_ms(3000);
  world.run_cycle();
  EXPECT_EQ(world.fields_of(0, "0"), 1U);
  while (world.keyspace.walk_snapshot(10)) {
  }
  EXPECT_EQ(sink.found.size(), 300U);
  for (const auto& [key, found] : sink.found) EXPECT_EQ(found, bytes) << key;
}

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
