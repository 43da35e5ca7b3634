// Random operations on a keyspace beside a std::map, with numbered databases and with slots.
#include <gtest/gtest.h>

#include <map>

#include "common/base/crc16.h"
#include "server/keyspace/keyspace.h"

namespace redan {
namespace {

using Model = std::map<std::pair<int, std::string>, std::string>;

std::string value_of(const Entry& entry) {
  Entry::Scratch scratch;
  return std::string(entry.string(scratch));
}

Model contents(Keyspace& keyspace) {
  Model model;
  for (int db = 0; db < keyspace.databases(); ++db) {
    keyspace.for_each(db, [&](const Entry& entry) {
      model[{db, std::string(entry.key())}] = value_of(entry);
    });
  }
  return model;
}

struct Copies final : SnapshotSink {
  Model seen;
  void emit(int db, const Entry& entry) override {
    const bool is_new =
        seen.emplace(std::pair(db, std::string(entry.key())), value_of(entry)).second;
    EXPECT_TRUE(is_new) << "emitted twice: " << entry.key();
  }
};

KeyspaceOptions options(bool slots, uint64_t seed) {
  return {.databases = slots ? 1 : 2, .seed = seed, .slots = slots};
}

// Every other key shares its slot with many: with slots, there are tables of one key and large
// ones.
std::string random_key(Rng& rng, int keys) {
  const uint64_t n = rng.below(static_cast<uint64_t>(keys));
  const std::string tag = n % 2 == 0 ? "" : "{" + std::to_string(n % 7) + "}";
  return tag + "key:" + std::to_string(n);
}

void drop_random_slot(Keyspace& keyspace, Model& model, Rng& rng, int keys) {
  const Slot slot = slot_of_key(random_key(rng, keys));
  const size_t dropped = std::erase_if(
      model, [&](const auto& item) { return slot_of_key(item.first.second) == slot; });
  const auto how = rng.chance(0.5) ? Keyspace::Free::kNow : Keyspace::Free::kLazily;
  EXPECT_EQ(keyspace.slot_size(slot), dropped);
  EXPECT_EQ(keyspace.drop_slot(slot, how), dropped);
  EXPECT_EQ(keyspace.slot_size(slot), 0U);
}

void random_step(Keyspace& keyspace, Model& model, Rng& rng, int keys) {
  const int db = static_cast<int>(rng.below(static_cast<uint64_t>(keyspace.databases())));
  const std::string key = random_key(rng, keys);
  if (keyspace.has_slots()) {
    if (rng.chance(0.002)) drop_random_slot(keyspace, model, rng, keys);
    if (rng.chance(0.05)) keyspace.free_empty_tables();
    if (rng.chance(0.05)) keyspace.rehash_some(rng.below(20));
    if (rng.chance(0.01)) keyspace.take_garbage();
    if (rng.chance(0.5)) {
      keyspace.set_slot(slot_of_key(key));
    } else {
      keyspace.forget_slot();
    }
  }
  if (rng.chance(0.1)) {
    // Lookups may be announced at any time, of keys that are there or not.
    std::vector<std::string> names(rng.below(kLookupsAhead + 1));
    for (std::string& name : names) name = random_key(rng, keys);
    const std::vector<std::string_view> ahead(names.begin(), names.end());
    keyspace.prefetch(db, ahead, ahead);
  }
  switch (rng.below(20)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
      EXPECT_EQ(keyspace.erase(db, key), model.erase({db, key}) == 1);
      break;
    case 6: {
      const std::string to = random_key(rng, keys);
      if (!model.contains({db, key}) || to == key) break;
      keyspace.forget_slot();
      keyspace.rename(db, key, to);
      model[{db, to}] = model[{db, key}];
      model.erase({db, key});
      break;
    }
    case 7:
      if (Keyspace::Ref ref = keyspace.change(db, key)) {
        const std::string old = value_of(*ref);
        char* bytes = keyspace.resize_string(db, ref, old.size() + 3);
        memcpy(bytes + old.size(), "xyz", 3);
        model[{db, key}] = old + "xyz";
      }
      break;
    case 8:
      EXPECT_EQ(keyspace.peek(db, key) != nullptr, model.contains({db, key}));
      break;
    default: {
      const std::string value = rng.chance(0.3) ? std::to_string(rng.next() >> rng.below(60))
                                                : std::string(rng.below(600), 'v');
      const auto expiry = rng.chance(0.2) ? SetExpiry::at(INT64_MAX) : SetExpiry{};
      keyspace.set_string(db, key, value, expiry);
      model[{db, key}] = value;
    }
  }
  keyspace.forget_slot();
}

class KeyspaceModel : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Layouts, KeyspaceModel, testing::Bool(),
                         [](const auto& layout) { return layout.param ? "slots" : "databases"; });

TEST_P(KeyspaceModel, RandomOperationsMatchAMap) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Keyspace keyspace(options(GetParam(), seed));
    Model model;
    Rng rng(seed);
    const int keys = 1 << rng.between(2, 11);
    for (int i = 0; i < 4000; ++i) random_step(keyspace, model, rng, keys);
    keyspace.check_invariants();
    EXPECT_EQ(contents(keyspace), model);
  }
}

TEST_P(KeyspaceModel, ASnapshotIsExactlyTheStateAtTheMark) {
  for (uint64_t seed = 0; seed < 400; ++seed) {
    Keyspace keyspace(options(GetParam(), seed));
    Model model;
    Rng rng(seed);
    const int keys = 1 << rng.between(2, 10);
    for (int i = static_cast<int>(rng.below(2000)); i > 0; --i) {
      random_step(keyspace, model, rng, keys);
    }
    const Model at_mark = model;
    Copies copies;
    keyspace.begin_snapshot(&copies);
    do {
      for (uint64_t i = rng.below(40); i > 0; --i) random_step(keyspace, model, rng, keys * 4);
      if (!GetParam() && rng.chance(0.01)) keyspace.swap(0, 1), model = contents(keyspace);
      if (rng.chance(0.01)) keyspace.flush(0, Keyspace::Free::kNow), model = contents(keyspace);
    } while (keyspace.walk_snapshot(1 + rng.below(8)));
    EXPECT_EQ(copies.seen, at_mark) << "seed " << seed;
    EXPECT_EQ(contents(keyspace), model);
    keyspace.check_invariants();
  }
}

TEST(KeyspaceExpiry, APrimaryDeletesAndAReplicaHides) {
  Keyspace keyspace({.databases = 1, .seed = 1});
  keyspace.set_now(from_unix_ms(1000));
  keyspace.set_string(0, "a", "1", SetExpiry::at(2000));
  EXPECT_EQ(keyspace.expiring(0), 1U);
  keyspace.set_now(from_unix_ms(2000));
  keyspace.set_replica(true);
  EXPECT_EQ(keyspace.read(0, "a"), nullptr);
  EXPECT_EQ(keyspace.size(0), 1U);
  keyspace.set_replica(false);
  EXPECT_EQ(keyspace.read(0, "a"), nullptr);
  EXPECT_EQ(keyspace.size(0), 0U);
  EXPECT_EQ(keyspace.expiring(0), 0U);
  EXPECT_EQ(keyspace.stats().expired, 1U);
}

TEST(KeyspaceExpiry, TheActiveCycleFindsEveryExpiredKey) {
  Keyspace keyspace({.databases = 3, .seed = 1});
  keyspace.set_now(from_unix_ms(1000));
  for (int i = 0; i < 5000; ++i) {
    keyspace.set_string(i % 3, "k" + std::to_string(i), "v",
                        i % 2 == 0 ? SetExpiry::at(1500) : SetExpiry{});
  }
  keyspace.set_now(from_unix_ms(1500));
  while (!keyspace.expire_some(100).round_done) {
  }
  EXPECT_EQ(keyspace.total_size(), 2500U);
  EXPECT_EQ(keyspace.expiring(0) + keyspace.expiring(1) + keyspace.expiring(2), 0U);
  keyspace.check_invariants();
}

TEST_P(KeyspaceModel, AScanSeesEveryKeyThatStaysWhileTheTableGrowsAndShrinks) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Keyspace keyspace(options(GetParam(), seed));
    Rng rng(seed);
    for (int i = 0; i < 300; ++i) keyspace.set_string(0, "stay" + std::to_string(i), "v");
    std::map<std::string, int> seen;
    uint64_t cursor = 0;
    int step = 0;
    do {
      cursor = keyspace.scan(0, cursor, [&](const Entry& e) { ++seen[std::string(e.key())]; });
      for (uint64_t i = rng.below(100); i > 0; --i) {
        const std::string key = "temp" + random_key(rng, 5000);
        if (GetParam() && rng.chance(0.02)) keyspace.free_empty_tables();
        if (step / 20 % 2 == 0) {
          keyspace.set_string(0, key, "v");
        } else {
          keyspace.erase(0, key);
        }
      }
      ++step;
    } while (cursor != 0);
    for (int i = 0; i < 300; ++i) EXPECT_TRUE(seen.contains("stay" + std::to_string(i)));
    keyspace.check_invariants();
  }
}

// A full sync takes its place while a file is being written: the file is of the old data, whole,
// and what happens to the new data does not show in it.
TEST_P(KeyspaceModel, ASnapshotOutlivesItsDataBeingReplaced) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed + 500);
    Keyspace keyspace(options(GetParam(), seed));
    Model model;
    for (int i = 0; i < 1500; ++i) random_step(keyspace, model, rng, 1024);
    const Model at_mark = model;
    Copies copies;
    keyspace.begin_snapshot(&copies);
    bool more = true;
    for (uint64_t slices = rng.below(40); more && slices > 0; --slices) {
      more = keyspace.walk_snapshot(8);
      for (int i = 0; i < 3; ++i) random_step(keyspace, model, rng, 1024);
    }
    Keyspace fresh(options(GetParam(), seed + 1000));
    Model fresh_model;
    for (int i = 0; i < 1500; ++i) random_step(fresh, fresh_model, rng, 1024);
    keyspace.swap_data(fresh);
    EXPECT_EQ(keyspace.in_snapshot(), more);
    EXPECT_EQ(contents(keyspace), fresh_model);
    // The other has what the snapshot does not need any more, and can be freed while it goes on.
    fresh.check_invariants();
    const bool replaced_again = rng.chance(0.3);
    while (more) {
      more = keyspace.walk_snapshot(8);
      for (int i = 0; i < 3; ++i) random_step(keyspace, fresh_model, rng, 1024);
      if (replaced_again && rng.chance(0.05)) {
        Keyspace third(options(GetParam(), seed + 2000));
        third.set_string(0, "k", "v");
        keyspace.swap_data(third);
        fresh_model = {{{0, "k"}, "v"}};
      }
    }
    keyspace.end_snapshot();
    EXPECT_EQ(copies.seen, at_mark) << "seed " << seed;
    EXPECT_EQ(contents(keyspace), fresh_model);
    keyspace.check_invariants();
  }
}

// A slice of the walk holds the data thread for 64 KiB of entries, not for a number of buckets.
TEST(KeyspaceSlices, ASliceOfASnapshotEndsWithItsBytes) {
  constexpr size_t kLimit = 64 * 1024;
  constexpr size_t kValue = 20'000;
  struct Sizes final : SnapshotSink {
    size_t bytes = 0, keys = 0;
    void emit(int, const Entry& entry) override { bytes += entry.memory_bytes(), ++keys; }
  };
  Keyspace keyspace({.databases = 1, .seed = 3});
  for (int i = 0; i < 1000; ++i) {
    keyspace.set_string(0, "key:" + std::to_string(i), std::string(kValue, 'v'));
  }
  Sizes sizes;
  keyspace.begin_snapshot(&sizes);
  size_t slices = 0, largest = 0;
  for (bool more = true; more; ++slices) {
    const size_t before = sizes.bytes;
    more = keyspace.walk_snapshot(100'000);
    largest = std::max(largest, sizes.bytes - before);
  }
  keyspace.end_snapshot();
  EXPECT_EQ(sizes.keys, 1000u);
  // The limit is looked at behind each bucket, and a bucket holds few entries.
  EXPECT_GE(largest, kLimit);
  EXPECT_LT(largest, kLimit + 12 * (kValue + 5000));
  EXPECT_GT(slices, 1000 * kValue / (kLimit + 12 * (kValue + 5000)));
}

}  // namespace
}  // namespace redan
