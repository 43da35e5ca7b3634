// What is wrong with a cluster, from its snapshot. Pure.
#pragma once

#include <string>
#include <vector>

#include "clusterctl/snapshot.h"

namespace redan {

struct Finding {
  // A warning leaves the cluster serving: no replica, a replica on its primary's host.
  enum class Weight { kWarning, kFault };
  enum class Kind {
    kUnreachable,
    kDisagreement,
    kUncovered,
    kOpenSlots,
    kManyOwners,
    kStateFail,
    kLinkDown,
    kNoReplica,
    kSameHost,
  };
  Weight weight;
  Kind kind;
  std::string text;
  std::string help;  // what to do about it
};

std::vector<Finding> check_cluster(const ClusterSnapshot& snapshot);
bool sound(const std::vector<Finding>& findings);  // no fault; warnings do not count

// The slots that more than one primary claims.
SlotSet slots_of_many_owners(const ClusterSnapshot& snapshot);

}  // namespace redan
