#include "common/base/parse.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/crc16.h"
#include "common/base/crc64.h"
#include "common/base/glob.h"
#include "common/base/rng.h"
#include "common/base/siphash.h"

namespace redan {
namespace {

TEST(Parse, IntegersAreReadWithRedisStrictness) {
  EXPECT_EQ(parse_int64("0"), 0);
  EXPECT_EQ(parse_int64("-1"), -1);
  EXPECT_EQ(parse_int64("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(parse_int64("-9223372036854775808"), INT64_MIN);
  for (const char* bad : {"", "-", "+1", " 1", "1 ", "01", "-0", "9223372036854775808",
                          "-9223372036854775809", "1.0", "99999999999999999999"}) {
    EXPECT_EQ(parse_int64(bad), std::nullopt) << bad;
  }
}

TEST(Parse, MemorySizesCarryUnits) {
  EXPECT_EQ(parse_memory("1gb"), 1073741824);
  EXPECT_EQ(parse_memory("10K"), 10000);
  EXPECT_EQ(parse_memory("3x"), std::nullopt);
  EXPECT_EQ(parse_memory("9223372036854775807gb"), std::nullopt);
}

TEST(Parse, WordsAreQuotedAsRedisCliDoes) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(split_words(R"(set "a b" 'it\'s' \x "\x41\n")"),
            (Words{"set", "a b", "it's", "\\x", "A\n"}));
  EXPECT_EQ(split_words("a \"b"), std::nullopt);
  EXPECT_EQ(split_words("\"a\"b"), std::nullopt);
  const std::string bytes("\0\xff\n\"\\ok", 7);
  EXPECT_EQ(split_words(quote_word(bytes)), Words{bytes});
}

TEST(Glob, MatchesLikeRedis) {
  EXPECT_TRUE(glob_match("h[a-c]llo", "hbllo"));
  EXPECT_FALSE(glob_match("h[^e]llo", "hello"));
  EXPECT_TRUE(glob_match("a*b*c", "a123b45c"));
  EXPECT_TRUE(glob_match("\\*", "*"));
  EXPECT_FALSE(glob_match("\\*", "x"));
  EXPECT_TRUE(glob_match("HELLO", "hello", Case::kInsensitive));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_FALSE(glob_match("", "a"));
}

TEST(Glob, NestedStarsDoNotExplode) {
  std::string pattern, text(20000, 'a');
  for (int i = 0; i < 200; ++i) pattern += "a*";
  EXPECT_FALSE(glob_match(pattern + "b", text));
}

TEST(Checksums, MatchTheirPublishedCheckValues) {
  EXPECT_EQ(crc16("123456789"), 0x31c3);
  EXPECT_EQ(crc64(0, "123456789"), 0xe9c6d914c4b8d9ca);
  EXPECT_EQ(crc64(crc64(0, "1234"), "56789"), 0xe9c6d914c4b8d9ca);
}

// Eight bytes at a time is the same as bit by bit, at every length.
TEST(Checksums, Crc16OfAnyLengthIsThatOfItsBits) {
  std::string bytes;
  for (int length = 0; length < 70; ++length) {
    uint32_t crc = 0;
    for (const char c : bytes) {
      crc ^= static_cast<uint32_t>(static_cast<uint8_t>(c)) << 8;
      for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? crc << 1 ^ 0x11021 : crc << 1;
    }
    EXPECT_EQ(crc16(bytes), crc) << length;
    bytes.push_back(static_cast<char>(length * 37 + 200));
  }
}

TEST(Slots, FollowHashTags) {
  EXPECT_EQ(slot_of_key("foo"), Slot(12182));
  EXPECT_EQ(slot_of_key("apple"), Slot(7092));
  EXPECT_EQ(slot_of_key("{user}.a"), slot_of_key("user"));
  EXPECT_EQ(slot_of_key("{}a"), Slot(crc16("{}a") & 16383));
}

// Short keys are multiplied, others looked up, and braces may stand anywhere.
TEST(Crc16, SlotsOfAnyKeyAreThoseOfItsTag) {
  Rng rng(5);
  const auto tag = [](std::string_view key) {
    const size_t open = key.find('{');
    if (open == std::string_view::npos) return key;
    const size_t close = key.find('}', open + 1);
    if (close == std::string_view::npos || close == open + 1) return key;
    return key.substr(open + 1, close - open - 1);
  };
  for (int i = 0; i < 200'000; ++i) {
    std::string key(rng.below(36), '\0');
    for (char& c : key) c = static_cast<char>(rng.next());
    if (rng.chance(0.3)) {
      for (char& c : key) c = rng.chance(0.8) ? "{}ab"[rng.below(4)] : c;
    }
    ASSERT_EQ(slot_of_key(key).value, crc16(tag(key)) & 16383) << key.size();
  }
}

}  // namespace
}  // namespace redan
