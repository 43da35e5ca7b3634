// What clusterctl prints of sentinel deployments: tables for people, JSON for programs. Pure.
#pragma once

#include <string>

#include "clusterctl/sentinel_failover.h"
#include "clusterctl/sentinel_view.h"

namespace redan {

std::string show(const TopologyView& view);
std::string show_json(const TopologyView& view);
// Does the view show a service that can take writes and survive a failure?
bool healthy(const TopologyView& view);

std::string show(const FailoverPlan& plan, const FailoverReport& report);
std::string show_json(const FailoverPlan& plan, const FailoverReport& report);

}  // namespace redan
