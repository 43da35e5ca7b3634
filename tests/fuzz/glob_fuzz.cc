// A glob pattern on any text: as the definition says, in either case. So it is when both are
// repeated, which makes nested stars of any star: a matcher that goes back into each of them would
// never end.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/base/glob.h"
#include "tests/fuzz/input.h"

namespace redan::fuzz {
namespace {

// A star, or the bytes that one place of the text may have.
struct Element {
  bool is_star = false;
  std::array<bool, 256> takes{};
};

uint8_t folded(uint8_t c, Case sensitivity) {
  const bool is_upper = c >= 'A' && c <= 'Z';
  return sensitivity == Case::kInsensitive && is_upper ? static_cast<uint8_t>(c + 32) : c;
}

std::vector<Element> elements_of(std::string_view pattern, Case sensitivity) {
  std::vector<Element> elements;
  size_t at = 0;
  const auto left = [&] { return pattern.size() - at; };
  const auto add_range = [&](Element& element, char from, char to) {
    const int a = folded(static_cast<uint8_t>(from), sensitivity);
    const int b = folded(static_cast<uint8_t>(to), sensitivity);
    for (int c = 0; c < 256; ++c) {
      const int here = folded(static_cast<uint8_t>(c), sensitivity);
      if (here >= std::min(a, b) && here <= std::max(a, b)) {
        element.takes[static_cast<size_t>(c)] = true;
      }
    }
  };
  const auto add_one = [&](Element& element) {
    if (pattern[at] == '\\' && left() > 1) ++at;
    add_range(element, pattern[at], pattern[at]);
    ++at;
  };
  while (left() > 0) {
    Element& element = elements.emplace_back();
    if (pattern[at] == '*') {
      element.is_star = true;
      ++at;
    } else if (pattern[at] == '?') {
      element.takes.fill(true);
      ++at;
    } else if (pattern[at] == '[') {
      ++at;
      const bool negated = left() > 0 && pattern[at] == '^';
      if (negated) ++at;
      while (left() > 0 && pattern[at] != ']') {
        const bool is_escaped = pattern[at] == '\\' && left() > 1;
        if (!is_escaped && left() > 2 && pattern[at + 1] == '-') {
          add_range(element, pattern[at], pattern[at + 2]);
          at += 3;
        } else {
          add_one(element);
        }
      }
      if (left() > 0) ++at;
      for (bool& taken : element.takes) taken = taken != negated;
    } else {
      add_one(element);
    }
  }
  return elements;
}

// reached[i]: the elements so far can take the first i bytes of the text.
bool matches(const std::vector<Element>& elements, std::string_view text) {
  std::vector<bool> reached(text.size() + 1);
  reached[0] = true;
  for (const Element& element : elements) {
    std::vector<bool> next(text.size() + 1);
    for (size_t i = 0; i <= text.size(); ++i) {
      if (element.is_star) {
        next[i] = reached[i] || (i > 0 && next[i - 1]);
      } else if (i > 0) {
        next[i] = reached[i - 1] && element.takes[static_cast<uint8_t>(text[i - 1])];
      }
    }
    reached = std::move(next);
  }
  return reached.back();
}

std::string repeated(std::string_view piece, size_t times, size_t longest) {
  std::string whole;
  while (times-- > 0 && whole.size() < longest) whole += piece;
  whole.resize(std::min(whole.size(), longest));
  return whole;
}

void check(std::string_view pattern, std::string_view text) {
  for (const Case sensitivity : {Case::kSensitive, Case::kInsensitive}) {
    const bool wanted = matches(elements_of(pattern, sensitivity), text);
    REDAN_CHECK(glob_match(pattern, text, sensitivity) == wanted);
  }
}

}  // namespace
}  // namespace redan::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace redan;
  fuzz::Input input(data, size);
  const uint8_t times = input.byte();
  const std::string_view pattern = input.text();
  const std::string_view text = input.bytes(256);
  fuzz::check(pattern, text);
  fuzz::check(fuzz::repeated(pattern, times, 256), fuzz::repeated(text, times, 512) + "!");
  return 0;
}
