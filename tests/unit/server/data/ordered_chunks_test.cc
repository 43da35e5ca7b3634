// Ordered chunks beside a std::map, with and without a snapshot going on.
#include "server/data/ordered_chunks.h"

#include <gtest/gtest.h>

#include <map>

#include "common/base/rng.h"

namespace redan {
namespace {

struct Item {
  uint64_t number;
  uint64_t value;
  uint64_t key() const { return number; }
};
using Chunks = OrderedChunks<Item>;
using Model = std::map<uint64_t, uint64_t>;

Model contents(const Chunks& chunks) {
  Model found;
  for (auto at = chunks.first(); chunks.is_item(at); at = chunks.next(at)) {
    found[chunks.at(at).number] = chunks.at(at).value;
  }
  return found;
}

Model contents(const Chunks::Frozen& frozen) {
  Model found;
  for (const Chunks::Chunk* chunk : frozen.chunks) {
    for (size_t i = 0; i < chunk->size; ++i) {
      found[chunk->items()[i].number] = chunk->items()[i].value;
    }
  }
  return found;
}

struct World {
  explicit World(uint64_t seed) : rng(seed) {}
  ~World() { chunks.clear(heap); }
  Rng rng;
  EpochHeap heap;
  Chunks chunks;
  Model model;

  void step(uint64_t keys) {
    const uint64_t key = rng.below(keys);
    const auto at = chunks.find(key);
    ASSERT_EQ(chunks.is_item(at), model.contains(key));
    if (!chunks.is_item(at)) {
      chunks.insert(heap, {key, key * 3});
      model[key] = key * 3;
    } else if (rng.chance(0.5)) {
      chunks.erase(heap, at);
      model.erase(key);
    } else {
      chunks.edit(heap, at).value = ++model[key];
    }
  }
  void append(uint64_t beyond) {
    const uint64_t key = (model.empty() ? 0 : model.rbegin()->first) + 1 + rng.below(beyond);
    chunks.insert(heap, {key, 1});
    model[key] = 1;
  }
  void compare() {
    chunks.check_invariants();
    ASSERT_EQ(contents(chunks), model);
    ASSERT_EQ(chunks.size(), model.size());
    ASSERT_EQ(chunks.counted_bytes(), heap.bytes());
    const uint64_t key = rng.below(5000);
    const auto expected = model.lower_bound(key);
    const auto found = chunks.lower_bound(key);
    ASSERT_EQ(chunks.is_item(found), expected != model.end());
    if (expected == model.end()) return;
    ASSERT_EQ(chunks.at(found).number, expected->first);
    const auto before = chunks.previous(found);
    ASSERT_EQ(chunks.is_item(before), expected != model.begin());
    if (chunks.is_item(before)) {
      ASSERT_EQ(chunks.at(before).number, std::prev(expected)->first);
    }
  }
};

TEST(OrderedChunks, AgreeWithAMapUnderRandomChanges) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    World world(seed);
    for (const uint64_t keys : {5, 300, 5000}) {
      for (int i = 0; i < 6000; ++i) {
        ASSERT_NO_FATAL_FAILURE(world.step(keys));
        if (i % 500 == 0) {
          ASSERT_NO_FATAL_FAILURE(world.compare());
        }
      }
    }
    // Down to nothing from the front, as acknowledgements come.
    while (!world.model.empty()) {
      world.chunks.erase(world.heap, world.chunks.first());
      world.model.erase(world.model.begin());
      if (world.model.size() % 200 == 0) {
        ASSERT_NO_FATAL_FAILURE(world.compare());
      }
    }
    EXPECT_EQ(world.heap.bytes(), 0U);
  }
}

TEST(OrderedChunks, WhatIsAppendedFillsItsChunks) {
  World world(1);
  for (size_t i = 0; i < Chunks::kMost * 10; ++i) world.append(1);
  world.compare();
  EXPECT_EQ(world.chunks.freeze().chunks.size(), 10U);
}

TEST(OrderedChunks, OneItemTakesLittle) {
  World world(1);
  world.append(1);
  EXPECT_LE(world.heap.bytes(), 48U);
}

TEST(OrderedChunks, WhatWasFrozenStaysAsItWas) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    World world(seed);
    for (int i = 0; i < 3000; ++i) ASSERT_NO_FATAL_FAILURE(world.step(3000));
    for (int round = 0; round < 3; ++round) {
      const Model before = world.model;
      const Chunks::Frozen frozen = world.chunks.freeze();
      world.heap.begin_snapshot();
      for (int i = 0; i < 2000; ++i) {
        world.rng.chance(0.2) ? world.append(3) : world.step(i < 1000 ? 100 : 3000);
        if (i % 250 == 0) {
          ASSERT_EQ(contents(frozen), before);
          ASSERT_NO_FATAL_FAILURE(world.compare());
        }
      }
      ASSERT_EQ(contents(frozen), before);
      world.heap.end_snapshot();
      ASSERT_NO_FATAL_FAILURE(world.compare());
    }
  }
}

}  // namespace
}  // namespace redan
