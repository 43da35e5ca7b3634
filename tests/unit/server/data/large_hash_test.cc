#include "server/data/large_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "common/base/rng.h"

namespace redan {
namespace {

struct Kept {
  std::string value;
  int64_t expiry_ms = 0;
  bool operator==(const Kept&) const = default;
};
using Model = std::map<std::string, Kept>;

std::string text_of(Rng& rng, size_t shorter) {
  // Mostly short, now and then past what one byte of length can say.
  std::string text(rng.chance(0.05) ? 200 + rng.below(200) : rng.below(shorter), 'x');
  for (char& c : text) c = static_cast<char>(rng.next());
  return text;
}

struct World {
  // In every other one fields expire.
  explicit World(uint64_t seed)
      : rng(seed), hash(HashKey{seed, 7}), expiring(seed % 2 == 0 ? 0.3 : 0) {}
  Rng rng;
  LargeHash hash;
  double expiring;
  Model model;

  std::string field() { return "f" + std::to_string(rng.below(900)); }
  void step(double growth) {
    const std::string name = rng.chance(0.02) ? text_of(rng, 3) : field();
    hash.prefetch_matches(hash.prefetch_bucket(name));  // A lookup may be announced at any time.
    if (rng.chance(expiring)) {
      const int64_t at_ms = rng.chance(0.3) ? 0 : static_cast<int64_t>(1 + rng.below(500));
      ASSERT_EQ(hash.set_expiry(name, at_ms), model.contains(name));
      if (model.contains(name)) model[name].expiry_ms = at_ms;
    } else if (rng.chance(growth)) {
      const std::string value = text_of(rng, 60);
      const bool keep = rng.chance(0.5);
      ASSERT_EQ(hash.set(name, value, keep ? FieldExpiry::kKeep : FieldExpiry::kDiscard),
                !model.contains(name));
      model[name] = {value, keep ? model[name].expiry_ms : 0};
    } else {
      ASSERT_EQ(hash.erase(name), model.erase(name) == 1);
    }
  }
  void compare() const {
    ASSERT_EQ(hash.size(), model.size());
    int64_t earliest_ms = 0;
    for (const auto& [name, kept] : model) {
      const HashField* const found = hash.find(name);
      ASSERT_NE(found, nullptr);
      ASSERT_EQ(found->key(), name);
      ASSERT_EQ(found->value(), kept.value);
      ASSERT_EQ(found->expiry_ms(), kept.expiry_ms);
      if (kept.expiry_ms == 0) continue;
      earliest_ms = earliest_ms == 0 ? kept.expiry_ms : std::min(earliest_ms, kept.expiry_ms);
    }
    ASSERT_EQ(hash.piece_header(), earliest_ms);
    ASSERT_EQ(hash.kind(), earliest_ms == 0 ? LargeKind::kHash : LargeKind::kExpiringHash);
    Model all;
    hash.for_each([&](const HashField& each) {
      ASSERT_TRUE(all.try_emplace(std::string(each.key()),
                                  Kept{std::string(each.value()), each.expiry_ms()})
                      .second);
    });
    ASSERT_EQ(all, model);
    hash.check_invariants();
  }
};

TEST(LargeHash, FollowsAModel) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    World world(seed);
    for (int round = 0; round < 8; ++round) {
      for (int i = 0; i < 400; ++i) world.step(round % 2 == 0 ? 0.8 : 0.3);
      world.compare();
    }
    EXPECT_EQ(world.hash.find("missing"), nullptr);
  }
}

TEST(LargeHash, AValueThatFitsIsReplacedInPlace) {
  LargeHash hash(HashKey{1, 2});
  EXPECT_TRUE(hash.set("field", "0123456789"));
  const HashField* const before = hash.find("field");
  const size_t bytes = hash.memory_bytes();
  EXPECT_FALSE(hash.set("field", "0123456789abcde"));
  EXPECT_FALSE(hash.set("field", "0123456789ABCDEF01234567"));  // 3 + 5 + 24: the class of 32
  EXPECT_EQ(hash.find("field"), before);
  EXPECT_EQ(hash.find("field")->value(), "0123456789ABCDEF01234567");
  EXPECT_EQ(hash.memory_bytes(), bytes);
  EXPECT_FALSE(hash.set("field", "0123456789ABCDEF012345678"));
  EXPECT_EQ(hash.find("field")->value(), "0123456789ABCDEF012345678");
  EXPECT_EQ(hash.memory_bytes(), bytes + 16);
  hash.check_invariants();
}

TEST(LargeHash, FieldsGoInTheOrderOfTheirTimes) {
  LargeHash hash(HashKey{1, 2});
  for (int i = 0; i < 1000; ++i) hash.set("f" + std::to_string(i), "v");
  EXPECT_FALSE(hash.has_expiring());
  EXPECT_FALSE(hash.set_expiry("missing", 5));
  for (int i = 0; i < 1000; ++i) hash.set_expiry("f" + std::to_string(i), 1 + (i * 7919) % 1000);
  hash.set_expiry("f0", HashField::kStays);
  int64_t last_ms = 0;
  while (hash.has_expiring()) {
    const HashField* const next = hash.first_to_expire();
    EXPECT_GT(next->expiry_ms(), last_ms);
    last_ms = next->expiry_ms();
    hash.erase(std::string(next->key()));
  }
  EXPECT_EQ(last_ms, 1000);
  EXPECT_EQ(hash.size(), 1U);
  hash.check_invariants();
}

TEST(LargeHash, LengthsAroundWhatAByteCanSay) {
  LargeHash hash(HashKey{1, 2});
  for (const size_t field : {0, 1, 254, 255, 256, 70'000}) {
    for (const size_t value : {0, 1, 254, 255, 256, 70'000, 3}) {
      hash.set(std::string(field, 'f'), std::string(value, 'v'));
      const HashField* const found = hash.find(std::string(field, 'f'));
      ASSERT_NE(found, nullptr);
      EXPECT_EQ(found->key().size(), field);
      EXPECT_EQ(found->value(), std::string(value, 'v'));
      hash.check_invariants();
    }
  }
}

TEST(LargeHash, CopiesStandForThemselves) {
  World world(6);
  for (int i = 0; i < 500; ++i) world.step(0.8);
  const std::unique_ptr<LargeValue> copy = world.hash.clone();
  const Model at_copy = world.model;
  for (int i = 0; i < 500; ++i) world.step(0.3);
  world.compare();
  Model found;
  static_cast<const LargeHash&>(*copy).for_each([&](const HashField& each) {
    found[std::string(each.key())] = {std::string(each.value()), each.expiry_ms()};
  });
  EXPECT_EQ(found, at_copy);
  copy->check_invariants();
}

TEST(LargeHash, AScanSeesWhatStaysWhateverChanges) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    World world(seed);
    for (int i = 0; i < 300; ++i) world.step(0.9);
    for (int i = 0; i < 50; ++i) world.hash.set("stays" + std::to_string(i), "v");
    std::map<std::string, int> seen;
    uint64_t cursor = 0;
    do {
      cursor =
          world.hash.scan(cursor, [&](const HashField& each) { ++seen[std::string(each.key())]; });
      for (int i = 0; i < 20; ++i) world.step(seed % 2 == 0 ? 0.9 : 0.1);
    } while (cursor != 0);
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(seen.contains("stays" + std::to_string(i)));
  }
}

struct Collected final : PieceSink {
  void piece(const ValuePiece& piece) override {
    ASSERT_EQ(piece.kind, ValuePiece::Kind::kField);
    ASSERT_TRUE(
        found.try_emplace(std::string(piece.a), Kept{std::string(piece.b), piece.number}).second);
  }
  Model found;
};

TEST(LargeHash, ASnapshotHasItAsItWasAtTheMark) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    World world(seed);
    for (int i = 0; i < 600; ++i) world.step(0.8);
    const Model at_mark = world.model;
    Collected sink;
    world.hash.begin_snapshot(&sink);
    const double growth = world.rng.chance(0.5) ? 0.9 : 0.1;
    while (world.hash.walk_snapshot(1 + world.rng.below(3))) {
      for (uint64_t n = world.rng.below(20); n > 0; --n) world.step(growth);
    }
    world.hash.end_snapshot();
    ASSERT_EQ(sink.found, at_mark) << seed;
    world.compare();
  }
}

}  // namespace
}  // namespace redan
