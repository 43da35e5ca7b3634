#include "common/base/clock.h"

#include <time.h>

namespace redan {

namespace {
Nanos read(clockid_t id) {
  timespec ts;
  clock_gettime(id, &ts);
  return Nanos(int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec);
}
}  // namespace

Instant monotonic_now() {
  return Instant(read(CLOCK_BOOTTIME));
}

WallTime wall_now() {
  return WallTime(std::chrono::duration_cast<Millis>(read(CLOCK_REALTIME)));
}

int64_t wall_now_us() {
  return read(CLOCK_REALTIME).count() / 1000;
}

}  // namespace redan
