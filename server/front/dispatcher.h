// From a request to its reply: find the command, pass the gates, queue or execute, count, hand the
// effect to replication. The one way into the keyspace for clients and for the primary's stream.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "common/acl/user.h"
#include "server/command/call.h"
#include "server/drivers/client_io.h"
#include "server/front/cluster_gate.h"
#include "server/front/memory_limit.h"
#include "server/front/own_expiry.h"
#include "server/session/blocked_keys.h"
#include "server/session/dispatching.h"
#include "server/session/node_control.h"

namespace redan {

class SlowLog;

class Dispatcher final : public RequestHandler, public KeyspaceObserver, public Dispatching {
 public:
  explicit Dispatcher(ServerParts& parts);

  // A dataset is loaded at start: most commands answer -LOADING.
  void set_loading(bool loading) {
    loading_ = loading;
    judge_state();
  }
  bool loading() const { return loading_; }

  // CLIENT PAUSE, and the pauses of FAILOVER, of CLUSTER FAILOVER, of SHUTDOWN and of a snapshot
  // under pressure. Each has a reason; commands wait as long as any of them asks for it.
  enum class PauseReason : uint8_t { kClient, kFailover, kClusterFailover, kShutdown, kSnapshot };
  static constexpr size_t kPauseReasons = 5;
  void pause(PauseReason reason, PauseKind kind, Instant until);
  void unpause(PauseReason reason);
  // Calls on these slots wait too: those that write, or all. For the moment in which slots change
  // hands.
  void pause_slots(const SlotSet& writes, const SlotSet& all);
  bool writes_paused() const;
  // Writes are refused for maxmemory.
  bool out_of_memory() const {
    return parts_.config.maxmemory_policy == MaxmemoryPolicy::kNoeviction && wants_to_evict();
  }
  // maxmemory is exceeded, and this node is one to do something about it.
  bool wants_to_evict() const {
    return memory_limit_.exceeded() && memory_limit_.may_evict(is_loading());
  }
  // In idle time: evicts for about `budget`; false once there is room, or nothing may go.
  bool evict_for(Nanos budget) { return memory_limit_.work(budget, is_loading()); }
  // On a replica: ends keys that its own clients gave a time to live.
  void expire_own();
  // Ends pauses whose time is over.
  void check_pauses(Instant now);
  // Answers WAITs that are satisfied or over, and blocked clients whose time is over.
  void check_waits(Instant now);
  // The node became a replica: clients that wait for replicas or for keys get an error.
  void abandon_waits();
  // Executes the requests of clients that wait for keys which have changed. Happens behind each
  // command; to be called where something else changes keys.
  void serve_blocked() {
    if (parts_.blocked.any_changed()) [[unlikely]] {
      serve_changed_keys();
    }
  }
  // The end of a round of the loop for client-side caching. Happens behind each batch; to be called
  // where something else changes keys.
  void tell_trackers();
  // In a cluster: clients that wait for keys which are no longer served here are sent away.
  void redirect_blocked();

  // A command that some other part runs for itself (propagation of an expired key and such).
  void feed_deletion(int db, std::string_view key, bool lazily);

  // RequestHandler
  void opened(Session& session) override;
  Executed execute(Session& session, std::span<const std::string_view> args, std::string_view raw,
                   ReplyWriter& reply) override;
  RequestLimits limits(const Session& session) const override;
  void malformed(Session& session, std::string_view why) override;
  void batch_begins() override;
  void input_begins() override;
  void look_ahead(const Session& session, const RequestsAhead& requests) override;
  void input_ends() override;
  void batch_ends() override;
  void batch_done() override;
  void closed(Session& session) override;

  // KeyspaceObserver
  void expired(int db, std::string_view key) override;
  void fields_expired(int db, std::string_view key, std::span<const std::string> fields,
                      bool key_goes) override;
  void changed(int db, std::string_view key) override;
  void flushing(int db) override;
  void flushed() override;
  void created(int db, std::string_view key) override;
  void missed(int db, std::string_view key) override;

  // Dispatching
  Result<void> execute_transaction(Session& session, const std::vector<QueuedCommand>& queue,
                                   ReplyWriter& reply) override;

 private:
  using Args = std::span<const std::string_view>;
  using Entry = ServerCommands::Entry;

  // Small calls of one quick command behind one another in one client's input: the clock is read
  // once for them. `raw` is the last one's request.
  struct Series {
    const Entry* entry = nullptr;
    Session* session = nullptr;
    std::string_view raw;
    uint32_t calls = 0;
  };
  static constexpr uint32_t kLongestSeries = 8;
  static constexpr size_t kSmallBytes = 1024;  // of a request, of a reply

  const Entry* find(const Session& session, std::string_view name);
  // The long way, past every gate; `entry` is null where there is no such command.
  Executed run(Session& session, const Entry* entry, Args args, ReplyWriter& reply);
  Executed run_past_gates(Session& session, const Entry& entry, uint32_t flags, Args args,
                          ReplyWriter& reply);
  // A cluster node's short way: the slot of a call whose one key is here, and stays.
  int served_at_once(const Session& session, const Entry& entry, Args args) const {
    return way_ == Way::kBySlot ? cluster_gate_.quickly_ours(session, entry, args)
                                : ClusterGate::kUnknown;
  }
  void choose_way();
  void judge_state();
  void apply_without_disk();
  void stream_failed(std::string_view command, const Error& error);
  void refuse(Session& session, const Entry* entry, const Error& error, ReplyWriter& reply);
  // What the session's user may not do of a call.
  std::optional<acl::Denial> denied(const Session& session, const Entry& entry, Args args);
  void note(Session& session, const Entry& entry, Args args, const acl::Denial& denial);
  void deny_queued(Session& session, const Entry& entry, Args args, const acl::Denial& denial,
                   ReplyWriter& reply);
  bool must_wait(const Session& session, uint32_t flags) const;
  bool must_wait_for(std::optional<Slot> slot, const Session& session, uint32_t flags) const;
  int64_t feed_all(int db, Args args);
  std::optional<Slot> slot_of(Args args);
  void queue(Session& session, const Entry& entry, Args args, ReplyWriter& reply);
  // `told`: HOTKEYS hears of it; else that is decided here.
  void call(Session& session, const Entry& entry, Args args, ReplyWriter& reply, bool told = false);
  [[gnu::always_inline]] inline void call_in_series(Session& session, const Entry& entry, Args args,
                                                    std::string_view raw, ReplyWriter& reply);
  [[gnu::always_inline]] inline void handle(Session& session, const Entry& entry, Args args,
                                            ReplyWriter& reply);
  void end_series() {
    if (series_.calls != 0) finish_series();
  }
  void finish_series();
  void count(const Entry& entry, uint32_t calls, uint64_t spent, uint64_t each);
  void propagate(Session& session, Args args);
  int64_t feed(int db, Args args);
  void tell_monitors(const Session& session, Args args, const Entry& entry);
  void log_slow(Session& session, Args args, const Entry& entry, uint64_t nanoseconds);
  void log_entry(SlowLog& log, Session& session, Args args, const Entry& entry, size_t amount,
                 int64_t max_length);
  void note_hot_keys(Args args, const Entry& entry, uint64_t nanoseconds, size_t replied);
  void log_sizes(Session& session, Args args, const Entry& entry, size_t replied);
  void log_slow_series(const Series& series, uint64_t nanoseconds);
  void resume_paused();
  void note_read(const Session& session, const Entry& entry, Args args);
  void caching_ends(Session& session, const Entry* entry, Executed executed);
  void serve_changed_keys();
  void serve(const BlockedKeys::Place& place);
  bool retry(BlockedKeys::Wait& wait);
  bool is_loading() const { return loading_ || parts_.replication.loading(); }
  void evicted(int db, std::string_view key);
  void refresh_time(uint64_t now_ticks);

  ServerParts& parts_;
  uint64_t nanoseconds(uint64_t ticks) const {
    return static_cast<uint64_t>(static_cast<double>(ticks) * nanoseconds_per_tick_);
  }

  double nanoseconds_per_tick_;
  uint64_t refresh_ticks_;          // a batch that takes longer gets a new time
  bool watches_memory_ = false;     // maxmemory is set and far
  uint32_t doubtful_ = UINT32_MAX;  // see gates.h; nothing is certain before the first batch
  bool listened_to_ = true;         // replicas, or a backlog for them, or nodes that get slots
  int64_t unheard_offset_ = 0;      // the stream's, while it is not
  uint64_t slow_ns_ = UINT64_MAX;   // slowlog-log-slower-than or latency-monitor-threshold
  // How an ordinary call gets past the gates: it is not asked, or where its slot is, or all of it
  // (while there is a pause).
  enum class Way : uint8_t { kShort, kBySlot, kLong };
  Way way_;
  ClusterGate cluster_gate_;
  MemoryLimit memory_limit_;
  OwnExpiry own_expiry_;
  uint64_t last_ticks_ = 0;
  Series series_;
  std::string found_name_;  // what find() found last
  const Entry* found_ = nullptr;
  std::vector<uint8_t> quick_;  // by CommandEntry::id: may join a series
  bool series_allowed_ = false;
  bool hot_active_ = false;  // HOTKEYS
  bool monitored_ = false;   // MONITOR: nothing goes the short way then
  bool writable_replica_ = false;
  uint64_t time_taken_at_ = 0;  // ticks when wall_ was read
  WallTime wall_{};
  WallTime disk_trouble_logged_{};
  bool loading_ = false;
  bool in_transaction_ = false;   // EXEC runs
  bool transaction_fed_ = false;  // its MULTI was fed
  bool feeding_allowed_ = true;
  Propagation propagation_;
  std::vector<std::string_view> views_;

  struct Pause {
    bool active = false;
    PauseKind kind = PauseKind::kWrites;
    Instant until{};
  };
  Pause pauses_[kPauseReasons];
  std::set<uint64_t> paused_sessions_;
  // Keys that have changed, while those who wait for them were paused.
  std::set<BlockedKeys::Place> paused_places_;
  bool serving_ = false;          // serve_changed_keys() runs
  bool retrying_ = false;         // a request is executed once more
  uint64_t blocked_version_ = 0;  // of the cluster's view, when redirect_blocked() looked
  bool blocked_ok_ = false;
  bool any_slot_pause_ = false;
  SlotSet paused_writes_;  // of these slots
  SlotSet paused_slots_;
  std::vector<KeyRef> fed_keys_;
  acl::Touched touched_;  // by the call that denied() looked at last
};

}  // namespace redan
