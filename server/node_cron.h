// What a node does hz times a second: expiry, growth of tables, save points, rates, pauses.
#pragma once

#include "server/command/call.h"
#include "server/drivers/data_loop.h"
#include "server/drivers/lazy_free.h"
#include "server/front/dispatcher.h"

namespace redan {

class SnapshotDriver;

class NodeCron {
 public:
  NodeCron(ServerParts& parts, DataLoop& loop, Dispatcher& dispatcher, LazyFree& lazy_free);
  void tick();
  // What is in use now, for maxmemory and INFO.
  void sample_memory();
  // maxmemory: until there is room.
  void evict_in_idle_time() { loop_.start(eviction_work_); }
  // DEBUG SET-ACTIVE-EXPIRE
  void set_active_expiry(bool on) { active_expiry_ = on; }

 private:
  // Goes on in slices while much of what it sees has expired.
  struct ExpiryWork final : BackgroundWork {
    explicit ExpiryWork(NodeCron& owner) : cron(owner) {}
    bool run_slice(Nanos budget) override;
    NodeCron& cron;
    Instant give_up_at{};
  };
  struct EvictionWork final : BackgroundWork {
    explicit EvictionWork(NodeCron& owner) : cron(owner) {}
    bool run_slice(Nanos budget) override;
    NodeCron& cron;
  };
  struct RehashWork final : BackgroundWork {
    explicit RehashWork(Keyspace& of) : keyspace(of) {}
    bool run_slice(Nanos budget) override;
    Keyspace& keyspace;
  };
  bool expire_once(size_t buckets, size_t enough_keys);
  void note_latency(std::string_view event, Nanos spent);
  void hand_over_garbage();

  ServerParts& parts_;
  DataLoop& loop_;
  Dispatcher& dispatcher_;
  LazyFree& lazy_free_;
  ExpiryWork expiry_work_{*this};
  EvictionWork eviction_work_{*this};
  RehashWork rehash_work_;
  bool active_expiry_ = true;
};

}  // namespace redan
