#include "common/config/value.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>

#include "common/base/parse.h"

namespace redan {
namespace value_detail {
namespace {

std::string joined(const std::vector<std::string_view>& words, std::string_view between) {
  std::string out;
  for (const std::string_view word : words) {
    if (!out.empty()) out += between;
    out += word;
  }
  return out;
}

Result<int64_t> read_octal(std::string_view text) {
  if (text.empty() || text.size() > 20)
    return Error("argument couldn't be parsed as an octal number");
  int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '7') return Error("argument couldn't be parsed as an octal number");
    value = value * 8 + (c - '0');
  }
  return value;
}

Result<int64_t> read_bytes(const Option& option, std::string_view text) {
  const bool percent_too = option.unit == Unit::kBytesOrPercent;
  if (percent_too && text.ends_with('%')) {
    const auto percent = parse_int64(text.substr(0, text.size() - 1));
    if (percent && *percent >= 0) return -*percent;
  } else if (!text.starts_with('-')) {
    if (const auto bytes = parse_memory(text)) return *bytes;
  }
  return Error(percent_too ? "argument must be a memory or percent value"
                           : "argument must be a memory value");
}

}  // namespace

Error wrong_count() {
  return Error("wrong number of arguments");
}

Error not_one_of(const std::vector<std::string_view>& names) {
  return Error("argument(s) must be one of the following: " + joined(names, ", "));
}

bool same_word(std::string_view a, std::string_view b) {
  return iequals(a, b);
}

Result<int64_t> read_number(const Option& option, std::string_view text) {
  if (option.unit == Unit::kOctal) {
    Result<int64_t> value = read_octal(text);
    if (value && (*value < option.range.min || *value > option.range.max)) {
      return Error(fmt::format("argument must be between {:o} and {:o} inclusive", option.range.min,
                               option.range.max));
    }
    return value;
  }
  if (option.unit == Unit::kBytes || option.unit == Unit::kBytesOrPercent) {
    Result<int64_t> value = read_bytes(option, text);
    if (!value) return value;
    if (*value < 0 && *value < option.range.min) {
      return Error(
          fmt::format("percentage argument must be less or equal to {}", -option.range.min));
    }
    if (*value >= 0 && *value < option.range.min) {
      return Error(fmt::format("argument must be between {} and {} inclusive", option.range.min,
                               option.range.max));
    }
    return value;
  }
  const auto value = parse_int64(text);
  if (!value) return Error("argument couldn't be parsed into an integer");
  if (*value < option.range.min || *value > option.range.max) {
    return Error(fmt::format("argument must be between {} and {} inclusive", option.range.min,
                             option.range.max));
  }
  return *value;
}

std::string write_number(const Option& option, int64_t value) {
  if (option.unit == Unit::kOctal) return fmt::format("{:o}", value);
  if (option.unit == Unit::kBytesOrPercent && value < 0) return fmt::format("{}%", -value);
  return std::to_string(value);
}

std::string line_of_number(const Option& option, int64_t value) {
  const bool bytes = option.unit == Unit::kBytes || option.unit == Unit::kBytesOrPercent;
  if (!bytes || value <= 0) return write_number(option, value);
  constexpr std::pair<int64_t, const char*> kUnits[] = {
      {1 << 30, "gb"}, {1 << 20, "mb"}, {1 << 10, "kb"}};
  for (const auto& [factor, unit] : kUnits) {
    if (value % factor == 0) return std::to_string(value / factor) + unit;
  }
  return std::to_string(value);
}

Result<std::string> read_text(const Option& option, std::string_view text) {
  if (option.refuse != nullptr) {
    if (const char* reason = option.refuse(text)) return Error(reason);
  }
  return std::string(text);
}

std::string quote_if_needed(std::string_view word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isgraph(c) != 0 && c != '"' && c != '\'' && c != '\\' && c != '#';
  });
  return plain ? std::string(word) : quote_word(word);
}

std::string quote_words(const Words& words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += ' ';
    out += quote_if_needed(word);
  }
  return out;
}

}  // namespace value_detail

using namespace value_detail;  // NOLINT: this file implements it

Result<void> Value<bool>::read(const Option&, const Line& line, bool& value) {
  if (line.words.size() != 1) return wrong_count();
  const auto read = parse_yes_no(line.words[0]);
  if (!read) return Error("argument must be 'yes' or 'no'");
  value = *read;
  return kOk;
}

Result<void> Value<int64_t>::read(const Option& option, const Line& line, int64_t& value) {
  if (line.words.size() != 1) return wrong_count();
  Result<int64_t> read = read_number(option, line.words[0]);
  if (!read) return read.error();
  value = *read;
  return kOk;
}

Result<void> Value<std::string>::read(const Option& option, const Line& line, std::string& value) {
  if (line.words.size() != 1) return wrong_count();
  Result<std::string> read = read_text(option, line.words[0]);
  if (!read) return read.error();
  value = read.take();
  return kOk;
}

Result<void> Value<Words>::read(const Option& option, const Line& line, Words& value) {
  if (static_cast<int64_t>(line.words.size()) > option.range.max) {
    return Error(fmt::format("Too many {} addresses specified.", option.name));
  }
  const bool none = line.words.size() == 1 && line.words[0].empty();
  value.assign(line.words.begin(), none ? line.words.begin() : line.words.end());
  return kOk;
}

std::string Value<Words>::write(const Option&, const Words& value) {
  return joined({value.begin(), value.end()}, " ");
}

std::vector<std::string> Value<Words>::lines(const Option&, const Words& value) {
  return {value.empty() ? "\"\"" : quote_words(value)};
}

Result<void> Value<LineList>::read(const Option& option, const Line& line, LineList& value) {
  const auto count = static_cast<int64_t>(line.words.size());
  if (count < std::max<int64_t>(1, option.range.min) || count > option.range.max) {
    return Error("Bad directive or wrong number of arguments");
  }
  value.emplace_back(line.words.begin(), line.words.end());
  return kOk;
}

std::string Value<LineList>::write(const Option& option, const LineList& value) {
  const std::vector<std::string> all = lines(option, value);
  return joined({all.begin(), all.end()}, "\n");
}

std::vector<std::string> Value<LineList>::lines(const Option&, const LineList& value) {
  std::vector<std::string> out;
  for (const Words& words : value) out.push_back(quote_words(words));
  return out;
}

}  // namespace redan
