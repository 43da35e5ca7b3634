// Deadlines as clients write them: EX, PX, EXAT and PXAT of SET and GETEX, the words of SETEX,
// EXPIRE and RESTORE. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/result.h"

namespace redan {

enum class TimeUnit : uint8_t { kSeconds, kMillis };

struct TimeForm {
  TimeUnit unit = TimeUnit::kSeconds;
  bool absolute = false;  // a time since 1970, not a span from now
};

// A deadline in unix milliseconds. `command` is for the error's text.
// SET and its kin take times to come only: zero and negative numbers are refused.
Result<int64_t> deadline_to_come(std::string_view word, TimeForm form, int64_t now_ms,
                                 std::string_view command);
// EXPIRE and its kin take any time; one in the past deletes the key.
Result<int64_t> any_deadline(std::string_view word, TimeForm form, int64_t now_ms,
                             std::string_view command);

}  // namespace redan
