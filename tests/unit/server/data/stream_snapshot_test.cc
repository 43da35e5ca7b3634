// A stream's snapshot is the stream at the mark, whatever changes while it is walked over.
#include <gtest/gtest.h>

#include "tests/unit/server/data/stream_model.h"

namespace redan {
namespace {

// Reads back what a stream tells.
struct Heard final : PieceSink {
  void piece(const ValuePiece& piece) override {
    all += static_cast<char>(piece.kind);
    const uint64_t sizes[] = {piece.a.size(), piece.b.size()};
    all.append(reinterpret_cast<const char*>(sizes), sizeof sizes);
    all.append(piece.a);
    all.append(piece.b);
  }
  std::string all;
};

std::string told(const LargeStream& stream) {
  Heard heard;
  stream.for_each_piece(heard);
  return heard.all;
}

TEST(StreamSnapshot, IsTheStreamAtTheMarkUnderRandomChanges) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    StreamWorld world(seed);
    for (int i = 0; i < 1500; ++i) ASSERT_NO_FATAL_FAILURE(world.step());
    for (int round = 0; round < 3; ++round) {
      const std::string before = told(world.stream);
      Heard heard;
      world.stream.begin_snapshot(&heard);
      const uint64_t speed = 1 + world.rng.below(40);
      do {
        for (uint64_t i = 0; i < speed; ++i) ASSERT_NO_FATAL_FAILURE(world.step());
      } while (world.stream.walk_snapshot(1 + world.rng.below(4)));
      EXPECT_EQ(heard.all == before, true) << "seed " << seed;
      ASSERT_NO_FATAL_FAILURE(world.compare());
      world.stream.end_snapshot();
      ASSERT_NO_FATAL_FAILURE(world.compare());
    }
  }
}

TEST(StreamSnapshot, MayBeGivenUp) {
  StreamWorld world(5);
  for (int i = 0; i < 2000; ++i) ASSERT_NO_FATAL_FAILURE(world.step());
  Heard heard;
  world.stream.begin_snapshot(&heard);
  for (int i = 0; i < 500; ++i) ASSERT_NO_FATAL_FAILURE(world.step());
  EXPECT_TRUE(world.stream.walk_snapshot(3));
  for (int i = 0; i < 500; ++i) ASSERT_NO_FATAL_FAILURE(world.step());
  world.stream.end_snapshot();
  EXPECT_FALSE(world.stream.in_snapshot());
  ASSERT_NO_FATAL_FAILURE(world.compare());
}

// The mark copies neither nodes nor pending entries: what it takes of memory is a few lists.
TEST(StreamSnapshot, WhatIsCopiedIsWhatChanges) {
  LargeStream stream;
  const std::string_view words[] = {"f", "v"};
  for (uint64_t i = 1; i <= 20'000; ++i) stream.append({i, 0}, words, {});
  StreamGroup* const group = stream.change_groups().create("g", {}, 0);
  StreamConsumer* const consumer = stream.change_groups().create_consumer(*group, "c", 1);
  for (uint64_t i = 1; i <= 20'000; ++i) {
    stream.change_groups().set_pending(*group, {{i, 0}, 1, 1, consumer});
  }
  const std::string before = told(stream);
  const size_t bytes = stream.memory_bytes();
  Heard heard;
  stream.begin_snapshot(&heard);
  EXPECT_EQ(stream.memory_bytes(), bytes);
  EXPECT_TRUE(stream.walk_snapshot(10));
  // A node or a chunk for each piece, never more.
  EXPECT_LE(heard.all.size(), 10U * 4200);
  stream.erase({15'000, 0});
  stream.change_groups().acknowledge(*group, {19'999, 0});
  stream.trim_to_length(100, {});
  stream.change_groups().destroy(*group);
  while (stream.walk_snapshot(16)) {
  }
  EXPECT_EQ(heard.all == before, true);
  stream.end_snapshot();
  stream.check_invariants();
}

}  // namespace
}  // namespace redan
