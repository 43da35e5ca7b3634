#include "server/data/intset.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "common/base/rng.h"
#include "server/data/listpack.h"

namespace redan {
namespace {

using namespace std::string_literals;

std::string intset_of(const std::vector<int64_t>& values) {
  std::string bytes = Intset::empty_bytes();
  StringBytes store(bytes);
  for (const int64_t value : values) IntsetEdit::insert(store, value);
  return bytes;
}

std::vector<int64_t> values_of(std::string_view bytes) {
  const Intset set(bytes);
  std::vector<int64_t> values;
  for (size_t i = 0; i < set.size(); ++i) values.push_back(set.at(i));
  return values;
}

// DUMP of redis-server 7.0.15 after SADD of the same integers in the same order, without what
// stands around the intset.
TEST(Intset, BytesAreThoseOfRedis) {
  EXPECT_EQ(intset_of({1, 2, -3}), "\x02\0\0\0\x03\0\0\0\xfd\xff\x01\0\x02\0"s);
  EXPECT_EQ(intset_of({1, 70000, -5}),
            "\x04\0\0\0\x03\0\0\0\xfb\xff\xff\xff\x01\0\0\0\x70\x11\x01\0"s);
  EXPECT_EQ(intset_of({1, 5000000000}),
            "\x08\0\0\0\x02\0\0\0\x01\0\0\0\0\0\0\0\0\xf2\x05\x2a\x01\0\0\0"s);
}

TEST(Intset, AWiderIntegerWidensAll) {
  std::string bytes = intset_of({5, -6});
  StringBytes store(bytes);
  EXPECT_TRUE(IntsetEdit::insert(store, -70000));
  EXPECT_EQ(values_of(bytes), (std::vector<int64_t>{-70000, -6, 5}));
  EXPECT_TRUE(IntsetEdit::insert(store, INT64_MAX));
  EXPECT_TRUE(IntsetEdit::insert(store, INT64_MIN));
  EXPECT_EQ(values_of(bytes), (std::vector<int64_t>{INT64_MIN, -70000, -6, 5, INT64_MAX}));
  // And it stays so.
  EXPECT_TRUE(IntsetEdit::erase(store, INT64_MIN));
  EXPECT_TRUE(IntsetEdit::erase(store, INT64_MAX));
  EXPECT_EQ(Intset(bytes).width(), 8u);
  EXPECT_FALSE(IntsetEdit::erase(store, INT64_MAX));
}

TEST(Intset, BehavesAsASetDoes) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed);
    std::string bytes = Intset::empty_bytes();
    StringBytes store(bytes);
    std::set<int64_t> model;
    const int64_t ranges[] = {40, 40'000, 5'000'000'000, INT64_MAX};
    for (int step = 0; step < 500; ++step) {
      const int64_t range = ranges[rng.below(seed % 2 == 0 ? 1 : 4)];
      const int64_t value = rng.between(-range, range);
      if (rng.chance(0.6)) {
        ASSERT_EQ(IntsetEdit::insert(store, value), model.insert(value).second);
      } else {
        ASSERT_EQ(IntsetEdit::erase(store, value), model.erase(value) == 1);
      }
      ASSERT_EQ(Intset(bytes).contains(value), model.contains(value));
      ASSERT_EQ(Intset::validate(bytes), !model.empty());
    }
    ASSERT_EQ(values_of(bytes), std::vector<int64_t>(model.begin(), model.end()));
  }
}

TEST(Intset, WhatIsNoneIsRefused) {
  EXPECT_FALSE(Intset::validate(""));
  EXPECT_FALSE(Intset::validate(Intset::empty_bytes()));
  const std::string good = intset_of({1, 2, 300});
  EXPECT_TRUE(Intset::validate(good));
  EXPECT_FALSE(Intset::validate(good.substr(0, good.size() - 1)));
  EXPECT_FALSE(Intset::validate(good + "x"));
  EXPECT_FALSE(Intset::validate("\x02\0\0\0\x02\0\0\0\x01\0\x01\0"s)) << "twice the same";
  EXPECT_FALSE(Intset::validate("\x02\0\0\0\x02\0\0\0\x02\0\x01\0"s)) << "out of order";
  EXPECT_FALSE(Intset::validate("\x03\0\0\0\x01\0\0\0\x01\0\0"s)) << "no such width";
  EXPECT_FALSE(Intset::validate("\x02\0\0\0\x01\0\0\x80\x01\0"s)) << "a count beyond the bytes";
}

}  // namespace
}  // namespace redan
