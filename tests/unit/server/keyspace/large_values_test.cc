// Collections in a keyspace: compact bytes edited in place, and large values in snapshots, beside
// models.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "server/data/element_table.h"
#include "server/data/listpack.h"
#include "server/keyspace/keyspace.h"

namespace redan {
namespace {

struct Member {
  uint32_t size;
  std::string_view key() const { return {reinterpret_cast<const char*>(this + 1), size}; }
  size_t allocated_bytes() const { return size_class(sizeof(Member) + size); }
  ValuePiece piece() const { return {.kind = ValuePiece::Kind::kMember, .a = key()}; }
  static Member* make(std::string_view name) {
    auto* member = static_cast<Member*>(std::malloc(sizeof(Member) + name.size()));
    member->size = static_cast<uint32_t>(name.size());
    std::memcpy(member + 1, name.data(), name.size());
    return member;
  }
  static Member* copy(const Member& other) { return make(other.key()); }
  static void free(Member* member) { std::free(member); }
};

class Members final : public LargeValue {
 public:
  explicit Members(const HashKey& key) : table(key) {}
  LargeKind kind() const override { return LargeKind::kSet; }
  size_t size() const override { return table.size(); }
  size_t memory_bytes() const override { return sizeof(*this) + table.memory_bytes(); }
  std::unique_ptr<LargeValue> clone() const override {
    auto copy = std::make_unique<Members>(table.hash_key());
    copy->table.copy_from(table);
    return copy;
  }
  std::string_view encoding_name() const override { return "hashtable"; }
  void for_each_piece(PieceSink& sink) const override {
    table.for_each([&](const Member& member) { sink.piece(member.piece()); });
  }
  void begin_snapshot(PieceSink* sink) override { table.begin_snapshot(sink); }
  bool in_snapshot() const override { return table.in_snapshot(); }
  bool walk_snapshot(size_t pieces) override { return table.walk_snapshot(pieces); }
  void end_snapshot() override { table.end_snapshot(); }
  void check_invariants() const override { table.check_invariants(); }

  void add(const std::string& name) {
    const auto place = table.locate(name);
    if (!place) table.insert(place, Member::make(name));
  }
  void erase(const std::string& name) {
    if (const auto place = table.locate(name)) table.erase(place);
  }
  ElementTable<Member> table;
};

using Model = std::map<std::string, std::set<std::string>>;

// What a snapshot consisted of; every key and every piece once.
struct Collected final : SnapshotSink, LargeSink {
  Model found;
  std::map<uint32_t, std::pair<std::string, size_t>> open;
  void emit(int, const Entry& entry) override {
    ASSERT_FALSE(entry.is_large());
    ASSERT_TRUE(found.try_emplace(std::string(entry.key())).second);
  }
  LargeSink* large_sink() override { return this; }
  void begin_large(uint32_t id, int, const Entry& entry) override {
    const std::string key(entry.key());
    ASSERT_TRUE(found.try_emplace(key).second);
    ASSERT_TRUE(open.try_emplace(id, key, entry.large().piece_count()).second);
  }
  void piece(uint32_t id, const ValuePiece& piece) override {
    const auto at = open.find(id);
    ASSERT_NE(at, open.end());
    ASSERT_TRUE(found[at->second.first].insert(std::string(piece.a)).second);
  }
  void end_large(uint32_t id) override {
    const auto at = open.find(id);
    ASSERT_NE(at, open.end());
    ASSERT_EQ(found[at->second.first].size(), at->second.second);
    open.erase(at);
  }
};

struct World {
  explicit World(uint64_t seed) : rng(seed), keyspace({.databases = 1, .seed = seed}) {}
  Rng rng;
  Keyspace keyspace;
  Model model;  // an empty set: a string

  std::string key() { return "k" + std::to_string(rng.below(12)); }
  std::string member() { return "m" + std::to_string(rng.below(3000)); }

  void make(const std::string& name, size_t members) {
    auto value = std::make_unique<Members>(keyspace.limits().hash_key);
    model[name].clear();
    while (value->size() < members) {
      const std::string one = member();
      value->add(one);
      model[name].insert(one);
    }
    keyspace.set_value(0, name, StoredValue::of_large(ValueType::kSet, std::move(value)));
  }
  void step() {
    const std::string name = key();
    switch (rng.below(12)) {
      case 0:
        return make(name, 1 + rng.below(1500));
      case 1:
        keyspace.set_string(0, name, "text");
        model[name].clear();
        return;
      case 2:
        keyspace.erase(0, name, rng.chance(0.5) ? Keyspace::Free::kNow : Keyspace::Free::kLazily);
        model.erase(name);
        return;
      case 3: {
        const std::string to = key();
        if (!model.contains(name) || to == name) return;
        keyspace.rename(0, name, to);
        model[to] = model[name];
        model.erase(name);
        return;
      }
      case 4:
        if (!rng.chance(0.02)) return;
        keyspace.flush(0, rng.chance(0.5) ? Keyspace::Free::kNow : Keyspace::Free::kLazily);
        model.clear();
        return;
      case 5:
        keyspace.set_expiry(0, name, rng.chance(0.5) ? Entry::kNoExpiry : INT64_MAX);
        return;
      default:
        break;
    }
    Keyspace::Ref ref = keyspace.change(0, name);
    if (!ref || !ref->is_large()) return;
    auto edit = keyspace.large<Members>(ref);
    for (int i = 0; i < 20; ++i) {
      const std::string one = member();
      if (rng.chance(0.5)) {
        edit->add(one);
        model[name].insert(one);
      } else if (edit->size() > 1) {
        edit->erase(one);
        model[name].erase(one);
      }
    }
  }
};

TEST(LargeValues, ASnapshotHasThemAsTheyWereAtTheMark) {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    World world(seed);
    for (int i = 0; i < 60; ++i) world.step();
    Collected sink;
    world.keyspace.begin_snapshot(&sink);
    const Model at_mark = world.model;
    bool more = true;
    while (more) {
      for (uint64_t n = world.rng.below(6); n > 0; --n) world.step();
      more = world.keyspace.walk_snapshot(1 + world.rng.below(2));
      if (world.rng.chance(0.2)) static_cast<void>(world.keyspace.take_garbage());
    }
    ASSERT_TRUE(sink.open.empty()) << seed;
    ASSERT_EQ(sink.found, at_mark) << seed;
    world.keyspace.check_invariants();
  }
}

TEST(LargeValues, ASnapshotCanBeGivenUpAtAnyTime) {
  for (uint64_t seed = 1000; seed < 1100; ++seed) {
    World world(seed);
    for (int i = 0; i < 60; ++i) world.step();
    Collected sink;
    world.keyspace.begin_snapshot(&sink);
    for (uint64_t n = world.rng.below(40); n > 0; --n) {
      world.step();
      if (!world.keyspace.walk_snapshot(1)) break;
    }
    if (world.keyspace.in_snapshot()) world.keyspace.end_snapshot();
    for (int i = 0; i < 60; ++i) world.step();
    world.keyspace.check_invariants();
  }
}

// Who does not take parts gets values whole.
TEST(LargeValues, ASinkWithoutPartsSeesWholeEntries) {
  World world(3);
  world.make("k", 1000);
  struct Whole final : SnapshotSink {
    size_t members = 0;
    void emit(int, const Entry& entry) override { members += entry.large().size(); }
  } sink;
  world.keyspace.begin_snapshot(&sink);
  while (world.keyspace.walk_snapshot(10)) {
  }
  EXPECT_EQ(sink.members, 1000U);
}

TEST(LargeValues, CopiesStandForThemselves) {
  World world(4);
  world.make("k", 1000);
  world.keyspace.copy(0, "k", 0, "copy");
  Keyspace::Ref ref = world.keyspace.change(0, "k");
  {
    auto edit = world.keyspace.large<Members>(ref);
    for (const std::string& one : world.model["k"]) edit->erase(one);
  }
  EXPECT_EQ(world.keyspace.peek(0, "copy")->large().size(), 1000U);
  world.keyspace.check_invariants();
}

// Compact bytes grow and shrink through every way of keeping them, beside a string.
TEST(PackedValues, AreEditedInPlace) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Rng rng(seed);
    Keyspace keyspace({.databases = 1, .seed = seed});
    std::string model = Listpack::empty_bytes();
    StringBytes model_store(model);
    const std::string key = std::string(rng.chance(0.2) ? 300 : 10, 'k');
    static_cast<void>(
        keyspace.create(0, key, keyspace.change(0, key),
                        StoredValue::packed(ValueType::kHash, Listpack::empty_bytes())));
    for (int step = 0; step < 400; ++step) {
      Keyspace::Ref ref = keyspace.change(0, key);
      auto store = keyspace.packed(ref);
      const size_t count = Listpack(model).size();
      if (rng.chance(step < 200 ? 0.7 : 0.3) || count == 0) {
        const std::string element(rng.below(60), 'e');
        const int64_t index = count == 0 ? 0 : static_cast<int64_t>(rng.below(count));
        const size_t at = Listpack(model).nth(index);
        ListpackEdit::insert(store, at, PackedElement(element));
        ListpackEdit::insert(model_store, at, PackedElement(element));
      } else {
        const size_t at = Listpack(model).nth(static_cast<int64_t>(rng.below(count)));
        ListpackEdit::erase(store, at);
        ListpackEdit::erase(model_store, at);
      }
      if (rng.chance(0.05)) keyspace.set_expiry(0, key, rng.chance(0.5) ? -1 : INT64_MAX);
      ASSERT_EQ(keyspace.peek(0, key)->packed(), model);
      ASSERT_EQ(keyspace.peek(0, key)->encoding_name(), "listpack");
      keyspace.check_invariants();
    }
    keyspace.copy(0, key, 0, "copy");
    EXPECT_EQ(keyspace.peek(0, "copy")->packed(), model);
    keyspace.rename(0, key, "other");
    EXPECT_EQ(keyspace.peek(0, "other")->packed(), model);
    EXPECT_EQ(keyspace.peek(0, "other")->type(), ValueType::kHash);
  }
}

}  // namespace
}  // namespace redan
