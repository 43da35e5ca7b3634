// The loops over bytes that bitmaps spend their time in, for each kind of processor that has better
// instructions than the next. Each kernel of a set gives the same results as the portable one; a
// test runs all that this machine can execute beside each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace redan {

struct BitKernels {
  using Combine = void (*)(char* out, const char* a, const char* b, size_t size);
  std::string_view name;
  uint64_t (*count_ones)(const char* bytes, size_t size);
  // How many bytes at the front have this value.
  size_t (*skip)(const char* bytes, size_t size, uint8_t value);
  // out[i] = a[i] OP b[i]; `out` may be `a`.
  Combine bit_and;
  Combine bit_or;
  Combine bit_xor;
};

// Those that this processor runs, slowest (and portable) first.
std::span<const BitKernels> bit_kernels();
// The last of them.
const BitKernels& best_bit_kernels();

}  // namespace redan
