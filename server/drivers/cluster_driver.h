// The node's part in a cluster, connected to the world: the machine decides (server/cluster), here
// are its file, its timer, the bus and the parts of the node that it moves. Data thread only.
//
// A step: the machine is told where replication stands, then what happened, and its effects are
// performed in order. What follows from an effect (a link that cannot be opened) comes behind those
// of the step under way. A Persist that fails ends the process: what stands behind it would tell of
// a promise that is not kept. Verbs that only change what is known (SETSLOT, ADDSLOTS) wait for the
// end of their batch, so that a pipeline of them costs one write to the disk; their replies leave
// after it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/cluster/bus_machine.h"
#include "server/config/server_config.h"
#include "server/drivers/cluster_bus.h"
#include "server/drivers/data_loop.h"
#include "server/drivers/nodes_conf.h"
#include "server/drivers/slot_dropper.h"
#include "server/session/services.h"

namespace redan {

class Keyspace;
class PubSub;

// What the driver asks of the bus: ClusterBus, or a test's own.
class ClusterWire {
 public:
  virtual ~ClusterWire() = default;
  virtual void configure(ClusterBus::Options options) = 0;
  virtual void set_card(const cluster::Card& card) = 0;
  virtual void send(const cluster::BusPeer& to, const cluster::BusMessage& message) = 0;
  virtual void close(NodeId link) = 0;
  virtual std::vector<ClusterLinkFacts> links() const = 0;
};

class ClusterDriver final : public ClusterService {
 public:
  using OpenWire = std::function<Result<std::unique_ptr<ClusterWire>>(
      DataLoop&, ClusterBus::Options, ClusterBus::Events)>;
  struct Parts {
    DataLoop& loop;
    const ServerConfig& config;
    Keyspace& keyspace;
    PubSub& pubsub;
    std::function<ReplicationFacts()> replication;
    // Replication follows this primary from now on; an empty host: nobody, as a primary.
    std::function<void(const std::string& host, int port, NodeId primary)> follow;
    // Writes of clients wait until then at most, and nothing else changes data or the replication
    // stream; nullopt lets them go on.
    std::function<void(std::optional<Instant> until)> hold_writes;
    // A key that we gave up: our replicas must do the same.
    std::function<void(std::string_view key)> feed_deletion;
    // The data was emptied beside the replication stream.
    std::function<void()> emptied;
    OpenWire open_wire;
    uint64_t seed = 0;
  };
  explicit ClusterDriver(Parts parts);
  ~ClusterDriver() override;

  // At start, before data is loaded: takes nodes.conf, opens the bus. Its messages are let pass
  // until start(). An error ends the process, and says what to do.
  Result<void> open();
  // Whom nodes.conf says that we follow; nullptr for a primary, and where its address is unknown.
  const ClusterNode* primary() const;
  // Once, when the data is loaded and replication stands: takes part from here on.
  void start();
  // SHUTDOWN: the last state is written and the bus closed.
  void stop();
  // Who hears of slots that change hands.
  void on_move(std::function<void(const cluster::BusEvent&)> hears) { on_move_ = std::move(hears); }
  // CONFIG SET changed something that the machine or the bus looks at.
  void config_changed();

  // ClusterService
  const ClusterView& view() const override { return machine_->view(); }
  Result<void> perform(const std::function<Result<void>(ClusterVerb&)>& verb) override;
  void batch_done() override;
  void publish(bool sharded, std::string_view channel, std::string_view message) override;
  std::vector<ClusterLinkFacts> links() const override;
  int64_t unix_ms_at_zero() const override { return unix_ms_at_zero_; }

 private:
  using Input = std::function<void(Instant now, cluster::BusEffects& out)>;
  ClusterOptions options() const;
  ClusterBus::Options wire_options() const;
  ClusterBus::Events wire_events();

  void tell_machine(const Input& input);
  void step(const Input& input);
  void perform_pending();
  void arm();
  void leave_slots();
  void hold_slots();
  SlotSet slots_with_keys() const;
  void tell_of_move(const cluster::BusEvent& event);
  void on(const cluster::BusEffects::Send& send);
  void on(const cluster::BusEffects::Persist& persist);
  void on(const cluster::BusEvent& event);
  void on(const cluster::Card& card);
  void on(const cluster::BecomePrimary& event);
  void on(const cluster::Follow& follow);
  void on(const cluster::EmptyDatabase& event);
  void on(const cluster::DropSlots& drop);
  void on(const cluster::PauseWrites& pause);
  void on(const cluster::ResumeWrites& event);
  void on(const cluster::MoveAsked& event) { tell_of_move(event); }
  void on(const cluster::MoveClaimed& event) { tell_of_move(event); }
  void on(const cluster::MoveTakenBack& event) { tell_of_move(event); }
  void on(const cluster::ImportClaimed& event) { tell_of_move(event); }
  void on(const cluster::ImportOver& event) { tell_of_move(event); }
  void on(const cluster::StateChanged& change);
  void on(const cluster::Deliver& deliver);
  void on(const cluster::CloseLink& link);
  void on(const cluster::Log& line);

  Parts parts_;
  int64_t unix_ms_at_zero_;
  int bus_port_ = 0;  // Stays, whatever CONFIG SET does to `port`.
  std::optional<NodesConf> file_;
  std::unique_ptr<ClusterMachine> machine_;
  std::unique_ptr<ClusterWire> wire_;
  bool started_ = false;
  bool config_is_newer_ = false;  // Than what the machine was made with, before the start.

  bool busy_ = false;                                // Effects are being performed;
  std::deque<cluster::BusEffects::Effect> pending_;  // these are next.
  DataLoop::Timer timer_;
  Instant timer_at_{};
  std::function<void(const cluster::BusEvent&)> on_move_;
  SlotDropper dropper_;
  SlotSet held_;  // What the keyspace was told to hold.
  // The slots that clients found here after the last step.
  SlotSet served_;
  uint64_t served_of_ = 0;
};

}  // namespace redan
