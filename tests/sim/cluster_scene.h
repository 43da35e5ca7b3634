// The stage of the cluster's stories: a cluster that is up, clients who write to it, mishaps, an
// operator, and the calm in which all must come to agree.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "tests/sim/cluster_ledger.h"
#include "tests/sim/cluster_promises.h"

namespace redan::sim {

// What a story asks of its stage.
struct Stage {
  bool quiet = false;      // No loss, no long delays, no duplicates.
  int least_replicas = 0;  // For each primary.
  bool own_ips = true;     // Nodes announce where they live; else others see it.
  int clients = 2;
};

class ClusterScene {
 public:
  ClusterScene(uint64_t seed, bool tracing, Stage stage);
  virtual ~ClusterScene() = default;
  ClusterOutcome run();

 protected:
  virtual void story() = 0;
  // What the operator does about what is not yet as it should be, every two seconds of the calm.
  virtual void mend() {}
  virtual bool as_wished() { return true; }

  int total() const { return static_cast<int>(net_.size()); }
  ClusterProcess& any_alive();
  // On this node's data thread; an error of the verb is returned by `verb` and only noted.
  using Verb = std::function<Result<void>(ClusterMachine&, Instant, cluster::BusEffects&)>;
  void operate(ClusterProcess& node, const std::string& what, Verb verb);
  void pass(Nanos span) { world_.run_until(world_.now() + span); }
  bool pass_until(Nanos limit, const std::function<bool()>& done) {
    return world_.run_until(world_.now() + limit, done);
  }
  void isolate(int node, bool is);
  // One fault, as the seed's mix allows.
  void mishap();
  void storm(Nanos span);
  ClusterProcess* primary_of_slot(Slot slot);

  Rng draw_;
  World world_;
  ClusterOutcome outcome_;
  Promises promises_;
  ClusterNet net_;
  Ledger ledger_;
  ClusterOptions options_;
  int primaries_ = 0;
  std::vector<Key> keys_;
  std::optional<Clients> clients_;
  bool takeovers_ = false;
  bool loses_nothing_ = false;  // Not even what was not replicated yet.
  std::set<NodeId> outsiders_;  // No members any more; who else knows them does not matter.

 private:
  void calm();
  bool agreed();
};

}  // namespace redan::sim
