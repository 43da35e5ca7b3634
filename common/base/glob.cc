#include "common/base/glob.h"

#include <cctype>
#include <cstddef>
#include <utility>

namespace redan {

namespace {

char fold(char c, bool lower) {
  return lower ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : c;
}

// One pattern element at pattern[p] against `c`. Moves p behind the element.
bool element_matches(std::string_view pattern, size_t& p, char c, bool lower) {
  const char first = pattern[p];
  if (first == '?') return ++p, true;
  if (first == '\\' && p + 1 < pattern.size()) {
    p += 2;
    return fold(pattern[p - 1], lower) == fold(c, lower);
  }
  if (first != '[') return ++p, fold(first, lower) == fold(c, lower);

  ++p;
  const bool negated = p < pattern.size() && pattern[p] == '^';
  if (negated) ++p;
  bool found = false;
  // As in Redis, a class that is never closed ends with the pattern.
  for (; p < pattern.size() && pattern[p] != ']';) {
    if (pattern[p] == '\\' && p + 1 < pattern.size()) {
      ++p;
      if (fold(pattern[p], lower) == fold(c, lower)) found = true;
      ++p;
    } else if (p + 2 < pattern.size() && pattern[p + 1] == '-') {
      unsigned char low = static_cast<unsigned char>(fold(pattern[p], lower));
      unsigned char high = static_cast<unsigned char>(fold(pattern[p + 2], lower));
      if (low > high) std::swap(low, high);
      const unsigned char here = static_cast<unsigned char>(fold(c, lower));
      if (here >= low && here <= high) found = true;
      p += 3;
    } else {
      if (fold(pattern[p], lower) == fold(c, lower)) found = true;
      ++p;
    }
  }
  if (p < pattern.size()) ++p;  // The ']'.
  return found != negated;
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text, Case sensitivity) {
  const bool lower = sensitivity == Case::kInsensitive;
  // Going back to the last star only is enough: an earlier star can never do better than the last
  // one. That makes the work at most |pattern| * |text| instead of exponential.
  size_t p = 0, t = 0;
  size_t star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      resume = t;
      if (p == pattern.size()) return true;
      continue;
    }
    if (p < pattern.size()) {
      size_t next = p;
      if (element_matches(pattern, next, text[t], lower)) {
        p = next;
        ++t;
        continue;
      }
    }
    if (star == std::string_view::npos) return false;
    p = star;
    t = ++resume;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace redan
