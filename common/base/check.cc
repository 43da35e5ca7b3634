#include "common/base/check.h"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace redan {

namespace {
std::atomic<bool> exit_on_panic{false};
}  // namespace

void set_exit_on_panic(bool on) {
  exit_on_panic = on;
}

void panic() {
  if (exit_on_panic) ::_exit(1);
  std::abort();
}

void check_failed(const char* expression, const std::string& values, const char* file, int line) {
  std::fprintf(stderr, "\n=== REDAN CHECK FAILED ===\n%s:%d: %s (%s)\n", file, line, expression,
               values.c_str());
  std::fflush(stderr);
  panic();
}

}  // namespace redan
