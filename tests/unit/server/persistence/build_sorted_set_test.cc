// Sorted sets from RDB in each of their encodings, and back.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/base/parse.h"
#include "server/values/sorted_set_value.h"
#include "tests/unit/server/persistence/value_fixture.h"

namespace redan {
namespace {

using namespace std::string_literals;
using Pairs = std::vector<std::pair<std::string, double>>;

constexpr double kInf = std::numeric_limits<double>::infinity();

struct Restored {
  std::string encoding;
  Pairs pairs;
  std::string dump;
  bool operator==(const Restored&) const = default;
};

Restored restored(std::string_view bytes, const EncodingLimits& limits = {}) {
  Restored result;
  const std::string refused = restore_and(bytes, limits, [&](const Entry& entry) {
    result = {.encoding = std::string(entry.encoding_name()), .dump = dump_value(entry)};
    const SortedSetView set(entry);
    set.for_each([&](const SortedSetMember& member) {
      Listpack::Scratch scratch;
      const std::string name(member.name(scratch));
      EXPECT_EQ(set.score(name), member.score()) << name;
      if (!result.pairs.empty()) {
        const auto& [last, last_score] = result.pairs.back();
        EXPECT_TRUE(stands_before(last_score, last, member.score(), name)) << name;
      }
      result.pairs.emplace_back(name, member.score());
    });
  });
  if (!refused.empty()) result.encoding = refused;
  return result;
}

// DUMP of redis-server 7.0.15.
const std::string kSmall = from_hex(
    "112b2b0000000a00816302842d322e350581610201018162020101846c6f6e6705f10010030c0183696e6604ff0a00"
    "d2"
    "d9d2bdc24dfbe9");
const Pairs kSmallPairs = {{"c", -2.5}, {"a", 1}, {"b", 1}, {"long", 4096}, {"12", kInf}};
const std::string kLarge = from_hex(
    "0503c00c000000000000f07f0161000000000000f03fc3094046017878e0390001787800000000000004c00a008256"
    "45"
    "1919f4b2d3");
// What redis-server 7.0.15 takes for a sorted set of its predecessors (RESTORE, then ZRANGE).
const std::string kZiplist = from_hex(
    "0c32320000002c0000000a0000016303042d322e3506016103f202016203f202046c6f6e6706c000100403746f7005"
    "03"
    "696e66ff0900b49fbff44ae8e83f");
const std::string kText = from_hex("0304016101310162042d322e350163fe0164ff0300ac9ce1125e49206e");

TEST(BuildSortedSet, WhatRedisDumpsIsReadAndWrittenBack) {
  EXPECT_EQ(restored(kSmall), (Restored{"listpack", kSmallPairs, kSmall}));
  const Pairs pairs = {{std::string(70, 'x'), -2.5}, {"a", 1}, {"12", kInf}};
  EXPECT_EQ(restored(kLarge), (Restored{"skiplist", pairs, kLarge}));
}

TEST(BuildSortedSet, WhatOldVersionsWroteIsRead) {
  Restored set = restored(kZiplist);
  EXPECT_EQ(set.encoding, "listpack");
  EXPECT_EQ(set.pairs, (Pairs{{"c", -2.5}, {"a", 1}, {"b", 1}, {"long", 4096}, {"top", kInf}}));
  set = restored(kText);
  EXPECT_EQ(set.encoding, "listpack");
  EXPECT_EQ(set.pairs, (Pairs{{"d", -kInf}, {"b", -2.5}, {"a", 1}, {"c", kInf}}));
}

TEST(BuildSortedSet, LimitsOfTodayDecide) {
  EncodingLimits limits;
  limits.sorted_set_entries = 4;
  EXPECT_EQ(restored(kSmall, limits).encoding, "skiplist");
  EXPECT_EQ(restored(kSmall, limits).pairs, kSmallPairs);
  limits.sorted_set_entries = 5;
  limits.sorted_set_value_bytes = 1;
  EXPECT_EQ(restored(kSmall, limits).encoding, "listpack") << "long members were allowed once";
  limits.sorted_set_value_bytes = 70;
  EXPECT_EQ(restored(kLarge, limits).encoding, "listpack");
  limits.sorted_set_entries = 2;
  EXPECT_EQ(restored(kLarge, limits).encoding, "skiplist");
}

std::string listpack_body(const std::vector<const char*>& elements) {
  std::string pack = Listpack::empty_bytes();
  StringBytes store(pack);
  for (const char* element : elements) ListpackEdit::append(store, PackedElement(element));
  return "\x11"s + static_cast<char>(pack.size()) + pack;
}

TEST(BuildSortedSet, AListpackInAnotherOrderIsPutInOrder) {
  const Restored set = restored(payload(listpack_body({"b", "2", "a", "1", "c", "1.5"})));
  EXPECT_EQ(set.encoding, "listpack");
  EXPECT_EQ(set.pairs, (Pairs{{"a", 1}, {"c", 1.5}, {"b", 2}}));
}

TEST(BuildSortedSet, WhatNoSortedSetIsIsRefused) {
  const auto refused = [](const std::string& body) { return restored(payload(body)).encoding; };
  EXPECT_EQ(refused(listpack_body({"a", "1", "a", "2"})), kBad) << "twice the same";
  EXPECT_EQ(refused(listpack_body({"a", "1", "b"})), kBad) << "without a score";
  EXPECT_EQ(refused(listpack_body({"a", "one"})), kBad) << "no number";
  EXPECT_EQ(refused(listpack_body({"a", "nan"})), kBad) << "no number";
  EXPECT_EQ(refused(listpack_body({})), kBad) << "nothing in it";
  const std::string pair = "\x01"s + "a" + std::string(8, '\0');
  EXPECT_EQ(restored(payload("\x05\x01"s + pair)).pairs, (Pairs{{"a", 0}}));
  EXPECT_EQ(refused("\x05\x02"s + pair + pair), kBad) << "twice the same";
  EXPECT_EQ(refused("\x05\x02"s + pair), kBad) << "fewer than announced";
  EXPECT_EQ(refused("\x05\0"s), kBad) << "nothing in it";
  EXPECT_EQ(refused("\x05\x01\x01"s + "a" + std::string(6, '\0') + "\xf8\x7f"), kBad) << "NaN";
  EXPECT_EQ(refused("\x03\x01\x01"s + "a" + "\xfd"), kBad) << "NaN";
  EXPECT_EQ(refused("\x03\x01\x01"s + "a" + "\x01x"), kBad) << "no number";
}

// Whatever a byte becomes: another sorted set, or an error, but never one that is not sound.
TEST(BuildSortedSet, EveryByteMayBeDamaged) {
  size_t refused = 0;
  for (const std::string& dump : {kSmall, kLarge, kZiplist, kText}) {
    const std::string body = body_of(dump);
    ASSERT_NE(restored(payload(body)).encoding, kBad);
    for (size_t at = 1; at < body.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string damaged = body;
        damaged[at] = static_cast<char>(damaged[at] ^ 1 << bit);
        refused += restored(payload(damaged)).encoding == kBad ? 1U : 0U;
      }
    }
  }
  EXPECT_GT(refused, 400u);
}

}  // namespace
}  // namespace redan
