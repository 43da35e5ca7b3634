// The one door to the system's clocks; drivers and front ends use it, pure code never does.
#pragma once

#include "common/base/time.h"

namespace redan {

// CLOCK_BOOTTIME: goes on while the machine sleeps, so that a lease cannot outlive a suspend.
Instant monotonic_now();
WallTime wall_now();
int64_t wall_now_us();

}  // namespace redan
