// Redis' glob patterns: ? * [abc] [^a] [a-z] and \x. Work is bounded by the
// product of both lengths, whatever the pattern.
#pragma once

#include <string_view>

namespace redan {

enum class Case { kSensitive, kInsensitive };
bool glob_match(std::string_view pattern, std::string_view text,
                Case sensitivity = Case::kSensitive);

}  // namespace redan
