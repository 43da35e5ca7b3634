// Text to values and back, with Redis' strictness: no spaces, no '+', no leading zeros, no
// overflow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace redan {

std::optional<int64_t> parse_int64(std::string_view text);
std::optional<uint64_t> parse_uint64(std::string_view text);
// A finite or infinite number in C's notation ("3.0e3", "inf", "-Infinity"); NaN and text with
// anything before or behind the number are refused.
std::optional<double> parse_double(std::string_view text);
std::optional<long double> parse_long_double(std::string_view text);
// "64mb", "1gb", "100": k, m, g are powers of 1000, kb, mb, gb of 1024; case does not matter.
std::optional<int64_t> parse_memory(std::string_view text);
// "yes" or "no", in any case.
std::optional<bool> parse_yes_no(std::string_view text);

// A line into words, as redis-cli and redis.conf quote them: "double quotes" with \n \r \t \b \a
// \xHH and \", 'single quotes' with \'. nullopt where a quote is not closed or is followed by text.
std::optional<std::vector<std::string>> split_words(std::string_view line);
// The word between double quotes, unprintable bytes as escapes: what split_words reads back.
std::string quote_word(std::string_view bytes);

// The fewest digits that read back as the same double ("3", "0.1", "inf", "1e+21"), set as
// Redis 7.2 sets them in replies and scores (7.0 writes up to 17 digits; see double_text.h).
std::string format_double(double value);
// The same into a buffer of kPrintedDoubleBytes; returns the end.
inline constexpr size_t kPrintedDoubleBytes = 32;
char* print_double(char* to, double value);
// The fixed form with up to 17 digits behind the point and no trailing zeros: how INCRBYFLOAT
// writes its result.
std::string format_long_double_human(long double value);

bool iequals(std::string_view a, std::string_view b);
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace redan
