// Passwords are kept as the hexadecimal digits of their SHA-256, as Redis' files hold them.
#pragma once

#include <string>
#include <string_view>

namespace redan::acl {

std::string hash_of(std::string_view password);
// 64 digits, letters in lower case.
bool is_hash(std::string_view text);
// Takes the same time wherever they differ.
bool same_hash(std::string_view a, std::string_view b);

}  // namespace redan::acl
