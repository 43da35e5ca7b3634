#include "common/base/double_text.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/base/decimal.h"
#include "common/base/parse.h"

namespace redan {

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
  return print_decimal(to, integer);
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
    to = print_decimal(to, uint64_t(std::abs(exponent)));
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

}  // namespace redan
