// Reads the words of a call one after another, with Redis' rules and texts for what is wrong.
//
//   ArgReader words(call.args(), 3);
//   while (words.more()) {
//     if (words.match("COUNT")) { Result<int64_t> count = words.integer(); ... }
//     else return syntax_error();
//   }
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "common/base/double_text.h"
#include "common/base/parse.h"
#include "common/base/result.h"

namespace redan {

inline Error syntax_error() {
  return Error("syntax error");
}
inline Error not_an_integer() {
  return Error("value is not an integer or out of range");
}
inline Error not_a_float() {
  return Error("value is not a valid float");
}

inline Result<int64_t> integer_arg(std::string_view word) {
  const auto value = parse_int64(word);
  if (!value) return not_an_integer();
  return *value;
}
// Outside of the range: the text of Redis' range checks.
inline Result<int64_t> integer_arg(std::string_view word, int64_t low, int64_t high) {
  const auto value = parse_int64(word);
  if (!value) return not_an_integer();
  if (*value >= low && *value <= high) return *value;
  if (low == 0 && high == std::numeric_limits<int64_t>::max()) {
    return Error("value is out of range, must be positive");
  }
  return Error("value is out of range, value must between " + std::to_string(low) + " and " +
               std::to_string(high));
}
inline Result<double> double_arg(std::string_view word) {
  const auto value = parse_double(word);
  if (!value) return not_a_float();
  return *value;
}

class ArgReader {
 public:
  ArgReader(std::span<const std::string_view> args, size_t from) : args_(args), at_(from) {}

  bool more() const { return at_ < args_.size(); }
  size_t left() const { return args_.size() - at_; }
  std::string_view peek() const { return args_[at_]; }
  std::string_view next() { return args_[at_++]; }

  // Takes the next word where it is `keyword` (in any case).
  bool match(std::string_view keyword) {
    if (!more() || !iequals(args_[at_], keyword)) return false;
    ++at_;
    return true;
  }
  // The same for a keyword that needs `values` more words; with fewer it does not match, and the
  // caller ends in its syntax error.
  bool match_with(std::string_view keyword, size_t values) {
    if (left() < values + 1) return false;
    return match(keyword);
  }

  // The next word as a number; a missing word is a syntax error.
  Result<int64_t> integer() {
    if (!more()) return syntax_error();
    return integer_arg(next());
  }
  Result<int64_t> integer(int64_t low, int64_t high) {
    if (!more()) return syntax_error();
    return integer_arg(next(), low, high);
  }
  Result<double> real() {
    if (!more()) return syntax_error();
    return double_arg(next());
  }

 private:
  std::span<const std::string_view> args_;
  size_t at_;
};

}  // namespace redan
