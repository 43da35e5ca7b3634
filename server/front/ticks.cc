#include "server/front/ticks.h"

#include "common/base/clock.h"

namespace redan {

double ticks_per_second() {
  static const double rate = [] {
    const Instant begin = monotonic_now();
    const uint64_t first = ticks();
    while (monotonic_now() - begin < Millis(5)) {
    }
    const uint64_t last = ticks();
    const Nanos span = monotonic_now() - begin;
    return static_cast<double>(last - first) * 1e9 / static_cast<double>(span.count());
  }();
  return rate;
}

}  // namespace redan
