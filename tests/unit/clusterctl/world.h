// Clusters as a plan sees them, made in a line or two.
#pragma once

#include <string>
#include <vector>

#include "clusterctl/snapshot.h"

namespace redan {

inline SlotSet slots(const std::string& text) {
  return SlotSet::parse(text).take();
}

inline Slot slot(int number) {
  return Slot(static_cast<uint16_t>(number));
}

class World {
 public:
  // Ids are 1, 2, 3 ... in the order of the calls.
  World& primary(const std::string& owned, const std::string& host = "") {
    NodeSnapshot& node = add(host);
    node.self.flags = {"master"};
    if (!owned.empty()) node.self.slots = slots(owned);
    return *this;
  }
  World& replica(uint64_t of, const std::string& host = "") {
    NodeSnapshot& node = add(host);
    node.self.flags = {"slave"};
    node.self.primary = NodeId(of);
    node.link = "up";
    return *this;
  }
  // All nodes say the same of each other, as after gossip.
  ClusterSnapshot agreed() {
    std::vector<NodeLine> lines;
    for (const NodeSnapshot& node : snapshot_.nodes) lines.push_back(node.self);
    for (NodeSnapshot& node : snapshot_.nodes) node.lines = lines;
    return snapshot_;
  }
  NodeSnapshot& node(uint64_t id) { return snapshot_.nodes[id - 1]; }

 private:
  NodeSnapshot& add(const std::string& host) {
    const uint64_t id = snapshot_.nodes.size() + 1;
    NodeSnapshot node;
    node.self.id = NodeId(id);
    node.at = {host.empty() ? "10.0.0." + std::to_string(id) : host, static_cast<int>(7000 + id)};
    node.self.at = node.at;
    node.reachable = true;
    node.state = "ok";
    snapshot_.nodes.push_back(node);
    return snapshot_.nodes.back();
  }
  ClusterSnapshot snapshot_;
};

}  // namespace redan
