// A data node of the migrations' world: the cluster's machine with a driver whose disk takes time,
// the values of the moving slots, their replication and both ends of their stream. One input's
// effects are done before the next input is taken; whatever was under way is lost in a crash, the
// disk and the values stay.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/cluster/bus_machine.h"
#include "server/cluster/liveness.h"
#include "tests/sim/migration_copies.h"
#include "tests/sim/migration_data.h"
#include "tests/sim/migration_stream.h"
#include "tests/sim/migration_world.h"
#include "tests/sim/world.h"

namespace redan::sim {

class MigrationNode;

// All nodes of a world, and what is counted of them.
struct MigrationNet {
  explicit MigrationNet(World& in) : world(in) {}
  World& world;
  MigrationOutcome outcome;
  WriteBooks books;
  std::vector<std::unique_ptr<MigrationNode>> nodes;
  MigrationNode& node(int index) { return *nodes[static_cast<size_t>(index)]; }
  static std::string ip_of(int index) { return "10.1.0." + std::to_string(index + 1); }
};

class MigrationNode {
 public:
  MigrationNode(MigrationNet& net, int index, ClusterOptions options, std::string disk);

  int index() const { return index_; }
  MigrationNet& net() { return net_; }
  World& world() { return net_.world; }
  bool running() const { return alive() && !net_.world.process(index_).paused; }
  Instant local() const { return net_.world.local(index_); }
  const ClusterView& view() const { return machine_->view(); }
  ClusterMachine& machine() { return *machine_; }
  MovingData& data() { return data_; }
  MigrationCopies& copies() { return copies_; }
  MigrationStream& stream() { return stream_; }
  bool owns(Slot slot) const { return view().owner(slot) == &view().myself(); }

  void crash(bool silent);
  void restart();
  // Whatever reaches the data thread.
  void input(std::function<void(cluster::BusEffects&)> what);
  void arrive(const cluster::Envelope& envelope, int from);
  // A client's write, if this node accepts it now.
  void write(Slot slot);
  // The operator's tool imports what is elsewhere.
  void import();

 private:
  bool alive() const { return net_.world.process(index_).alive; }
  void boot();
  void beat();
  bool writes_pause(Slot slot) const;
  void drop_later(const SlotSet& slots);
  void drop_now(const SlotSet& slots);
  void take_next();
  void perform();
  void on(const cluster::BusEvent& event);
  void send(const cluster::BusEffects::Send& sent);
  void transmit(int to, const cluster::Envelope& envelope);
  void set_timer();

  MigrationNet& net_;
  int index_;
  ClusterOptions options_;
  std::string disk_;
  MovingData data_;
  SlotSet dropping_;  // Of lost slots, whose keys are not gone yet.
  MigrationCopies copies_{*this};
  MigrationStream stream_{*this};
  std::unique_ptr<ClusterMachine> machine_;
  cluster::Liveness liveness_;
  std::deque<std::function<void(cluster::BusEffects&)>> inbox_;
  std::deque<cluster::BusEffects::Effect> effects_;
  bool busy_ = false;
  uint64_t timer_ = 0;
  std::optional<Instant> paused_until_;
};

}  // namespace redan::sim
