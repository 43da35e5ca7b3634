#include "sentinel/drivers/scripts.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "common/base/clock.h"
#include "common/net/event_loop.h"

extern char** environ;

namespace redan {

void ScriptQueue::add(std::string path, std::vector<std::string> args) {
  jobs_.push_back({.path = std::move(path), .args = std::move(args)});
  if (jobs_.size() <= kMaxQueued) return;
  const auto oldest =
      std::find_if(jobs_.begin(), jobs_.end(), [](const ScriptJob& job) { return !job.pid; });
  jobs_.erase(oldest);
}

ScriptJob* ScriptQueue::next_due(Instant now) {
  if (running_ >= kMaxRunning) return nullptr;
  for (ScriptJob& job : jobs_) {
    if (!job.pid && job.start_at <= now) return &job;
  }
  return nullptr;
}

void ScriptQueue::started(ScriptJob& job, pid_t pid, Instant now) {
  job.pid = pid;
  job.started = now;
  ++running_;
}

ScriptQueue::End ScriptQueue::ended(pid_t pid, int exit_code, int signal, Instant now) {
  const auto job = std::find_if(jobs_.begin(), jobs_.end(),
                                [&](const ScriptJob& each) { return each.pid == pid; });
  if (job == jobs_.end()) return End::kUnknown;
  --running_;
  return settle(job, exit_code, signal, now);
}

ScriptQueue::End ScriptQueue::refused(ScriptJob& job, int exit_code, Instant now) {
  const auto place = std::find_if(jobs_.begin(), jobs_.end(),
                                  [&](const ScriptJob& each) { return &each == &job; });
  return settle(place, exit_code, 0, now);
}

ScriptQueue::End ScriptQueue::settle(std::deque<ScriptJob>::iterator job, int exit_code, int signal,
                                     Instant now) {
  const bool again = (signal != 0 || exit_code == 1) && job->retries < kMaxRetries;
  if (again) {
    job->pid.reset();
    job->start_at = now + timing.retry_delay * (1 << job->retries);
    ++job->retries;
    return End::kRetry;
  }
  const bool failed = signal != 0 || exit_code != 0;
  jobs_.erase(job);
  return failed ? End::kFailed : End::kDone;
}

std::vector<const ScriptJob*> ScriptQueue::overdue(Instant now) const {
  std::vector<const ScriptJob*> found;
  for (const ScriptJob& job : jobs_) {
    if (job.pid && now - job.started > timing.max_runtime) found.push_back(&job);
  }
  return found;
}

ScriptRunner::ScriptRunner(EventLoop& loop, Announce announce)
    : loop_(loop), announce_(std::move(announce)) {}

ScriptRunner::~ScriptRunner() = default;

void ScriptRunner::run(std::string path, std::vector<std::string> args) {
  queue_.add(std::move(path), std::move(args));
  if (!timer_) timer_ = loop_.every(Millis(50), [this] { turn(); });
  turn();
}

void ScriptRunner::turn() {
  collect();
  const Instant now = monotonic_now();
  for (const ScriptJob* job : queue_.overdue(now)) {
    announce_(true, "-script-timeout", job->path + " " + std::to_string(*job->pid));
    kill(*job->pid, SIGKILL);
  }
  while (ScriptJob* job = queue_.next_due(now)) {
    std::vector<char*> argv{job->path.data()};
    for (std::string& arg : job->args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);  // Sockets are none of its business.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    pid_t pid = 0;
    const int error =
        posix_spawn(&pid, job->path.c_str(), &actions, &attributes, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error == 0) {
      queue_.started(*job, pid, now);
      announce_(false, "+script-child", std::to_string(pid));
      continue;
    }
    const std::string path = job->path;
    // Out of processes or memory may pass; a script that is not there will not come.
    const int exit_code = error == EAGAIN || error == ENOMEM ? 1 : 2;
    if (queue_.refused(*job, exit_code, now) == ScriptQueue::End::kFailed) {
      announce_(true, "-script-error", path + " 0 " + std::to_string(exit_code));
    }
  }
  if (queue_.queued() == 0) timer_.reset();
}

void ScriptRunner::collect() {
  std::vector<std::pair<pid_t, std::string>> running;
  for (const ScriptJob& job : queue_.jobs()) {
    if (job.pid) running.emplace_back(*job.pid, job.path);
  }
  for (const auto& [pid, path] : running) {
    int status = 0;
    if (waitpid(pid, &status, WNOHANG) != pid) continue;
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    const int exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    announce_(false, "-script-child",
              std::to_string(pid) + " " + std::to_string(exit_code) + " " + std::to_string(signal));
    if (queue_.ended(pid, exit_code, signal, monotonic_now()) == ScriptQueue::End::kFailed) {
      announce_(true, "-script-error",
                path + " " + std::to_string(signal) + " " + std::to_string(exit_code));
    }
  }
}

void ScriptRunner::kill_all() {
  for (const ScriptJob& job : queue_.jobs()) {
    if (job.pid) kill(*job.pid, SIGKILL);
  }
}

}  // namespace redan
