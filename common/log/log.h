// The log: one line per event, in the form that operators' tools and test suites know from Redis:
//   4711:M 24 Nov 2026 21:05:06.123 * Ready to accept connections
// (pid, role, local time, mark of the level, message). Lines go to stdout or to a file that is
// opened for appending, and to syslog if that is enabled. From any thread. A line that cannot be
// written (disk full, reader gone) is dropped and counted; it never stops the process.
//
//   log_notice("Background saving started");
//   log_warning("Failed listening on port {}, aborting.", port);
//   log_notice("failover began {}", fields("shard", name, "epoch", epoch));  // shard=x epoch=7
//
// spdlog stays behind this header.
#pragma once

#include <fmt/core.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace redan {

enum class LogLevel : uint8_t { kDebug, kVerbose, kNotice, kWarning, kNothing };

// Who speaks: the letter behind the pid.
enum class LogRole : char { kPrimary = 'M', kReplica = 'S', kChild = 'C', kSentinel = 'X' };

struct LogSettings {
  std::string file;  // empty: stdout
  LogLevel level = LogLevel::kNotice;
  bool syslog = false;
  std::string syslog_ident = "redan";
  int syslog_facility = 16 << 3;  // LOG_LOCAL0
};

// Opens what the settings name. Before the first call lines of notice and above go to stdout. On an
// error (which names the path and the reason) the log stays as it was. May be called again at run
// time, to move the log or change its level.
Result<void> open_log(const LogSettings& settings);
void set_log_level(LogLevel level);
void set_log_role(LogRole role);
// Lines lost since the start because they could not be written.
uint64_t log_lines_lost();

namespace log_detail {
extern std::atomic<LogLevel> threshold;  // A late change costs one line.
inline bool wants(LogLevel line) {
  return line >= threshold.load(std::memory_order_relaxed);
}
void write(LogLevel level, std::string_view message);
template <class... Args>
void say(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (wants(level)) write(level, fmt::format(format, std::forward<Args>(args)...));
}
void add_field(std::string& out, std::string_view key, std::string_view value);
inline void add_fields(std::string&) {}
template <class Value, class... Rest>
void add_fields(std::string& out, std::string_view key, const Value& value, const Rest&... rest) {
  add_field(out, key, fmt::format("{}", value));
  add_fields(out, rest...);
}
}  // namespace log_detail

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_detail::say(LogLevel::kDebug, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_verbose(fmt::format_string<Args...> format, Args&&... args) {
  log_detail::say(LogLevel::kVerbose, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_notice(fmt::format_string<Args...> format, Args&&... args) {
  log_detail::say(LogLevel::kNotice, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_detail::say(LogLevel::kWarning, format, std::forward<Args>(args)...);
}

// "key=value key=\"two words\"": facts that a program will look for in the log.
template <class... Args>
std::string fields(const Args&... keys_and_values) {
  static_assert(sizeof...(keys_and_values) % 2 == 0, "fields come as key and value");
  std::string out;
  log_detail::add_fields(out, keys_and_values...);
  return out;
}

}  // namespace redan
