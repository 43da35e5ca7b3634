#include "server/drivers/crash_log.h"

#include <execinfo.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace redan {

namespace {

constexpr std::array kDeadly = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr int kMostFrames = 100;
char log_path[4096];
// What was there before us: the default, or a sanitizer's handler, which then has its say.
struct sigaction previous[NSIG];
bool installed = false;

const char* name_of(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    default:
      return "SIGABRT";
  }
}

void put(int fd, const char* text) {
  (void)!::write(fd, text, std::strlen(text));
}

// Only calls that POSIX allows in a handler, and the stack walk, whose library is loaded already.
void report(int signal) {
  const int fd =
      log_path[0] == '\0' ? STDOUT_FILENO : ::open(log_path, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd >= 0) {
    put(fd, "\n=== REDAN CRASH REPORT START ===\nRedan " REDAN_VERSION " crashed by signal: ");
    put(fd, name_of(signal));
    put(fd, "\nStack, innermost first:\n");
    void* frames[kMostFrames];
    ::backtrace_symbols_fd(frames, ::backtrace(frames, kMostFrames), fd);
    put(fd, "=== REDAN CRASH REPORT END: please keep it with the lines before it ===\n");
  }
  ::sigaction(signal, &previous[signal], nullptr);
  ::raise(signal);
}

}  // namespace

void set_crash_log(bool enabled, const std::string& logfile) {
  std::snprintf(log_path, sizeof log_path, "%s", logfile.c_str());
  void* frame[1];
  (void)::backtrace(frame, 1);
  if (enabled == installed) return;
  installed = enabled;
  for (const int signal : kDeadly) {
    struct sigaction action {};
    action.sa_handler = report;
    action.sa_flags = SA_NODEFER;
    if (enabled) {
      ::sigaction(signal, &action, &previous[signal]);
    } else {
      ::sigaction(signal, &previous[signal], nullptr);
    }
  }
}

}  // namespace redan
