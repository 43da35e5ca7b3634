// A data node as sentinels see it: PING, INFO, REPLICAOF, CLIENT PAUSE, PUBLISH, a replication
// stream that lags, and clients whose writes are acknowledged before replicas hold them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sentinel/logic/messages.h"
#include "server/replication/wipe_guard.h"
#include "tests/sim/world.h"

namespace redan::sim {

inline Address data_address(int index) {
  return {.ip = "10.0.0." + std::to_string(index + 1), .port = 6379};
}

class DataNodes {
 public:
  DataNodes(World& world, int count);

  int count() const { return static_cast<int>(nodes_.size()); }
  bool is_primary(int i) const { return !nodes_[i].source; }
  std::optional<int> source(int i) const { return nodes_[i].source; }
  bool in_sync(int i) const;
  bool refuses(int i) const { return nodes_[i].refuses; }
  const std::vector<uint64_t>& log(int i) const { return nodes_[i].log; }
  // Writes queued behind a pause count as neither acknowledged nor refused.
  bool paused(int i) const { return nodes_[i].pause_until > world_.now(); }
  int priority(int i) const { return nodes_[i].priority; }
  int index_of(const Address& address) const;

  // What the node does with a request that arrived on `from`; nullopt: no answer.
  std::optional<NodeReply> handle(int i, const Request& request, const ConnectionPtr& from);
  void subscribe(int i, ConnectionPtr c, std::function<void(std::string)> heard);

  // A client's write; `done(true)`: acknowledged, `done(false)`: refused or cut off.
  void write(int i, uint64_t id, std::function<void(bool)> done);

  void crashed(int i);
  void started(int i);    // Its data is what it had: persistence is another world's matter.
  void lose_data(int i);  // Of a node that is not alive: it comes back without anything.
  // replica-refuse-wipe of all nodes.
  void refuse_wipe(WipeRule rule) { rule_ = rule; }

  // For checkers: when it last became a replica or a primary.
  Nanos role_since(int i) const { return nodes_[i].role_since; }

 private:
  struct Write {
    uint64_t id;
    std::function<void(bool)> done;
  };
  struct Node {
    std::optional<int> source;
    int priority = 100;
    std::vector<uint64_t> log;
    std::vector<uint64_t> hashes{1};  // hashes[n] names the first n writes.
    Nanos pause_until{};
    std::vector<Write> held;
    Nanos link_seen{};  // The last answer of its source.
    bool linked = false;
    Nanos lag{};
    Nanos role_since{};
    uint64_t run = 0;
    uint64_t history = 0;  // Its replication id.
    WipeGuard guard;
    bool refuses = false;
    uint64_t following = 0;  // Which loop of pulls is the current one.
    struct Subscriber {
      ConnectionPtr connection;
      std::function<void(std::string)> heard;
    };
    std::vector<Subscriber> subscribers;
  };
  std::string info(int i) const;
  void follow(int i);
  void pull(int i, uint64_t token);
  void append(Node& node, uint64_t id);
  void release(int i);
  struct Copy {  // What a source answers to a pull.
    std::vector<uint64_t> rest;
    size_t begin = 0;
    bool partial = false;
    uint64_t history = 0;
    size_t offset = 0;
    bool from_replica = false;
  };
  bool accepts(Node& node, const Copy& copy);

  World& world_;
  WipeRule rule_ = WipeRule::kEmpty;
  uint64_t histories_ = 0;
  std::vector<Node> nodes_;
};

}  // namespace redan::sim
