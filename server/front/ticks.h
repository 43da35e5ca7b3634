// A clock for measuring commands: the processor's counter where it runs evenly, else the system's.
// Two readings cost about 15 ns, where the system's clock takes 50.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#else
#include "common/base/clock.h"
#endif

namespace redan {

inline uint64_t ticks() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<uint64_t>(monotonic_now().time_since_epoch().count());
#endif
}

// How many ticks make a second, measured once over a few milliseconds, at start.
double ticks_per_second();

}  // namespace redan
