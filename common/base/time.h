// The two kinds of time. Protocol logic takes `Instant now` as an argument and never asks a clock;
// only expiry, identifiers and what an operator reads use wall time.
#pragma once

#include <chrono>
#include <cstdint>

namespace redan {

using Nanos = std::chrono::nanoseconds;
using Micros = std::chrono::microseconds;
using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

namespace time_detail {
struct MonotonicClock {
  using duration = Nanos;
  using rep = duration::rep;
  using period = duration::period;
};
struct UnixClock {
  using duration = Millis;
  using rep = duration::rep;
  using period = duration::period;
};
}  // namespace time_detail

// A point on this machine's own boot-time clock; never goes back, means nothing elsewhere.
using Instant = std::chrono::time_point<time_detail::MonotonicClock, Nanos>;
// Milliseconds since 1970 UTC; an operator or NTP may move it either way.
using WallTime = std::chrono::time_point<time_detail::UnixClock, Millis>;

inline int64_t unix_ms(WallTime time) {
  return time.time_since_epoch().count();
}
inline WallTime from_unix_ms(int64_t ms) {
  return WallTime(Millis(ms));
}
inline int64_t whole_ms(Nanos span) {
  return std::chrono::duration_cast<Millis>(span).count();
}

}  // namespace redan
