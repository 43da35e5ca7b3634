#include "server/front/memory_limit.h"

#include <cmath>

#include "common/base/clock.h"
#include "server/session/command_logs.h"
#include "server/session/node_control.h"
#include "server/session/server_stats.h"

namespace redan {

namespace {
// Between two looks at the clock.
constexpr int kKeysPerLook = 16;
constexpr Millis kSampleAge(2);
}  // namespace

EvictionPolicy eviction_policy(MaxmemoryPolicy policy) {
  using Order = EvictionPolicy::Order;
  switch (policy) {
    case MaxmemoryPolicy::kVolatileLru:
      return {Order::kLongestIdle, true};
    case MaxmemoryPolicy::kVolatileLfu:
      return {Order::kLeastFrequent, true};
    case MaxmemoryPolicy::kVolatileRandom:
      return {Order::kAny, true};
    case MaxmemoryPolicy::kVolatileTtl:
      return {Order::kSoonestDeadline, true};
    case MaxmemoryPolicy::kAllkeysLru:
      return {Order::kLongestIdle, false};
    case MaxmemoryPolicy::kAllkeysLfu:
      return {Order::kLeastFrequent, false};
    case MaxmemoryPolicy::kAllkeysRandom:
    case MaxmemoryPolicy::kNoeviction:
      break;
  }
  return {Order::kAny, false};
}

// Redis' scale: up to 0.5 ms by tens of microseconds, then 15 % more with each step.
Nanos eviction_time(int64_t tenacity) {
  if (tenacity >= 100) return Nanos::max();
  if (tenacity <= 10) return Micros(50 * tenacity);
  return Micros(static_cast<int64_t>(500.0 * std::pow(1.15, static_cast<double>(tenacity - 10))));
}

uint64_t uncounted_replication(const ServerConfig& config, const ReplicationTraffic& traffic) {
  const int64_t beyond = traffic.buffer_bytes - config.repl_backlog_size;
  return beyond > 0 ? static_cast<uint64_t>(beyond) : 0;
}

int64_t MemoryLimit::excess() const {
  if (parts_.config.maxmemory == 0) [[likely]] {
    return INT64_MIN;
  }
  const ServerStats& stats = parts_.stats;
  const int64_t used = static_cast<int64_t>(stats.used_memory) -
                       static_cast<int64_t>(stats.uncounted_memory) +
                       static_cast<int64_t>(parts_.keyspace.memory_bytes()) -
                       static_cast<int64_t>(stats.keyspace_memory);
  return used - parts_.config.maxmemory;
}

// A replica is an exact copy of its primary, unless it is told otherwise; and a node that holds its
// writes back must not change by itself.
bool MemoryLimit::may_evict(bool loading) const {
  if (loading || parts_.keyspace.expiry_paused()) return false;
  return !(parts_.config.replica_ignore_maxmemory && parts_.replication.is_replica());
}

// Near the limit the figure of the last tick is too old: buffers come and go in between.
void MemoryLimit::sample() {
  const Instant now = monotonic_now();
  if (now - sampled_at_ < kSampleAge) return;
  sampled_at_ = now;
  parts_.control.sample_memory();
}

bool MemoryLimit::make_room(bool loading) {
  if (nearly_exceeded()) sample();
  if (excess() <= 0 || !may_evict(loading)) [[likely]] {
    note(false);
    return true;
  }
  const Outcome outcome = evict_until(eviction_time(parts_.config.maxmemory_eviction_tenacity));
  note(outcome != Outcome::kEnough);
  // What was evicted lazily must be given to whoever frees it.
  if (outcome == Outcome::kOutOfTime || parts_.keyspace.has_garbage()) {
    parts_.control.memory_is_short();
  }
  return outcome != Outcome::kNothingLeft;
}

bool MemoryLimit::work(Nanos budget, bool loading) {
  const Outcome outcome =
      excess() > 0 && may_evict(loading) ? evict_until(budget) : Outcome::kEnough;
  note(outcome != Outcome::kEnough);
  return outcome == Outcome::kOutOfTime;
}

// For INFO: how long memory has been short, now and in all.
void MemoryLimit::note(bool exceeded) {
  ServerStats& stats = parts_.stats;
  if (exceeded == stats.memory_exceeded_since.has_value()) [[likely]] {
    return;
  }
  if (exceeded) {
    stats.memory_exceeded_since = monotonic_now();
    return;
  }
  stats.memory_exceeded_before += monotonic_now() - *stats.memory_exceeded_since;
  stats.memory_exceeded_since.reset();
}

// Evicts for about `budget`. What takes long is told to LATENCY.
MemoryLimit::Outcome MemoryLimit::evict_until(Nanos budget) {
  if (parts_.config.maxmemory_policy == MaxmemoryPolicy::kNoeviction) return Outcome::kNothingLeft;
  const Instant begin = monotonic_now();
  const Outcome outcome = evict_from(begin, budget);
  const int64_t threshold_ms = parts_.config.latency_monitor_threshold;
  const int64_t spent_ms = (monotonic_now() - begin) / Millis(1);
  if (threshold_ms > 0 && spent_ms >= threshold_ms) {
    parts_.logs.latency.add("eviction-cycle", parts_.keyspace.now_ms() / 1000, spent_ms);
  }
  return outcome;
}

MemoryLimit::Outcome MemoryLimit::evict_from(Instant begin, Nanos budget) {
  const EvictionPolicy policy = eviction_policy(parts_.config.maxmemory_policy);
  const auto samples = static_cast<size_t>(parts_.config.maxmemory_samples);
  for (int searches = 1; excess() > 0; ++searches) {
    const Eviction::Search search = eviction_.search(policy, samples);
    if (search == Eviction::Search::kNothing) return Outcome::kNothingLeft;
    if (search == Eviction::Search::kFound) {
      const Eviction::Victim& victim = eviction_.victim();
      parts_.keyspace.evict(
          victim.db, victim.key,
          parts_.config.lazyfree_lazy_eviction ? Keyspace::Free::kLazily : Keyspace::Free::kNow);
      evicted_(victim.db, victim.key);
    }
    const bool look = searches % kKeysPerLook == 0 || search == Eviction::Search::kNotYet;
    if (look && monotonic_now() - begin >= budget) {
      return excess() > 0 ? Outcome::kOutOfTime : Outcome::kEnough;
    }
  }
  return Outcome::kEnough;
}

}  // namespace redan
