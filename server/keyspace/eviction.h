// Which keys go when memory is short (maxmemory-policy).
//
// Not the best victim of all keys, which nobody knows, but the best of those looked at: each call
// looks at a few more of them, and a pool keeps the sixteen best that were seen and are still
// there, as Redis does. Buckets are looked at in the order of a scan, so that each key is seen once
// before any is seen again. Among keys of equal worth chance decides: were it the order in the
// bucket, the newest would go, which take the places of those that went. Pure; of the data thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "server/keyspace/keyspace.h"

namespace redan {

struct EvictionPolicy {
  enum class Order : uint8_t { kLongestIdle, kLeastFrequent, kSoonestDeadline, kAny };
  Order order = Order::kAny;
  bool expiring_only = false;  // volatile-*: keys without a deadline stay
  bool operator==(const EvictionPolicy&) const = default;
};

class Eviction {
 public:
  Eviction(Keyspace& keyspace, uint64_t seed)
      : keyspace_(keyspace), places_(static_cast<size_t>(keyspace.databases())), rng_(seed) {}

  struct Victim {
    int db = 0;
    std::string key;
  };
  enum class Search : uint8_t {
    kFound,
    kNotYet,   // some steps were made, more may find one
    kNothing,  // there is no key that may go
  };
  // Looks at about `samples` more keys of each database.
  Search search(const EvictionPolicy& policy, size_t samples);
  // What search() found; good until it is called again. It is not in the pool any more.
  const Victim& victim() const { return victim_; }

  // The pool, for tests.
  size_t candidates() const { return pool_size_; }

 private:
  static constexpr size_t kPoolSize = 16;
  // Buckets that one search looks into, where few keys may go.
  static constexpr int kMostBuckets = 64;

  struct Candidate {
    uint64_t worth = 0;  // of evicting it
    Victim key;
  };
  // Where looking goes on in a database, and how often it came around since it last saw a key.
  struct Place {
    uint64_t cursor = 0;
    int empty_rounds = 0;
  };

  uint64_t worth(const Entry& entry) const;
  bool look(int db, size_t samples);
  void consider(int db, const Entry& entry);
  bool take_best();
  bool take_any();

  Keyspace& keyspace_;
  EvictionPolicy policy_;
  std::vector<Place> places_;                // by database
  std::array<Candidate, kPoolSize> pool_{};  // worth rises
  size_t pool_size_ = 0;
  size_t next_db_ = 0;              // kAny: the databases take turns
  std::vector<const Entry*> seen_;  // by one look
  Rng rng_;
  Victim victim_;
};

}  // namespace redan
