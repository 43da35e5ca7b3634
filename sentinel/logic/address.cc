#include "sentinel/logic/address.h"

#include <algorithm>

namespace redan {

bool is_ip_literal(const std::string& text) {
  if (text.empty()) return false;
  if (text.find(':') != std::string::npos) return true;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

}  // namespace redan
