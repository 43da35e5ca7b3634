// What SCAN, HSCAN, SSCAN and ZSCAN have in common: cursors and options as clients write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/result.h"
#include "common/command/args.h"

namespace redan {

enum class ScanOf : uint8_t { kKeys, kHash, kElements };

struct ScanOptions {
  int64_t count = 10;
  std::string_view pattern = "*";
  std::optional<std::string_view> type;  // of SCAN
  bool no_values = false;                // of HSCAN

  bool all() const { return pattern == "*"; }
  // Sparse tables must not make a call endless: so many steps for each element asked for.
  int64_t most_steps() const { return count > INT64_MAX / 10 ? INT64_MAX : count * 10; }
};

// A cursor: digits with an optional sign, as C's strtoul reads them (no digits at all count as
// zero, a minus wraps around, a zero byte ends the word).
Result<uint64_t> scan_cursor(std::string_view word);
Result<ScanOptions> read_scan_options(ArgReader words, ScanOf of);

}  // namespace redan
