// Strings as rows of bits, numbered as Redis does: bit 0 is the highest of byte 0. Everything here
// reads or writes bytes that the caller owns, and nothing outside of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace redan {

// Beyond the end all bits are 0.
inline bool bit_at(std::string_view bytes, uint64_t bit) {
  const uint64_t byte = bit >> 3;
  return byte < bytes.size() && (static_cast<uint8_t>(bytes[byte]) >> (7 - (bit & 7)) & 1) != 0;
}
// The bit must lie inside.
inline void write_bit(char* bytes, uint64_t bit, bool on) {
  const auto mask = static_cast<uint8_t>(0x80 >> (bit & 7));
  const auto byte = static_cast<uint8_t>(bytes[bit >> 3]);
  bytes[bit >> 3] = static_cast<char>(on ? byte | mask : byte & ~mask);
}

// Bits first to last, both included; last must lie inside and first not behind it.
struct BitRange {
  uint64_t first;
  uint64_t last;
};

uint64_t count_ones(std::string_view bytes);
uint64_t count_ones(std::string_view bytes, BitRange range);
// The first bit of the range that is `on`.
std::optional<uint64_t> find_bit(std::string_view bytes, BitRange range, bool on);

enum class BitOp { kAnd, kOr, kXor, kNot };

// Writes the combination of all sources to `out`, which has the size of the longest and overlaps
// none; shorter ones go on with zeroes. kNot takes one source.
void combine_bits(BitOp op, std::span<const std::string_view> sources, std::span<char> out);

}  // namespace redan
