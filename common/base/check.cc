#include "common/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace redan {

void check_failed(const char* expression, const std::string& values, const char* file, int line) {
  std::fprintf(stderr, "\n=== REDAN CHECK FAILED ===\n%s:%d: %s (%s)\n", file, line, expression,
               values.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace redan
