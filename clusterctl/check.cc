#include "clusterctl/check.h"

#include <algorithm>

#include "clusterctl/output.h"

namespace redan {

namespace {

using Kind = Finding::Kind;
constexpr auto kFault = Finding::Weight::kFault;
constexpr auto kWarning = Finding::Weight::kWarning;

// "93 102-110": at most a line of it.
std::string brief(const SlotSet& slots) {
  std::string text = slots.text();
  if (text.size() > 80) text = text.substr(0, text.rfind(' ', 80)) + " ...";
  return text;
}

void check_nodes(const ClusterSnapshot& snapshot, std::vector<Finding>& found) {
  for (const NodeSnapshot& node : snapshot.nodes) {
    if (!node.reachable) {
      found.push_back({kFault, Kind::kUnreachable, named(node) + " does not answer: " + node.error,
                       "start it, or remove it with del-node"});
    } else if (node.state != "ok") {
      found.push_back({kFault, Kind::kStateFail, named(node) + " says cluster_state:" + node.state,
                       "it refuses commands until all slots are served and most primaries answer"});
    } else if (!node.is_primary() && node.link != "up") {
      found.push_back({kFault, Kind::kLinkDown,
                       named(node) + " is not in sync with its primary (link " + node.link + ")",
                       "its log and its primary's tell why"});
    }
  }
}

void check_slots(const ClusterSnapshot& snapshot, std::vector<Finding>& found) {
  const SlotSet lacking = SlotSet::all() - snapshot.covered();
  if (!lacking.empty()) {
    found.push_back({kFault, Kind::kUncovered,
                     counted(static_cast<int64_t>(lacking.size()), "slot") +
                         " without an owner: " + brief(lacking),
                     "clusterctl fix"});
  }
  const SlotSet disputed = slots_of_many_owners(snapshot);
  if (!disputed.empty()) {
    found.push_back({kFault, Kind::kManyOwners,
                     counted(static_cast<int64_t>(disputed.size()), "slot") +
                         " with several owners: " + brief(disputed),
                     "clusterctl fix"});
  }
  for (const NodeSnapshot& node : snapshot.nodes) {
    if (!node.reachable) continue;
    SlotSet leaving;
    SlotSet coming;
    for (const auto& [slot, to] : node.self.migrating) leaving.add(slot);
    for (const auto& [slot, from] : node.self.importing) coming.add(slot);
    for (const auto& [slots, how] : {std::pair(leaving, "migrating"), {coming, "importing"}}) {
      if (slots.empty()) continue;
      found.push_back({kFault, Kind::kOpenSlots,
                       named(node) + " has " + counted(static_cast<int64_t>(slots.size()), "slot") +
                           " " + how + ": " + brief(slots),
                       "a move is under way, or was cut off: the same reshard again, or "
                       "clusterctl fix"});
    }
  }
  if (const std::string text = disagreement(snapshot); !text.empty()) {
    found.push_back({kFault, Kind::kDisagreement, text, "wait a few seconds for the gossip"});
  }
}

void check_replicas(const ClusterSnapshot& snapshot, std::vector<Finding>& found) {
  bool any_replica = false;
  bool one_host = true;
  for (const NodeSnapshot& node : snapshot.nodes) {
    any_replica |= !node.is_primary();
    one_host &= node.at.host == snapshot.nodes[0].at.host;
  }
  if (one_host && any_replica) {
    found.push_back({kWarning, Kind::kSameHost,
                     "all nodes are on host " + snapshot.nodes[0].at.host,
                     "when it fails, the whole cluster does: put replicas on others"});
  }
  for (const NodeSnapshot& node : snapshot.nodes) {
    if (!node.is_primary() || node.self.slots.empty()) continue;
    const std::vector<const NodeSnapshot*> replicas = snapshot.replicas_of(node.id());
    // A cluster without any replica is what its owner asked for.
    if (replicas.empty() && any_replica) {
      found.push_back({kWarning, Kind::kNoReplica, named(node) + " has no replica",
                       "clusterctl add-node NEW " + to_text(node.at) + " --replica --primary-id " +
                           node.id().hex()});
    }
    const bool elsewhere =
        std::any_of(replicas.begin(), replicas.end(),
                    [&](const NodeSnapshot* replica) { return replica->at.host != node.at.host; });
    if (!replicas.empty() && !elsewhere && !one_host) {
      found.push_back({kWarning, Kind::kSameHost,
                       named(node) + " and all its replicas are on host " + node.at.host,
                       "add a replica on another host"});
    }
  }
}

}  // namespace

SlotSet slots_of_many_owners(const ClusterSnapshot& snapshot) {
  SlotSet once;
  SlotSet again;
  for (const NodeSnapshot& node : snapshot.nodes) {
    if (!node.is_primary()) continue;
    again |= once & node.self.slots;
    once |= node.self.slots;
  }
  return again;
}

std::vector<Finding> check_cluster(const ClusterSnapshot& snapshot) {
  std::vector<Finding> found;
  check_nodes(snapshot, found);
  check_slots(snapshot, found);
  check_replicas(snapshot, found);
  return found;
}

bool sound(const std::vector<Finding>& findings) {
  return std::none_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.weight == Finding::Weight::kFault;
  });
}

}  // namespace redan
