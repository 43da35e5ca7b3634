#include "server/data/hll_runs.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"

namespace redan::hll {
namespace {

constexpr uint8_t kValueRun = 0x80;
constexpr uint8_t kLongRun = 0x40;

bool is_value_run(uint8_t byte) {
  return (byte & kValueRun) != 0;
}

uint8_t value_run(uint8_t value, size_t registers) {
  return static_cast<uint8_t>(kValueRun | (value - 1) << 2 | static_cast<uint8_t>(registers - 1));
}

}  // namespace

std::optional<Run> read_run(std::string_view text, size_t at) {
  const auto byte = static_cast<uint8_t>(text[at]);
  if (is_value_run(byte)) {
    return Run{.bytes = 1,
               .registers = (byte & 3U) + 1,
               .value = static_cast<uint8_t>((byte >> 2 & 31) + 1)};
  }
  if ((byte & kLongRun) == 0) return Run{.bytes = 1, .registers = byte + 1U, .value = 0};
  if (at + 1 >= text.size()) return std::nullopt;
  const size_t low = static_cast<uint8_t>(text[at + 1]);
  return Run{.bytes = 2, .registers = ((byte & 63U) << 8 | low) + 1, .value = 0};
}

void append_run(std::string& out, uint8_t value, size_t registers) {
  if (registers == 0) return;
  if (value > 0) {
    REDAN_CHECK(registers <= kMaxValueRun);
    REDAN_CHECK(value <= kMaxRunValue);
    out += static_cast<char>(value_run(value, registers));
  } else if (registers <= kMaxZeroRun) {
    out += static_cast<char>(registers - 1);
  } else {
    REDAN_CHECK(registers <= kMaxLongZeroRun);
    out += static_cast<char>(kLongRun | (registers - 1) >> 8);
    out += static_cast<char>(registers - 1);
  }
}

// Eight runs side by side, where none of them is a long one.
class ShortRuns {
 public:
  static constexpr size_t kRuns = 8;
  explicit ShortRuns(const char* text) {
    std::memcpy(&word_, text, sizeof word_);
    const uint64_t values = (word_ & kTopBits) >> 7;  // one in each byte that is a value run
    // A value run keeps its length in two bits, a short run of zeros in six.
    less_one_ = word_ & (kLowBits * 0x3f ^ values * 0x3c);
  }
  bool any_long() const { return (word_ << 1 & ~word_ & kTopBits) != 0; }
  size_t registers() const {
    const uint64_t pairs = (less_one_ & kEvenBytes) + (less_one_ >> 8 & kEvenBytes);
    return (pairs * 0x0001000100010001U >> 48) + kRuns;
  }
  size_t registers_of(size_t run) const { return (less_one_ >> (run * 8) & 0x3f) + 1; }

 private:
  static constexpr uint64_t kLowBits = 0x0101010101010101U;
  static constexpr uint64_t kTopBits = kLowBits << 7;
  static constexpr uint64_t kEvenBytes = 0x00ff00ff00ff00ffU;
  uint64_t word_ = 0;
  uint64_t less_one_ = 0;  // the registers of each run but one
};

// Nearly all of a PFADD is spent here: its places are numbers of their own, which stay in
// registers, and short runs are passed by eight at once.
SparseEditor::Walk SparseEditor::walk_to(size_t index) const {
  size_t at = start_.at, first = start_.first;
  size_t before_at = before_start_.at, before_first = before_start_.first;
  size_t long_before_at = kNowhere.at, long_before_first = kNowhere.first;
  bool found = false;
  bool is_near = false;
  while (at < text_.size()) {
    if (!is_near && text_.size() - at >= ShortRuns::kRuns) {
      const ShortRuns runs(text_.data() + at);
      const size_t end = first + runs.registers();
      if (!runs.any_long()) {
        is_near = index < end;
        if (!is_near) {
          at += ShortRuns::kRuns;
          first = end;
          before_at = at - 1;
          before_first = end - runs.registers_of(ShortRuns::kRuns - 1);
          long_before_at = at - 2;
          long_before_first = before_first - runs.registers_of(ShortRuns::kRuns - 2);
          continue;
        }
      }
    }
    const auto byte = static_cast<uint8_t>(text_[at]);
    // Where the next run begins must not wait for this byte: long runs are the rare ones.
    size_t bytes = 1;
    size_t registers = is_value_run(byte) ? (byte & 3U) + 1 : byte + 1U;
    if ((byte & (kValueRun | kLongRun)) == kLongRun) [[unlikely]] {
      if (at + 1 >= text_.size()) break;
      bytes = 2;
      registers = ((byte & 63U) << 8 | static_cast<uint8_t>(text_[at + 1])) + 1U;
    }
    found = index < first + registers;
    if (found) break;
    long_before_at = before_at;
    long_before_first = before_first;
    before_at = at;
    before_first = first;
    at += bytes;
    first += registers;
  }
  return {.here = {at, first},
          .before = {before_at, before_first},
          .long_before = {long_before_at, long_before_first},
          .found = found};
}

SparseEditor::Outcome SparseEditor::raise(Spot spot, size_t max_bytes) {
  if (spot.rank > kMaxRunValue) return Outcome::kTooLarge;
  if (spot.index < start_.first) {
    start_ = {};
    before_start_ = kNowhere;
  }
  const auto [here, before, long_before, found] = walk_to(spot.index);
  if (!found) return Outcome::kCorrupt;
  const std::optional<Run> run = read_run(text_, here.at);
  if (run->value >= spot.rank) {
    start_ = here;
    before_start_ = before;
    return Outcome::kKept;
  }
  const size_t left = spot.index - here.first;
  std::string runs;
  append_run(runs, run->value, left);
  append_run(runs, spot.rank, 1);
  append_run(runs, run->value, run->registers - left - 1);
  if (runs.size() > run->bytes && text_.size() + runs.size() - run->bytes > max_bytes) {
    return Outcome::kTooLarge;
  }
  text_.replace(here.at, run->bytes, runs);
  join_values(before.is_known() ? before.at : here.at);
  // Nothing before `before` has changed, so that the next walk may begin there if the run before
  // that is known; where this walk began one run later it is not.
  const bool goes_on = before.is_known() && (long_before.is_known() || before.at == kHeaderBytes);
  start_ = goes_on ? before : RunPlace{};
  before_start_ = goes_on ? long_before : kNowhere;
  return Outcome::kRaised;
}

// Joins neighbours of one value while they fit into one run, looking at five runs.
void SparseEditor::join_values(size_t from) {
  constexpr int kRunsLookedAt = 5;
  size_t at = from;
  for (int i = 0; i < kRunsLookedAt && at < text_.size(); ++i) {
    const Run run = *read_run(text_, at);
    const size_t next = at + run.bytes;
    if (run.value > 0 && next < text_.size() && is_value_run(static_cast<uint8_t>(text_[next]))) {
      const Run right = *read_run(text_, next);
      const size_t registers = run.registers + right.registers;
      if (right.value == run.value && registers <= kMaxValueRun) {
        text_[next] = static_cast<char>(value_run(run.value, registers));
        text_.erase(at, 1);
        continue;  // The joined run may be joined with what is on its right.
      }
    }
    at = next;
  }
}

}  // namespace redan::hll
