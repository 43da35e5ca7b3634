#include "common/log/log.h"

#include <fcntl.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/formatter.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/syslog_sink.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <mutex>
#include <vector>

#include "common/base/parse.h"
#include "common/log/format.h"

namespace redan {
namespace log_detail {
std::atomic<LogLevel> threshold = LogLevel::kNotice;
}

namespace {

std::atomic<char> role_letter{static_cast<char>(LogRole::kPrimary)};
std::atomic<uint64_t> lines_lost{0};

// Redis' levels on spdlog's.
spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::trace;
    case LogLevel::kVerbose:
      return spdlog::level::debug;
    case LogLevel::kNotice:
      return spdlog::level::info;
    default:
      return spdlog::level::warn;
  }
}

LogLevel level_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
      return LogLevel::kDebug;
    case spdlog::level::debug:
      return LogLevel::kVerbose;
    case spdlog::level::info:
      return LogLevel::kNotice;
    default:
      return LogLevel::kWarning;
  }
}

LogDate local_date(spdlog::log_clock::time_point time) {
  const std::time_t seconds = spdlog::log_clock::to_time_t(time);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  return {parts.tm_year + 1900,
          parts.tm_mon + 1,
          parts.tm_mday,
          parts.tm_hour,
          parts.tm_min,
          parts.tm_sec,
          static_cast<int>(ms.count() % 1000)};
}

class LineFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const std::string line =
        format_log_line(getpid(), static_cast<LogRole>(role_letter.load(std::memory_order_relaxed)),
                        local_date(message.time), level_of(message.level),
                        {message.payload.data(), message.payload.size()});
    out.append(line.data(), line.data() + line.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>();
  }
};

// Appends each line by one write(2), so that lines of two processes do not mix. Ours instead of
// spdlog's file sinks: those buffer, and throw when the disk is full.
class DescriptorSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit DescriptorSink(int fd) : fd_(fd) { set_formatter(std::make_unique<LineFormatter>()); }
  ~DescriptorSink() override {
    if (fd_ != STDOUT_FILENO) ::close(fd_);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const char* at = line.data();
    size_t left = line.size();
    while (left > 0) {
      const ssize_t written = ::write(fd_, at, left);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) {
        lines_lost.fetch_add(1, std::memory_order_relaxed);
        return;
      }
      at += written;
      left -= static_cast<size_t>(written);
    }
  }
  void flush_() override {}

 private:
  const int fd_;
};

// syslog writes date and ident itself: it gets the bare message.
std::shared_ptr<spdlog::sinks::sink> syslog_sink(const LogSettings& settings) {
  auto sink = std::make_shared<spdlog::sinks::syslog_sink_mt>(
      settings.syslog_ident, LOG_PID | LOG_NDELAY | LOG_NOWAIT, settings.syslog_facility, false);
  sink->set_pattern("%v");
  return sink;
}

std::shared_ptr<spdlog::logger> make_logger(std::vector<spdlog::sink_ptr> sinks) {
  auto logger = std::make_shared<spdlog::logger>("redan", sinks.begin(), sinks.end());
  logger->set_level(spdlog::level::trace);  // Levels are decided before a message is formatted.
  logger->set_error_handler(
      [](const std::string&) { lines_lost.fetch_add(1, std::memory_order_relaxed); });
  return logger;
}

// The logger in use. Never destroyed: lines may come from threads that outlive main().
struct Current {
  std::mutex mutex;
  std::shared_ptr<spdlog::logger> logger =
      make_logger({std::make_shared<DescriptorSink>(STDOUT_FILENO)});
};
Current& current() {
  static auto* instance = new Current;
  return *instance;
}

}  // namespace

namespace log_detail {

void write(LogLevel line_level, std::string_view message) {
  std::shared_ptr<spdlog::logger> logger;
  {
    const std::lock_guard lock(current().mutex);
    logger = current().logger;
  }
  logger->log(spdlog_level(line_level), spdlog::string_view_t(message.data(), message.size()));
}

void add_field(std::string& out, std::string_view key, std::string_view value) {
  if (!out.empty()) out += ' ';
  out.append(key).append("=");
  const bool plain = !value.empty() && value.find_first_of(" \t\r\n\"=\\") == value.npos;
  out += plain ? std::string(value) : quote_word(value);
}

}  // namespace log_detail

Result<void> open_log(const LogSettings& settings) {
  int fd = STDOUT_FILENO;
  if (!settings.file.empty()) {
    fd = ::open(settings.file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
      return Error(fmt::format(
          "Can't open the log file {}: {}; set 'logfile' to a file that can be written, "
          "in a folder that exists",
          settings.file, std::strerror(errno)));
    }
  }
  std::vector<spdlog::sink_ptr> sinks = {std::make_shared<DescriptorSink>(fd)};
  auto& now = current();
  const std::lock_guard lock(now.mutex);
  // openlog() and closelog() are process-wide: the old sink must be gone before the new one opens.
  now.logger = make_logger(sinks);
  if (settings.syslog) {
    sinks.push_back(syslog_sink(settings));
    now.logger = make_logger(sinks);
  }
  log_detail::threshold.store(settings.level, std::memory_order_relaxed);
  return kOk;
}

void set_log_level(LogLevel level) {
  log_detail::threshold.store(level, std::memory_order_relaxed);
}

void set_log_role(LogRole role) {
  role_letter.store(static_cast<char>(role), std::memory_order_relaxed);
}

uint64_t log_lines_lost() {
  return lines_lost.load(std::memory_order_relaxed);
}

}  // namespace redan
