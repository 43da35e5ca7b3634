// The longest common subsequence of two strings, for LCS. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace redan {

// A run of bytes that both strings share, ends included.
struct LcsMatch {
  size_t a_first;
  size_t a_last;
  size_t b_first;
  size_t b_last;
  size_t length() const { return a_last - a_first + 1; }
  friend bool operator==(const LcsMatch&, const LcsMatch&) = default;
};

struct LcsResult {
  std::string common;
  std::vector<LcsMatch> matches;  // from the end of the strings to their begin
};

// Bytes of memory that longest_common_subsequence() needs for strings of these sizes.
constexpr uint64_t lcs_memory_bytes(uint64_t a, uint64_t b) {
  return (a + 1) * (b + 1) * sizeof(uint32_t);
}

// Both shorter than 2^32 - 1.
LcsResult longest_common_subsequence(std::string_view a, std::string_view b);

}  // namespace redan
