// A node of a simulated cluster: the machine, and a driver whose disk takes time. One input's
// effects are done before the next input is taken; whatever was under way is lost in a crash.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/cluster/bus_machine.h"
#include "server/cluster/liveness.h"
#include "server/cluster/route.h"
#include "tests/sim/cluster_data.h"
#include "tests/sim/world.h"

namespace redan::sim {

class ClusterProcess;

// A client's call on one key.
struct Request {
  Key key;
  uint64_t value = 0;
  bool asking = false;
};
struct Answer {
  enum Kind { kOk, kMoved, kAsk, kRefused } kind = kRefused;
  std::string ip;  // Where to, if it is served elsewhere.
  NodeId by;       // Who says so.
};

// Hears of what nodes do, to judge it or to count it.
class ClusterWatch {
 public:
  virtual ~ClusterWatch() = default;
  // The machine's Send, before it leaves; `disk` is nodes.conf as it is stored now.
  virtual void sends(ClusterProcess&, const cluster::BusEffects::Send&) {}
  virtual void happens(ClusterProcess&, const cluster::BusEvent&) {}
  // On its way over the wire: the machine's words, and the answers to pings.
  virtual void travels(const cluster::Envelope&) {}
  // A change was applied, by a primary or a replica; a write is about to be acknowledged.
  virtual void holds(ClusterProcess&, const Change&) {}
  virtual void accepts(ClusterProcess&, const Request&) {}
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
  // The node dies and starts again at another address.
  void move(int index, const std::string& ip);
  // Boots one more; `disk` is its nodes.conf, `options` without addresses.
  ClusterProcess& add(ClusterOptions options, std::string disk);
  static std::string ip_of(int index);
};

class ClusterProcess {
 public:
  ClusterProcess(ClusterNet& net, int index, std::string ip, ClusterOptions options,
                 std::string disk);

  int index() const { return index_; }
  bool alive() const { return net_.world.process(index_).alive; }
  const ClusterView& view() const { return machine_->view(); }
  ClusterMachine& machine() { return *machine_; }
  const std::string& disk() const { return disk_; }
  Instant local() const { return net_.world.local(index_); }
  const std::string& ip() const { return ip_; }
  ClusterData& data() { return data_; }
  SlotSet slots_with_keys() const;

  void crash(bool silent);
  void restart();
  // Whatever reaches the data thread.
  void input(std::function<void(cluster::BusEffects&)> what);
  // `link`: of the sender's, on whose stream it travels; `back`: of ours, if it is an answer.
  void arrive(const cluster::Envelope& envelope, int from, NodeId link, NodeId back);
  void call(const Request& request, std::function<void(const Answer&)> reply);

 private:
  friend struct ClusterNet;
  void boot();
  void take_next();
  void perform();
  void send(const cluster::BusEffects::Send& sent);
  void transmit(int to, const cluster::Envelope& envelope, NodeId link, NodeId back);
  void on(const cluster::BusEvent& event);
  Answer serve(const Request& request);
  void resume_writes();
  void drop_later(const SlotSet& slots);
  void drop_what_is_wanted();
  void set_timer();

  ClusterNet& net_;
  int index_;
  std::string ip_;
  ClusterOptions options_;
  std::string disk_;
  std::unique_ptr<ClusterMachine> machine_;
  cluster::Liveness liveness_;
  std::deque<std::function<void(cluster::BusEffects&)>> inbox_;
  std::deque<cluster::BusEffects::Effect> effects_;
  bool busy_ = false;
  uint64_t timer_ = 0;
  ClusterData data_;
  SlotSet dropping_;  // Of lost slots, whose keys are not gone yet.
  std::optional<Instant> writes_paused_until_;
  std::vector<std::function<void()>> waiting_writes_;
};

// nodes.conf of node `self` in a cluster that was made before the world began: primaries first,
// with equal shares of the slots and distinct config epochs, then replicas, node primaries + i of
// primary i % primaries.
std::string made_cluster(int total, int primaries, int self);
NodeId made_id(int index);
// ...and of one that knows nobody.
std::string made_stranger(int index);

}  // namespace redan::sim
