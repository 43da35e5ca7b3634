// Sets in a keyspace, through all of their forms, beside std::set.
#include "server/values/set_value.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "common/base/parse.h"
#include "server/values/set_algebra.h"

namespace redan {
namespace {

using Model = std::set<std::string>;

struct Sets : testing::Test {
  size_t add(std::string_view key, const std::vector<std::string>& members) {
    const std::vector<std::string_view> views(members.begin(), members.end());
    Keyspace::Ref ref = keyspace.change(0, key);
    if (ref) return SetEdit(keyspace, ref).add(views);
    SetBuilder builder(keyspace.limits());
    size_t added = builder.add(views[0]) ? 1 : 0;
    builder.expect(views.size());
    for (size_t i = 1; i < views.size(); ++i) added += builder.add(views[i]) ? 1U : 0U;
    keyspace.create(0, key, ref, builder.take());
    return added;
  }
  size_t erase(std::string_view key, const std::vector<std::string>& members) {
    const std::vector<std::string_view> views(members.begin(), members.end());
    Keyspace::Ref ref = keyspace.change(0, key);
    if (!ref) return 0;
    const size_t erased = SetEdit(keyspace, ref).erase(views);
    if (SetView(*ref).size() == 0) keyspace.remove(0, ref, Keyspace::Free::kNow);
    return erased;
  }
  std::string form(std::string_view key) {
    return std::string(keyspace.peek(0, key)->encoding_name());
  }
  Model contents(std::string_view key) {
    Model found;
    const Entry* entry = keyspace.peek(0, key);
    if (entry == nullptr) return found;
    SetView(*entry).for_each([&](const SetView::Member& member) {
      EXPECT_TRUE(found.insert(member.str()).second) << member.str();
    });
    return found;
  }
  void limit(uint64_t intset, uint64_t listpack, uint64_t bytes) {
    EncodingLimits limits;
    limits.set_intset_entries = intset;
    limits.set_entries = listpack;
    limits.set_value_bytes = bytes;
    keyspace.set_limits(limits);
  }
  std::vector<std::string> numbers(int from, int to) {
    std::vector<std::string> all;
    for (int i = from; i < to; ++i) all.push_back(std::to_string(i));
    return all;
  }

  Keyspace keyspace{{.databases = 1, .seed = 5}};
};

TEST_F(Sets, GoFromFormToFormAtRedisThresholds) {
  EXPECT_EQ(add("k", {"1", "2", "1"}), 2u);
  EXPECT_EQ(form("k"), "intset");
  EXPECT_EQ(add("k", {"x"}), 1u);
  EXPECT_EQ(form("k"), "listpack");
  EXPECT_EQ(erase("k", {"x", "y"}), 1u);
  EXPECT_EQ(form("k"), "listpack") << "never back";
  add("k", {std::string(64, 'y')});
  EXPECT_EQ(form("k"), "listpack");
  add("k", {std::string(65, 'y')});
  EXPECT_EQ(form("k"), "hashtable");
  EXPECT_EQ(contents("k"), (Model{"1", "2", std::string(64, 'y'), std::string(65, 'y')}));

  for (int i = 0; i < 512; ++i) add("ints", {std::to_string(i)});
  EXPECT_EQ(form("ints"), "intset");
  add("ints", {"511"});
  EXPECT_EQ(form("ints"), "intset");
  add("ints", {"512"});
  EXPECT_EQ(form("ints"), "hashtable");

  for (int i = 0; i < 128; ++i) add("texts", {"m" + std::to_string(i)});
  EXPECT_EQ(form("texts"), "listpack");
  add("texts", {"m128"});
  EXPECT_EQ(form("texts"), "hashtable");

  add("wide", numbers(0, 128));
  add("wide", {"x"});
  EXPECT_EQ(form("wide"), "hashtable") << "too many integers for a listpack";
  add("long", {"x", std::string(65, 'y')});
  EXPECT_EQ(form("long"), "hashtable");
}

// What is announced counts: Redis 7.2 does not begin small what will be large.
TEST_F(Sets, ManyMembersAtOnceBeginLarge) {
  add("k", std::vector<std::string>(513, "1"));
  EXPECT_EQ(form("k"), "hashtable");
  EXPECT_EQ(contents("k"), Model{"1"});
  add("l", {"x"});
  add("l", std::vector<std::string>(129, "y"));
  EXPECT_EQ(form("l"), "hashtable");
  EXPECT_EQ(contents("l"), (Model{"x", "y"}));
}

TEST_F(Sets, BehaveAsSetsInAnyForm) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed);
    limit(1 + rng.below(40), 1 + rng.below(30), 1 + rng.below(30));
    std::map<std::string, Model> model;
    for (int step = 0; step < 600; ++step) {
      const std::string key = "k" + std::to_string(rng.below(3));
      std::vector<std::string> members;
      for (uint64_t n = 1 + rng.below(rng.chance(0.02) ? 60 : 3); n > 0; --n) {
        const std::string number =
            std::to_string(rng.between(-40, 40) * (rng.chance(0.1) ? 1 << 20 : 1));
        members.push_back(rng.chance(seed % 3 == 0 ? 0.02 : 0.4) ? "m" + number : number);
      }
      if (rng.chance(0.5)) {
        size_t added = 0;
        for (const std::string& member : members) added += model[key].insert(member).second;
        ASSERT_EQ(add(key, members), added);
      } else {
        size_t erased = 0;
        for (const std::string& member : members) erased += model[key].erase(member);
        ASSERT_EQ(erase(key, members), erased);
      }
      ASSERT_EQ(contents(key), model[key]);
      if (rng.chance(0.2)) keyspace.set_expiry(0, key, rng.chance(0.5) ? -1 : INT64_MAX);
      const Entry* entry = keyspace.peek(0, key);
      ASSERT_EQ(entry == nullptr, model[key].empty());
      if (entry == nullptr) continue;
      ASSERT_EQ(SetView(*entry).size(), model[key].size());
      for (const std::string& member : members) {
        ASSERT_EQ(SetView(*entry).contains(member), model[key].contains(member)) << member;
      }
    }
    keyspace.check_invariants();
    keyspace.flush(0, Keyspace::Free::kNow);
  }
}

// Members that are known to be new lead to the same value as members that are looked for.
TEST(SetBuilder, TakesNewMembersUnsearched) {
  const Keyspace keyspace({.databases = 1, .seed = 1});
  const std::vector<std::vector<std::string>> lists = {
      {"1", "2", "3"}, {"1", "two", "3"}, {"a", "1", std::string(100, 'x'), "b"}};
  for (size_t more : {0U, 100U, 1000U}) {
    for (std::vector<std::string> members : lists) {
      for (size_t i = 0; i < more; ++i) members.push_back(std::to_string(i + 10));
      SetBuilder searched(keyspace.limits()), unsearched(keyspace.limits());
      for (const std::string& member : members) {
        EXPECT_TRUE(searched.add(member));
        const auto number = parse_int64(member);
        unsearched.add_new(number ? SetView::Member{.is_integer = true, .integer = *number}
                                  : SetView::Member{.text = member});
      }
      EXPECT_EQ(unsearched.form(), searched.form());
      EXPECT_EQ(unsearched.size(), members.size());
      for (const std::string& member : members) {
        EXPECT_TRUE(unsearched.contains({.text = member})) << member;
      }
    }
  }
}

TEST_F(Sets, AConversionKeepsTheDeadline) {
  add("k", {"1"});
  keyspace.set_expiry(0, "k", INT64_MAX);
  add("k", {"x"});
  EXPECT_EQ(form("k"), "listpack");
  EXPECT_EQ(keyspace.peek(0, "k")->expiry_ms(), INT64_MAX);
  add("k", {std::string(65, 'y')});
  EXPECT_EQ(keyspace.peek(0, "k")->expiry_ms(), INT64_MAX);
  keyspace.check_invariants();
}

TEST_F(Sets, AnyCompactMemberIsDrawnChosenAndPoppedWithTheSameChance) {
  add("ints", numbers(0, 20));
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.push_back("m" + std::to_string(i));
  add("texts", texts);
  Rng rng(3);
  for (const std::string key : {"ints", "texts"}) {
    std::map<std::string, int> drawn, chosen, popped;
    for (int i = 0; i < 10'000; ++i) {
      const SetView set(*keyspace.peek(0, key));
      ++drawn[set.random(rng).str()];
      Model once;
      set.sample(5, rng, [&](const SetView::Member& member) {
        ASSERT_TRUE(once.insert(member.str()).second);
        ++chosen[member.str()];
      });
      ASSERT_EQ(once.size(), 5u);
      keyspace.copy(0, key, 0, "copy");
      Keyspace::Ref ref = keyspace.change(0, "copy");
      SetEdit(keyspace, ref).pop(5, rng, [&](const SetView::Member& m) { ++popped[m.str()]; });
      ASSERT_EQ(SetView(*ref).size(), 15u);
      keyspace.erase(0, "copy");
    }
    for (const std::string& member : contents(key)) {
      // Six standard deviations.
      EXPECT_NEAR(drawn[member], 500, 131) << member;
      EXPECT_NEAR(chosen[member], 2500, 260) << member;
      EXPECT_NEAR(popped[member], 2500, 260) << member;
    }
  }
}

struct Algebra : Sets {
  std::vector<SetView> views(const std::vector<std::string>& keys) {
    std::vector<SetView> sets;
    for (const std::string& key : keys) sets.emplace_back(*keyspace.peek(0, key));
    return sets;
  }
  static EachMember into(Model& result) {
    return [&result](const SetView::Member& member) {
      EXPECT_TRUE(result.insert(member.str()).second) << member.str();
      return true;
    };
  }
};

TEST_F(Algebra, IsThatOfSets) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed);
    keyspace.flush(0, Keyspace::Free::kNow);
    std::vector<std::string> keys;
    std::vector<Model> models;
    const uint64_t count = 1 + rng.below(rng.chance(0.3) ? 12 : 3);
    for (uint64_t i = 0; i < count; ++i) {
      if (i > 0 && rng.chance(0.1)) {
        const size_t again = rng.below(i);
        keys.push_back(keys[again]);
        models.push_back(models[again]);
        continue;
      }
      keys.push_back("k" + std::to_string(i));
      std::vector<std::string> members;
      for (uint64_t n = 1 + rng.below(rng.chance(0.3) ? 600 : 20); n > 0; --n) {
        const std::string number = std::to_string(rng.below(rng.chance(0.5) ? 30 : 700));
        members.push_back(seed % 2 == 0 && rng.chance(0.3) ? "m" + number : number);
      }
      add(keys.back(), members);
      models.emplace_back(members.begin(), members.end());
    }
    Model common = models[0], together, left = models[0];
    for (const Model& model : models) {
      std::erase_if(common, [&](const std::string& member) { return !model.contains(member); });
      together.insert(model.begin(), model.end());
      if (&model != &models[0]) {
        std::erase_if(left, [&](const std::string& member) { return model.contains(member); });
      }
    }
    std::vector<SetView> sets = views(keys);
    Model result;
    intersect(sets, into(result));
    ASSERT_EQ(result, common) << seed;
    result.clear();
    unite(sets, keyspace.limits(), into(result));
    ASSERT_EQ(result, together) << seed;
    result.clear();
    sets = views(keys);
    subtract(sets[0], std::span(sets).subspan(1), keyspace.limits(), into(result));
    ASSERT_EQ(result, left) << seed;
  }
}

TEST_F(Algebra, EndsEarlyWhenToldTo) {
  add("a", numbers(0, 1000));
  add("b", numbers(0, 2000));
  for (int want : {1, 7}) {
    std::vector<SetView> sets = views({"a", "b"});
    int seen = 0;
    const EachMember some = [&](const SetView::Member&) { return ++seen < want; };
    intersect(sets, some);
    EXPECT_EQ(std::exchange(seen, 0), want);
    unite(sets, keyspace.limits(), some);
    EXPECT_EQ(std::exchange(seen, 0), want);
    sets = views({"b", "a"});
    subtract(sets[0], std::span(sets).subspan(1), keyspace.limits(), some);
    EXPECT_EQ(seen, want);
  }
}

}  // namespace
}  // namespace redan
