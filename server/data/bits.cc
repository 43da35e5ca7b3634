#include "server/data/bits.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/base/check.h"
#include "server/data/bit_kernels.h"

namespace redan {
namespace {

// The bits of a range's first byte that belong to it, and of its last.
uint8_t from_bit(uint64_t first) {
  return static_cast<uint8_t>(0xff >> (first & 7));
}
uint8_t up_to_bit(uint64_t last) {
  return static_cast<uint8_t>(0xff << (7 - (last & 7)));
}

uint64_t ones_of_byte(uint8_t byte) {
  return static_cast<uint64_t>(std::popcount(byte));
}

// What fits into a processor's first cache with all that is read beside it, so that each source is
// fetched from memory once and the result is written there once.
constexpr size_t kBlockBytes = 4096;

BitKernels::Combine kernel_of(BitOp op) {
  const BitKernels& kernels = best_bit_kernels();
  switch (op) {
    case BitOp::kAnd:
      return kernels.bit_and;
    case BitOp::kOr:
      return kernels.bit_or;
    case BitOp::kXor:
    case BitOp::kNot:  // is XOR with ones
      return kernels.bit_xor;
  }
  return nullptr;
}

void invert(std::string_view source, char* out) {
  char ones[kBlockBytes];
  std::memset(ones, 0xff, std::min(source.size(), kBlockBytes));
  const BitKernels::Combine combine = kernel_of(BitOp::kNot);
  for (size_t at = 0; at < source.size(); at += kBlockBytes) {
    combine(out + at, source.data() + at, ones, std::min(kBlockBytes, source.size() - at));
  }
}

// The part of a source that lies in the block of `size` bytes at `at`.
std::string_view part(std::string_view source, size_t at, size_t size) {
  return at < source.size() ? source.substr(at, size) : std::string_view();
}

}  // namespace

uint64_t count_ones(std::string_view bytes) {
  return best_bit_kernels().count_ones(bytes.data(), bytes.size());
}

uint64_t count_ones(std::string_view bytes, BitRange range) {
  REDAN_CHECK(range.first <= range.last);
  REDAN_CHECK((range.last >> 3) < bytes.size());
  const size_t first = range.first >> 3;
  const size_t last = range.last >> 3;
  const auto head = static_cast<uint8_t>(bytes[first]) & from_bit(range.first);
  if (first == last) return ones_of_byte(static_cast<uint8_t>(head & up_to_bit(range.last)));
  const auto tail = static_cast<uint8_t>(bytes[last]) & up_to_bit(range.last);
  return ones_of_byte(static_cast<uint8_t>(head)) + ones_of_byte(static_cast<uint8_t>(tail)) +
         count_ones(bytes.substr(first + 1, last - first - 1));
}

std::optional<uint64_t> find_bit(std::string_view bytes, BitRange range, bool on) {
  REDAN_CHECK(range.first <= range.last);
  REDAN_CHECK((range.last >> 3) < bytes.size());
  const size_t last = range.last >> 3;
  // A byte with ones where the wanted bits are.
  const auto wanted = [&](size_t byte) {
    return static_cast<uint8_t>(on ? bytes[byte] : ~bytes[byte]);
  };
  size_t byte = range.first >> 3;
  auto found = static_cast<uint8_t>(wanted(byte) & from_bit(range.first));
  if (found == 0 && byte < last) {
    ++byte;
    byte += best_bit_kernels().skip(bytes.data() + byte, last - byte, on ? 0x00 : 0xff);
    found = wanted(byte);
  }
  const uint64_t bit = byte * 8 + static_cast<uint64_t>(std::countl_zero(found));
  if (found == 0 || bit > range.last) return std::nullopt;
  return bit;
}

void combine_bits(BitOp op, std::span<const std::string_view> sources, std::span<char> out) {
  REDAN_CHECK(!sources.empty());
  for (const std::string_view source : sources) REDAN_CHECK(source.size() <= out.size());
  if (op == BitOp::kNot) {
    REDAN_CHECK(sources.size() == 1);
    REDAN_CHECK(sources[0].size() == out.size());
    return invert(sources[0], out.data());
  }
  const BitKernels::Combine combine = kernel_of(op);
  for (size_t at = 0; at < out.size(); at += kBlockBytes) {
    const size_t size = std::min(kBlockBytes, out.size() - at);
    char* const block = out.data() + at;
    const std::string_view first = part(sources[0], at, size);
    if (!first.empty()) std::memcpy(block, first.data(), first.size());
    std::memset(block + first.size(), 0, size - first.size());
    for (const std::string_view source : sources.subspan(1)) {
      const std::string_view next = part(source, at, size);
      combine(block, block, next.data(), next.size());
      if (op == BitOp::kAnd) std::memset(block + next.size(), 0, size - next.size());
    }
  }
}

}  // namespace redan
