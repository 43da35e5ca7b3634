// What every fuzz target shares: the entry point, the reading of small decisions off the input, and
// texts in pieces. A target's assertion is REDAN_CHECK: a failure ends the process.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace redan::fuzz {

// Takes the input from its front; an input that is used up answers zeros and empty texts.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  uint8_t byte() {
    const std::string_view taken = bytes(1);
    return taken.empty() ? 0 : static_cast<uint8_t>(taken[0]);
  }
  uint16_t word() {
    const uint16_t high = byte();
    return static_cast<uint16_t>(high << 8 | byte());
  }
  std::string_view bytes(size_t count) {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  // A text with its length before it.
  std::string_view text() { return bytes(byte()); }
  std::string_view rest() { return bytes(rest_.size()); }

 private:
  std::string_view rest_;
};

// Cuts a text into pieces whose lengths follow from `seed`.
class Pieces {
 public:
  Pieces(std::string_view whole, uint8_t seed) : rest_(whole), state_(seed) {}
  bool done() const { return rest_.empty(); }
  std::string_view next() {
    state_ = state_ * 1'103'515'245U + 12'345U;
    const size_t length = std::min<size_t>(rest_.size(), 1 + (state_ >> 16) % 13);
    const std::string_view piece = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return piece;
  }

 private:
  std::string_view rest_;
  uint32_t state_;
};

}  // namespace redan::fuzz
