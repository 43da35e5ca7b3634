#include "server/values/hash_value.h"

#include <gtest/gtest.h>

#include <algorithm>
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

// The directives may allow compact forms without end; their counters have one.
TEST(HashValue, IsLargeBeyondWhatACompactFormCanCount) {
  for (const bool expires : {false, true}) {
    World world(1);
    EncodingLimits limits;
    limits.hash_entries = limits.hash_value_bytes = UINT64_MAX;
    limits.packed_bytes = 400;
    world.keyspace.set_limits(limits);
    const std::string value(100, 'v');
    for (int i = 0; i < 5; ++i) {
      const std::string name = "f" + std::to_string(i);
      {
        HashEdit hash = world.edit();
        EXPECT_TRUE(hash.set(name, value));
        EXPECT_TRUE(hash.set_expiry(name, expires ? 1'000'000 : HashField::kStays));
      }
      EXPECT_EQ(world.view().is_large(), i >= 3) << i;
    }
    EXPECT_EQ(world.view().size(), 5U);
    // All at once, too.
    world.edit().remove_key();
    const std::vector<std::string_view> pairs{"a", value, "b", value, "c", value, "d", value};
    EXPECT_EQ(world.edit().set_pairs(pairs), 4U);
    EXPECT_TRUE(world.view().is_large());
  }
}

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

struct Timed {
  std::string value;
  int64_t expiry_ms = HashField::kStays;
  bool operator==(const Timed&) const = default;
};
using TimedModel = std::map<std::string, Timed>;

// Deadlines of every kind while time goes on, with fields that are hidden and fields that are
// deleted.
TEST(HashValue, DeadlinesFollowAModelInEveryForm) {
  std::map<std::string, int> reached;
  for (uint64_t seed = 0; seed < 120; ++seed) {
    World world(seed);
    TimedModel model;
    EncodingLimits limits;
    limits.hash_entries = seed % 3 == 0 ? 128 : 20;
    world.keyspace.set_limits(limits);
    int64_t now_ms = 1000;
    const auto is_hidden = [&](const std::string& name) {
      const auto found = model.find(name);
      return found != model.end() && found->second.expiry_ms != HashField::kStays &&
             found->second.expiry_ms <= now_ms;
    };
    const auto is_seen = [&](const std::string& name) {
      return model.contains(name) && !is_hidden(name);
    };
    const auto encoding = [&] {
      const Entry* const entry = world.keyspace.peek(0, "h");
      return entry == nullptr ? "nothing" : std::string(entry->encoding_name());
    };
    const uint64_t fields = seed % 2 == 0 ? 12 : 40;
    for (int step = 0; step < 400; ++step) {
      const std::string before = encoding();
      world.keyspace.set_now(from_unix_ms(now_ms += static_cast<int64_t>(world.rng.below(20))));
      if (world.rng.chance(0.1)) {
        world.keyspace.expire_fields(0, "h");
        std::erase_if(model, [&](const auto& field) { return is_hidden(field.first); });
      }
      {
        HashEdit hash = world.edit();
        for (uint64_t n = 1 + world.rng.below(4); n > 0; --n) {
          const std::string name = world.rng.chance(0.5)
                                       ? std::to_string(world.rng.below(fields))
                                       : "f" + std::to_string(world.rng.below(fields));
          ASSERT_EQ(hash.hides(name), is_hidden(name));
          const double dice = world.rng.unit();
          if (dice < (step % 200 < 100 ? 0.4 : 0.1)) {
            const std::string value(world.rng.chance(0.003) ? 65 : world.rng.below(64), 'v');
            const bool keep = world.rng.chance(0.5);
            const int64_t kept_ms =
                keep && is_seen(name) ? model[name].expiry_ms : HashField::kStays;
            ASSERT_EQ(hash.set(name, value, keep ? FieldExpiry::kKeep : FieldExpiry::kDiscard),
                      !is_seen(name));
            model[name] = {value, kept_ms};
          } else if (dice < 0.7) {
            const int64_t at_ms = world.rng.chance(0.4)
                                      ? HashField::kStays
                                      : now_ms + 1 + static_cast<int64_t>(world.rng.below(300));
            ASSERT_EQ(hash.set_expiry(name, at_ms), is_seen(name));
            if (is_seen(name)) model[name].expiry_ms = at_ms;
          } else if (!model.empty()) {
            ASSERT_EQ(hash.erase(name), model.erase(name) == 1);
            if (hash.size() == 0) {
              hash.remove_key();
              break;
            }
          }
          ASSERT_EQ(hash.size(), model.size());
          const auto found = hash.find(name);
          ASSERT_EQ(found.has_value(), is_seen(name));
          ASSERT_EQ(hash.expiry_ms(name).has_value(), is_seen(name));
          if (found) {
            ASSERT_EQ((Timed{found->str(), *hash.expiry_ms(name)}), model[name]);
          }
        }
      }
      ++reached[before + " to " + encoding()];
      // Hidden fields as well, then those that are seen, in every way there is to list them.
      TimedModel all, seen, scanned;
      if (world.keyspace.peek(0, "h") != nullptr) {
        world.view().for_each_with_expiry(
            [&](const HashView::Text& name, const HashView::Text& value, int64_t expiry_ms) {
              ASSERT_TRUE(all.try_emplace(name.str(), value.str(), expiry_ms).second);
            });
        const HashView view(*world.keyspace.peek(0, "h"), now_ms);
        for (const HashView::Field& field : view.visible()) {
          seen[field.name.str()] = {field.value.str(), *view.expiry_ms(field.name.str())};
        }
        ASSERT_EQ(view.hides_some(), seen.size() < all.size());
        uint64_t cursor = 0;
        do {
          cursor = view.scan(cursor, [&](const HashView::Text& name, const HashView::Text& value) {
            scanned[name.str()] = {value.str(), *view.expiry_ms(name.str())};
          });
        } while (cursor != 0);
      }
      ASSERT_EQ(all, model);
      std::erase_if(all, [&](const auto& field) { return is_hidden(field.first); });
      ASSERT_EQ(seen, all);
      ASSERT_EQ(scanned, all);
      const bool some_expire = std::any_of(model.begin(), model.end(), [](const auto& field) {
        return field.second.expiry_ms != HashField::kStays;
      });
      ASSERT_EQ(world.keyspace.expiring_hashes(0), some_expire ? 1U : 0U);
    }
    world.keyspace.check_invariants();
  }
  for (const char* way : {"nothing to listpack", "listpack to listpackex", "listpackex to listpack",
                          "listpackex to listpackex", "listpackex to hashtable",
                          "listpackex to nothing", "hashtable to hashtable"}) {
    EXPECT_GE(reached[way], 3) << way;
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

TEST(HashValue, BecomesLargeWithItsDeadlines) {
  World world(1);
  const auto encoding = [&] { return world.keyspace.peek(0, "h")->encoding_name(); };
  for (const bool by_length : {false, true}) {
    for (int i = 0; i < 128; ++i) world.edit().set("f" + std::to_string(i), std::string(64, 'v'));
    for (int i = 0; i < 100; ++i) world.edit().set_expiry("f" + std::to_string(i), 5000 - i);
    EXPECT_EQ(encoding(), "listpackex");
    world.edit().set("f127", "again");
    EXPECT_EQ(encoding(), "listpackex");
    world.edit().set(by_length ? "f126" : "f128", std::string(by_length ? 65 : 1, 'v'));
    EXPECT_EQ(encoding(), "hashtable");
    for (int i = 0; i < 128; ++i) {
      EXPECT_EQ(world.view().expiry_ms("f" + std::to_string(i)),
                i < 100 ? 5000 - i : HashField::kStays);
    }
    world.keyspace.check_invariants();
    world.keyspace.erase(0, "h");
  }
}

// The last deadline may go and another come within one edit.
TEST(HashValue, IsSettledAtTheEndOfAnEdit) {
  World world(1);
  const auto encoding = [&] { return world.keyspace.peek(0, "h")->encoding_name(); };
  {
    HashEdit hash = world.edit();
    hash.set("f", "v"), hash.set("g", "v");
    EXPECT_TRUE(hash.set_expiry("f", HashField::kStays));
    EXPECT_EQ(encoding(), "listpack");
    hash.set_expiry("f", 5000);
    hash.set("f", "w");
    hash.set_expiry("g", 5000);
  }
  EXPECT_EQ(encoding(), "listpackex");
  world.keyspace.check_invariants();
  world.edit().set("g", "v");
  EXPECT_EQ(encoding(), "listpack");
  EXPECT_EQ(world.contents(), (Model{{"f", "w"}, {"g", "v"}}));
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
  for (const std::string_view encoding : {"listpack", "listpackex", "hashtable"}) {
    World world(4);
    for (int i = 0; i < 10; ++i)
      world.edit().set("f" + std::to_string(i), std::string(encoding == "hashtable" ? 65 : 1, 'v'));
    if (encoding == "listpackex") world.edit().set_expiry("f3", 5000);
    ASSERT_EQ(world.keyspace.peek(0, "h")->encoding_name(), encoding);
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
