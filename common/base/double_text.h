// Doubles as text: what Redis reads as a number, and the forms in which it writes one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace redan {

// A finite or infinite number in C's notation ("3.0e3", "inf", "-Infinity"); NaN and text with
// anything before or behind the number are refused.
std::optional<double> parse_double(std::string_view text);
std::optional<long double> parse_long_double(std::string_view text);

// The fewest digits that read back as the same double ("3", "0.1", "inf", "1e+21"), set as
// Redis 7.2 sets them in replies and scores (7.0 writes up to 17 digits).
std::string format_double(double value);
// The same into a buffer of kPrintedDoubleBytes; returns the end.
inline constexpr size_t kPrintedDoubleBytes = 32;
char* print_double(char* to, double value);
// Up to 17 digits, as printf's %.17g, into such a buffer; returns the end. ZSCAN of a large sorted
// set and DEBUG DIGEST write scores so; all else uses print_double().
char* print_double_17(char* to, double value);
// The fixed form with up to 17 digits behind the point and no trailing zeros: how INCRBYFLOAT
// writes its result.
std::string format_long_double_human(long double value);

}  // namespace redan
