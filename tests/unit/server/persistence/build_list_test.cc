// Lists from RDB in each of their encodings, and back.
#include <gtest/gtest.h>

#include <vector>

#include "server/values/list_value.h"
#include "tests/unit/server/persistence/value_fixture.h"

namespace redan {
namespace {

using namespace std::string_literals;
using Elements = std::vector<std::string>;

struct Restored {
  std::string encoding;
  Elements elements;
  std::string dump;
  bool operator==(const Restored&) const = default;
};

Restored restored(std::string_view bytes, const EncodingLimits& limits = {}) {
  Restored result;
  const std::string refused = restore_and(bytes, limits, [&](const Entry& entry) {
    result = {.encoding = std::string(entry.encoding_name()), .dump = dump_value(entry)};
    const ListView list(entry);
    list.for_each(0, list.size(), ListEnd::kTail, [&](const ListView::Element& element) {
      result.elements.push_back(element.str());
      return true;
    });
  });
  if (!refused.empty()) result.encoding = refused;
  return result;
}

// Two elements, "a" and 300, in each compact form.
const std::string kListpack = from_hex("0d0000000200816102c12c02ff");
const std::string kZiplist = from_hex("120000000d000000020000016103c02c01ff");

std::string one_node(char type, std::string_view bytes) {
  std::string body(1, type);
  if (type == 14 || type == 18) body += '\1';
  if (type == 18) body += '\2';
  return body + static_cast<char>(bytes.size()) + std::string(bytes);
}

// DUMP of redis-server 7.0.15 after RPUSH k a 300.
const std::string kDumpOfRedis = from_hex("1201020d0d0000000200816102c12c02ff0a0031b18a505f75a6a2");

TEST(BuildList, EveryEncodingMakesTheSameList) {
  const Elements elements = {"a", "300"};
  const Restored compact = restored(kDumpOfRedis);
  EXPECT_EQ(compact.encoding, "listpack");
  EXPECT_EQ(compact.elements, elements);
  EXPECT_EQ(compact.dump, kDumpOfRedis);
  for (const char type : {10, 14}) {
    EXPECT_EQ(restored(payload(one_node(type, kZiplist))).elements, elements) << int{type};
  }
  // Strings one by one, one of them as an integer of two bytes.
  EXPECT_EQ(restored(payload("\1\2\1a\xc1\x2c\1"s)).elements, elements);
  // Two nodes, the second a plain element.
  const Restored nodes =
      restored(payload("\x12\2\2"s + static_cast<char>(kListpack.size()) + kListpack + "\1\3end"));
  EXPECT_EQ(nodes.encoding, "quicklist");
  EXPECT_EQ(nodes.elements, (Elements{"a", "300", "end"}));
  EXPECT_EQ(nodes.dump,
            payload("\x12\2\2"s + static_cast<char>(kListpack.size()) + kListpack + "\1\3end"));
}

TEST(BuildList, WhatIsTooLargeForOneListpackHasNodes) {
  std::string body = "\1\x43\xe8"s;  // A thousand elements.
  Elements elements;
  for (int i = 0; i < 1000; ++i) {
    elements.push_back("element number " + std::to_string(1000 + i));
    body += static_cast<char>(elements.back().size()) + elements.back();
  }
  const Restored list = restored(payload(body));
  EXPECT_EQ(list.encoding, "quicklist");
  EXPECT_EQ(list.elements, elements);
  EXPECT_EQ(restored(list.dump).elements, elements);
  EncodingLimits small;
  small.list_size = 1;
  EXPECT_EQ(restored(payload(one_node(18, kListpack)), small).encoding, "quicklist");
}

TEST(BuildList, NodesWithoutElementsAreLeftOut) {
  const std::string empty = Listpack::empty_bytes();
  const Restored list = restored(payload("\x12\2\2"s + static_cast<char>(empty.size()) + empty +
                                         '\2' + static_cast<char>(kListpack.size()) + kListpack));
  EXPECT_EQ(list.elements, (Elements{"a", "300"}));
  EXPECT_EQ(restored(payload(one_node(18, empty))).encoding, kBad);
}

TEST(BuildList, DamageIsFound) {
  for (const std::string& good : {payload(one_node(18, kListpack)), payload(one_node(10, kZiplist)),
                                  payload("\1\2\1a\1b"s), payload("\x12\1\1\3end"s)}) {
    ASSERT_NE(restored(good).encoding, kBad);
    const std::string body = good.substr(0, good.size() - 10);
    for (size_t cut = 1; cut < body.size(); ++cut) {
      EXPECT_EQ(restored(payload(body.substr(0, cut))).encoding, kBad) << cut;
    }
  }
  // A count, an element's length and a node's kind that are not so.
  std::string bent = kListpack;
  bent[4] = '\3';
  EXPECT_EQ(restored(payload(one_node(18, bent))).encoding, kBad);
  bent = kListpack;
  bent[6] = '\x82';
  EXPECT_EQ(restored(payload(one_node(18, bent))).encoding, kBad);
  bent = kZiplist;
  bent[11] = '\2';  // "a" would be two bytes long.
  EXPECT_EQ(restored(payload(one_node(14, bent))).encoding, kBad);
  EXPECT_EQ(restored(payload("\x12\1\3\3end"s)).encoding, kBad);
}

}  // namespace
}  // namespace redan
