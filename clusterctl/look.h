// Reads the snapshot of a cluster: asks one node who there is, then all of them at once.
#pragma once

#include "clusterctl/access.h"
#include "clusterctl/snapshot.h"

namespace redan {

// Does a cluster node answer at `at`? (Otherwise a sentinel, or a data node without cluster.)
Result<bool> is_cluster_node(const Endpoint& at, const Access& access);

// What one node says; an error where it does not answer or is no cluster node.
Result<NodeSnapshot> look_at_cluster_node(const Endpoint& at, const Access& access);

// Fails only where `at` itself does not answer; other nodes that do not are in the snapshot, with
// the reason.
Result<ClusterSnapshot> look_at_cluster(const Endpoint& at, const Access& access);

// Keys in each of `slots` on one node, in the order of the set.
Result<std::map<Slot, int64_t>> count_keys(NodeClient& node, const std::vector<Slot>& slots);

// Looks until `settled` holds of the snapshot; otherwise an error that says `what` was awaited and
// what the last look showed to be missing. `settled` returns what is missing, empty when nothing.
Result<ClusterSnapshot> wait_for_cluster(
    const Endpoint& at, const Access& access, Millis within, const std::string& what,
    const std::function<std::string(const ClusterSnapshot&)>& missing);

}  // namespace redan
