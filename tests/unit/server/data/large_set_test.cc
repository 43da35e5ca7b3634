#include "server/data/large_set.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace redan {
namespace {

using Model = std::set<std::string>;

std::string member_of(Rng& rng) {
  const std::string number = std::to_string(rng.below(1500));
  switch (rng.below(12)) {
    case 0:
      return "-" + number;
    case 1:
      return std::string(1, static_cast<char>('a' + rng.below(20)));
    case 2:
      return std::string(250 + rng.below(12), 'x');  // around where the length needs more bytes
    case 3:
      return "90071992547" + number;
    case 4:
      return "";
    default:
      return rng.chance(0.5) ? number : "m" + number;
  }
}

void change(LargeSet& set, Model& model, Rng& rng) {
  const std::string member = member_of(rng);
  set.prefetch_matches(set.prefetch_bucket(member));  // A lookup may be announced at any time.
  if (rng.chance(0.55)) {
    ASSERT_EQ(set.add(member), model.insert(member).second) << member;
  } else {
    ASSERT_EQ(set.erase(member), model.erase(member) == 1) << member;
  }
  ASSERT_EQ(set.contains(member), model.contains(member));
}

Model contents(const LargeSet& set) {
  Model found;
  set.for_each([&](const LargeSet::Member& member) {
    EXPECT_TRUE(found.insert(member.str()).second) << member.str();
  });
  return found;
}

TEST(LargeSet, BehavesAsASetDoes) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Rng rng(seed);
    LargeSet set(HashKey{seed, 7});
    Model model;
    for (int step = 0; step < 2000; ++step) change(set, model, rng);
    set.check_invariants();
    ASSERT_EQ(set.size(), model.size());
    ASSERT_EQ(contents(set), model);
    const auto copy = set.clone();
    change(set, model, rng);
    copy->check_invariants();
    for (const std::string& member : model) set.erase(member);
    ASSERT_EQ(set.size(), 0u);
    set.check_invariants();
  }
}

TEST(LargeSet, IsSeenWholeWhileItChanges) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Rng rng(seed);
    LargeSet set(HashKey{seed, 7});
    Model model;
    for (int step = 0; step < 800; ++step) change(set, model, rng);
    Model stayed = model;
    Model seen;
    uint64_t cursor = 0;
    do {
      cursor = set.scan(cursor, [&](const LargeSet::Member& member) { seen.insert(member.str()); });
      for (uint64_t i = rng.below(8); i > 0; --i) change(set, model, rng);
      std::erase_if(stayed, [&](const std::string& member) { return !model.contains(member); });
    } while (cursor != 0);
    for (const std::string& member : stayed) ASSERT_TRUE(seen.contains(member)) << member;
  }
}

// Integers at the ends of what a slot holds, beyond them, and texts that only look like integers.
TEST(LargeSet, IntegersAndTheirTextAreTheSameMember) {
  LargeSet set(HashKey{3, 4});
  Model model;
  for (const int64_t integer :
       {int64_t{0}, int64_t{1}, int64_t{-1}, (int64_t{1} << 60) - 1, int64_t{1} << 60,
        -(int64_t{1} << 60), -(int64_t{1} << 60) - 1, INT64_MAX, INT64_MIN}) {
    const std::string text = std::to_string(integer);
    EXPECT_TRUE(set.add(text)) << text;
    const LargeSet::Member member{.is_integer = true, .integer = integer};
    EXPECT_TRUE(set.contains(member)) << text;
    EXPECT_FALSE(set.add(member)) << text;
    model.insert(text);
  }
  for (const char* text : {"00", "-0", "+1", "01", " 1", "1 ", "", "9223372036854775808", "1.0"}) {
    EXPECT_FALSE(set.contains(text)) << text;
    EXPECT_TRUE(set.add(text)) << text;
    model.insert(text);
  }
  EXPECT_EQ(contents(set), model);
  set.check_invariants();
  for (const std::string& text : model) EXPECT_TRUE(set.erase(text)) << text;
  EXPECT_EQ(set.size(), 0u);
}

TEST(LargeSet, AMillionIntegersTakeAtMost26BytesEach) {
  LargeSet set(HashKey{3, 4});
  for (int i = 0; i < 1'000'000; ++i) set.add(LargeSet::Member{.is_integer = true, .integer = i});
  while (set.rehash(1000)) {
  }
  EXPECT_LE(set.memory_bytes(), 26'000'000u);
}

struct Collected final : PieceSink {
  void piece(const ValuePiece& piece) override {
    ASSERT_EQ(piece.kind, ValuePiece::Kind::kMember);
    ASSERT_TRUE(found.insert(std::string(piece.a)).second) << piece.a;
  }
  Model found;
};

TEST(LargeSet, ASnapshotHasItAsItWasAtTheMark) {
  for (uint64_t seed = 0; seed < 120; ++seed) {
    Rng rng(seed);
    LargeSet set(HashKey{seed, 7});
    Model model;
    for (uint64_t i = rng.below(1500); i > 0; --i) change(set, model, rng);
    Collected sink;
    set.begin_snapshot(&sink);
    const Model at_mark = model;
    bool more = true;
    while (more) {
      for (uint64_t i = rng.below(40); i > 0; --i) change(set, model, rng);
      more = set.walk_snapshot(1 + rng.below(30));
    }
    set.end_snapshot();
    ASSERT_EQ(sink.found, at_mark) << seed;
    ASSERT_EQ(contents(set), model) << seed;
    set.check_invariants();
  }
}

// Chi-squared with 99 degrees of freedom stays below 180 but once in a million times.
double unfairness(const std::map<std::string, size_t>& counts, size_t members) {
  double sum = 0;
  double squares = 0;
  for (const auto& [member, count] : counts) sum += static_cast<double>(count);
  const double expected = sum / static_cast<double>(members);
  for (const auto& [member, count] : counts) {
    const double off = static_cast<double>(count) - expected;
    squares += off * off / expected;
  }
  squares += static_cast<double>(members - counts.size()) * expected;
  return squares;
}

struct Hundred : testing::Test {
  Hundred() {
    for (int i = 0; i < 100; ++i) set.add(i % 2 == 0 ? std::to_string(i) : "m" + std::to_string(i));
  }
  LargeSet set{HashKey{1, 2}};
  Rng rng{11};
  std::map<std::string, size_t> counts;
};

TEST_F(Hundred, AnyMemberIsDrawnWithTheSameChance) {
  for (int i = 0; i < 100'000; ++i) ++counts[set.random(rng).str()];
  EXPECT_LT(unfairness(counts, 100), 180);
}

TEST_F(Hundred, AnyMemberIsChosenWithTheSameChance) {
  for (const size_t count : {1, 10, 33, 34, 60, 99}) {
    counts.clear();
    for (int i = 0; i < 3000; ++i) {
      Model chosen;
      set.sample(count, rng, [&](const LargeSet::Member& member) {
        ASSERT_TRUE(chosen.insert(member.str()).second);
        ++counts[member.str()];
      });
      ASSERT_EQ(chosen.size(), count);
    }
    EXPECT_LT(unfairness(counts, 100), 180) << count;
  }
}

TEST_F(Hundred, AnyMemberIsPoppedWithTheSameChance) {
  for (int i = 0; i < 3000; ++i) {
    const auto copy = set.clone();
    auto& popped = static_cast<LargeSet&>(*copy);
    for (int n = 0; n < 20; ++n) {
      std::string gone;
      popped.pop(rng, [&](const LargeSet::Member& member) { gone = member.str(); });
      ASSERT_FALSE(popped.contains(gone));
      ++counts[gone];
    }
    ASSERT_EQ(popped.size(), 80u);
  }
  EXPECT_LT(unfairness(counts, 100), 180);
}

}  // namespace
}  // namespace redan
