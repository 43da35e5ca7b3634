// A few nodes and a network without surprises: every message takes a millisecond, unless a test
// cuts a direction or stops a node. For stories about the machine; the simulator has the storms.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/cluster/bus_machine.h"
#include "server/cluster/liveness.h"

namespace redan::cluster {

struct TestNode {
  std::unique_ptr<ClusterMachine> machine;
  Liveness liveness;
  std::string disk;
  std::vector<BusEvent> events;
  ClusterOptions options;
  ReplicationFacts facts{.link_up = true};
  SlotSet with_keys;         // Looked at when it becomes a primary.
  bool follow_clock = true;  // The replication link is as fresh as the clock.
  bool down = false;
  std::string ip;
};

class Net {
 public:
  static constexpr Millis kTimeout{1'000};

  explicit Net(int count);
  // Primaries with equal shares of the slots, known to each other, epochs distinct, state ok; then
  // replicas: node primaries + i follows node i % primaries.
  static std::unique_ptr<Net> cluster(int primaries, int replicas);

  TestNode& node(int i) { return *nodes_[i]; }
  ClusterMachine& machine(int i) { return *nodes_[i]->machine; }
  const ClusterView& view(int i) { return machine(i).view(); }
  NodeId id(int i) { return view(i).myself().id; }
  const ClusterNode* seen(int by, int who) { return view(by).find(id(who)); }
  Instant now() const { return now_; }
  int size() const { return static_cast<int>(nodes_.size()); }

  // Calls the machine and performs what it asks for.
  template <class Call>
  auto with(int i, Call call) {
    BusEffects out;
    auto result = call(machine(i), out);
    perform(i, out);
    return result;
  }
  void meet(int from, int to);
  void kill(int i);
  void restart(int i, const std::string& new_ip = "");
  void cut(int from, int to, bool is = true) {
    is ? void(cuts_.insert({from, to})) : void(cuts_.erase({from, to}));
  }
  void isolate(int i, bool is = true);

  void run_for(Nanos span);
  bool run_until(const std::function<bool()>& done, Nanos limit = Seconds(20));
  bool all_ok();

  template <class E>
  std::vector<E> events(int i) {
    std::vector<E> found;
    for (const BusEvent& event : node(i).events) {
      if (const auto* each = std::get_if<E>(&event)) found.push_back(*each);
    }
    return found;
  }
  // Everything that was sent, for tests that look at the wire.
  struct Sent {
    int from;
    Envelope envelope;
  };
  std::vector<Sent> wire;
  bool record = false;

 private:
  struct InFlight {
    Instant at;
    int from, to;
    Envelope envelope;
    NodeId link;             // The stream that it takes, as its opener calls it;
    bool is_answer = false;  // what comes back takes the same.
  };
  void perform(int i, BusEffects& out);
  void deliver(const InFlight& message);
  void post(int from, int to, Envelope envelope, NodeId link);
  int at_address(const std::string& ip, uint16_t bus_port);
  void facts(int i);

  Instant now_{Seconds(1'000)};
  std::vector<std::unique_ptr<TestNode>> nodes_;
  std::deque<InFlight> flying_;
  std::set<std::pair<int, int>> cuts_;
  std::vector<NodeId> all_;
};

}  // namespace redan::cluster
