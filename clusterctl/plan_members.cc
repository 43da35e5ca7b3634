#include "clusterctl/plan_members.h"

#include <algorithm>
#include <tuple>

#include "clusterctl/output.h"

namespace redan {

const NodeSnapshot* neediest_primary(const ClusterSnapshot& snapshot, const std::string& host,
                                     const std::map<NodeId, int>& also) {
  const NodeSnapshot* best = nullptr;
  const auto rank = [&](const NodeSnapshot* node) {
    const auto more = also.find(node->id());
    const size_t extra = more == also.end() ? 0 : static_cast<size_t>(more->second);
    return std::tuple(snapshot.replicas_of(node->id()).size() + extra, node->at.host == host);
  };
  for (const NodeSnapshot* node : snapshot.primaries()) {
    if (node->self.slots.empty()) continue;
    if (best == nullptr || rank(node) < rank(best)) best = node;
  }
  return best;
}

Result<JoinPlan> plan_join(const ClusterSnapshot& snapshot, const NodeSnapshot& joining,
                           const JoinGoal& goal) {
  JoinPlan plan;
  const NodeSnapshot* member = snapshot.find(joining.id());
  plan.meet = member == nullptr;
  if (plan.meet) {
    for (const NodeLine& line : joining.lines) {
      if (line.has("myself") || line.has("handshake")) continue;
      return Error("PLAN", named(joining) + " belongs to another cluster: it knows " +
                               to_text(line.at) + "; CLUSTER RESET there makes it free");
    }
    if (joining.keys > 0) {
      return Error("PLAN", named(joining) + " holds " + counted(joining.keys, "key") +
                               ": save what is needed, then FLUSHALL there");
    }
    if (!joining.self.slots.empty()) {
      return Error("PLAN", named(joining) + " owns slots " + joining.self.slots.text() +
                               ": CLUSTER RESET there makes it free");
    }
  }
  if (!goal.as_replica) return plan;
  if (goal.primary) {
    const NodeSnapshot* primary = snapshot.find(*goal.primary);
    if (primary == nullptr || !primary->is_primary()) {
      return Error("PLAN", (primary ? named(*primary) : goal.primary->hex()) +
                               " is no primary of this cluster");
    }
    plan.primary = primary->id();
  } else if (member != nullptr && !member->is_primary()) {
    plan.primary = member->self.primary;
  } else {
    const NodeSnapshot* primary = neediest_primary(snapshot, joining.at.host);
    if (primary == nullptr) return Error("PLAN", "no primary with slots answers");
    plan.primary = primary->id();
  }
  plan.replicate = member == nullptr || member->self.primary != *plan.primary;
  if (plan.replicate && member != nullptr && !member->self.slots.empty()) {
    return Error("PLAN", named(joining) +
                             " owns slots and cannot become a replica: move them away "
                             "with reshard");
  }
  return plan;
}

Result<LeavePlan> plan_leave(const ClusterSnapshot& snapshot, const NodeId& leaving) {
  const NodeSnapshot* node = snapshot.find(leaving);
  if (node == nullptr) return Error("PLAN", "no such node");
  if (!node->self.slots.empty()) {
    return Error("PLAN", named(*node) + " owns " +
                             counted(static_cast<int64_t>(node->self.slots.size()), "slot") + " (" +
                             node->self.slots.text() +
                             "): move them away first: clusterctl rebalance " +
                             to_text(snapshot.asked) + " --weight " + leaving.hex() + "=0");
  }
  LeavePlan plan{.leaving = leaving,
                 .rehomed = {},
                 .forgetting = {},
                 .reset = node->reachable,
                 .warnings = {}};
  if (!node->reachable) {
    plan.warnings.push_back(named(*node) + " does not answer (" + node->error +
                            "): if it comes back it still believes to be a member; CLUSTER RESET "
                            "it then");
  }
  std::map<NodeId, int> also;
  for (const NodeSnapshot* replica : snapshot.replicas_of(leaving)) {
    if (!replica->reachable) continue;
    ClusterSnapshot others = snapshot;
    std::erase_if(others.nodes, [&](const NodeSnapshot& each) { return each.id() == leaving; });
    const NodeSnapshot* primary = neediest_primary(others, replica->at.host, also);
    if (primary == nullptr) {
      return Error("PLAN", named(*replica) + " follows it and nobody else could be followed");
    }
    ++also[primary->id()];
    plan.rehomed.push_back({replica->id(), primary->id()});
  }
  for (const NodeSnapshot& other : snapshot.nodes) {
    if (other.id() == leaving) continue;
    if (other.reachable) {
      plan.forgetting.push_back(other.id());
    } else if (other.self.failed() || other.self.has("noaddr")) {
      plan.warnings.push_back(named(other) +
                              " is down and cannot forget it: should it come back "
                              "within the node timeout, repeat this");
    } else {
      // Who is not told would tell the others again.
      return Error("PLAN", named(other) + " does not answer (" + other.error +
                               ") but the cluster does not count it as failed: all must forget a "
                               "node within a minute; try again when it answers");
    }
  }
  return plan;
}

}  // namespace redan
