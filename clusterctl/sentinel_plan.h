// From a view and a goal to what is to be done. Pure.
#pragma once

#include <string>
#include <vector>

#include "clusterctl/sentinel_view.h"
#include "common/base/result.h"

namespace redan {

// A planned hand-over: which sentinel is told, who may become primary, and who must know in the
// end.
struct FailoverPlan {
  std::string name;
  Endpoint ask;
  Endpoint old_primary;
  std::vector<Endpoint> candidates;  // Replicas that could be promoted.
  std::vector<Endpoint> must_know;   // Sentinels that answered.
  std::vector<std::string> warnings;
};

// `name` may be empty where one primary is watched. The error says why it cannot be done, and what
// would help.
Result<FailoverPlan> plan_failover(const TopologyView& view, const Endpoint& asked,
                                   const std::string& name);

}  // namespace redan
