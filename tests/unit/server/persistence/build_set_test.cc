// Sets from RDB in each of their encodings, and back.
#include <gtest/gtest.h>

#include <set>

#include "server/values/set_value.h"
#include "tests/unit/server/persistence/value_fixture.h"

namespace redan {
namespace {

using namespace std::string_literals;
using Members = std::set<std::string>;

struct Restored {
  std::string encoding;
  Members members;
  std::string dump;
  bool operator==(const Restored&) const = default;
};

Restored restored(std::string_view bytes, const EncodingLimits& limits = {}) {
  Restored result;
  const std::string refused = restore_and(bytes, limits, [&](const Entry& entry) {
    result = {.encoding = std::string(entry.encoding_name()), .dump = dump_value(entry)};
    SetView(entry).for_each([&](const SetView::Member& member) {
      EXPECT_TRUE(result.members.insert(member.str()).second);
      EXPECT_TRUE(SetView(entry).contains(member.str())) << member.str();
    });
  });
  if (!refused.empty()) result.encoding = refused;
  return result;
}

// DUMP of redis-server 7.0.15.
const std::string kIntsOfTwoBytes =
    from_hex("0b0e0200000003000000fdff010002000a00d1b78ed9bc07c27f");
const std::string kIntsOfFourBytes =
    from_hex("0b140400000003000000fbffffff01000000701101000a0086a0bbcf3a22ed25");
const std::string kIntsOfEightBytes =
    from_hex("0b180800000002000000010000000000000000f2052a010000000a0054f5a26ae707b5fc");
const std::string kMixed = from_hex("02030161c00c01620a002bccceba5f2a7ee8");
const std::string kLong = from_hex("0201c3094046017878e039000178780a00c06e22ddd32b145c");

TEST(BuildSet, WhatRedisDumpsIsReadAndWrittenBack) {
  Restored set = restored(kIntsOfTwoBytes);
  EXPECT_EQ(set, (Restored{"intset", {"-3", "1", "2"}, kIntsOfTwoBytes}));
  set = restored(kIntsOfFourBytes);
  EXPECT_EQ(set, (Restored{"intset", {"-5", "1", "70000"}, kIntsOfFourBytes}));
  set = restored(kIntsOfEightBytes);
  EXPECT_EQ(set, (Restored{"intset", {"1", "5000000000"}, kIntsOfEightBytes}));
  // Redis writes a hash table in its order: 12 stands between a and b, as in our listpack.
  set = restored(kMixed);
  EXPECT_EQ(set, (Restored{"listpack", {"12", "a", "b"}, kMixed}));
  set = restored(kLong);
  EXPECT_EQ(set, (Restored{"hashtable", {std::string(70, 'x')}, kLong}));
}

TEST(BuildSet, AListpackOfNewerVersionsIsRead) {
  std::string pack = Listpack::empty_bytes();
  StringBytes store(pack);
  for (const char* member : {"a", "7", "-300"}) ListpackEdit::append(store, PackedElement(member));
  const std::string body = "\x14"s + static_cast<char>(pack.size()) + pack;
  Restored set = restored(payload(body));
  EXPECT_EQ(set.encoding, "listpack");
  EXPECT_EQ(set.members, (Members{"a", "7", "-300"}));
  // Written as plain members, which version 10 knows.
  EXPECT_EQ(set.dump[0], '\x02');
  EncodingLimits limits;
  limits.set_entries = 2;
  set = restored(payload(body), limits);
  EXPECT_EQ(set.encoding, "hashtable");
  EXPECT_EQ(set.members, (Members{"a", "7", "-300"}));
}

// An integer as text, as no Redis writes it, would never be found.
TEST(BuildSet, AListpackInAnotherWritingIsWrittenAnew) {
  const std::string pack = "\x0e\0\0\0\x02\0\x82"s + "12" + "\x03\x81" + "a" + "\x02\xff";
  ASSERT_TRUE(Listpack::validate(pack));
  const Restored set = restored(payload("\x14"s + static_cast<char>(pack.size()) + pack));
  EXPECT_EQ(set.encoding, "listpack");
  EXPECT_EQ(set.members, (Members{"12", "a"}));
}

TEST(BuildSet, LimitsOfTodayDecide) {
  EncodingLimits limits;
  limits.set_intset_entries = 2;
  EXPECT_EQ(restored(kIntsOfTwoBytes, limits).encoding, "hashtable");
  limits.set_intset_entries = 3;
  EXPECT_EQ(restored(kIntsOfTwoBytes, limits).encoding, "intset");
  limits.set_entries = 2;
  EXPECT_EQ(restored(kMixed, limits).encoding, "hashtable");
}

TEST(BuildSet, WhatNoSetIsIsRefused) {
  EXPECT_EQ(restored(payload("\x02\x02\x01"
                             "a\x01"
                             "a"s))
                .encoding,
            kBad)
      << "twice the same";
  EXPECT_EQ(restored(payload("\x02\x02\xc0\x0c\x02"
                             "12"s))
                .encoding,
            kBad)
      << "in two writings";
  EXPECT_EQ(restored(payload("\x02\x00"s)).encoding, kBad) << "nothing in it";
  EXPECT_EQ(restored(payload("\x02\x03\x01"
                             "a"s))
                .encoding,
            kBad)
      << "fewer than announced";
  EXPECT_EQ(restored(payload("\x0b\x08\x02\0\0\0\0\0\0\0"s)).encoding, kBad);
  EXPECT_EQ(restored(payload("\x0b\x0c\x02\0\0\0\x02\0\0\0\x02\0\x01\0"s)).encoding, kBad);
  EXPECT_EQ(restored(payload("\x14\x0b\x0b\0\0\0\x02\0\x07\x01\x07\x01\xff"s)).encoding, kBad);
  EXPECT_EQ(restored(payload("\x14\x07\x07\0\0\0\0\0\xff"s)).encoding, kBad) << "nothing in it";
}

// Whatever a byte becomes: another set, or an error, but never a set that is not sound.
TEST(BuildSet, EveryByteMayBeDamaged) {
  std::string pack = Listpack::empty_bytes();
  StringBytes store(pack);
  for (const char* member : {"a", "7", "-300", "bcd"}) {
    ListpackEdit::append(store, PackedElement(member));
  }
  size_t refused = 0;
  for (const std::string& body :
       {kIntsOfTwoBytes.substr(0, kIntsOfTwoBytes.size() - 10),
        kIntsOfEightBytes.substr(0, kIntsOfEightBytes.size() - 10),
        kMixed.substr(0, kMixed.size() - 10), "\x14"s + static_cast<char>(pack.size()) + pack}) {
    ASSERT_NE(restored(payload(body)).encoding, kBad);
    for (size_t at = 1; at < body.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string damaged = body;
        damaged[at] = static_cast<char>(damaged[at] ^ 1 << bit);
        refused += restored(payload(damaged)).encoding == kBad ? 1U : 0U;
      }
    }
  }
  EXPECT_GT(refused, 300u);
}

}  // namespace
}  // namespace redan
