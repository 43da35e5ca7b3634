// maxmemory: whether memory is short, and making room by evicting keys.
//
// What counts is what the allocator and the tables had at the last tick (near the limit: two
// milliseconds ago), and what the keyspace has grown since; not what replicas have still to get,
// nor what waits to be freed. A command that finds memory short evicts for a bounded time
// (maxmemory-eviction-tenacity) and then runs; the rest of the work is done between commands. It is
// refused only where no key may go.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "common/base/time.h"
#include "server/command/call.h"
#include "server/keyspace/eviction.h"

namespace redan {

// A policy's two halves; of noeviction neither matters.
EvictionPolicy eviction_policy(MaxmemoryPolicy policy);
// How long a command may evict before it runs.
Nanos eviction_time(int64_t tenacity);

// What replicas have still to get beyond the backlog's own size: evicting keys adds to it, and must
// not be called for by it.
uint64_t uncounted_replication(const ServerConfig& config, const ReplicationTraffic& traffic);

class MemoryLimit {
 public:
  // Tells replicas and subscribers of a key that was evicted.
  using Evicted = std::function<void(int db, std::string_view key)>;
  MemoryLimit(ServerParts& parts, Evicted evicted)
      : parts_(parts), eviction_(parts.keyspace, parts.rng.next()), evicted_(std::move(evicted)) {}

  bool exceeded() const { return excess() > 0; }
  // Less than a megabyte is left.
  bool nearly_exceeded() const { return excess() > -kNear; }
  bool may_evict(bool loading) const;
  // For a command that is about to run. False: memory is short and nothing may go.
  bool make_room(bool loading);
  // A part of what is left to do, in idle time. False: there is room, or no more can go.
  bool work(Nanos budget, bool loading);

 private:
  enum class Outcome : uint8_t { kEnough, kOutOfTime, kNothingLeft };

  static constexpr int64_t kNear = 1024 * 1024;

  // Negative: what is left.
  int64_t excess() const;
  void note(bool exceeded);
  void sample();
  Outcome evict_until(Nanos budget);
  Outcome evict_from(Instant begin, Nanos budget);

  ServerParts& parts_;
  Eviction eviction_;
  Evicted evicted_;
  Instant sampled_at_{};
};

}  // namespace redan
