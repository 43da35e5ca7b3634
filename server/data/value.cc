#include "server/data/value.h"

namespace redan {

size_t large_size_class(size_t bytes) {
  const int log = 63 - __builtin_clzll(bytes - 1);
  const size_t spacing = size_t{1} << (log - 2);
  return (bytes + spacing - 1) & ~(spacing - 1);
}

}  // namespace redan
