#include "server/command/timeout_arg.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "common/base/double_text.h"
#include "common/base/parse.h"

namespace redan {

namespace {
constexpr int64_t kCenturyMs = int64_t{100} * 366 * 24 * 3600 * 1000;
}  // namespace

Result<Millis> timeout_arg(const Call& call, size_t position) {
  const std::optional<int64_t> ms = parse_int64(call.arg(position));
  if (!ms) return Error("timeout is not an integer or out of range");
  if (*ms < 0) return Error("timeout is negative");
  if (*ms > INT64_MAX - call.keyspace().now_ms()) return Error("timeout is out of range");
  return Millis(std::min(*ms, kCenturyMs));
}

std::optional<Instant> blocking_deadline(const Call& call, Millis span) {
  if (span == Millis(0)) return std::nullopt;
  return call.now() + span;
}

Result<std::optional<Instant>> blocking_deadline_arg(const Call& call, size_t position) {
  const std::optional<long double> seconds = parse_long_double(call.arg(position));
  if (!seconds || std::isnan(*seconds)) return Error("timeout is not a float or out of range");
  const long double ms = std::ceil(*seconds * 1000);
  if (ms > static_cast<long double>(INT64_MAX - call.keyspace().now_ms())) {
    return Error("timeout is out of range");
  }
  if (*seconds < 0) return Error("timeout is negative");
  return blocking_deadline(
      call, Millis(static_cast<int64_t>(std::min(ms, static_cast<long double>(kCenturyMs)))));
}

}  // namespace redan
