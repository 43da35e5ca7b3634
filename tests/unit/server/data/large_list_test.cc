// Large lists beside a std::deque, in small nodes, so that every way to split, join and copy them
// is taken.
#include "server/data/large_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "common/base/rng.h"

namespace redan {
namespace {

using Model = std::deque<std::string>;

// Good until the next call.
LargeList::Element at(const LargeList& list, size_t index) {
  static OpenNode open;
  return list.at(index, open);
}

std::vector<std::string> elements(const LargeList& list) {
  std::vector<std::string> all;
  list.for_each(0, list.size(), ListEnd::kTail, [&](const LargeList::Element& element) {
    all.push_back(element.str());
    return true;
  });
  return all;
}

// What a snapshot handed over.
struct Collected final : PieceSink {
  std::vector<std::string> all;
  size_t pieces = 0;
  void piece(const ValuePiece& piece) override {
    ASSERT_EQ(piece.kind, ValuePiece::Kind::kNode);
    ++pieces;
    if (piece.number == 1) return all.emplace_back(piece.a), void();
    ASSERT_EQ(piece.number, 2);
    ASSERT_TRUE(Listpack::validate(piece.a));
    const Listpack pack(piece.a);
    for (size_t at = pack.first(); at != Listpack::kNone; at = pack.next(at)) {
      all.push_back(pack.at(at).str());
    }
  }
};

struct World {
  World(uint64_t seed, const ListLimits& limits) : rng(seed), list(limits), large(limits.bytes) {}
  Rng rng;
  LargeList list;
  Model model;
  size_t large;

  std::string text() {
    switch (rng.below(8)) {
      case 0:
        return std::to_string(static_cast<int64_t>(rng.next()));
      case 1:
        return std::string(large - 5 + rng.below(20), 'l');  // Just below and above a node's size.
      case 2:
        return "";
      default:
        return std::to_string(rng.below(40));
    }
  }
  void push(ListEnd end, const std::string& one) {
    list.push(end, one);
    end == ListEnd::kHead ? model.push_front(one) : model.push_back(one);
  }
  void pop(ListEnd end) { erase(end == ListEnd::kHead ? 0 : model.size() - 1, 1); }
  // As queues and stacks do it: one end is used many times in a row, or both by turns.
  void use_ends() {
    const ListEnd ends[] = {rng.chance(0.6) ? ListEnd::kHead : ListEnd::kTail,
                            rng.chance(0.6) ? ListEnd::kHead : ListEnd::kTail};
    const bool pushes[] = {rng.chance(0.5), rng.chance(0.5)};
    const std::string one = rng.chance(0.7) ? std::to_string(rng.below(40)) : text();
    for (uint64_t turns = rng.below(60); turns > 0; --turns) {
      for (int i = 0; i < 2; ++i) {
        if (pushes[i]) {
          push(ends[i], one);
        } else if (!model.empty()) {
          pop(ends[i]);
        }
      }
    }
  }
  void step() {
    const size_t size = model.size();
    if (rng.chance(0.2)) return size < 600 ? use_ends() : erase(0, rng.below(size));
    switch (rng.below(size < 200 ? 9 : 12)) {
      case 0:
      case 1:
        return push(ListEnd::kHead, text());
      case 2:
      case 3:
        return push(ListEnd::kTail, text());
      case 4:
      case 5: {
        const size_t at = rng.below(size + 1);
        const std::string one = text();
        list.insert(at, one);
        model.insert(model.begin() + static_cast<ptrdiff_t>(at), one);
        return;
      }
      case 6: {
        if (size == 0) return;
        const size_t at = rng.below(size);
        const std::string one = text();
        list.replace(at, one);
        model[at] = one;
        return;
      }
      case 7:
        return erase_equal();
      case 8:
        return erase(rng.chance(0.5) ? 0 : size - std::min<size_t>(size, 1), 1);
      default:
        return erase(rng.below(size), rng.below(rng.chance(0.1) ? size : 12));
    }
  }
  void erase(size_t first, size_t count) {
    count = std::min(count, model.size() - first);
    list.erase(first, count);
    const auto from = model.begin() + static_cast<ptrdiff_t>(first);
    model.erase(from, from + static_cast<ptrdiff_t>(count));
  }
  void erase_equal() {
    const std::string needle = text();
    const size_t most = rng.chance(0.5) ? SIZE_MAX : 1 + rng.below(3);
    const bool from_head = rng.chance(0.5);
    size_t expected = 0;
    if (!from_head) std::reverse(model.begin(), model.end());
    for (auto at = model.begin(); at != model.end() && expected < most;) {
      if (*at != needle) {
        ++at;
        continue;
      }
      at = model.erase(at);
      ++expected;
    }
    if (!from_head) std::reverse(model.begin(), model.end());
    const ListEnd from = from_head ? ListEnd::kHead : ListEnd::kTail;
    EXPECT_EQ(list.erase_equal(ListNeedle(needle), most, from), expected);
  }
  void expect_equal() {
    list.check_invariants();
    ASSERT_EQ(list.size(), model.size());
    ASSERT_EQ(elements(list), std::vector<std::string>(model.begin(), model.end()));
  }
};

constexpr ListLimits kManyLimits[] = {
    {64, SIZE_MAX}, {8192, 3}, {1000, SIZE_MAX}, {8192, 1}, {200, SIZE_MAX}};

// One of them, compressed at depth 0, 1 and 2 by turns.
ListLimits limits_for(uint64_t seed) {
  const ListLimits& some = kManyLimits[seed % 5];
  return {some.bytes, some.elements, seed % 3};
}

TEST(LargeList, RandomOperationsMatchADeque) {
  for (uint64_t seed = 1; seed <= 24; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed, limits_for(seed));
    for (int i = 0; i < 1500; ++i) {
      world.step();
      if (i % 10 == 0) world.expect_equal();
      if (testing::Test::HasFailure()) return;
      if (world.model.empty()) continue;
      // Any place, and a walk from there in either direction.
      const size_t first = world.rng.below(world.model.size());
      ASSERT_EQ(at(world.list, first).str(), world.model[first]);
      const bool forwards = world.rng.chance(0.5);
      const size_t there_are = forwards ? world.model.size() - first : first + 1;
      size_t at = first;
      size_t seen = 0;
      const size_t count = 1 + world.rng.below(there_are);
      world.list.for_each(first, count, forwards ? ListEnd::kTail : ListEnd::kHead,
                          [&](const LargeList::Element& element) {
                            EXPECT_EQ(element.str(), world.model[at]);
                            at += forwards ? 1 : static_cast<size_t>(-1);
                            ++seen;
                            return true;
                          });
      ASSERT_EQ(seen, count);
    }
    world.erase(0, world.model.size());
    world.expect_equal();
    EXPECT_EQ(world.list.piece_count(), 0u);
  }
}

TEST(LargeList, ASnapshotIsTheListAtItsMarkInOrder) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed, limits_for(seed));
    const uint64_t before = world.rng.below(400);
    for (uint64_t i = 0; i < before; ++i) world.step();
    const Model mark = world.model;
    const size_t nodes = world.list.piece_count();
    Collected collected;
    world.list.begin_snapshot(&collected);
    bool more = true;
    while (more) {
      for (uint64_t i = world.rng.below(20); i > 0; --i) world.step();
      world.expect_equal();
      more = world.list.walk_snapshot(1 + world.rng.below(3));
    }
    for (int i = 0; i < 50; ++i) world.step();
    world.expect_equal();
    world.list.end_snapshot();
    for (int i = 0; i < 50; ++i) world.step();
    world.expect_equal();
    EXPECT_EQ(collected.pieces, nodes);
    ASSERT_EQ(collected.all, std::vector<std::string>(mark.begin(), mark.end()));
  }
}

TEST(LargeList, ASnapshotCanBeGivenUpAtAnyTime) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed, limits_for(seed));
    for (int i = 0; i < 200; ++i) world.step();
    Collected collected;
    world.list.begin_snapshot(&collected);
    for (int i = 0; i < 60; ++i) world.step();
    world.list.walk_snapshot(world.rng.below(8));
    for (int i = 0; i < 60; ++i) world.step();
    // Half of them end with the list.
    if (seed % 2 == 0) continue;
    world.list.end_snapshot();
    EXPECT_FALSE(world.list.in_snapshot());
    world.expect_equal();
  }
}

TEST(LargeList, OnlyWhatChangesIsCopiedForASnapshot) {
  LargeList list({64, SIZE_MAX});
  for (int i = 0; i < 1000; ++i) list.push(ListEnd::kTail, "element " + std::to_string(i));
  const char* const untouched = at(list, 500).text.data();
  const char* const last = at(list, 999).text.data();
  const size_t bytes = list.memory_bytes();
  Collected collected;
  list.begin_snapshot(&collected);
  EXPECT_EQ(list.memory_bytes(), bytes);  // What the snapshot keeps is not the list's.
  list.replace(999, "element 9x9");
  EXPECT_EQ(at(list, 500).text.data(), untouched);
  EXPECT_NE(at(list, 999).text.data(), last);
  while (list.walk_snapshot(100)) {
  }
  // Handed over: it is changed in place again.
  list.replace(500, "element 5x0");
  EXPECT_EQ(at(list, 500).text.data(), untouched);
  list.end_snapshot();
  EXPECT_EQ(list.memory_bytes(), bytes);
  EXPECT_EQ(collected.all[999], "element 999");
  EXPECT_EQ(collected.all[500], "element 500");
}

// Nodes filled from behind lie at a gap, and a snapshot gives it back with them.
TEST(LargeList, NodesThatNobodyTouchedKeepTheirRoomThroughASnapshot) {
  for (const bool walked : {true, false}) {
    LargeList list({200, SIZE_MAX});
    for (int i = 0; i < 1000; ++i) list.push(ListEnd::kHead, "element " + std::to_string(i));
    Collected collected;
    list.begin_snapshot(&collected);
    list.check_invariants();
    while (walked && list.walk_snapshot(10)) {
    }
    list.end_snapshot();
    list.check_invariants();
    list.erase(0, 1000);
    list.check_invariants();
    EXPECT_EQ(collected.all.size(), walked ? 1000u : 0u);
  }
}

// An element, by its index: where it lies says whether a push or pop moved it.
class Watched {
 public:
  Watched(const LargeList& list, size_t index) : list_(list), index_(index), place_(now()) {}
  int moves() const { return moves_; }
  size_t index() const { return index_; }
  void look_at(size_t index) {
    index_ = index;
    if (now() != place_) ++moves_;
    place_ = now();
  }
  void turn_to(size_t index) {
    index_ = index;
    place_ = now();
  }

 private:
  const char* now() const { return at(list_, index_).text.data(); }
  const LargeList& list_;
  size_t index_;
  const char* place_;
  int moves_ = 0;
};

TEST(LargeList, PushesAndPopsAtTheHeadLeaveWhatIsBehindWhereItIs) {
  LargeList list(ListLimits::of(-2));
  list.push(ListEnd::kHead, "last");
  Watched last(list, 0);
  for (int i = 0; i < 1000; ++i) {
    list.push(ListEnd::kHead, "xxx");
    last.look_at(list.size() - 1);
  }
  list.check_invariants();
  ASSERT_EQ(list.piece_count(), 1u);
  const int grown = last.moves();
  EXPECT_LT(grown, 32);  // Once for each of the allocator's classes up to 6 KiB.
  for (int i = 0; i < 1000; ++i) {
    list.erase(0, 1);
    last.look_at(list.size() - 1);
  }
  list.check_invariants();
  EXPECT_LT(last.moves() - grown, 10);  // Each time half of the room has become free.
}

// What comes at one end and what goes at the other take turns.
TEST(LargeList, TheEndsOfAQueueShareTheRoomOfItsNode) {
  for (const bool towards_head : {true, false}) {
    LargeList list(ListLimits::of(-2));
    for (int i = 0; i < 800; ++i) list.push(ListEnd::kTail, "first");
    const size_t bytes = list.memory_bytes();
    const size_t start = towards_head ? 799 : 0;
    Watched one(list, start);
    for (int i = 0; i < 4000; ++i) {
      list.push(towards_head ? ListEnd::kTail : ListEnd::kHead, "later");
      list.erase(towards_head ? 0 : list.size() - 1, 1);
      if (one.index() == 799 - start) {
        one.turn_to(start);
      } else {
        one.look_at(towards_head ? one.index() - 1 : one.index() + 1);
      }
    }
    list.check_invariants();
    ASSERT_EQ(list.piece_count(), 1u);
    EXPECT_GT(one.moves(), 0);
    EXPECT_LT(one.moves(), 400);
    EXPECT_EQ(list.memory_bytes(), bytes);
  }
}

TEST(LargeList, AListTakesTheSameMemoryWhicheverEndItIsBuiltAt) {
  size_t bytes[2];
  for (const ListEnd end : {ListEnd::kHead, ListEnd::kTail}) {
    LargeList list(ListLimits::of(-2));
    for (int i = 0; i < 100'000; ++i) list.push(end, "item:" + std::to_string(100'000 + i));
    bytes[end == ListEnd::kHead ? 0 : 1] = list.memory_bytes();
  }
  EXPECT_EQ(bytes[0], bytes[1]);
}

// Files may hold nodes that are larger than any gap.
TEST(LargeList, AHugeNodeLosesItsHead) {
  std::string bytes = Listpack::empty_bytes();
  {
    StringBytes store(bytes);
    const std::string one(1 << 20, 'x');
    for (int i = 0; i < 40; ++i) {
      ListpackEdit::append(store, PackedElement(std::to_string(i)));
      ListpackEdit::append(store, PackedElement(one));
    }
  }
  LargeList list(ListLimits::of(-2));
  list.append_packed(bytes);
  Collected collected;
  list.begin_snapshot(&collected);
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(at(list, 0).integer, i);
    list.erase(0, 2);
    list.check_invariants();
    if (i == 20) list.walk_snapshot(1);
  }
  list.end_snapshot();
  EXPECT_EQ(list.size(), 0u);
  EXPECT_EQ(collected.all.size(), 80u);
}

TEST(LargeList, ACopyStandsForItself) {
  World world(7, {64, SIZE_MAX, 1});
  for (int i = 0; i < 500; ++i) world.step();
  const std::vector<std::string> before = elements(world.list);
  const std::unique_ptr<LargeValue> copy = world.list.clone();
  for (int i = 0; i < 100; ++i) world.step();
  copy->check_invariants();
  EXPECT_EQ(elements(static_cast<const LargeList&>(*copy)), before);
}

TEST(LargeList, NodesThatLostMostElementsBecomeOne) {
  LargeList list(ListLimits::of(-2));
  for (int i = 0; i < 200'000; ++i) list.push(ListEnd::kTail, i % 50 == 0 ? "stays" : "goes");
  const size_t nodes = list.piece_count();
  const size_t bytes = list.memory_bytes();
  EXPECT_EQ(list.erase_equal(ListNeedle("goes"), SIZE_MAX, ListEnd::kTail), 196'000u);
  list.check_invariants();
  EXPECT_EQ(list.size(), 4000u);
  EXPECT_LT(list.piece_count(), nodes / 10);
  EXPECT_LT(list.memory_bytes(), bytes / 10);
}

// Elements that LZF makes little of.
std::string some_text(int i) {
  return "https://example.com/a/path/that/many/share?id=" + std::to_string(i);
}

TEST(LargeList, NodesFurtherFromBothEndsThanTheDepthAreCompressed) {
  size_t before = SIZE_MAX;
  for (const size_t depth : {0, 1000, 40, 5, 1}) {  // from none to nearly all
    LargeList list(ListLimits::of(-2, static_cast<int64_t>(depth)));
    for (int i = 0; i < 20'000; ++i) list.push(ListEnd::kTail, some_text(i));
    list.check_invariants();
    ASSERT_GT(list.piece_count(), 100u);
    if (depth == 0 || depth == 1000) {
      EXPECT_GT(list.memory_bytes(), size_t{20'000} * 50);
    } else {
      EXPECT_LT(list.memory_bytes(), before * 9 / 10);
    }
    before = list.memory_bytes();
    // The same from the other end.
    LargeList other(list.limits());
    for (int i = 20'000; i-- > 0;) other.push(ListEnd::kHead, some_text(i));
    other.check_invariants();
    EXPECT_NEAR(static_cast<double>(other.memory_bytes()), static_cast<double>(before),
                static_cast<double>(before) / 20);
    EXPECT_EQ(elements(list), elements(other));
  }
}

TEST(LargeList, ReadingLeavesCompressedNodesAsTheyAre) {
  LargeList list(ListLimits::of(-2, 1));
  for (int i = 0; i < 20'000; ++i) list.push(ListEnd::kTail, some_text(i));
  list.push(ListEnd::kHead, std::string(100'000, 'p'));
  list.push(ListEnd::kHead, "head");
  list.push(ListEnd::kHead, std::string(100'000, 'q'));
  const size_t bytes = list.memory_bytes();
  Collected collected;
  list.begin_snapshot(&collected);
  EXPECT_EQ(at(list, 10'003).str(), some_text(10'000));
  EXPECT_EQ(at(list, 2).length(), 100'000u);
  EXPECT_EQ(elements(list).size(), 20'003u);
  EXPECT_EQ(list.erase_equal(ListNeedle("none"), SIZE_MAX, ListEnd::kTail), 0u);
  EXPECT_EQ(list.memory_bytes(), bytes);
  while (list.walk_snapshot(1)) {
  }
  list.end_snapshot();
  list.check_invariants();
  EXPECT_EQ(list.memory_bytes(), bytes);
  EXPECT_EQ(collected.all, elements(list));
}

// Less than 48 bytes stay, and what LZF makes no class of the allocator smaller.
TEST(LargeList, WhatCompressionGainsNothingOfStaysAsItIs) {
  Rng rng(1);
  LargeList noise(ListLimits::of(-2, 1));
  LargeList plain(ListLimits::of(-2));
  for (int i = 0; i < 2000; ++i) {
    std::string text(30, '\0');
    for (char& c : text) c = static_cast<char>(rng.next());
    noise.push(ListEnd::kTail, text);
    plain.push(ListEnd::kTail, text);
  }
  noise.check_invariants();
  EXPECT_EQ(noise.memory_bytes(), plain.memory_bytes());
  for (const auto& [size, gains] : {std::pair{38, false}, {39, true}}) {
    LargeList small({8192, 1, 1});
    LargeList same({8192, 1});
    for (int i = 0; i < 100; ++i) {
      small.push(ListEnd::kTail, std::string(static_cast<size_t>(size), 'x'));
      same.push(ListEnd::kTail, std::string(static_cast<size_t>(size), 'x'));
    }
    small.check_invariants();
    EXPECT_EQ(small.memory_bytes() < same.memory_bytes(), gains) << size;
  }
}

TEST(LargeList, LimitsAreThoseOfTheDirective) {
  EXPECT_TRUE(ListLimits::of(-1).allow(4096, 1000));
  EXPECT_FALSE(ListLimits::of(-1).allow(4097, 1));
  EXPECT_TRUE(ListLimits::of(-5).allow(65536, 1));
  EXPECT_FALSE(ListLimits::of(-5).allow(65537, 1));
  EXPECT_TRUE(ListLimits::of(128).allow(8192, 128));
  EXPECT_FALSE(ListLimits::of(128).allow(8193, 128));
  EXPECT_FALSE(ListLimits::of(128).allow(100, 129));
  EXPECT_FALSE(ListLimits::of(0).allow(100, 2));
}

// What a million elements cost: two bytes each beside their text, and little for nodes.
TEST(LargeList, ElementsAreStoredTightly) {
  LargeList list(ListLimits::of(-2));
  size_t text = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::string one = "element:" + std::to_string(100'000 + i);
    text += one.size();
    list.push(ListEnd::kTail, one);
  }
  EXPECT_LT(static_cast<double>(list.memory_bytes()),
            static_cast<double>(text) + 2.1 * static_cast<double>(list.size()));
}

}  // namespace
}  // namespace redan
