// What became of the writes that clients were promised, and the clients who write them.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/cluster_process.h"

namespace redan::sim {

// Keeps every write, and judges:
// - Of a slot and one config epoch only one node acknowledges writes.
// - A write that every node of its shard held is never lost.
class Ledger {
 public:
  explicit Ledger(ClusterNet& net) : net_(net) {}
  // Off where an operator gave epochs away without a vote (TAKEOVER, SETSLOT NODE).
  bool epochs_are_voted = true;

  uint64_t next_value() { return ++last_value_; }
  void accepted(ClusterProcess& by, const Request& request);
  void acknowledged(const Request& request);
  void held(ClusterProcess& by, const Change& change);
  size_t acknowledged() const { return acknowledged_; }

  // After the calm: what acknowledged writes are missing at the owners of their slots; fails the
  // world for one that was safe, or if `all` for any. `left_out`: not a member of the cluster.
  size_t count_lost(bool all);
  // No primary has keys of a slot that it does not own, and every replica has what its primary has.
  // Empty, or what is wrong.
  std::string misplaced() const;

 private:
  struct Entry {
    Key key;
    bool acknowledged = false;
    bool safe = false;
    int by = 0;
    Nanos at{};
  };
  bool held_by_shard(const ClusterProcess& of, const Change& change) const;
  ClusterNet& net_;
  uint64_t last_value_ = 0;
  size_t acknowledged_ = 0;
  std::map<uint64_t, Entry> writes_;
  std::map<std::pair<Slot, Epoch>, NodeId> acknowledger_;
};

// Applications that write one value after the other and follow redirects. Each lives beside a node:
// who is cut off from that node does not hear from it.
class Clients {
 public:
  Clients(ClusterNet& net, Ledger& ledger, int count, std::vector<Key> keys, uint64_t seed);
  void start();
  void stop() { ++generation_; }

 private:
  struct Client {
    int home = 0;
    uint64_t call = 0;  // The one under way: late answers to others count for nothing.
    std::map<Slot, std::string> owner;
  };
  void write(Client& client);
  void send(Client& client, const Request& request, int to, int hops);
  void answered(Client& client, const Request& request, const Answer& answer, int hops);
  void go_on(Client& client, Nanos after);
  // How long a message takes that is not lost: TCP sends again.
  Nanos travel();

  ClusterNet& net_;
  Ledger& ledger_;
  std::vector<Client> clients_;
  std::vector<Key> keys_;
  Rng draw_;
  uint64_t generation_ = 0;
};

}  // namespace redan::sim
