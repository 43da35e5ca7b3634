#include "server/node_cron.h"

#include "common/base/clock.h"
#include "server/drivers/client_io.h"
#include "server/drivers/memory_use.h"
#include "server/drivers/snapshot_driver.h"
#include "server/front/memory_limit.h"
#include "server/session/command_logs.h"
#include "server/session/server_stats.h"
#include "server/session/tracking.h"

namespace redan {

NodeCron::NodeCron(ServerParts& parts, DataLoop& loop, Dispatcher& dispatcher, LazyFree& lazy_free)
    : parts_(parts),
      loop_(loop),
      dispatcher_(dispatcher),
      lazy_free_(lazy_free),
      rehash_work_(parts.keyspace) {}

void NodeCron::tick() {
  loop_.refresh_now();
  const Instant now = loop_.now();
  Keyspace& keyspace = parts_.keyspace;
  keyspace.set_now(wall_now());
  dispatcher_.check_pauses(now);

  ServerStats& stats = parts_.stats;
  stats.operations.sample(now, stats.processed);
  stats.input.sample(now, parts_.clients.stats().input_bytes);
  stats.output.sample(now, parts_.clients.stats().output_bytes);
  const ReplicationTraffic traffic = parts_.replication.traffic();
  stats.replication_input.sample(now, traffic.input_bytes);
  stats.replication_output.sample(now, traffic.output_bytes);
  sample_memory();
  if (dispatcher_.wants_to_evict()) loop_.start(eviction_work_);

  // A node that holds its writes back must not change by itself either.
  const bool may_expire = active_expiry_ && !dispatcher_.loading() && !dispatcher_.writes_paused();
  if (may_expire) dispatcher_.expire_own();
  if (may_expire && !parts_.replication.is_replica()) {
    const int64_t effort = parts_.config.active_expire_effort - 1;
    const Instant begin = monotonic_now();
    const bool more = expire_once(1024, static_cast<size_t>(20 + 5 * effort));
    const Nanos spent = monotonic_now() - begin;
    stats.expire_nanoseconds += static_cast<uint64_t>(spent.count());
    note_latency("expire-cycle", spent);
    if (more) {
      // At most a quarter of the time until the next tick, more with more effort.
      const int64_t percent = 25 + 2 * effort;
      expiry_work_.give_up_at = now + Millis(1000 / parts_.config.hz) * percent / 100;
      loop_.start(expiry_work_);
    }
  }
  if (parts_.config.activerehashing && keyspace.rehash_some(16)) loop_.start(rehash_work_);
  keyspace.free_empty_tables();
  hand_over_garbage();
  dispatcher_.redirect_blocked();
  dispatcher_.serve_blocked();
  dispatcher_.tell_trackers();
  parts_.tracking.tick();
  parts_.snapshots.cron();
  parts_.replication.flush();
}

void NodeCron::note_latency(std::string_view event, Nanos spent) {
  const int64_t threshold_ms = parts_.config.latency_monitor_threshold;
  const int64_t ms = spent / Millis(1);
  if (threshold_ms <= 0 || ms < threshold_ms) return;
  parts_.logs.latency.add(event, parts_.keyspace.now_ms() / 1000, ms);
}

void NodeCron::sample_memory() {
  ServerStats& stats = parts_.stats;
  stats.used_memory = static_cast<uint64_t>(used_memory());
  stats.peak_memory = std::max(stats.peak_memory, stats.used_memory);
  stats.keyspace_memory = parts_.keyspace.memory_bytes();
  // (What was freed lazily is not in the keyspace any more, but still in memory.)
  stats.uncounted_memory = uncounted_replication(parts_.config, parts_.replication.traffic()) +
                           parts_.keyspace.garbage_bytes() + lazy_free_.pending_bytes();
}

// One round of the cycle. True where so much had expired that more is worth looking for.
bool NodeCron::expire_once(size_t buckets, size_t enough_keys) {
  size_t looked_at = 0, expired = 0;
  for (; buckets > 0; buckets -= 16) {
    const Keyspace::ExpiryOutcome outcome = parts_.keyspace.expire_some(16);
    looked_at += outcome.looked_at;
    expired += outcome.expired;
    if (outcome.round_done || looked_at >= enough_keys) break;
  }
  const auto acceptable = static_cast<size_t>(10 - (parts_.config.active_expire_effort - 1));
  return looked_at > 0 && expired * 100 > looked_at * acceptable;
}

bool NodeCron::ExpiryWork::run_slice(Nanos budget) {
  const Instant begin = monotonic_now();
  bool worthwhile = true;
  while (worthwhile && monotonic_now() - begin < budget) worthwhile = cron.expire_once(256, 40);
  cron.hand_over_garbage();
  cron.dispatcher_.tell_trackers();
  cron.parts_.replication.flush();
  const Instant end = monotonic_now();
  ServerStats& stats = cron.parts_.stats;
  stats.expire_nanoseconds += static_cast<uint64_t>((end - begin).count());
  cron.note_latency("expire-cycle", end - begin);
  if (worthwhile && end >= give_up_at) ++stats.expire_cut_short;
  return worthwhile && end < give_up_at;
}

bool NodeCron::EvictionWork::run_slice(Nanos budget) {
  const bool more = cron.dispatcher_.evict_for(budget);
  cron.hand_over_garbage();
  cron.dispatcher_.tell_trackers();
  cron.parts_.replication.flush();
  return more;
}

void NodeCron::hand_over_garbage() {
  if (parts_.keyspace.has_garbage()) lazy_free_.take(parts_.keyspace.take_garbage());
}

bool NodeCron::RehashWork::run_slice(Nanos budget) {
  const Instant begin = monotonic_now();
  bool more = true;
  while (more && monotonic_now() - begin < budget) more = keyspace.rehash_some(8);
  return more;
}

}  // namespace redan
