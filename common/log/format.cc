#include "common/log/format.h"

#include <array>

namespace redan {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

char mark_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return '.';
    case LogLevel::kVerbose:
      return '-';
    case LogLevel::kNotice:
      return '*';
    default:
      return '#';
  }
}

}  // namespace

std::string format_log_line(int64_t pid, LogRole role, const LogDate& date, LogLevel level,
                            std::string_view message) {
  const auto month = kMonths[static_cast<size_t>(date.month - 1) % kMonths.size()];
  std::string line = fmt::format("{}:{} {:02} {} {:04} {:02}:{:02}:{:02}.{:03} {} ", pid,
                                 static_cast<char>(role), date.day, month, date.year, date.hour,
                                 date.minute, date.second, date.millisecond, mark_of(level));
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\\n";
    } else if (c == '\r') {
      line += "\\r";
    } else if ((byte < 0x20 && c != '\t') || byte == 0x7f) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  line += '\n';
  return line;
}

}  // namespace redan
