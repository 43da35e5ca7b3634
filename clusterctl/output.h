// What clusterctl prints: tables for people, JSON for programs. Pure.
#pragma once

#include <string>
#include <vector>

#include "clusterctl/execute.h"
#include "clusterctl/view.h"

namespace redan {

// Columns as wide as their widest cell; the first row is the heading.
std::string table(const std::vector<std::vector<std::string>>& rows);
std::string json_string(const std::string& text);

std::string show(const TopologyView& view);
std::string show_json(const TopologyView& view);
// Does the view show a service that can take writes and survive a failure?
bool healthy(const TopologyView& view);

std::string show(const FailoverPlan& plan, const FailoverReport& report);
std::string show_json(const FailoverPlan& plan, const FailoverReport& report);

}  // namespace redan
