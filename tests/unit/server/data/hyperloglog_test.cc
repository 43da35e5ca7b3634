#include "server/data/hyperloglog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "common/base/rng.h"
#include "server/data/hll_runs.h"
#include "server/data/hll_self_test.h"

namespace redan::hll {
namespace {

std::string sparse_of(std::string_view runs) {
  std::string text = make_empty().substr(0, kHeaderBytes);
  return text += runs;
}

TEST(HyperLogLog, AnEmptyOneIsOneRunOfZeroes) {
  const std::string empty = make_empty();
  EXPECT_EQ(empty, std::string("HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff", 18));
  EXPECT_EQ(form_of(empty), Form::kSparse);
  EXPECT_EQ(estimate(empty, Form::kSparse), 0U);
  EXPECT_EQ(cached_count(empty), 0U);
}

TEST(HyperLogLog, TextsThatAreNone) {
  EXPECT_FALSE(form_of(""));
  EXPECT_FALSE(form_of(std::string(15, 'H')));
  std::string text = make_empty();
  text[4] = 2;
  EXPECT_FALSE(form_of(text));
  text[4] = 0;  // Dense, but too short.
  EXPECT_FALSE(form_of(text));
  text = make_empty();
  text[0] = 'h';
  EXPECT_FALSE(form_of(text));
  std::string dense = *to_dense(make_empty());
  EXPECT_EQ(form_of(dense), Form::kDense);
  dense += '\0';
  EXPECT_FALSE(form_of(dense));
}

// "", "a", "ab", ... as a Redis 7.0.15 showed them by PFDEBUG DECODE.
TEST(HyperLogLog, ElementsOfEachLengthFallWhereRedisLetsThem) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz";
  constexpr Spot kSpots[] = {{5938, 2},  {12711, 2}, {719, 1},  {9474, 1},  {11070, 8}, {3726, 4},
                             {13647, 2}, {5634, 2},  {1383, 1}, {6903, 1},  {12228, 1}, {14121, 1},
                             {9695, 5},  {9157, 1},  {5697, 2}, {12377, 4}, {9328, 1},  {4271, 1},
                             {14275, 2}, {11774, 1}, {2760, 4}};
  for (size_t length = 0; length < std::size(kSpots); ++length) {
    const Spot spot = spot_of(kAlphabet.substr(0, length));
    EXPECT_EQ(spot.index, kSpots[length].index) << length;
    EXPECT_EQ(spot.rank, kSpots[length].rank) << length;
  }
}

TEST(HyperLogLog, RunsAreSplitAsRedisSplitsThem) {
  std::string text = make_empty();
  SparseEditor editor(text);
  for (const char* element : {"a", "b", "c", "d", "e", "f", "g"}) {
    EXPECT_EQ(editor.raise(spot_of(element), 3000), SparseEditor::Outcome::kRaised);
  }
  // Z:1646 v:1,1 Z:5645 v:1,1 Z:1085 v:2,1 z:57 v:1,1 Z:4274 v:2,1 Z:2445 v:1,1 Z:622 v:1,1 Z:603
  std::string expected;
  append_run(expected, 0, 1646);
  append_run(expected, 1, 1);
  append_run(expected, 0, 5645);
  append_run(expected, 1, 1);
  append_run(expected, 0, 1085);
  append_run(expected, 2, 1);
  append_run(expected, 0, 57);
  append_run(expected, 1, 1);
  append_run(expected, 0, 4274);
  append_run(expected, 2, 1);
  append_run(expected, 0, 2445);
  append_run(expected, 1, 1);
  append_run(expected, 0, 622);
  append_run(expected, 1, 1);
  append_run(expected, 0, 603);
  EXPECT_EQ(text.substr(kHeaderBytes), expected);
}

TEST(HyperLogLog, ItsCountIsCachedAndOutdated) {
  std::string text = make_empty();
  cache_count(text.data(), 513);
  EXPECT_EQ(text.substr(8, 8), std::string("\1\2\0\0\0\0\0\0", 8));
  EXPECT_EQ(cached_count(text), 513U);
  outdate_count(text.data());
  EXPECT_EQ(text.substr(8, 8), std::string("\1\2\0\0\0\0\0\x80", 8));
  EXPECT_FALSE(cached_count(text));
}

TEST(HyperLogLog, DenseRegistersAreIndependent) {
  Rng rng(5);
  std::string text = *to_dense(make_empty());
  Registers model{};
  for (int round = 0; round < 200'000; ++round) {
    const Spot spot{.index = static_cast<uint16_t>(rng.below(kRegisters)),
                    .rank = static_cast<uint8_t>(rng.below(64))};
    ASSERT_EQ(raise_dense(text.data(), spot), spot.rank > model[spot.index]);
    model[spot.index] = std::max(model[spot.index], spot.rank);
    ASSERT_EQ(dense_register(text, spot.index), model[spot.index]);
  }
  EXPECT_EQ(text, make_dense(text, model));
  Registers read{};
  EXPECT_TRUE(raise_to(read, text, Form::kDense));
  EXPECT_EQ(read, model);
  EXPECT_EQ(estimate(text, Form::kDense), estimate(model));
}

TEST(HyperLogLog, SparseAndDenseAgreeInAnyOrder) {
  Rng rng(6);
  for (int round = 0; round < 200; ++round) {
    std::string text = make_empty();
    SparseEditor editor(text);
    Registers model{};
    const bool near = rng.below(2) == 0;  // Registers beside each other, so that runs join.
    const uint64_t top = 1 + rng.below(4);
    for (uint64_t i = rng.below(600); i > 0; --i) {
      const Spot spot{.index = static_cast<uint16_t>(rng.below(near ? 200 : kRegisters)),
                      .rank = static_cast<uint8_t>(1 + rng.below(rng.below(9) == 0 ? 32 : top))};
      const bool rises = spot.rank > model[spot.index];
      ASSERT_EQ(editor.raise(spot, 100'000),
                rises ? SparseEditor::Outcome::kRaised : SparseEditor::Outcome::kKept);
      model[spot.index] = std::max(model[spot.index], spot.rank);
    }
    Registers read{};
    ASSERT_TRUE(raise_to(read, text, Form::kSparse));
    ASSERT_EQ(read, model);
    ASSERT_EQ(*estimate(text, Form::kSparse), estimate(model));
    ASSERT_EQ(*to_dense(text), make_dense(text, model));
  }
}

// Ascending indexes go on from where the last one was; a new editor walks from the start each time.
TEST(HyperLogLog, AnEditorThatGoesOnMakesTheSameBytes) {
  Rng rng(7);
  for (int round = 0; round < 200; ++round) {
    std::string first = make_empty(), second = make_empty();
    SparseEditor goes_on(first);
    for (int pass = 0; pass < 3; ++pass) {
      for (size_t index = rng.below(50); index < kRegisters;
           index += rng.below(3) == 0 ? 1 : rng.below(2000)) {
        const Spot spot{.index = static_cast<uint16_t>(index),
                        .rank = static_cast<uint8_t>(1 + rng.below(4))};
        SparseEditor anew(second);
        ASSERT_EQ(goes_on.raise(spot, 100'000), anew.raise(spot, 100'000));
        ASSERT_EQ(first, second);
      }
    }
  }
}

TEST(HyperLogLog, ASparseOneGrowsOnlyAsFarAsItMay) {
  std::string text = make_empty();
  SparseEditor editor(text);
  EXPECT_EQ(editor.raise({.index = 9000, .rank = 33}, 3000), SparseEditor::Outcome::kTooLarge);
  EXPECT_EQ(editor.raise({.index = 9000, .rank = 32}, 20), SparseEditor::Outcome::kTooLarge);
  EXPECT_EQ(text, make_empty());
  EXPECT_EQ(editor.raise({.index = 9000, .rank = 1}, 21), SparseEditor::Outcome::kRaised);
  EXPECT_EQ(text.size(), 21U);
  // Where nothing grows the limit does not matter.
  EXPECT_EQ(editor.raise({.index = 9000, .rank = 32}, 0), SparseEditor::Outcome::kRaised);
}

TEST(HyperLogLog, RunsThatDoNotAddUpAreCorrupt) {
  const std::string texts[] = {
      sparse_of(""),
      sparse_of("\x7f"),              // cut off
      sparse_of("\x7f\xfe"),          // one register is missing
      sparse_of("\x7f\xff\x01"),      // two too many
      sparse_of("\x7f\xff\x80"),      // one too many, with a value
      sparse_of("\x84\x7f\xff\x7f"),  // and cut off
  };
  for (const std::string& text : texts) {
    Registers registers{};
    EXPECT_EQ(form_of(text), Form::kSparse);
    EXPECT_FALSE(estimate(text, Form::kSparse));
    EXPECT_FALSE(to_dense(text));
    EXPECT_FALSE(raise_to(registers, text, Form::kSparse));
  }
  std::string missing = sparse_of("\x7f\xfe");
  EXPECT_EQ(SparseEditor(missing).raise({.index = 16383, .rank = 1}, 3000),
            SparseEditor::Outcome::kCorrupt);
  std::string cut = sparse_of("\x7f");
  EXPECT_EQ(SparseEditor(cut).raise({.index = 0, .rank = 1}, 3000),
            SparseEditor::Outcome::kCorrupt);
}

TEST(HyperLogLog, EstimatesAreNear) {
  EXPECT_EQ(self_test(), std::nullopt);
}

}  // namespace
}  // namespace redan::hll
