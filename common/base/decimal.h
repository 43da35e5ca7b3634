// The digits of an integer, two at a time: most replies hold one, and std::to_chars takes twice as
// long.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace redan {

inline constexpr size_t kMostDecimalBytes = 20;

namespace decimal_detail {

inline constexpr auto kPairs = [] {
  std::array<char, 200> pairs{};
  for (size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

// kPowers[n]: the smallest number of n + 1 digits; of one digit it is 0.
inline constexpr auto kPowers = [] {
  std::array<uint64_t, kMostDecimalBytes> powers{};
  uint64_t power = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = power *= 10;
  return powers;
}();

// 1233 / 4096 is a little more than log10(2), so that the guess is right or one too small.
inline size_t digits_of(uint64_t value) {
  const auto bits = static_cast<size_t>(64 - __builtin_clzll(value | 1));
  const size_t guess = bits * 1233 >> 12;
  return guess + (value >= kPowers[guess] ? 1 : 0);
}

}  // namespace decimal_detail

// Writes up to kMostDecimalBytes; returns the end.
inline char* print_decimal(char* to, uint64_t value) {
  char* const end = to + decimal_detail::digits_of(value);
  char* at = end;
  while (value >= 100) {
    at -= 2;
    std::memcpy(at, &decimal_detail::kPairs[value % 100 * 2], 2);
    value /= 100;
  }
  if (value >= 10) {
    std::memcpy(at - 2, &decimal_detail::kPairs[value * 2], 2);
  } else {
    at[-1] = static_cast<char>('0' + value);
  }
  return end;
}

inline char* print_decimal(char* to, int64_t value) {
  if (value >= 0) return print_decimal(to, static_cast<uint64_t>(value));
  *to = '-';
  return print_decimal(to + 1, ~static_cast<uint64_t>(value) + 1);
}

}  // namespace redan
