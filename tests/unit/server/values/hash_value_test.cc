#include "server/values/hash_value.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace redan {
namespace {

using Model = std::map<std::string, std::string>;

struct World {
  explicit World(uint64_t seed) : rng(seed), keyspace({.databases = 1, .seed = seed}) {}
  Rng rng;
  Keyspace keyspace;
  Model model;

  HashView view() { return HashView(*keyspace.peek(0, "h")); }
  HashEdit edit() { return HashEdit(keyspace, 0, "h", keyspace.change(0, "h")); }
  Model contents() {
    Model all;
    if (keyspace.peek(0, "h") == nullptr) return all;
    view().for_each([&](const HashView::Text& name, const HashView::Text& value) {
      EXPECT_TRUE(all.try_emplace(name.str(), value.str()).second);
    });
    return all;
  }
};

// Commands of any mix, over the threshold and back to nothing.
TEST(HashValue, FollowsAModelInEveryForm) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    World world(seed);
    EncodingLimits limits;
    limits.hash_entries = seed % 3 == 0 ? 128 : 20;
    world.keyspace.set_limits(limits);
    const uint64_t fields = seed % 2 == 0 ? 15 : 60;
    for (int step = 0; step < 300; ++step) {
      HashEdit hash = world.edit();
      for (uint64_t n = 1 + world.rng.below(4); n > 0; --n) {
        const std::string name = world.rng.chance(0.5)
                                     ? std::to_string(world.rng.below(fields))
                                     : "f" + std::to_string(world.rng.below(fields));
        if (world.rng.chance(step < 200 ? 0.8 : 0.2)) {
          const std::string value(world.rng.chance(0.003) ? 65 : world.rng.below(64), 'v');
          ASSERT_EQ(hash.set(name, value), !world.model.contains(name));
          world.model[name] = value;
        } else if (!world.model.empty()) {
          ASSERT_EQ(hash.erase(name), world.model.erase(name) == 1);
          if (hash.size() == 0) {
            hash.remove_key();
            break;
          }
        }
        ASSERT_EQ(hash.size(), world.model.size());
        const auto found = hash.find(name);
        ASSERT_EQ(found.has_value(), world.model.contains(name));
        if (found) {
          ASSERT_EQ(found->str(), world.model[name]);
        }
      }
    }
    ASSERT_EQ(world.contents(), world.model);
    world.keyspace.check_invariants();
  }
}

TEST(HashValue, BecomesLargeAtTheThresholds) {
  World world(1);
  const auto encoding = [&] { return world.keyspace.peek(0, "h")->encoding_name(); };
  for (int i = 0; i < 128; ++i) world.edit().set("f" + std::to_string(i), std::string(64, 'v'));
  world.edit().set("f7", "again");
  EXPECT_EQ(encoding(), "listpack");
  world.edit().set("f128", "one too many");
  EXPECT_EQ(encoding(), "hashtable");
  for (int i = 1; i < 129; ++i) world.edit().erase("f" + std::to_string(i));
  EXPECT_EQ(encoding(), "hashtable");  // There is no way back.
  EXPECT_EQ(world.view().find("f0")->str(), std::string(64, 'v'));

  for (const bool long_field : {true, false}) {
    world.keyspace.erase(0, "h");
    world.edit().set("f", "v");
    EXPECT_EQ(encoding(), "listpack");
    world.edit().set(long_field ? std::string(65, 'f') : "f",
                     long_field ? "v" : std::string(65, 'v'));
    EXPECT_EQ(encoding(), "hashtable");
    EXPECT_EQ(world.view().size(), long_field ? 2U : 1U);
  }
  world.keyspace.check_invariants();
}

TEST(HashValue, PairsAreSetAtOnce) {
  using Words = std::vector<std::string_view>;
  World world(2);
  const auto set = [&](const Words& words) { return world.edit().set_pairs(words); };
  EXPECT_EQ(set({"f", "v", "17", "x", "f", "w"}), 2U);
  EXPECT_EQ(world.contents(), (Model{{"f", "w"}, {"17", "x"}}));
  EXPECT_EQ(set({"f", "a", "new", "b"}), 1U);
  EXPECT_EQ(world.contents(), (Model{{"f", "a"}, {"17", "x"}, {"new", "b"}}));
  const std::string text(65, 'v');
  Words many;
  for (int i = 0; i < 258; ++i)
    many.push_back(std::string_view(text).substr(0, static_cast<size_t>(i) % 60 + 1));
  for (const Words& words :
       {Words{"f", text}, Words{text, "v"}, Words{"f", "v", "g", text}, many}) {
    world.keyspace.erase(0, "h");
    Model expected;
    for (size_t i = 0; i < words.size(); i += 2) expected[std::string(words[i])] = words[i + 1];
    EXPECT_EQ(set(words), expected.size());
    EXPECT_EQ(world.contents(), expected);
    world.keyspace.check_invariants();
  }
}

TEST(HashValue, ScansSeeEachField) {
  for (const int fields : {10, 100, 5000}) {
    World world(3);
    HashEdit hash = world.edit();
    for (int i = 0; i < fields; ++i) hash.set(std::to_string(i), "v");
    std::set<std::string> seen;
    uint64_t cursor = 0;
    do {
      cursor = world.view().scan(cursor, [&](const HashView::Text& name, const HashView::Text&) {
        seen.insert(name.str());
      });
    } while (cursor != 0);
    EXPECT_EQ(seen.size(), static_cast<size_t>(fields));
  }
}

// Each field as often as any other: 10 of them drawn 20 000 times are each within five standard
// deviations of 2000.
void expect_even(const std::map<std::string, int>& counts) {
  EXPECT_EQ(counts.size(), 10U);
  for (const auto& [name, count] : counts) EXPECT_NEAR(count, 2000, 5 * 43) << name;
}

TEST(HashValue, DrawsAreFair) {
  for (const bool large : {false, true}) {
    World world(4);
    for (int i = 0; i < 10; ++i)
      world.edit().set("f" + std::to_string(i), large ? std::string(65, 'v') : "v");
    ASSERT_EQ(world.view().is_large(), large);
    std::map<std::string, int> one, many, some;
    for (int i = 0; i < 20'000; ++i) ++one[world.view().random(world.rng).name.str()];
    world.view().draw(20'000, world.rng, [&](const HashView::Text& name, const HashView::Text&) {
      ++many[name.str()];
    });
    for (int i = 0; i < 4000; ++i) {
      std::set<std::string> different;
      for (const HashView::Field& field : world.view().sample(5, world.rng)) {
        ++some[field.name.str()];
        different.insert(field.name.str());
      }
      ASSERT_EQ(different.size(), 5U);
    }
    expect_even(one), expect_even(many), expect_even(some);
  }
}

TEST(HashValue, FewOfManyAreDifferentToo) {
  World world(6);
  HashEdit hash = world.edit();
  for (int i = 0; i < 2000; ++i) hash.set(std::to_string(i), std::to_string(i * 2));
  for (const size_t count : {1, 10, 500, 666, 667, 1999}) {
    std::set<std::string> different;
    for (const HashView::Field& field : world.view().sample(count, world.rng)) {
      different.insert(field.name.str());
      EXPECT_EQ(std::stoi(field.value.str()), 2 * std::stoi(field.name.str()));
    }
    EXPECT_EQ(different.size(), count);
  }
}

}  // namespace
}  // namespace redan
