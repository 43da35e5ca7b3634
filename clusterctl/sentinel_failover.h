// Carries out a plan, step by step, telling each.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "clusterctl/sentinel_plan.h"
#include "common/base/time.h"

namespace redan {

struct FailoverReport {
  Endpoint new_primary;
  Millis total{0};                  // from the request until every sentinel knows
  std::optional<Millis> write_gap;  // the longest time without an accepted write
};

struct ExecuteOptions {
  Access access;
  Millis deadline{30'000};
  // Where the gap is measured by writing to a key of our own; empty: it is not.
  std::string probe_key;
};

// `tell` gets each step as a sentence. Running it again after an error is safe: a hand-over that
// already happened is seen as such by the next view.
Result<FailoverReport> execute_failover(const FailoverPlan& plan, const ExecuteOptions& options,
                                        const std::function<void(const std::string&)>& tell);

}  // namespace redan
