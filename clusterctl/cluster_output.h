// What clusterctl prints of clusters. Pure.
#pragma once

#include <string>
#include <vector>

#include "clusterctl/check.h"
#include "clusterctl/output.h"
#include "clusterctl/snapshot.h"

namespace redan {

std::string show_nodes(const ClusterSnapshot& snapshot);  // every node, with slots and link
std::string show_info(const ClusterSnapshot& snapshot);   // primaries, keys, slots, replicas
std::string show(const std::vector<Finding>& findings);

void add(Json& json, const NodeSnapshot& node);
void add(Json& json, const std::vector<Finding>& findings);
std::string show_json(const ClusterSnapshot& snapshot, const std::vector<Finding>& findings);

}  // namespace redan
