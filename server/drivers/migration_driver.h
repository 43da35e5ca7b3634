// Slots that move here from another node of ours, or from here to one, with their keys: the
// connections, the snapshot of the slots, the stream. What happens when is decided by
// MigrationSource and MigrationTarget, who owns the slots by ClusterMachine (server/cluster).
//
// The target dials the source's client port and asks; on that connection the source then sends
// plain requests: SET for each key of the snapshot, the effects on the slots' keys, and words
// (CLUSTER SYNCSLOTS). The target executes them like a primary's stream, through its write path, so
// that its own replicas get them too; while they come in the keyspace holds the slots, for they are
// not ours. It acknowledges with requests on the same connection. Data thread only.
//
//   target to source    START move target slots...    ACK move bytes    READY move bytes
//   source to target    SNAPSHOT keys    END    FAIL why    PING (between them: requests)
//   target to replicas  NOTE move source COMING|READY slots...    FORGET move
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/rng.h"
#include "server/cluster/bus_effects.h"
#include "server/config/server_config.h"
#include "server/drivers/data_loop.h"
#include "server/drivers/snapshot_driver.h"
#include "server/session/services.h"

namespace redan {

class Keyspace;

class MigrationDriver final : public MigrationService {
 public:
  struct Parts {
    DataLoop& loop;
    const ServerConfig& config;
    Keyspace& keyspace;
    SnapshotDriver& snapshots;
    ReplicationService& replication;
    ClusterService& cluster;
    std::function<int()> replica_count;
    // Gives the source's stream to client_io: a session of kind kMigration.
    std::function<Session*(int fd, std::string leftover)> adopt;
    std::function<void(const SlotSet& writes, const SlotSet& all)> pause_slots;
    std::function<bool()> out_of_memory;
    std::function<uint64_t()> requests;  // that this node has served, a move's own included
    uint64_t seed = 0;
  };
  explicit MigrationDriver(Parts parts);
  ~MigrationDriver() override;

  // ClusterMachine's events about moves; others are let pass.
  void on(const cluster::BusEvent& event);
  // Another data set took the place of ours (a full sync): what was noted as ready may be missing.
  void data_replaced();
  // SHUTDOWN.
  void stop();

  // MigrationService
  Result<std::string> import(const SlotSet& slots) override;
  std::vector<MigrationFacts> tasks() const override;
  Result<int64_t> cancel(std::optional<std::string_view> id) override;
  Result<void> syncslots(Session& session, std::span<const std::string_view> args,
                         ReplyWriter& reply) override;
  bool tapped() const override { return tapped_; }
  void fed(std::optional<Slot> slot, std::span<const std::string_view> args) override;
  void applied(Session& session, size_t bytes) override;
  void apply_failed(Session& session, const Error& error) override;
  void session_closed(Session& session) override;
  void batch_done() override;
  void flushing() override;

 private:
  class Out;
  class In;
  friend class Out;
  friend class In;

  Result<void> start_out(Session& session, std::span<const std::string_view> args,
                         ReplyWriter& reply);
  Result<void> note(Session& session, std::span<const std::string_view> args);
  In* in_of(const Session& session);
  Out* find_out(const cluster::BusEvent& event);
  void tick();
  void watch();  // Whether the write path is tapped, and whether the timer runs.
  void apply_pauses();
  void remember(MigrationFacts facts);

  Parts parts_;
  Rng rng_;
  bool tapped_ = false;
  bool stopping_ = false;
  std::list<std::unique_ptr<Out>> outs_;
  std::list<std::unique_ptr<In>> ins_;
  std::vector<MigrationFacts> past_;  // The last that ended.
  DataLoop::Timer timer_;
};

// Words of requests that carry slots: "0-99 105".
Result<SlotSet> slots_of_words(std::span<const std::string_view> words);

}  // namespace redan
