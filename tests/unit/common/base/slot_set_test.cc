#include "common/base/slot_set.h"

#include <gtest/gtest.h>

#include <set>

#include "common/base/rng.h"

namespace redan {
namespace {

Slot slot(int number) {
  return Slot(static_cast<uint16_t>(number));
}

TEST(SlotSet, IsWrittenInRunsAsClusterNodesDoes) {
  SlotSet set;
  EXPECT_EQ(set.text(), "");
  for (const int number : {16383, 0, 1, 2, 5, 7, 8}) set.add(slot(number));
  EXPECT_EQ(set.text(), "0-2 5 7-8 16383");
  EXPECT_EQ(SlotSet::all().text(), "0-16383");
}

TEST(SlotSet, ReadsWhatItWrites) {
  Rng rng(7);
  for (int round = 0; round < 200; ++round) {
    SlotSet set;
    const uint64_t runs = rng.below(40);
    for (uint64_t i = 0; i < runs; ++i) {
      const auto first = static_cast<int>(rng.below(kSlotCount));
      const int last = std::min<int>(kSlotCount - 1, first + static_cast<int>(rng.below(300)));
      set.add(SlotRange{slot(first), slot(last)});
    }
    const Result<SlotSet> read = SlotSet::parse(set.text());
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, set);
  }
}

TEST(SlotSet, NamesTheWordThatIsNoRange) {
  for (const char* bad : {"16384", "-1", "3-2", "a", "1-", "-", "1-2-3", "0x5", "1,2"}) {
    const Result<SlotSet> read = SlotSet::parse(std::string("0-10 ") + bad);
    ASSERT_FALSE(read.ok()) << bad;
    EXPECT_EQ(read.error().message(),
              "'" + std::string(bad) + "' is neither a slot nor a range of slots");
  }
}

TEST(SlotSet, CalculatesAsASetDoes) {
  Rng rng(8);
  for (int round = 0; round < 50; ++round) {
    SlotSet a;
    SlotSet b;
    std::set<uint16_t> model_a;
    std::set<uint16_t> model_b;
    for (int i = 0; i < 500; ++i) {
      const auto x = static_cast<uint16_t>(rng.below(1000));
      const auto y = static_cast<uint16_t>(rng.below(1000));
      a.add(Slot(x));
      model_a.insert(x);
      b.add(Slot(y));
      model_b.insert(y);
    }
    for (uint16_t i = 0; i < 1000; ++i) {
      const bool in_a = model_a.contains(i);
      const bool in_b = model_b.contains(i);
      EXPECT_EQ((a | b).contains(Slot(i)), in_a || in_b);
      EXPECT_EQ((a & b).contains(Slot(i)), in_a && in_b);
      EXPECT_EQ((a - b).contains(Slot(i)), in_a && !in_b);
    }
    EXPECT_EQ(a.size(), model_a.size());
  }
}

TEST(SlotSet, ASlotOutsideTheSpaceIsRefusedInRedisWords) {
  EXPECT_EQ(parse_slot("16383")->value, 16383);
  for (const char* bad : {"16384", "-1", "", "x", "1 "}) {
    ASSERT_FALSE(parse_slot(bad).ok());
    EXPECT_EQ(parse_slot(bad).error().text(), "ERR Invalid or out of range slot");
  }
}

}  // namespace
}  // namespace redan
