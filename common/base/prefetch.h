// Asks the memory for what will be read soon.
#pragma once

namespace redan {

// The cache line that holds `address`, which may be anything: nothing is read, nothing can fail.
//
// __builtin_prefetch alone has no effect that g++ knows of. A function that does nothing else is
// taken for one without effects, and calls of it are dropped; so ours were, with all tests green.
// The empty statement is an effect. (tests/tidy/machine_code.py looks for the instruction.)
[[gnu::always_inline]] inline void prefetch_line(const void* address) {
  __builtin_prefetch(address);
  asm volatile("");
}

}  // namespace redan
