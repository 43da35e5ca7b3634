// A list in a keyspace through its edit, which takes it from one form to the other, beside a model.
#include "server/values/list_value.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "common/base/rng.h"

namespace redan {
namespace {

struct World {
  explicit World(uint64_t seed, int64_t list_size)
      : rng(seed), keyspace({.databases = 1, .seed = seed}) {
    EncodingLimits limits;
    limits.list_size = list_size;
    keyspace.set_limits(limits);
  }
  Rng rng;
  Keyspace keyspace;
  std::deque<std::string> model;

  ListEdit edit() { return ListEdit(keyspace, 0, "list", keyspace.change(0, "list")); }
  std::string text() {
    const uint64_t dice = rng.below(20);
    if (dice == 0) return std::string(3000 + rng.below(8000), 'x');
    return dice < 10 ? std::to_string(rng.below(30)) : std::string(rng.below(200), 'y');
  }
  void push() {
    std::vector<std::string> texts(1 + rng.below(4));
    size_t bytes = 0;
    for (std::string& one : texts) bytes += (one = text()).size();
    const bool head = rng.chance(0.5);
    ListEdit list = edit();
    list.expect(bytes, texts.size());
    for (const std::string& one : texts) {
      list.push(head ? ListEnd::kHead : ListEnd::kTail, one);
      head ? model.push_front(one) : model.push_back(one);
    }
    EXPECT_EQ(list.size(), model.size());
  }
  void settle(ListEdit& list) { EXPECT_EQ(list.settle(), model.empty()); }
  void step() {
    if (model.empty() || rng.chance(0.4)) return push();
    const size_t at = rng.below(model.size());
    const std::string one = text();
    const auto place = model.begin() + static_cast<ptrdiff_t>(at);
    ListEdit list = edit();
    switch (rng.below(5)) {
      case 0:
        list.expect(one.size(), 1);
        list.insert(at, one);
        model.insert(place, one);
        return;
      case 1:
        list.expect(one.size(), 1);
        list.replace(at, one);
        *place = one;
        return settle(list);
      case 2: {
        const size_t count = std::min<size_t>(model.size() - at, rng.below(10));
        list.erase(at, count);
        model.erase(place, place + static_cast<ptrdiff_t>(count));
        return settle(list);
      }
      case 3: {
        const size_t count = 1 + rng.below(model.size());
        list.erase_end(ListEnd::kHead, count);
        model.erase(model.begin(), model.begin() + static_cast<ptrdiff_t>(count));
        return settle(list);
      }
      default: {
        const std::string needle = *place;
        EXPECT_EQ(list.erase_equal(needle, SIZE_MAX, ListEnd::kTail),
                  static_cast<size_t>(std::erase(model, needle)));
        return settle(list);
      }
    }
  }
};

TEST(ListValue, EditsMatchADequeInBothForms) {
  size_t large = 0;
  size_t compact = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed, seed % 3 == 0 ? 8 : -2);
    for (int i = 0; i < 800; ++i) {
      world.step();
      if (testing::Test::HasFailure()) return;
      const Entry* const entry = world.keyspace.peek(0, "list");
      ASSERT_EQ(entry == nullptr, world.model.empty());
      if (entry == nullptr) continue;
      entry->is_large() ? ++large : ++compact;
      if (entry->is_large()) entry->large().check_invariants();
      std::vector<std::string> all;
      const ListView list(*entry);
      list.for_each(0, list.size(), ListEnd::kTail, [&](const ListView::Element& element) {
        all.push_back(element.str());
        return true;
      });
      ASSERT_EQ(all, std::vector<std::string>(world.model.begin(), world.model.end()));
      ASSERT_EQ(list.end(ListEnd::kTail).str(), world.model.back());
    }
    world.keyspace.check_invariants();  // Memory was counted through all of it.
  }
  EXPECT_GT(large, 1000u);
  EXPECT_GT(compact, 1000u);
}

class ListForms : public testing::Test {
 protected:
  void push(size_t bytes, size_t elements) {
    ListEdit list(keyspace, 0, "list", keyspace.change(0, "list"));
    list.expect(bytes * elements, elements);
    for (size_t i = 0; i < elements; ++i) list.push(ListEnd::kTail, std::string(bytes, 'x'));
  }
  void trim_to(size_t elements) {
    ListEdit list(keyspace, 0, "list", keyspace.change(0, "list"));
    list.erase_end(ListEnd::kHead, list.size() - elements);
    list.settle();
  }
  std::string_view encoding() { return keyspace.peek(0, "list")->encoding_name(); }

  Keyspace keyspace{{.databases = 1, .seed = 1}};
};

// As 7.2: before elements come for which their texts do not fit (8 KiB by default).
TEST_F(ListForms, AListBecomesLargeWhenItsTextsPassTheLimit) {
  push(8000, 1);  // 8014 bytes with what a listpack takes.
  EXPECT_EQ(encoding(), "listpack");
  push(178, 1);
  EXPECT_EQ(encoding(), "listpack");
  push(1, 1);
  EXPECT_EQ(encoding(), "quicklist");
}

TEST_F(ListForms, AListIsCompactAgainAtHalfTheLimit) {
  push(100, 100);
  EXPECT_EQ(encoding(), "quicklist");
  trim_to(41);  // Of 103 bytes each, and 7: more than 4096.
  EXPECT_EQ(encoding(), "quicklist");
  trim_to(39);
  EXPECT_EQ(encoding(), "listpack");
}

TEST_F(ListForms, ANumberOfElementsMayBeTheLimit) {
  EncodingLimits limits;
  limits.list_size = 10;
  keyspace.set_limits(limits);
  push(1, 10);
  EXPECT_EQ(encoding(), "listpack");
  push(1, 1);
  EXPECT_EQ(encoding(), "quicklist");
  trim_to(6);
  EXPECT_EQ(encoding(), "quicklist");
  trim_to(5);
  EXPECT_EQ(encoding(), "listpack");
}

}  // namespace
}  // namespace redan
