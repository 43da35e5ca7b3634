#include "server/data/field_triples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "common/base/rng.h"

namespace redan {
namespace {

using Triple = std::tuple<std::string, std::string, int64_t>;

std::vector<Triple> all_of(std::string_view bytes) {
  const FieldTriples triples(bytes);
  std::vector<Triple> all;
  for (size_t at = triples.first(); at != FieldTriples::kNone; at = triples.next(at)) {
    all.emplace_back(triples.field(at).str(), triples.value(at).str(), triples.expiry_ms(at));
  }
  EXPECT_EQ(all.size(), triples.size());
  return all;
}

std::string pack_of(const std::vector<std::string>& texts) {
  std::string bytes = Listpack::empty_bytes();
  StringBytes store(bytes);
  for (const std::string& text : texts) ListpackEdit::append(store, PackedElement(text));
  return bytes;
}

TEST(FieldTriples, StandInTheOrderOfTheirExpiries) {
  std::string bytes = Listpack::empty_bytes();
  StringBytes store(bytes);
  EXPECT_EQ(FieldTriples(bytes).first_expiry_ms(), FieldTriples::kStays);
  FieldTriplesEdit::insert(store, "stays", "1", 0);
  FieldTriplesEdit::insert(store, "late", "2", 7000);
  FieldTriplesEdit::insert(store, "17", "3", 5000);
  FieldTriplesEdit::insert(store, "as late", "4", 7000);
  FieldTriplesEdit::insert(store, "stays, too", "5", 0);
  EXPECT_EQ(bytes, pack_of({"17", "3", "5000", "late", "2", "7000", "as late", "4", "7000", "stays",
                            "1", "0", "stays, too", "5", "0"}));
  EXPECT_TRUE(Listpack::validate(bytes));
  EXPECT_EQ(FieldTriples(bytes).first_expiry_ms(), 5000);
  // Forwards, backwards, and where it is.
  FieldTriplesEdit::set_expiry(store, FieldTriples(bytes).find("17"), 0);
  FieldTriplesEdit::set_expiry(store, FieldTriples(bytes).find("stays, too"), 1);
  FieldTriplesEdit::set_expiry(store, FieldTriples(bytes).find("late"), 6'000'000'000'000);
  EXPECT_EQ(bytes, pack_of({"stays, too", "5", "1", "as late", "4", "7000", "late", "2",
                            "6000000000000", "stays", "1", "0", "17", "3", "0"}));
  FieldTriplesEdit::set_value(store, FieldTriples(bytes).find("late"), std::string(200, 'v'));
  FieldTriplesEdit::erase(store, FieldTriples(bytes).first(), 2);
  EXPECT_EQ(all_of(bytes), (std::vector<Triple>{{"late", std::string(200, 'v'), 6'000'000'000'000},
                                                {"stays", "1", 0},
                                                {"17", "3", 0}}));
}

TEST(FieldTriples, FollowAModel) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Rng rng(seed);
    std::map<std::string, std::pair<std::string, int64_t>> model;
    std::string bytes = Listpack::empty_bytes();
    StringBytes store(bytes);
    for (int step = 0; step < 400; ++step) {
      const std::string name = (rng.chance(0.5) ? "f" : "") + std::to_string(rng.below(30));
      const std::string value(rng.below(150), 'v');
      // Times of every width, and many that are equal.
      const int64_t expiry_ms =
          rng.chance(0.3) ? 0 : static_cast<int64_t>(rng.below(uint64_t{8} << rng.below(44)));
      const size_t at = FieldTriples(bytes).find(name);
      ASSERT_EQ(at != FieldTriples::kNone, model.contains(name));
      if (at == FieldTriples::kNone) {
        FieldTriplesEdit::insert(store, name, value, expiry_ms);
        model[name] = {value, expiry_ms};
      } else if (rng.chance(0.2)) {
        FieldTriplesEdit::erase(store, at);
        model.erase(name);
      } else if (rng.chance(0.3)) {
        FieldTriplesEdit::set_value(store, at, value);
        model[name].first = value;
      } else {
        FieldTriplesEdit::set_expiry(store, at, expiry_ms);
        model[name].second = expiry_ms;
      }
      ASSERT_TRUE(Listpack::validate(bytes));
      ASSERT_TRUE(FieldTriples(bytes).in_order());
      std::vector<Triple> all = all_of(bytes);
      std::sort(all.begin(), all.end());
      std::vector<Triple> expected;
      for (const auto& [field, is] : model) expected.emplace_back(field, is.first, is.second);
      ASSERT_EQ(all, expected);
    }
  }
}

TEST(FieldTriples, BecomePairsAndAreMadeOfPairs) {
  for (const int fields : {0, 1, 3, 200, 22'000, 40'000}) {
    std::vector<std::string> pairs;
    std::vector<std::string> triples;
    for (int i = 0; i < fields; ++i) {
      const std::string field = i % 2 == 0 ? std::to_string(i) : "f" + std::to_string(i);
      const std::string value(static_cast<size_t>(i) % 200, 'v');
      pairs.insert(pairs.end(), {field, value});
      triples.insert(triples.end(), {field, value, "0"});
    }
    const std::string expected = pack_of(pairs);
    EXPECT_EQ(FieldTriples::of_pairs(expected), pack_of(triples));
    EXPECT_EQ(FieldTriples(FieldTriples::of_pairs(expected)).to_pairs(), expected);
  }
}

TEST(FieldTriples, WhatIsNoneIsTold) {
  const auto in_order = [](const std::vector<std::string>& texts) {
    return FieldTriples(pack_of(texts)).in_order(1000);
  };
  EXPECT_TRUE(in_order({}));
  EXPECT_TRUE(in_order({"f", "v", "5", "g", "v", "5", "h", "v", "1000", "i", "v", "0"}));
  EXPECT_TRUE(in_order({"f", "v", "0", "g", "v", "0"}));
  EXPECT_FALSE(in_order({"f", "v", "6", "g", "v", "5"}));
  EXPECT_FALSE(in_order({"f", "v", "0", "g", "v", "5"}));
  EXPECT_FALSE(in_order({"f", "v", "1001"}));
  EXPECT_FALSE(in_order({"f", "v", "-1"}));
  EXPECT_FALSE(in_order({"f", "v", "soon"}));
}

}  // namespace
}  // namespace redan
