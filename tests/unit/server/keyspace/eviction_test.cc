// Which keys go: the policies, how near to the ideal their choices are, and what stays.
#include "server/keyspace/eviction.h"

#include <gtest/gtest.h>

#include <cmath>
#include <list>
#include <map>
#include <set>
#include <unordered_map>

#include "server/data/large_set.h"

namespace redan {
namespace {

using Order = EvictionPolicy::Order;
constexpr int64_t kStartMs = 1'700'000'000'000;

struct Evicting : testing::Test {
  void set_time(int64_t seconds) { keyspace.set_now(from_unix_ms(kStartMs + seconds * 1000)); }
  Evicting() { set_time(0); }

  // Evicts one key; false where none may go.
  bool evict(const EvictionPolicy& policy) {
    for (int tries = 0; tries < 1000; ++tries) {
      switch (eviction.search(policy, 5)) {
        case Eviction::Search::kNothing:
          return false;
        case Eviction::Search::kNotYet:
          break;
        case Eviction::Search::kFound:
          gone.push_back(eviction.victim().key);
          keyspace.evict(eviction.victim().db, eviction.victim().key, Keyspace::Free::kNow);
          return true;
      }
    }
    ADD_FAILURE() << "no end of the search";
    return false;
  }
  static std::string name(int i) { return "key:" + std::to_string(i); }

  Keyspace keyspace{{.databases = 4, .seed = 9}};
  Eviction eviction{keyspace, 7};
  std::vector<std::string> gone;
};

TEST_F(Evicting, ThereIsNothingInAnEmptyKeyspace) {
  for (const Order order : {Order::kAny, Order::kLongestIdle, Order::kLeastFrequent}) {
    EXPECT_FALSE(evict({order, false}));
    EXPECT_FALSE(evict({order, true}));
  }
}

TEST_F(Evicting, KeysWithoutADeadlineStayWherePolicySaysSo) {
  for (int i = 0; i < 3000; ++i) {
    keyspace.set_string(i % 4, name(i), "v",
                        i % 100 == 7 ? SetExpiry::at(kStartMs + 1'000'000) : SetExpiry{});
  }
  for (const Order order :
       {Order::kAny, Order::kLongestIdle, Order::kLeastFrequent, Order::kSoonestDeadline}) {
    gone.clear();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(evict({order, true}));
    for (const std::string& key : gone) EXPECT_EQ(std::stoi(key.substr(4)) % 100, 7) << key;
  }
  gone.clear();
  while (evict({Order::kLongestIdle, true})) {
  }
  EXPECT_EQ(gone.size(), 10u);
  EXPECT_EQ(keyspace.total_size(), 2970u);
  while (evict({Order::kLongestIdle, false})) {
  }
  EXPECT_EQ(keyspace.total_size(), 0u);
  EXPECT_EQ(keyspace.stats().evicted, 3000u);
  keyspace.check_invariants();
}

// A few keys that may go among very many that may not: found, if not by the first search.
TEST_F(Evicting, TheOnlyKeyThatMayGoIsFound) {
  for (int i = 0; i < 50'000; ++i) keyspace.set_string(2, name(i), "v");
  keyspace.set_expiry(2, name(777), kStartMs + 1000);
  EXPECT_TRUE(evict({Order::kLongestIdle, true}));
  EXPECT_EQ(gone, std::vector<std::string>{name(777)});
  EXPECT_FALSE(evict({Order::kLongestIdle, true}));
}

TEST_F(Evicting, TheSoonestDeadlineGoesFirst) {
  for (int i = 0; i < 1000; ++i) {
    keyspace.set_string(0, name(i), "v", SetExpiry::at(kStartMs + 1'000'000 + i * 1000));
  }
  for (int i = 0; i < 200; ++i) evict({Order::kSoonestDeadline, true});
  // A pool of 16 that has seen all there is makes no large mistakes.
  double sum = 0;
  for (const std::string& key : gone) sum += std::stoi(key.substr(4));
  EXPECT_LT(sum / 200, 180) << "of random choice: 500";
}

TEST_F(Evicting, WhatWasUsedSinceItWasSeenStays) {
  for (int i = 0; i < 16; ++i) keyspace.set_string(0, name(i), "v");
  set_time(100);
  ASSERT_EQ(eviction.search({Order::kLongestIdle, false}, 5), Eviction::Search::kFound);
  ASSERT_GT(eviction.candidates(), 2u);
  const std::string first = eviction.victim().key;
  for (int i = 0; i < 16; ++i) {
    if (name(i) != first) keyspace.read(0, name(i));
  }
  keyspace.evict(0, first, Keyspace::Free::kNow);
  keyspace.set_string(0, "old", "v");
  set_time(200);
  for (int i = 0; i < 16; ++i) keyspace.read(0, name(i));
  ASSERT_TRUE(evict({Order::kLongestIdle, false}));
  EXPECT_EQ(gone.back(), "old");
}

TEST_F(Evicting, AnyKeyGoesOnceByRandomChoice) {
  std::set<std::string> all;
  for (int i = 0; i < 400; ++i) {
    keyspace.set_string(i % 3, name(i), "v");
    all.insert(name(i));
  }
  while (evict({Order::kAny, false})) {
  }
  EXPECT_EQ(std::set<std::string>(gone.begin(), gone.end()), all);
}

TEST_F(Evicting, LargeValuesAreFreedElsewhere) {
  auto set = std::make_unique<LargeSet>(keyspace.limits().hash_key);
  for (int i = 0; i < 1000; ++i) set->add(name(i));
  keyspace.set_value(0, "k", StoredValue::of_large(ValueType::kSet, std::move(set)));
  const size_t bytes = keyspace.memory_bytes();
  ASSERT_TRUE(evict({Order::kAny, false}));
  EXPECT_LT(keyspace.memory_bytes() + 20'000, bytes);
  EXPECT_GT(keyspace.garbage_bytes(), 20'000u);
  EXPECT_EQ(keyspace.take_garbage().size(), 1u);
}

// A database of one key may hold millions of members.
TEST_F(Evicting, AFlushOfFewKeysIsFreedElsewhereToo) {
  auto set = std::make_unique<LargeSet>(keyspace.limits().hash_key);
  for (int i = 0; i < 10'000; ++i) set->add(name(i));
  keyspace.set_value(0, "k", StoredValue::of_large(ValueType::kSet, std::move(set)));
  const size_t bytes = keyspace.memory_bytes();
  keyspace.flush(-1, Keyspace::Free::kLazily);
  EXPECT_LT(keyspace.memory_bytes() + 200'000, bytes);
  EXPECT_GT(keyspace.garbage_bytes(), 200'000u);
  EXPECT_EQ(keyspace.take_garbage().size(), 1u);
  keyspace.set_string(0, "k", "v");
  keyspace.flush(-1, Keyspace::Free::kLazily);
  EXPECT_TRUE(keyspace.take_garbage().empty());
}

// Slots that are on their way here are another node's.
TEST(EvictingSlots, HeldKeysStay) {
  Keyspace keyspace({.databases = 1, .seed = 3, .slots = true});
  keyspace.set_now(from_unix_ms(kStartMs));
  for (int i = 0; i < 2000; ++i) {
    keyspace.set_string(0, "key:" + std::to_string(i), "v", SetExpiry::at(kStartMs + 1'000'000));
  }
  SlotSet held;
  for (int slot = 0; slot < 8192; ++slot) held.add(Slot(static_cast<uint16_t>(slot)));
  keyspace.hold_slots(held);
  Eviction eviction(keyspace, 7);
  for (const Order order : {Order::kLongestIdle, Order::kAny}) {
    for (int i = 0; i < 100'000; ++i) {
      const auto search = eviction.search({order, true}, 5);
      if (search == Eviction::Search::kNothing) break;
      if (search == Eviction::Search::kNotYet) continue;
      ASSERT_GE(slot_of_key(eviction.victim().key).value, 8192);
      keyspace.evict(0, eviction.victim().key, Keyspace::Free::kNow);
    }
    EXPECT_EQ(eviction.search({order, true}, 5), Eviction::Search::kNothing);
  }
  size_t left = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string key = "key:" + std::to_string(i);
    const bool is_held = slot_of_key(key).value < 8192;
    left += is_held ? 1 : 0;
  }
  EXPECT_EQ(keyspace.stats().evicted, 2000 - left);
  keyspace.check_invariants();
}

// --- how good the choices are ---

// Keys by a Zipf distribution, its weights shifted around now and then so that old fame fades.
class Zipf {
 public:
  Zipf(int keys, double exponent, uint64_t seed) : rng_(seed) {
    double sum = 0;
    for (int i = 1; i <= keys; ++i) sums_.push_back(sum += std::pow(i, -exponent));
  }
  int next() {
    const double at = rng_.unit() * sums_.back();
    return static_cast<int>(std::lower_bound(sums_.begin(), sums_.end(), at) - sums_.begin());
  }

 private:
  Rng rng_;
  std::vector<double> sums_;
};

constexpr int kKeys = 5000;
constexpr size_t kRoom = 1000;
constexpr int kRequests = 150'000;

struct Load {
  double once = 0;  // the part of requests for keys that nobody asks for again
  double requests_per_second = 40;
};

// A cache of kRoom keys.
double hit_rate(const EvictionPolicy& policy, const Load& load = {}) {
  Keyspace keyspace({.databases = 1, .seed = 4});
  keyspace.set_clock(
      policy.order == Order::kLeastFrequent ? EvictionClock::kLfu : EvictionClock::kLru, 10, 1);
  Eviction eviction(keyspace, 7);
  Zipf zipf(kKeys, 1.0, 17);
  Rng dice(3);
  int hits = 0;
  for (int i = 0; i < kRequests; ++i) {
    keyspace.set_now(
        from_unix_ms(kStartMs + static_cast<int64_t>(i * 1000 / load.requests_per_second)));
    const int number = dice.chance(load.once) ? kKeys + i : zipf.next();
    const std::string key = "key:" + std::to_string(number);
    if (keyspace.read(0, key) != nullptr) {
      hits += i > kRequests / 2 ? 1 : 0;
      continue;
    }
    keyspace.set_string(0, key, "v");
    while (keyspace.size(0) > kRoom) {
      if (eviction.search(policy, 5) != Eviction::Search::kFound) continue;
      keyspace.evict(0, eviction.victim().key, Keyspace::Free::kNow);
    }
  }
  return static_cast<double>(hits) / (kRequests / 2);
}

// The same with the one that was used longest ago, exactly.
double hit_rate_of_true_lru() {
  std::list<int> order;
  std::unordered_map<int, std::list<int>::iterator> where;
  Zipf zipf(kKeys, 1.0, 17);
  int hits = 0;
  for (int i = 0; i < kRequests; ++i) {
    const int key = zipf.next();
    if (const auto at = where.find(key); at != where.end()) {
      hits += i > kRequests / 2 ? 1 : 0;
      order.erase(at->second);
    } else if (order.size() == kRoom) {
      where.erase(order.back());
      order.pop_back();
    }
    order.push_front(key);
    where[key] = order.begin();
  }
  return static_cast<double>(hits) / (kRequests / 2);
}

TEST(EvictionQuality, OfLruIsNearThatOfTrueLru) {
  const double ideal = hit_rate_of_true_lru();
  const double sampled = hit_rate({Order::kLongestIdle, false});
  const double any = hit_rate({Order::kAny, false});
  RecordProperty("hit_rates", testing::PrintToString(std::vector{ideal, sampled, any}));
  EXPECT_GT(sampled, ideal - 0.01);
  EXPECT_GT(sampled, any + 0.03);
}

// The least a cache can do, by theory: any key has the same chance to go, for a Zipf load.
double hit_rate_of_true_chance() {
  Rng dice(5);
  std::vector<int> cache;
  std::unordered_map<int, size_t> where;
  Zipf zipf(kKeys, 1.0, 17);
  int hits = 0;
  for (int i = 0; i < kRequests; ++i) {
    const int key = zipf.next();
    if (where.contains(key)) {
      hits += i > kRequests / 2 ? 1 : 0;
      continue;
    }
    size_t place = cache.size();
    if (cache.size() == kRoom) {
      place = dice.below(kRoom);
      where.erase(cache[place]);
      cache[place] = key;
    } else {
      cache.push_back(key);
    }
    where[key] = place;
  }
  return static_cast<double>(hits) / (kRequests / 2);
}

// Where all keys were used in the same second, nothing tells them apart but chance.
TEST(EvictionQuality, OfKeysThatNothingTellsApartAnyMayGo) {
  const double ideal = hit_rate_of_true_chance();
  const Load fast{.requests_per_second = 1e9};
  EXPECT_NEAR(hit_rate({Order::kAny, false}, fast), ideal, 0.01);
  EXPECT_NEAR(hit_rate({Order::kLongestIdle, false}, fast), ideal, 0.01);
  EXPECT_GT(hit_rate({Order::kLongestIdle, false}, {.requests_per_second = 50'000}), ideal - 0.01);
}

TEST(EvictionQuality, OfLfuKeepsWhatIsAskedForAgain) {
  const double by_frequency = hit_rate({Order::kLeastFrequent, false}, {.once = 0.5});
  const double by_recency = hit_rate({Order::kLongestIdle, false}, {.once = 0.5});
  const double any = hit_rate({Order::kAny, false}, {.once = 0.5});
  RecordProperty("hit_rates", testing::PrintToString(std::vector{by_frequency, by_recency, any}));
  EXPECT_GT(by_frequency, by_recency + 0.02);
  EXPECT_GT(by_recency, any + 0.02);
}

}  // namespace
}  // namespace redan
