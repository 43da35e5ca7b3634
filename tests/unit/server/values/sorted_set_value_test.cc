// Sorted sets in a keyspace, in both of their forms, beside std::map.
#include "server/values/sorted_set_value.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "server/values/sorted_set_algebra.h"
#include "server/values/sorted_set_builder.h"

namespace redan {
namespace {

using What = AddResult::What;
using Model = std::map<std::string, double, std::less<>>;
using Pair = std::pair<double, std::string>;

constexpr double kInf = std::numeric_limits<double>::infinity();

struct SortedSets : testing::Test {
  AddResult add(std::string_view key, std::string_view member, double score,
                const AddRules& rules = {}) {
    SortedSetEdit edit(keyspace, 0, key, keyspace.change(0, key));
    return edit.add(member, score, rules);
  }
  bool erase(std::string_view key, std::string_view member) {
    SortedSetEdit edit(keyspace, 0, key, keyspace.change(0, key));
    const bool erased = edit.erase(member);
    if (erased && edit.size() == 0) edit.remove_key(Keyspace::Free::kNow);
    return erased;
  }
  std::string form(std::string_view key) {
    return std::string(keyspace.peek(0, key)->encoding_name());
  }
  std::vector<Pair> contents(std::string_view key) {
    std::vector<Pair> found;
    if (const Entry* entry = keyspace.peek(0, key)) {
      SortedSetView(*entry).for_each([&](const SortedSetMember& member) {
        Listpack::Scratch scratch;
        found.emplace_back(member.score(), member.name(scratch));
      });
    }
    return found;
  }
  static std::vector<Pair> ordered(const Model& model) {
    std::vector<Pair> pairs;
    for (const auto& [name, score] : model) pairs.emplace_back(score, name);
    std::sort(pairs.begin(), pairs.end());
    return pairs;
  }
  void limit(uint64_t entries, uint64_t bytes) {
    EncodingLimits limits;
    limits.sorted_set_entries = entries;
    limits.sorted_set_value_bytes = bytes;
    keyspace.set_limits(limits);
  }

  Keyspace keyspace{{.databases = 1, .seed = 5}};
};

TEST_F(SortedSets, GoToTheLargeFormAtRedisThresholds) {
  for (int i = 0; i < 128; ++i) add("k", std::to_string(i), i);
  EXPECT_EQ(form("k"), "listpack");
  add("k", "5", 1000);
  EXPECT_EQ(form("k"), "listpack") << "it is there already";
  add("k", "129th", 0.5);
  EXPECT_EQ(form("k"), "skiplist");
  EXPECT_EQ(contents("k").size(), 129u);
  EXPECT_EQ(contents("k")[1], Pair(0.5, "129th"));

  add("long", std::string(64, 'm'), 1);
  EXPECT_EQ(form("long"), "listpack");
  add("long", std::string(65, 'm'), 1);
  EXPECT_EQ(form("long"), "skiplist");
  add("new", std::string(65, 'm'), 1);
  EXPECT_EQ(form("new"), "skiplist");
  limit(0, 64);
  add("none", "m", 1);
  EXPECT_EQ(form("none"), "skiplist");
}

TEST_F(SortedSets, RulesSayWhatBecomesOfAMember) {
  for (const uint64_t entries : {uint64_t{128}, uint64_t{0}}) {
    limit(entries, 64);
    const std::string key = "k" + std::to_string(entries);
    EXPECT_EQ(add(key, "a", 5, {.only_existing = true}).what, What::kRefused);
    EXPECT_EQ(keyspace.peek(0, key), nullptr) << "nothing was added: no key";
    EXPECT_EQ(add(key, "a", 5, {.only_greater = true}).what, What::kNew);
    EXPECT_EQ(add(key, "a", 5).what, What::kSame);
    EXPECT_EQ(add(key, "a", 6, {.only_new = true}).what, What::kRefused);
    EXPECT_EQ(add(key, "a", 4, {.only_greater = true}).what, What::kRefused);
    EXPECT_EQ(add(key, "a", 6, {.only_less = true}).what, What::kRefused);
    EXPECT_EQ(add(key, "a", 6, {.only_existing = true, .only_greater = true}).what, What::kChanged);
    const AddResult sum = add(key, "a", 1.5, {.increment = true});
    EXPECT_EQ(sum.what, What::kChanged);
    EXPECT_EQ(sum.score, 7.5);
    EXPECT_EQ(add(key, "a", -1, {.only_greater = true, .increment = true}).what, What::kRefused);
    EXPECT_EQ(add(key, "b", kInf, {.increment = true}).what, What::kNew);
    EXPECT_EQ(add(key, "b", -kInf, {.increment = true}).what, What::kNotANumber);
    EXPECT_EQ(contents(key), (std::vector<Pair>{{7.5, "a"}, {kInf, "b"}}));
    keyspace.check_invariants();
  }
}

// All questions about ranges, asked of both forms and of a sorted vector.
TEST_F(SortedSets, AnswerAsASortedVectorWould) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed);
    limit(seed % 2 == 0 ? 128 : 0, 64);
    const std::string key = "k" + std::to_string(seed);
    const bool one_score = seed % 3 == 0;
    Model model;
    for (int i = 0; i < 150; ++i) {
      const std::string name = "m" + std::to_string(rng.below(80));
      if (rng.chance(0.25)) {
        EXPECT_EQ(erase(key, name), model.erase(name) > 0);
      } else {
        const double score = one_score ? 0 : static_cast<double>(rng.below(40)) / 4 - 5;
        add(key, name, score);
        model[name] = score;
      }
      keyspace.check_invariants();
    }
    const std::vector<Pair> all = ordered(model);
    ASSERT_EQ(contents(key), all);
    const SortedSetView set(*keyspace.peek(0, key));
    for (size_t rank = 0; rank < all.size(); ++rank) {
      const auto standing = set.standing(all[rank].second);
      ASSERT_TRUE(standing);
      EXPECT_EQ(standing->rank, rank);
      EXPECT_EQ(standing->score, all[rank].first);
    }
    EXPECT_FALSE(set.standing("missing"));
    EXPECT_FALSE(set.score("missing"));

    const auto compare = [&](RankRange found, auto&& inside) {
      std::vector<Pair> expected;
      std::copy_if(all.begin(), all.end(), std::back_inserter(expected), inside);
      ASSERT_EQ(found.size(), expected.size());
      std::vector<Pair> members;
      const auto keep = [&](const SortedSetMember& member) {
        Listpack::Scratch scratch;
        members.emplace_back(member.score(), member.name(scratch));
      };
      set.for_each(found.begin, found.size(), Direction::kUp, keep);
      EXPECT_EQ(members, expected);
      members.clear();
      set.for_each(found.end - 1, found.size(), Direction::kDown, keep);
      std::reverse(members.begin(), members.end());
      EXPECT_EQ(members, expected);
    };
    for (int i = 0; i < 60; ++i) {
      const ScoreRange range{
          .min = static_cast<double>(rng.below(50)) / 4 - 6,
          .max = rng.chance(0.1) ? kInf : static_cast<double>(rng.below(50)) / 4 - 6,
          .min_excluded = rng.chance(0.3),
          .max_excluded = rng.chance(0.3)};
      compare(set.ranks(range), [&](const Pair& pair) {
        return range.above_min(pair.first) && range.below_max(pair.first);
      });
      if (!one_score) continue;
      const std::string low = "m" + std::to_string(rng.below(80));
      const std::string high = "m" + std::to_string(rng.below(80));
      LexRange lex{{.excluded = rng.chance(0.3), .member = low},
                   {.excluded = rng.chance(0.3), .member = high}};
      if (rng.chance(0.2)) lex.min.kind = LexBound::Kind::kLowest;
      if (rng.chance(0.2)) lex.max.kind = LexBound::Kind::kHighest;
      const auto inside = [&](const Pair& pair) {
        return lex.above_min(pair.second) && lex.below_max(pair.second);
      };
      compare(set.ranks(lex, Direction::kUp), inside);
      compare(set.ranks(lex, Direction::kDown), inside);
    }
  }
}

TEST_F(SortedSets, LoseRangesOfRanks) {
  for (const uint64_t entries : {uint64_t{128}, uint64_t{0}}) {
    limit(entries, 64);
    for (int i = 0; i < 100; ++i) add("k", std::to_string(i), i);
    {
      SortedSetEdit edit(keyspace, 0, "k", keyspace.change(0, "k"));
      edit.erase_ranks({10, 90});
      EXPECT_EQ(edit.size(), 20u);
    }
    EXPECT_EQ(contents("k")[10], Pair(90, "90"));
    keyspace.check_invariants();
    {
      SortedSetEdit edit(keyspace, 0, "k", keyspace.change(0, "k"));
      edit.erase_ranks({0, 20});
      edit.remove_key(Keyspace::Free::kNow);
    }
    EXPECT_EQ(keyspace.peek(0, "k"), nullptr);
    keyspace.check_invariants();
  }
}

TEST(ClampRanks, CutsWhatIsOutOfBounds) {
  const auto range = [](int64_t start, int64_t stop, size_t size) {
    const RankRange ranks = clamp_ranks(start, stop, size);
    return std::pair(ranks.begin, ranks.end);
  };
  using Ends = std::pair<size_t, size_t>;
  EXPECT_EQ(range(0, -1, 3), Ends(0, 3));
  EXPECT_EQ(range(-100, 100, 3), Ends(0, 3));
  EXPECT_EQ(range(-2, -2, 3), Ends(1, 2));
  EXPECT_EQ(range(2, 1, 3), Ends(0, 0));
  EXPECT_EQ(range(3, 10, 3), Ends(0, 0));
  EXPECT_EQ(range(0, -4, 3), Ends(0, 0));
  EXPECT_EQ(range(0, -1, 0), Ends(0, 0));
  EXPECT_EQ(range(INT64_MIN, INT64_MAX, 2), Ends(0, 2));
  EXPECT_EQ(range(INT64_MAX, INT64_MIN, 2), Ends(0, 0));
}

TEST(SortedSetBuilder, IsCompactAsLongAsTheLimitsAllowIt) {
  EncodingLimits limits;
  SortedSetBuilder small(limits);
  for (int i = 127; i >= 0; --i) EXPECT_TRUE(small.add(std::to_string(i), i));
  EXPECT_FALSE(small.add("5", 7));
  EXPECT_EQ(small.size(), 128u);
  const StoredValue packed = small.take();
  EXPECT_EQ(packed.form, ValueForm::kListpack);
  EXPECT_EQ(PackedSortedSet(packed.bytes).score(PackedSortedSet(packed.bytes).nth(3)), 3);

  SortedSetBuilder grows(limits);
  for (int i = 0; i < 129; ++i) EXPECT_TRUE(grows.add(std::to_string(i), -i));
  EXPECT_FALSE(grows.add("5", 7));
  StoredValue large = grows.take();
  ASSERT_EQ(large.form, ValueForm::kLarge);
  large.large->check_invariants();
  EXPECT_EQ(large.large->size(), 129u);

  // In order and new: the same, without a search.
  SortedSetBuilder appended(limits), beyond(limits);
  for (int i = 0; i < 128; ++i) appended.append(std::to_string(i), i);
  EXPECT_EQ(appended.take().bytes, packed.bytes);
  for (int i = 0; i < 129; ++i) beyond.append(std::to_string(i), i);
  large = beyond.take();
  ASSERT_EQ(large.form, ValueForm::kLarge);
  large.large->check_invariants();

  SortedSetBuilder claims(limits);
  claims.expect(UINT64_MAX);
  EXPECT_TRUE(claims.add("one", 1));
  EXPECT_EQ(claims.take().form, ValueForm::kLarge);
}

// Whatever forms the sources have, beside models.
TEST_F(SortedSets, CombineAsMapsDo) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    const std::string keys[] = {"a" + std::to_string(seed), "b" + std::to_string(seed)};
    Model models[2];
    const double weights[] = {rng.chance(0.5) ? 1.0 : -2.5, rng.chance(0.5) ? 1.0 : 0.5};
    for (int k = 0; k < 2; ++k) {
      limit(rng.chance(0.5) ? 128 : 0, 64);
      for (uint64_t n = rng.below(60); n > 0; --n) {
        const std::string name = std::to_string(rng.below(70));
        const auto score = static_cast<double>(rng.below(20));
        add(keys[k], name, score);
        models[k][name] = score;
      }
    }
    const auto sources = [&] {
      std::vector<WeightedSource> made(2);
      for (int k = 0; k < 2; ++k) {
        if (const Entry* entry = keyspace.peek(0, keys[k])) made[k].source = ScoredSource(*entry);
        made[k].weight = weights[k];
      }
      return made;
    };
    const auto result_of = [&](Combination how, Aggregate aggregate) {
      auto made = sources();
      const auto result = combine(how, made, aggregate, HashKey{});
      result->check_invariants();
      Model found;
      for (auto at = result->order().at(0); at; at.next()) found.emplace(at->key(), at->score());
      return found;
    };
    Model sum, least, both, only_first;
    for (const auto& [name, score] : models[0]) {
      sum[name] = least[name] = score * weights[0];
      if (!models[1].contains(name)) only_first[name] = score;
    }
    for (const auto& [name, score] : models[1]) {
      const double weighted = score * weights[1];
      if (models[0].contains(name)) {
        sum[name] += weighted;
        least[name] = std::min(least[name], weighted);
        both[name] = std::max(models[0][name] * weights[0], weighted);
      } else {
        sum[name] = least[name] = weighted;
      }
    }
    ASSERT_EQ(result_of(Combination::kUnion, Aggregate::kSum), sum) << seed;
    ASSERT_EQ(result_of(Combination::kUnion, Aggregate::kMin), least) << seed;
    ASSERT_EQ(result_of(Combination::kIntersection, Aggregate::kMax), both) << seed;
    ASSERT_EQ(result_of(Combination::kDifference, Aggregate::kSum), only_first) << seed;
    auto counted = sources();
    EXPECT_EQ(count_common(counted, 0), both.size());
    EXPECT_EQ(count_common(counted, 3), std::min<size_t>(both.size(), 3));
  }
}

}  // namespace
}  // namespace redan
