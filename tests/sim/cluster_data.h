// What a node of the cluster's world holds and how its replicas get it: the values of a few keys,
// as a history that a replica continues where it stopped or takes over whole. Written to disk at
// once: a crash loses nothing. Streams are connections of the world: in order, and cut by cuts.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/slot_set.h"
#include "server/cluster/bus_machine.h"
#include "tests/sim/world.h"

namespace redan::sim {

struct ClusterNet;

// A key keeps every value that was ever written to it, so that no write hides the loss of another.
struct Key {
  Slot slot;
  int number = 0;
  friend auto operator<=>(const Key&, const Key&) = default;
};
using Content = std::map<Key, std::set<uint64_t>>;

// An entry of the stream. Value 0: the key is deleted.
struct Change {
  Key key;
  uint64_t value = 0;
};

class ClusterData {
 public:
  ClusterData(ClusterNet& net, int self) : net_(net), self_(self) {}

  void boot();
  void crash();
  ReplicationFacts facts() const;
  const Content& content() const { return content_; }
  bool has(Key key) const { return content_.count(key) > 0; }
  bool has(Key key, uint64_t value) const;
  bool in_sync() const { return synced_; }
  // What a full copy takes at most.
  Nanos copy_time{};

  // The link takes data of this node only: after an address was given to another one it would take
  // a stranger's for its own.
  void follow(NodeId primary, std::string ip);
  void lead();
  void clear();
  void drop(const SlotSet& slots);
  // Of a primary: applied here, then sent to the replicas.
  void append(const Change& change);

 private:
  // All that a replica takes over from a primary with which it has no history in common.
  struct Snapshot {
    Content content;
    uint64_t history, older_history;
    int64_t offset, older_offset;
  };
  void tick();
  void connect();
  struct Sync {
    NodeId from;
    uint64_t history;
    int64_t offset;
  };
  void serve(const ConnectionPtr& replica, const Sync& sync);
  void send_all(const ConnectionPtr& replica);
  void send_rest(const ConnectionPtr& replica, int64_t offset);
  void feed(const ConnectionPtr& replica);
  void hang_up();
  void apply(const Change& change);
  void take(const Snapshot& snapshot);
  void heard();

  ClusterNet& net_;
  int self_;
  Content content_;
  // What we hold is history_ up to offset_; up to older_offset_ it is older_history_, too.
  uint64_t history_ = 0, older_history_ = 0;
  int64_t offset_ = 1, older_offset_ = 0;
  std::vector<Change> backlog_;  // Of (backlog_from_, offset_].
  int64_t backlog_from_ = 1;
  std::vector<ConnectionPtr> replicas_;
  // As a replica.
  NodeId primary_;
  std::string primary_ip_;
  ConnectionPtr link_;
  bool synced_ = false;
  Instant contact_{};
  Nanos dialled_{};
  uint64_t attempt_ = 0;
};

}  // namespace redan::sim
