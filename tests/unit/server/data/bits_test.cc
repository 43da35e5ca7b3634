#include "server/data/bits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "server/data/bit_kernels.h"

namespace redan {
namespace {

// The model: one element for each bit.
std::vector<bool> bits_of(std::string_view bytes) {
  std::vector<bool> bits;
  for (uint64_t bit = 0; bit < bytes.size() * 8; ++bit) bits.push_back(bit_at(bytes, bit));
  return bits;
}

// Mostly zeroes, mostly ones, or anything.
std::string random_bytes(Rng& rng, size_t size) {
  std::string bytes(size, rng.below(2) == 0 ? '\0' : '\xff');
  const uint64_t others = rng.below(3) == 0 ? size : rng.below(3);
  for (uint64_t i = 0; i < others && size > 0; ++i) {
    bytes[rng.below(size)] = static_cast<char>(rng.below(256));
  }
  return bytes;
}

TEST(Bits, BitZeroIsTheHighestOfTheFirstByte) {
  std::string bytes(2, '\0');
  write_bit(bytes.data(), 0, true);
  write_bit(bytes.data(), 9, true);
  EXPECT_EQ(bytes, "\x80\x40");
  EXPECT_TRUE(bit_at(bytes, 9));
  EXPECT_FALSE(bit_at(bytes, 8));
  EXPECT_FALSE(bit_at(bytes, 16));
  EXPECT_FALSE(bit_at(bytes, ~uint64_t{0}));
  write_bit(bytes.data(), 0, false);
  EXPECT_EQ(bytes, std::string("\0\x40", 2));
}

TEST(Bits, CountsAndSearchesAreThoseOfAModel) {
  Rng rng(11);
  for (int round = 0; round < 3000; ++round) {
    const std::string bytes = random_bytes(rng, 1 + rng.below(round % 10 == 0 ? 2000 : 100));
    const std::vector<bool> model = bits_of(bytes);
    const uint64_t first = rng.below(model.size());
    const uint64_t last = first + rng.below(model.size() - first);
    const auto begin = model.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = model.begin() + static_cast<std::ptrdiff_t>(last) + 1;
    ASSERT_EQ(count_ones(bytes, {first, last}),
              static_cast<uint64_t>(std::count(begin, end, true)));
    ASSERT_EQ(count_ones(bytes),
              static_cast<uint64_t>(std::count(model.begin(), model.end(), true)));
    for (const bool on : {false, true}) {
      const auto found = std::find(begin, end, on);
      const auto expected =
          found == end ? std::nullopt : std::optional(static_cast<uint64_t>(found - model.begin()));
      ASSERT_EQ(find_bit(bytes, {first, last}, on), expected);
    }
  }
}

TEST(Bits, CombinationsAreThoseOfAModel) {
  Rng rng(12);
  for (int round = 0; round < 1000; ++round) {
    std::vector<std::string> texts;
    const size_t count = 1 + rng.below(4);
    for (size_t i = 0; i < count; ++i) {
      texts.push_back(random_bytes(rng, rng.below(round % 20 == 0 ? 10'000 : 90)));
    }
    const std::vector<std::string_view> sources(texts.begin(), texts.end());
    size_t size = 0;
    for (const std::string_view source : sources) size = std::max(size, source.size());
    for (const BitOp op : {BitOp::kAnd, BitOp::kOr, BitOp::kXor, BitOp::kNot}) {
      if (op == BitOp::kNot && count != 1) continue;
      std::string expected(size, '\0');
      for (size_t at = 0; at < size; ++at) {
        const auto byte = [&](size_t i) {
          return at < texts[i].size() ? static_cast<uint8_t>(texts[i][at]) : uint8_t{0};
        };
        unsigned value = op == BitOp::kNot ? ~unsigned{byte(0)} : byte(0);
        for (size_t i = 1; i < count; ++i) {
          if (op == BitOp::kAnd) value &= byte(i);
          if (op == BitOp::kOr) value |= byte(i);
          if (op == BitOp::kXor) value ^= byte(i);
        }
        expected[at] = static_cast<char>(value);
      }
      std::string out(size, 'x');
      combine_bits(op, sources, out);
      ASSERT_EQ(out, expected) << "operation " << static_cast<int>(op);
    }
  }
}

TEST(BitKernels, AllThatThisMachineRunsAgree) {
  Rng rng(13);
  const BitKernels& words = bit_kernels().front();
  EXPECT_EQ(&best_bit_kernels(), &bit_kernels().back());
  for (int round = 0; round < 2000; ++round) {
    // Behind 31 * 32 bytes a sum of bytes would no longer fit into a byte.
    const size_t size = rng.below(round % 4 == 0 ? 3000 : 80);
    const std::string a = random_bytes(rng, size);
    const std::string b = random_bytes(rng, size);
    std::string expected(size, '\0'), out(size, '\0');
    for (const BitKernels& kernels : bit_kernels()) {
      SCOPED_TRACE(kernels.name);
      ASSERT_EQ(kernels.count_ones(a.data(), size), words.count_ones(a.data(), size));
      for (const uint8_t value : {0x00, 0xff}) {
        ASSERT_EQ(kernels.skip(a.data(), size, value), words.skip(a.data(), size, value));
      }
      words.bit_and(expected.data(), a.data(), b.data(), size);
      kernels.bit_and(out.data(), a.data(), b.data(), size);
      ASSERT_EQ(out, expected);
      words.bit_or(expected.data(), a.data(), b.data(), size);
      kernels.bit_or(out.data(), a.data(), b.data(), size);
      ASSERT_EQ(out, expected);
      words.bit_xor(expected.data(), a.data(), b.data(), size);
      kernels.bit_xor(out.data(), a.data(), b.data(), size);
      ASSERT_EQ(out, expected);
    }
  }
}

}  // namespace
}  // namespace redan
