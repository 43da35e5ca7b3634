#include "server/command/timeout_arg.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "common/base/parse.h"

namespace redan {

Result<Millis> timeout_arg(const Call& call, size_t position) {
  const std::optional<int64_t> ms = parse_int64(call.arg(position));
  if (!ms) return Error("timeout is not an integer or out of range");
  if (*ms < 0) return Error("timeout is negative");
  if (*ms > INT64_MAX - call.keyspace().now_ms()) return Error("timeout is out of range");
  constexpr int64_t kCenturyMs = int64_t{100} * 366 * 24 * 3600 * 1000;
  return Millis(std::min(*ms, kCenturyMs));
}

}  // namespace redan
