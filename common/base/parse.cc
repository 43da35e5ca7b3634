#include "common/base/parse.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "common/base/double_text.h"

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

namespace {
// What INCRBYFLOAT writes may have 309 digits before the point, for a long double 4 933.
constexpr size_t kMaxRealLength = 5 * 1024 - 1;

template <class Number, class Read>
std::optional<Number> parse_real(std::string_view text, Read read) {
  if (text.empty() || text.size() > kMaxRealLength) return std::nullopt;
  if (std::isspace(static_cast<unsigned char>(text[0])) != 0) return std::nullopt;
  char buffer[kMaxRealLength + 1];
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  char* end = nullptr;
  errno = 0;
  const Number value = read(buffer, &end);
  if (end != buffer + text.size() || std::isnan(value)) return std::nullopt;
  // Too large or too small for the type is an error; a written-out infinity is not.
  if (errno == ERANGE && (std::isinf(value) || value == 0)) return std::nullopt;
  return value;
}
}  // namespace

std::optional<double> parse_double(std::string_view text) {
  // The usual forms; strtod knows more of them ("+1", "0x10", "1e400" with its error).
  constexpr int64_t kMostExact = int64_t{1} << 53;
  const auto whole = parse_int64(text);
  if (whole && *whole >= -kMostExact && *whole <= kMostExact) return static_cast<double>(*whole);
  constexpr size_t kUsualLength = 64;
  if (text.size() <= kUsualLength) {
    double value;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool all = error == std::errc() && rest == text.data() + text.size();
    if (all && !std::isnan(value)) return value;
  }
  return parse_real<double>(text, [](const char* p, char** end) { return std::strtod(p, end); });
}

std::optional<long double> parse_long_double(std::string_view text) {
  return parse_real<long double>(text,
                                 [](const char* p, char** end) { return std::strtold(p, end); });
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

namespace {

// Infinities, zeroes and what is no number; nullptr for all others.
char* print_special(char* to, double value) {
  const auto put = [&](std::string_view text) { return std::copy(text.begin(), text.end(), to); };
  if (std::isinf(value)) return put(value > 0 ? "inf" : "-inf");
  if (std::isnan(value)) return put("nan");
  if (value == 0) return put(std::signbit(value) ? "-0" : "0");
  return nullptr;
}

// Whole numbers below `limit` as integers; nullptr for all others.
char* print_whole(char* to, double value, double limit) {
  if (!(value > -limit && value < limit)) return nullptr;
  const auto integer = static_cast<int64_t>(value);
  if (static_cast<double>(integer) != value) return nullptr;
  return std::to_chars(to, to + kPrintedDoubleBytes, integer).ptr;
}

}  // namespace

char* print_double(char* to, double value) {
  constexpr double kTwo62 = 4611686018427387904.0;
  if (char* const end = print_special(to, value)) return end;
  if (char* const end = print_whole(to, value, kTwo62)) return end;

  // The fewest digits that read back as this value: d.ddde[+-]xx.
  char scientific[kPrintedDoubleBytes];
  const char* const end = std::to_chars(scientific, scientific + sizeof scientific, value,
                                        std::chars_format::scientific)
                              .ptr;
  const char* at = scientific;
  if (*at == '-') *to++ = *at++;
  char digits[20];
  int count = 0;
  for (; *at != 'e'; ++at) {
    if (*at != '.') digits[count++] = *at;
  }
  ++at;
  if (*at == '+') ++at;
  int exponent = 0;  // of the first digit
  std::from_chars(at, end, exponent);

  const auto put = [&](const char* from, int n) { to = std::copy(from, from + n, to); };
  const auto zeroes = [&](int n) { to = std::fill_n(to, n, '0'); };
  const int behind = count - 1 - exponent;  // digits behind the point
  if (behind <= 0 && exponent < count + 7) {
    put(digits, count);
    zeroes(-behind);
  } else if (behind > 0 && (behind < 7 || std::abs(exponent) < 4)) {
    const int before = count - behind;
    if (before > 0) {
      put(digits, before);
      *to++ = '.';
      put(digits + before, behind);
    } else {
      *to++ = '0';
      *to++ = '.';
      zeroes(-before);
      put(digits, count);
    }
  } else {
    *to++ = digits[0];
    if (count > 1) *to++ = '.';
    put(digits + 1, count - 1);
    *to++ = 'e';
    *to++ = exponent < 0 ? '-' : '+';
    to = std::to_chars(to, to + 4, std::abs(exponent)).ptr;
  }
  return to;
}

char* print_double_17(char* to, double value) {
  constexpr double kTwo52 = 4503599627370496.0;
  if (char* const end = print_special(to, value)) return end;
  if (char* const end = print_whole(to, value, kTwo52)) return end;
  return std::to_chars(to, to + kPrintedDoubleBytes, value, std::chars_format::general, 17).ptr;
}

std::string format_double(double value) {
  char text[kPrintedDoubleBytes];
  return std::string(text, print_double(text, value));
}

std::string format_long_double_human(long double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[5200];
  std::snprintf(buffer, sizeof buffer, "%.17Lf", value);
  std::string text = buffer;
  if (text.find('.') != std::string::npos) {
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(a[i])) !=
        std::tolower(static_cast<unsigned char>(b[i]))) {
      return false;
    }
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
