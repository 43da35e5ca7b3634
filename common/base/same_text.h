// Whether two texts are equal, quickest where they are short: a call of memcmp costs more than
// comparing a key or a member of the usual length.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace redan {

namespace same_text_detail {
template <class Word>
inline Word differ(const char* a, const char* b) {
  Word x, y;
  std::memcpy(&x, a, sizeof x);
  std::memcpy(&y, b, sizeof y);
  return x ^ y;
}
}  // namespace same_text_detail

// Words from the front and from the end, which overlap.
[[gnu::always_inline]] inline bool same_text(std::string_view a, std::string_view b) {
  using same_text_detail::differ;
  const size_t n = a.size();
  if (n != b.size()) return false;
  const char* const p = a.data();
  const char* const q = b.data();
  if (n >= 8) {
    if (n > 32) return std::memcmp(p, q, n) == 0;
    uint64_t all = differ<uint64_t>(p, q) | differ<uint64_t>(p + n - 8, q + n - 8);
    if (n > 16) all |= differ<uint64_t>(p + 8, q + 8) | differ<uint64_t>(p + n - 16, q + n - 16);
    return all == 0;
  }
  if (n >= 4) return (differ<uint32_t>(p, q) | differ<uint32_t>(p + n - 4, q + n - 4)) == 0;
  return n == 0 || (p[0] == q[0] && p[n / 2] == q[n / 2] && p[n - 1] == q[n - 1]);
}

}  // namespace redan
