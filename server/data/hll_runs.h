// The sparse form of a HyperLogLog: registers in order, as runs of equal ones.
//
//   run = 00nnnnnn            n + 1 registers that are 0
//       | 01nnnnnn nnnnnnnn   n + 1 registers that are 0, high bits first
//       | 1vvvvvnn            n + 1 registers that are v + 1
//
// How runs are split and joined is part of the layout: the same elements in the same order give the
// same bytes as in Redis.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/data/hyperloglog.h"

namespace redan::hll {

struct Run {
  size_t bytes;  // that it takes itself
  size_t registers;
  uint8_t value;
};
constexpr size_t kMaxZeroRun = 64;
constexpr size_t kMaxLongZeroRun = 16'384;
constexpr size_t kMaxValueRun = 4;
constexpr uint8_t kMaxRunValue = 32;

// The run that begins at `at`, which lies inside; nullopt where it is cut off.
std::optional<Run> read_run(std::string_view text, size_t at);
// Appends a run of at most what one run can hold, as short as can be; nothing for no registers.
void append_run(std::string& out, uint8_t value, size_t registers);

// Where a run stands, and the register that it begins with.
struct RunPlace {
  size_t at = kHeaderBytes;
  size_t first = 0;
  bool is_known() const { return at != 0; }
};
constexpr RunPlace kNowhere{.at = 0, .first = 0};

// Raises registers of a sparse text, which it changes. Ascending indexes need no new walk.
class SparseEditor {
 public:
  explicit SparseEditor(std::string& text) : text_(text) {}

  enum class Outcome {
    kKept,      // the register was as high
    kRaised,    // and the cached count may be outdated; that is for the caller to say
    kTooLarge,  // the text would outgrow `max_bytes`, or the rank fits no run: it must become dense
    kCorrupt,
  };
  Outcome raise(Spot spot, size_t max_bytes);

 private:
  // The run that holds a register, and the two before it.
  struct Walk {
    RunPlace here;
    RunPlace before;
    RunPlace long_before;
    bool found = false;
  };
  Walk walk_to(size_t index) const;
  void join_values(size_t from);

  std::string& text_;
  // Where the next walk begins, and the run before it if it is not the first.
  RunPlace start_;
  RunPlace before_start_ = kNowhere;
};

}  // namespace redan::hll
