#include "common/base/parse.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace redan {

std::optional<int64_t> parse_int64(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  const std::string_view digits = negative ? text.substr(1) : text;
  if (digits.empty() || digits.size() > 19) return std::nullopt;
  if (digits[0] == '0' && (digits.size() > 1 || negative)) return std::nullopt;
  uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  const uint64_t limit = uint64_t{1} << 63;
  if (negative) {
    if (value > limit) return std::nullopt;
    return static_cast<int64_t>(~value + 1);
  }
  if (value >= limit) return std::nullopt;
  return static_cast<int64_t>(value);
}

std::optional<uint64_t> parse_uint64(std::string_view text) {
  if (text.empty() || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int64_t> parse_memory(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && (std::isdigit(static_cast<unsigned char>(text[digits])) != 0 ||
                                  (digits == 0 && text[0] == '-'))) {
    ++digits;
  }
  const std::string unit = to_lower(text.substr(digits));
  int64_t factor = 0;
  if (unit.empty() || unit == "b") factor = 1;
  if (unit == "k") factor = 1000;
  if (unit == "kb") factor = 1024;
  if (unit == "m") factor = 1000 * 1000;
  if (unit == "mb") factor = 1024 * 1024;
  if (unit == "g") factor = 1000 * 1000 * 1000;
  if (unit == "gb") factor = 1024 * 1024 * 1024;
  const std::optional<int64_t> number = parse_int64(text.substr(0, digits));
  int64_t bytes = 0;
  if (factor == 0 || !number || __builtin_mul_overflow(*number, factor, &bytes))
    return std::nullopt;
  return bytes;
}

std::optional<bool> parse_yes_no(std::string_view text) {
  if (iequals(text, "yes")) return true;
  if (iequals(text, "no")) return false;
  return std::nullopt;
}

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

// Reads a quoted part that began before position i; false if it never ends.
bool read_quoted(std::string_view line, size_t& i, char quote, std::string& word) {
  while (i < line.size()) {
    const char c = line[i++];
    if (c == quote) return i == line.size() || is_space(line[i]);
    if (c != '\\' || i == line.size()) {
      word += c;
      continue;
    }
    if (quote == '\'') {
      if (line[i] == '\'')
        ++i, word += '\'';
      else
        word += '\\';
      continue;
    }
    const char escaped = line[i++];
    if (escaped == 'x' && i + 1 < line.size() && hex_value(line[i]) >= 0 &&
        hex_value(line[i + 1]) >= 0) {
      word += static_cast<char>(hex_value(line[i]) * 16 + hex_value(line[i + 1]));
      i += 2;
      continue;
    }
    switch (escaped) {
      case 'n':
        word += '\n';
        break;
      case 'r':
        word += '\r';
        break;
      case 't':
        word += '\t';
        break;
      case 'b':
        word += '\b';
        break;
      case 'a':
        word += '\a';
        break;
      default:
        word += escaped;
    }
  }
  return false;
}

}  // namespace

std::optional<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  size_t i = 0;
  for (;;) {
    while (i < line.size() && is_space(line[i])) ++i;
    if (i == line.size() || line[i] == '\0') return words;
    std::string word;
    while (i < line.size() && !is_space(line[i]) && line[i] != '\0') {
      const char c = line[i++];
      if (c == '"' || c == '\'') {
        if (!read_quoted(line, i, c, word)) return std::nullopt;
        break;
      }
      word += c;
    }
    words.push_back(std::move(word));
  }
}

std::string quote_word(std::string_view bytes) {
  std::string text = "\"";
  for (const char c : bytes) {
    switch (c) {
      case '\\':
      case '"':
        text += '\\', text += c;
        break;
      case '\n':
        text += "\\n";
        break;
      case '\r':
        text += "\\r";
        break;
      case '\t':
        text += "\\t";
        break;
      case '\a':
        text += "\\a";
        break;
      case '\b':
        text += "\\b";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 32 && static_cast<unsigned char>(c) < 127) {
          text += c;
        } else {
          char escape[8];
          std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c));
          text += escape;
        }
    }
  }
  return text + '"';
}

bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  // Not std::tolower(): every option of a call passes by here a few times.
  const auto folded = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  for (size_t i = 0; i < a.size(); ++i) {
    if (folded(a[i]) != folded(b[i])) return false;
  }
  return true;
}

std::string to_lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::string to_upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace redan
