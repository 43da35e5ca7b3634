// Both ends of the stream that moves slots, as a node of the migrations' world has them: the
// machines of server/cluster and, instead of their drivers, the world's connections.
#pragma once

#include <cstdint>
#include <memory>

#include "server/cluster/bus_machine.h"
#include "server/cluster/migration_source.h"
#include "server/cluster/migration_target.h"
#include "tests/sim/world.h"

namespace redan::sim {

class MigrationNode;

class MigrationStream {
 public:
  explicit MigrationStream(MigrationNode& node) : node_(node) {}

  void crash();
  bool is_idle() const { return in_ == nullptr && out_ == nullptr; }
  // Imports what is elsewhere, unless an import is under way.
  void import();
  // Time passes.
  void tick(cluster::BusEffects& out);
  // What the cluster's machine says of moves.
  void hear(const cluster::BusEvent& event, cluster::BusEffects& out);
  // A write reached this node.
  void wrote(Slot slot);
  bool writes_wait(Slot slot) const;
  // A replica of ours has more than before.
  void look_at_replicas(cluster::BusEffects& out);

 private:
  // Slots that leave.
  struct Out {
    MoveId move;
    NodeId to;
    SlotSet slots;
    ConnectionPtr connection;
    MigrationSource machine{MigrationSource::Limits{}};
    uint64_t sent = 0;
    bool writes_wait = false, all_wait = false;
  };
  // Slots that come.
  struct In {
    MoveId move;
    NodeId from;
    SlotSet slots;
    ConnectionPtr connection;
    MigrationTarget machine{MigrationTarget::Limits{}};
    uint64_t applied = 0;
    int64_t ready_offset = -1;
  };

  Instant local() const;
  void start_out(MoveId move, NodeId to, const SlotSet& slots, const ConnectionPtr& connection,
                 cluster::BusEffects& out);
  void send_values();
  void perform(MigrationSource::Out& effects, cluster::BusEffects& out);
  void perform(MigrationTarget::Out& effects, cluster::BusEffects& out);
  // does(other end, its machine's effects), if that still has the same move.
  template <class Does>
  void tell_target(Does does);
  template <class Does>
  void to_source(Does does);
  void acknowledge();
  void dial();
  void lost(MoveId move);

  MigrationNode& node_;
  std::unique_ptr<Out> out_;
  std::unique_ptr<In> in_;
};

}  // namespace redan::sim
