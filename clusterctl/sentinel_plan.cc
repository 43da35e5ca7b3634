#include "clusterctl/sentinel_plan.h"

namespace redan {

Result<FailoverPlan> plan_failover(const TopologyView& view, const Endpoint& asked,
                                   const std::string& name) {
  if (!view.asked_sentinel) {
    return Error("PLAN", to_text(asked) +
                             " is a data node; a hand-over is led by a sentinel: give its address "
                             "(usually port 26379)");
  }
  const ShardView* shard = nullptr;
  std::string names;
  for (const ShardView& each : view.shards) {
    if (each.name == name || (name.empty() && view.shards.size() == 1)) shard = &each;
    names += (names.empty() ? "" : ", ") + each.name;
  }
  if (view.shards.empty()) return Error("PLAN", to_text(asked) + " watches no primary");
  if (shard == nullptr && name.empty()) {
    return Error("PLAN", to_text(asked) + " watches several primaries, say which one: " + names);
  }
  if (shard == nullptr) {
    return Error("PLAN",
                 to_text(asked) + " watches no primary named '" + name + "'; it watches: " + names);
  }
  FailoverPlan plan{.name = shard->name, .ask = asked, .old_primary = shard->primary.at};
  if (!shard->primary.reachable) {
    return Error("PLAN", "the primary " + to_text(shard->primary.at) + " does not answer (" +
                             shard->primary.error +
                             "): there is nothing to hand over, the sentinels fail over by "
                             "themselves once they agree that it is down");
  }
  for (const NodeView& replica : shard->replicas) {
    if (!replica.reachable) {
      plan.warnings.push_back("replica " + to_text(replica.at) + " does not answer");
    } else if (replica.state != "up") {
      plan.warnings.push_back("replica " + to_text(replica.at) +
                              " is not in sync (link: " + replica.state + ")");
    } else {
      plan.candidates.push_back(replica.at);
    }
  }
  if (plan.candidates.empty()) {
    return Error("PLAN", "no replica of '" + shard->name +
                             "' is connected and in sync, so none can take over; attach one with "
                             "REPLICAOF and wait until its link is up");
  }
  for (const SentinelView& sentinel : shard->sentinels) {
    if (sentinel.reachable) {
      plan.must_know.push_back(sentinel.at);
    } else {
      plan.warnings.push_back("sentinel " + to_text(sentinel.at) + " does not answer (" +
                              sentinel.error + "): it learns of the change when it is back");
    }
  }
  return plan;
}

}  // namespace redan
