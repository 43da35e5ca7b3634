// What the nodes of a cluster say at one moment: each about itself and about all others. The only
// input of checks and plans. Pure; look.h fills it.
//
// A slot's owner is who says of itself that it owns it (its "myself" line), because that is what
// clients meet; where two say so, both are owners.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/base/slot_set.h"
#include "common/net/endpoint.h"

namespace redan {

// A line of CLUSTER NODES:
//   <id> <ip>:<port>@<bus port>[,<hostname>[,<name>=<value>...]] <flags> <primary or -> <ping>
//   <pong> <config epoch> <link> <slot> <slot>-<slot> [<slot>->-<id>] [<slot>-<-<id>]
struct NodeLine {
  NodeId id;
  Endpoint at;  // without a host: the node does not know its own address yet
  int bus_port = 0;
  std::string hostname;
  std::set<std::string> flags;
  NodeId primary;  // of a replica
  uint64_t config_epoch = 0;
  bool connected = false;
  SlotSet slots;
  std::map<Slot, NodeId> migrating;  // to whom
  std::map<Slot, NodeId> importing;  // from whom

  bool has(const std::string& flag) const { return flags.contains(flag); }
  bool is_primary() const { return has("master"); }
  bool failed() const { return has("fail"); }
};

// Errors name the line that is none.
Result<std::vector<NodeLine>> parse_cluster_nodes(std::string_view text);

struct NodeSnapshot {
  NodeLine self;  // as it says; of a node that does not answer, as the others say
  Endpoint at;    // where it was reached, or would be
  bool reachable = false;
  std::string error;  // why it is not
  std::vector<NodeLine> lines;
  std::string state;  // cluster_state: "ok", "fail"
  int64_t current_epoch = 0;
  int64_t keys = 0;
  int64_t offset = 0;  // of its replication stream
  std::string link;    // of a replica, to its primary: "up", "down"
  std::string version;

  const NodeId& id() const { return self.id; }
  bool is_primary() const { return self.is_primary(); }
  // Who owns which slots (but these) and who follows whom, in this node's opinion, as comparable
  // text.
  std::string opinion(const SlotSet& but) const;
};

struct ClusterSnapshot {
  Endpoint asked;
  // Primaries by their first slot, then those without slots, each followed by its replicas.
  std::vector<NodeSnapshot> nodes;

  const NodeSnapshot* find(const NodeId& id) const;
  // The primary that does a node's work now: itself, or whom it follows since a failover. Null
  // where that cannot be told: the node is gone, or died and lost its slots.
  const NodeSnapshot* acting_for(const NodeId& id) const;
  // Is it a primary with slots? One that was, and is no more, lost them in a failover.
  bool owns_slots(const NodeId& id) const;
  // By id, by a beginning of an id that fits one node only, or by address; the error tells which
  // nodes there are.
  Result<const NodeSnapshot*> find(const std::string& word) const;
  std::vector<const NodeSnapshot*> primaries() const;  // those that answer
  std::vector<const NodeSnapshot*> replicas_of(const NodeId& primary) const;
  std::vector<const NodeSnapshot*> owners(Slot slot) const;
  // Slots that a primary claims, also one that does not answer.
  SlotSet covered() const;
  // Slots that a primary says are on the move. What replicas say of that is for a failover only.
  std::set<Slot> open_slots() const;
  void sort();
};

// The nodes whose opinion differs from the others', as text; empty where all agree. About an open
// slot they may differ: who imports one believes nobody about its owner until it is closed.
std::string disagreement(const ClusterSnapshot& snapshot);

// "10.0.0.1:6379 (3f2a90c1)": how messages name a node.
std::string named(const NodeSnapshot& node);

}  // namespace redan
