// Notification and reconfiguration scripts, run by Redis' rules: at most 16 at once, at most 256
// queued (the oldest that waits gives way), killed after 60 s; exit code 1 or a signal means "try
// again later", up to 10 times with a doubling delay; other codes are final.
// The queue is pure (time comes in, commands go out); ScriptRunner starts processes.
#pragma once

#include <sys/types.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace redan {

class EventLoop;

struct ScriptJob {
  std::string path;
  std::vector<std::string> args;
  int retries = 0;
  Instant start_at{};
  std::optional<pid_t> pid;  // While it runs.
  Instant started{};
};

class ScriptQueue {
 public:
  static constexpr size_t kMaxQueued = 256;
  static constexpr size_t kMaxRunning = 16;
  static constexpr int kMaxRetries = 10;

  struct Timing {
    Millis max_runtime{60'000};
    Millis retry_delay{30'000};
  };
  Timing timing;

  void add(std::string path, std::vector<std::string> args);
  // The next job to be started now, if any; tell its pid by started(), or give it up by refused().
  ScriptJob* next_due(Instant now);
  void started(ScriptJob& job, pid_t pid, Instant now);
  // How a running job ended: done with, or to be retried.
  enum class End { kDone, kRetry, kFailed, kUnknown };
  End ended(pid_t pid, int exit_code, int signal, Instant now);
  // A job that could not be started counts as one that ended with `exit_code`.
  End refused(ScriptJob& job, int exit_code, Instant now);
  // Jobs that run for too long.
  std::vector<const ScriptJob*> overdue(Instant now) const;

  size_t running() const { return running_; }
  size_t queued() const { return jobs_.size(); }
  const std::deque<ScriptJob>& jobs() const { return jobs_; }

 private:
  End settle(std::deque<ScriptJob>::iterator job, int exit_code, int signal, Instant now);

  std::deque<ScriptJob> jobs_;
  size_t running_ = 0;
};

class ScriptRunner {
 public:
  // `announce(warning, type, text)`: +script-child and the like.
  using Announce = std::function<void(bool warning, std::string type, std::string text)>;
  ScriptRunner(EventLoop& loop, Announce announce);
  ~ScriptRunner();

  void run(std::string path, std::vector<std::string> args);
  ScriptQueue& queue() { return queue_; }
  // Ends what runs, for shutdown.
  void kill_all();

 private:
  void turn();
  void collect();

  EventLoop& loop_;
  Announce announce_;
  ScriptQueue queue_;
  std::shared_ptr<void> timer_;  // Only while there are jobs.
};

}  // namespace redan
