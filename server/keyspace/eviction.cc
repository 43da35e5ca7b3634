#include "server/keyspace/eviction.h"

#include <algorithm>
#include <utility>

namespace redan {

namespace {
constexpr int kEnoughEmptyRounds = 2;
}

uint64_t Eviction::worth(const Entry& entry) const {
  switch (policy_.order) {
    case EvictionPolicy::Order::kLongestIdle:
      return static_cast<uint64_t>(keyspace_.idle_s(entry));
    case EvictionPolicy::Order::kLeastFrequent:
      return 255 - static_cast<uint64_t>(keyspace_.frequency(entry));
    case EvictionPolicy::Order::kSoonestDeadline:
      return UINT64_MAX - static_cast<uint64_t>(entry.expiry_ms());
    case EvictionPolicy::Order::kAny:
      break;
  }
  return 0;
}

void Eviction::consider(int db, const Entry& entry) {
  const uint64_t value = worth(entry);
  const bool full = pool_size_ == kPoolSize;
  if (full && value <= pool_[0].worth) return;
  // The place of the new one: behind all that are worth less. In a full pool the least goes.
  const auto end = pool_.begin() + static_cast<ptrdiff_t>(pool_size_);
  const auto at = std::lower_bound(pool_.begin(), end, value,
                                   [](const Candidate& one, uint64_t v) { return one.worth < v; });
  Candidate* into;
  if (full) {
    std::rotate(pool_.begin(), pool_.begin() + 1, at);
    into = &*(at - 1);
  } else {
    std::rotate(at, end, end + 1);
    into = &*at;
    ++pool_size_;
  }
  into->worth = value;
  into->key.db = db;
  into->key.key.assign(entry.key());
}

// False where the database has no key that may go.
bool Eviction::look(int db, size_t samples) {
  const size_t keys = policy_.expiring_only ? keyspace_.expiring(db) : keyspace_.size(db);
  Place& place = places_[static_cast<size_t>(db)];
  if (keys == 0) {
    place.empty_rounds = 0;
    return false;
  }
  seen_.clear();
  for (int buckets = 0; buckets < kMostBuckets && seen_.size() < samples; ++buckets) {
    place.cursor = keyspace_.sample(db, place.cursor, policy_.expiring_only,
                                    [&](const Entry& entry) { seen_.push_back(&entry); });
    if (!seen_.empty()) {
      place.empty_rounds = 0;
    } else if (place.cursor == 0 && place.empty_rounds < kEnoughEmptyRounds) {
      ++place.empty_rounds;
    }
  }
  const size_t first = seen_.empty() ? 0 : rng_.below(seen_.size());
  for (size_t i = 0; i < seen_.size(); ++i) consider(db, *seen_[(first + i) % seen_.size()]);
  // (What is held for another node is counted as a key with a deadline, and never seen.)
  return place.empty_rounds < kEnoughEmptyRounds;
}

// The best of the pool that is still what it was.
bool Eviction::take_best() {
  while (pool_size_ > 0) {
    Candidate& best = pool_[--pool_size_];
    const Entry* entry = keyspace_.peek(best.key.db, best.key.key);
    if (entry == nullptr || (policy_.expiring_only && !entry->expires())) continue;
    if (worth(*entry) < best.worth) continue;  // It was used since.
    std::swap(victim_, best.key);
    return true;
  }
  return false;
}

// Any of those just seen, from one database after the other.
bool Eviction::take_any() {
  const bool found = take_best();
  pool_size_ = 0;
  return found;
}

Eviction::Search Eviction::search(const EvictionPolicy& policy, size_t samples) {
  if (policy != policy_) {
    policy_ = policy;
    pool_size_ = 0;
    for (Place& place : places_) place.empty_rounds = 0;
  }
  bool any = false;
  if (policy_.order == EvictionPolicy::Order::kAny) {
    for (size_t tries = places_.size(); tries > 0; --tries) {
      const size_t db = std::exchange(next_db_, (next_db_ + 1) % places_.size());
      if (!look(static_cast<int>(db), 1)) continue;
      any = true;
      if (take_any()) return Search::kFound;
    }
    return any ? Search::kNotYet : Search::kNothing;
  }
  for (size_t db = 0; db < places_.size(); ++db) any |= look(static_cast<int>(db), samples);
  if (take_best()) return Search::kFound;
  return any ? Search::kNotYet : Search::kNothing;
}

}  // namespace redan
