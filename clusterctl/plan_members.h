// Who may join and leave a cluster, and how. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "clusterctl/snapshot.h"

namespace redan {

struct JoinGoal {
  bool as_replica = false;
  std::optional<NodeId> primary;  // of a replica; else the primary with the fewest replicas
};
struct JoinPlan {
  bool meet = true;               // false: it is in the cluster already
  std::optional<NodeId> primary;  // whom it is to follow
  bool replicate = false;         // false: it follows already, or is to be a primary
};
// `joining` is what the new node says of itself.
Result<JoinPlan> plan_join(const ClusterSnapshot& snapshot, const NodeSnapshot& joining,
                           const JoinGoal& goal);

struct LeavePlan {
  NodeId leaving;
  struct Rehoming {
    NodeId replica;
    NodeId primary;
  };
  std::vector<Rehoming> rehomed;   // replicas of the leaving node, and whom they follow from now on
  std::vector<NodeId> forgetting;  // who is told to forget it
  bool reset = false;              // it answers, and is made an empty node
  std::vector<std::string> warnings;
};
Result<LeavePlan> plan_leave(const ClusterSnapshot& snapshot, const NodeId& leaving);

// The primary with slots that has the fewest replicas; on another host than `host` among equals.
const NodeSnapshot* neediest_primary(const ClusterSnapshot& snapshot, const std::string& host,
                                     const std::map<NodeId, int>& also = {});

}  // namespace redan
