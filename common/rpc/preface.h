// What every HTTP/2 client says first (RFC 9113, section 3.4).
#pragma once

#include <string_view>

namespace redan {

inline constexpr std::string_view kRpcPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

}  // namespace redan
