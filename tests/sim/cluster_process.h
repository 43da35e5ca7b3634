// A node of a simulated cluster: the machine, and a driver whose disk takes time. One input's
// effects are done before the next input is taken; whatever was under way is lost in a crash.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/cluster/bus_machine.h"
#include "server/cluster/liveness.h"
#include "tests/sim/world.h"

namespace redan::sim {

class ClusterProcess;

// Hears of what nodes do, to judge it or to count it.
class ClusterWatch {
 public:
  virtual ~ClusterWatch() = default;
  // The machine's Send, before it leaves; `disk` is nodes.conf as it is stored now.
  virtual void sends(ClusterProcess&, const cluster::BusEffects::Send&) {}
  virtual void happens(ClusterProcess&, const cluster::BusEvent&) {}
  // On its way over the wire: the machine's words, and the answers to pings.
  virtual void travels(const cluster::Envelope&) {}
};

// All nodes of a world and where they live.
struct ClusterNet {
  ClusterNet(World& in, ClusterWatch& watched_by) : world(in), watch(watched_by) {}
  World& world;
  ClusterWatch& watch;
  std::vector<std::unique_ptr<ClusterProcess>> nodes;
  std::map<std::string, int> at_ip;
  size_t size() const { return nodes.size(); }
  ClusterProcess& node(int index) { return *nodes[static_cast<size_t>(index)]; }
  // Boots one more; `disk` is its nodes.conf, `options` without addresses.
  ClusterProcess& add(ClusterOptions options, std::string disk);
  static std::string ip_of(int index);
};

class ClusterProcess {
 public:
  ClusterProcess(ClusterNet& net, int index, ClusterOptions options, std::string disk);

  int index() const { return index_; }
  bool alive() const { return net_.world.process(index_).alive; }
  const ClusterView& view() const { return machine_->view(); }
  ClusterMachine& machine() { return *machine_; }
  const std::string& disk() const { return disk_; }
  Instant local() const { return net_.world.local(index_); }

  void crash(bool silent);
  void restart();
  // Whatever reaches the data thread.
  void input(std::function<void(cluster::BusEffects&)> what);
  void arrive(const cluster::Envelope& envelope, int from);

 private:
  void boot();
  void take_next();
  void perform();
  void send(const cluster::BusEffects::Send& sent);
  void transmit(int to, const cluster::Envelope& envelope);
  void set_timer();

  ClusterNet& net_;
  int index_;
  ClusterOptions options_;
  std::string disk_;
  std::unique_ptr<ClusterMachine> machine_;
  cluster::Liveness liveness_;
  std::deque<std::function<void(cluster::BusEffects&)>> inbox_;
  std::deque<cluster::BusEffects::Effect> effects_;
  bool busy_ = false;
  uint64_t timer_ = 0;
};

// nodes.conf of node `self` in a cluster that was made before the world began: primaries first,
// with equal shares of the slots and distinct config epochs, then replicas, node primaries + i of
// primary i % primaries.
std::string made_cluster(int total, int primaries, int self);
NodeId made_id(int index);

}  // namespace redan::sim
