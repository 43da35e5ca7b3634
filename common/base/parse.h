// Text to values and back, with Redis' strictness: no spaces, no '+', no leading zeros, no
// overflow. Texts of doubles: double_text.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace redan {

std::optional<int64_t> parse_int64(std::string_view text);
std::optional<uint64_t> parse_uint64(std::string_view text);
// "64mb", "1gb", "100": k, m, g are powers of 1000, kb, mb, gb of 1024; case does not matter.
std::optional<int64_t> parse_memory(std::string_view text);
// "yes" or "no", in any case.
std::optional<bool> parse_yes_no(std::string_view text);

// A line into words, as redis-cli and redis.conf quote them: "double quotes" with \n \r \t \b \a
// \xHH and \", 'single quotes' with \'. nullopt where a quote is not closed or is followed by text.
std::optional<std::vector<std::string>> split_words(std::string_view line);
// The word between double quotes, unprintable bytes as escapes: what split_words reads back.
std::string quote_word(std::string_view bytes);

bool iequals(std::string_view a, std::string_view b);
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace redan
