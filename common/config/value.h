// How the types of config fields are read and written: bool, int64_t, std::string, enums with a
// table of names, lists of words, and directives that may stand on many lines. A struct of your own
// joins by specialising Value<T> in the same form.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/config/option.h"

namespace redan {

// The words of an enum, first match wins:
//   template <> struct EnumNames<AppendFsync> { static constexpr std::pair<std::string_view,
//     AppendFsync> kTable[] = {{"always", AppendFsync::kAlways}, ...}; };
template <class Enum>
struct EnumNames;

// Words of a line, kept for each time that the directive stands in the file (user, loadmodule).
using LineList = std::vector<Words>;

namespace value_detail {
Error wrong_count();
Result<int64_t> read_number(const Option& option, std::string_view text);
std::string write_number(const Option& option, int64_t value);
std::string line_of_number(const Option& option, int64_t value);
Result<std::string> read_text(const Option& option, std::string_view text);
// A word as the file needs it: quoted if it is empty or holds something else than plain characters.
std::string quote_if_needed(std::string_view word);
std::string quote_words(const Words& words);
Error not_one_of(const std::vector<std::string_view>& names);
bool same_word(std::string_view a, std::string_view b);
}  // namespace value_detail

template <>
struct Value<bool> {
  static constexpr bool kManyWords = false;
  static constexpr bool kManyLines = false;
  static Result<void> read(const Option& option, const Line& line, bool& value);
  static std::string write(const Option&, bool value) { return value ? "yes" : "no"; }
  static std::vector<std::string> lines(const Option& option, bool value) {
    return {write(option, value)};
  }
};

template <>
struct Value<int64_t> {
  static constexpr bool kManyWords = false;
  static constexpr bool kManyLines = false;
  static Result<void> read(const Option& option, const Line& line, int64_t& value);
  static std::string write(const Option& option, int64_t value) {
    return value_detail::write_number(option, value);
  }
  static std::vector<std::string> lines(const Option& option, int64_t value) {
    return {value_detail::line_of_number(option, value)};
  }
};

template <>
struct Value<std::string> {
  static constexpr bool kManyWords = false;
  static constexpr bool kManyLines = false;
  static Result<void> read(const Option& option, const Line& line, std::string& value);
  static std::string write(const Option&, const std::string& value) { return value; }
  static std::vector<std::string> lines(const Option&, const std::string& value) {
    return {value_detail::quote_if_needed(value)};
  }
};

// Words behind one another (bind).
template <>
struct Value<Words> {
  static constexpr bool kManyWords = true;
  static constexpr bool kManyLines = false;
  static Result<void> read(const Option& option, const Line& line, Words& value);
  static std::string write(const Option& option, const Words& value);
  static std::vector<std::string> lines(const Option& option, const Words& value);
};

template <>
struct Value<LineList> {
  static constexpr bool kManyWords = true;
  static constexpr bool kManyLines = true;
  static Result<void> read(const Option& option, const Line& line, LineList& value);
  static std::string write(const Option& option, const LineList& value);
  static std::vector<std::string> lines(const Option& option, const LineList& value);
};

template <class Enum>
requires std::is_enum_v<Enum>
struct Value<Enum> {
  static constexpr bool kManyWords = false;
  static constexpr bool kManyLines = false;
  static Result<void> read(const Option&, const Line& line, Enum& value) {
    if (line.words.size() != 1) return value_detail::wrong_count();
    std::vector<std::string_view> names;
    for (const auto& [name, meaning] : EnumNames<Enum>::kTable) {
      if (value_detail::same_word(name, line.words[0])) {
        value = meaning;
        return kOk;
      }
      names.push_back(name);
    }
    return value_detail::not_one_of(names);
  }
  static std::string write(const Option&, Enum value) {
    for (const auto& [name, meaning] : EnumNames<Enum>::kTable) {
      if (meaning == value) return std::string(name);
    }
    return "unknown";
  }
  static std::vector<std::string> lines(const Option& option, Enum value) {
    return {write(option, value)};
  }
};

}  // namespace redan
