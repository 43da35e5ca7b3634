#include "server/data/bit_fields.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "common/base/rng.h"
#include "server/data/bits.h"

namespace redan {
namespace {

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

TEST(BitFields, TypesThatThereAre) {
  EXPECT_EQ(parse_field_type("u8")->bits, 8);
  EXPECT_FALSE(parse_field_type("u8")->is_signed);
  EXPECT_EQ(parse_field_type("i64")->bits, 64);
  EXPECT_TRUE(parse_field_type("i1")->is_signed);
  EXPECT_EQ(parse_field_type("u63")->bits, 63);
  for (const char* wrong : {"", "u", "i", "u0", "u64", "i65", "i-1", "u08", "u 8", "U8", "8", "x8",
                            "u8x", "i99999999999999999999"}) {
    EXPECT_FALSE(parse_field_type(wrong)) << wrong;
  }
}

TEST(BitFields, WhatIsWrittenIsReadAndNothingElseChanges) {
  Rng rng(21);
  for (int round = 0; round < 20'000; ++round) {
    const bool is_signed = rng.below(2) == 0;
    const FieldType type{.is_signed = is_signed,
                         .bits = static_cast<int>(1 + rng.below(is_signed ? 64 : 63))};
    const uint64_t offset = rng.below(100);
    std::string bytes(24, '\0');
    for (char& byte : bytes) byte = static_cast<char>(rng.below(256));
    const std::string before = bytes;
    const auto value = *fit_field(type, static_cast<int64_t>(rng.next()), 0, Overflow::kWrap);
    write_field(bytes.data(), offset, type, value);
    ASSERT_EQ(read_field(bytes, offset, type), value);
    for (uint64_t bit = 0; bit < bytes.size() * 8; ++bit) {
      if (bit >= offset && bit < offset + static_cast<uint64_t>(type.bits)) continue;
      ASSERT_EQ(bit_at(bytes, bit), bit_at(before, bit)) << "bit " << bit;
    }
    // Bit by bit it is the same number.
    uint64_t raw = 0;
    for (uint64_t bit = offset; bit < offset + static_cast<uint64_t>(type.bits); ++bit) {
      raw = raw << 1 | (bit_at(bytes, bit) ? 1 : 0);
    }
    ASSERT_EQ(*fit_field(type, static_cast<int64_t>(raw), 0, Overflow::kWrap), value);
  }
}

TEST(BitFields, BehindTheEndAreZeroes) {
  EXPECT_EQ(read_field("\xff", 4, {.is_signed = false, .bits = 8}), 0xf0);
  EXPECT_EQ(read_field("\xff", 4, {.is_signed = true, .bits = 8}), -16);
  EXPECT_EQ(read_field("\xff", 8, {.is_signed = true, .bits = 64}), 0);
  EXPECT_EQ(read_field("", 4'294'967'295, {.is_signed = true, .bits = 64}), 0);
  EXPECT_EQ(read_field("\xff\xff\xff\xff\xff\xff\xff\xff", 63, {.is_signed = true, .bits = 64}),
            kLeast);
}

TEST(BitFields, OverflowWrapsSaturatesOrFails) {
  const FieldType u8{.is_signed = false, .bits = 8};
  EXPECT_EQ(fit_field(u8, 250, 10, Overflow::kWrap), 4);
  EXPECT_EQ(fit_field(u8, 250, 10, Overflow::kSaturate), 255);
  EXPECT_EQ(fit_field(u8, 250, 10, Overflow::kFail), std::nullopt);
  EXPECT_EQ(fit_field(u8, 5, -10, Overflow::kWrap), 251);
  EXPECT_EQ(fit_field(u8, 5, -10, Overflow::kSaturate), 0);
  EXPECT_EQ(fit_field(u8, 5, -5, Overflow::kFail), 0);
  const FieldType i8{.is_signed = true, .bits = 8};
  EXPECT_EQ(fit_field(i8, 127, 1, Overflow::kWrap), -128);
  EXPECT_EQ(fit_field(i8, 127, 1, Overflow::kSaturate), 127);
  EXPECT_EQ(fit_field(i8, -128, -1, Overflow::kWrap), 127);
  EXPECT_EQ(fit_field(i8, -128, -1, Overflow::kSaturate), -128);
  EXPECT_EQ(fit_field(i8, -128, kLeast, Overflow::kSaturate), -128);
  EXPECT_EQ(fit_field(i8, -200, 0, Overflow::kSaturate), -128);
  const FieldType i64{.is_signed = true, .bits = 64};
  EXPECT_EQ(fit_field(i64, kMost, 1, Overflow::kWrap), kLeast);
  EXPECT_EQ(fit_field(i64, kMost, kMost, Overflow::kSaturate), kMost);
  EXPECT_EQ(fit_field(i64, kLeast, kLeast, Overflow::kSaturate), kLeast);
  EXPECT_EQ(fit_field(i64, kLeast, -1, Overflow::kFail), std::nullopt);
  const FieldType u63{.is_signed = false, .bits = 63};
  EXPECT_EQ(fit_field(u63, kMost, 1, Overflow::kWrap), 0);
  EXPECT_EQ(fit_field(u63, kMost, 1, Overflow::kSaturate), kMost);
}

// As Redis does, so that a primary and a replica of either kind agree.
TEST(BitFields, ValuesThatSaturateAtTheUpperEnd) {
  EXPECT_EQ(fit_field({.is_signed = false, .bits = 8}, -1, 0, Overflow::kSaturate), 255);
  EXPECT_EQ(fit_field({.is_signed = true, .bits = 8}, kLeast, 0, Overflow::kSaturate), 127);
  EXPECT_EQ(fit_field({.is_signed = true, .bits = 8}, kLeast + 127, 0, Overflow::kSaturate), 127);
  EXPECT_EQ(fit_field({.is_signed = true, .bits = 8}, kLeast + 128, 0, Overflow::kSaturate), -128);
}

}  // namespace
}  // namespace redan
