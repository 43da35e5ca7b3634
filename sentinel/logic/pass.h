// One walk over everything a sentinel watches, at one time. A rule asks due(t): either its time
// has come, or the walk remembers to come back at t. So the next deadline can never lie in the
// past of a rule that did nothing.
#pragma once

#include <algorithm>

#include "sentinel/logic/machine.h"

namespace redan {

struct SentinelMachine::Pass {
  Instant now;
  SentinelEffects& out;
  Instant next = Instant::max();

  bool due(Instant at) {
    if (now >= at) return true;
    next = std::min(next, at);
    return false;
  }
  // Strictly later than `at`: for limits that Redis says "more than" of.
  bool past(Instant at) { return due(at + Nanos(1)); }
};

}  // namespace redan
