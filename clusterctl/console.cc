#include "clusterctl/console.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "clusterctl/output.h"
#include "common/base/clock.h"

namespace redan {

namespace {

volatile sig_atomic_t signalled = 0;

std::string span_text(int64_t seconds) {
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) {
    return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
  }
  return std::to_string(seconds / 3600) + " h " + std::to_string(seconds / 60 % 60) + " min";
}

}  // namespace

int usage_error(const std::string& why) {
  std::fprintf(stderr, "clusterctl: %s\nTry: clusterctl --help\n", why.c_str());
  return kWrongUsage;
}

int failed(const Error& error) {
  std::fprintf(stderr, "clusterctl: %s\n", error.message().c_str());
  return kFailed;
}

void warn(const std::string& text) {
  std::fprintf(stderr, "warning: %s\n", text.c_str());
}

bool said_yes(const CommandLine& line) {
  const char* environment = std::getenv("REDISCLI_CLUSTER_YES");
  return line.has("yes") || (environment != nullptr && std::string(environment) == "1");
}

Answer ask_to_apply(const CommandLine& line) {
  if (line.has("dry-run") || line.has("simulate")) return Answer::kShowOnly;
  if (said_yes(line)) return Answer::kApply;
  Result<std::string> answer = ask_for("Apply this? (yes/no): ", "--yes");
  if (answer && (*answer == "yes" || *answer == "y")) return Answer::kApply;
  std::fprintf(stderr, "clusterctl: nothing was changed%s\n",
               answer ? "" : "; say --yes to apply a plan without being asked");
  return Answer::kRefused;
}

Result<void> json_needs_an_answer(const CommandLine& line) {
  if (!line.has("json") || said_yes(line) || line.has("dry-run") || line.has("simulate")) {
    return kOk;
  }
  return Error(
      "--json leaves no room for a question: add --yes to apply the plan or --dry-run to "
      "see it");
}

Result<std::string> ask_for(const std::string& question, const std::string& option) {
  std::fprintf(stderr, "%s", question.c_str());
  std::fflush(stderr);
  std::string answer;
  if (!std::getline(std::cin, answer)) {
    std::fprintf(stderr, "\n");
    return Error("no answer: give it with " + option);
  }
  return answer;
}

Result<std::string> ask_secret(const std::string& question) {
  termios before{};
  const bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
  if (terminal) {
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  Result<std::string> answer = ask_for(question, "--pass or REDISCLI_AUTH");
  if (terminal) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    std::fprintf(stderr, "\n");
  }
  return answer;
}

void Console::say(const std::string& text) const {
  if (quiet_) return;
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

Progress::Progress(const Console& console, std::string what, std::string unit, int64_t total)
    : quiet_(console.quiet()),
      terminal_(isatty(STDOUT_FILENO) != 0),
      what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      begin_(monotonic_now()),
      next_ns_(due_after(begin_)) {}

Progress::~Progress() {
  end();
}

Millis Progress::elapsed() const {
  return std::chrono::duration_cast<Millis>(monotonic_now() - begin_);
}

int64_t Progress::due_after(Instant now) const {
  const Nanos pause = terminal_ ? Nanos(Millis(100)) : Nanos(Millis(2000));
  return (now.time_since_epoch() + pause).count();
}

void Progress::add(int64_t done) {
  done_ += done;
  if (!quiet_ && monotonic_now().time_since_epoch().count() >= next_ns_) draw(false);
}

void Progress::end() {
  if (quiet_ || ended_) return;
  ended_ = true;
  draw(true);
}

void Progress::draw(bool last) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const Instant now = monotonic_now();
  if (!last && now.time_since_epoch().count() < next_ns_) return;
  next_ns_ = due_after(now);
  const std::string line = progress_line(what_, unit_, done_, total_, elapsed(), terminal_);
  if (terminal_) {
    std::printf("\r\033[K%s%s", line.c_str(), last ? "\n" : "");
  } else {
    std::printf("%s\n", line.c_str());
  }
  std::fflush(stdout);
}

std::string progress_line(const std::string& what, const std::string& unit, int64_t done,
                          int64_t total, Millis elapsed, bool bar) {
  constexpr int64_t kWidth = 30;
  // Keys may be written while they are counted: never more than all of them.
  const int64_t shown = std::min(done, total);
  const int64_t percent = total == 0 ? 100 : shown * 100 / total;
  const int64_t ms = std::max<int64_t>(elapsed.count(), 1);
  const int64_t rate = done * 1000 / ms;
  if (total < 0) return what + " " + grouped(done) + " " + unit + "  " + grouped(rate) + "/s";
  std::string text = what + " ";
  if (bar) {
    const auto full = static_cast<size_t>(percent * kWidth / 100);
    text += "[" + std::string(full, '#') + std::string(kWidth - full, '.') + "] ";
  }
  text += std::to_string(percent) + "%  " + grouped(done) + "/" + grouped(total) + " " + unit;
  text += "  " + grouped(rate) + "/s";
  if (shown == total) return text + "  in " + std::to_string(ms) + " ms";
  if (rate > 0) text += "  " + span_text((total - shown) / rate) + " left";
  return text;
}

void watch_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { signalled = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() {
  return signalled != 0;
}

}  // namespace redan
