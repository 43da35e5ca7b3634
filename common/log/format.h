// How a log line looks. Pure: the time and the pid come in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/log/log.h"

namespace redan {

// The parts of a local date and time that a line shows.
struct LogDate {
  int year, month /* 1..12 */, day, hour, minute, second, millisecond;
};

// One line with its newline. Line breaks and other control bytes inside the message are escaped, so
// that nobody can forge a line by choosing a name.
std::string format_log_line(int64_t pid, LogRole role, const LogDate& date, LogLevel level,
                            std::string_view message);

}  // namespace redan
