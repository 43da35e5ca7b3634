// Comparing a password without telling, by the time it takes, how much of it was right.
#pragma once

#include <cstddef>
#include <string_view>

namespace redan {

inline bool same_password(std::string_view given, std::string_view required) {
  // Walks over the given text whatever the required one is.
  unsigned char difference = given.size() == required.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    const char other = required.empty() ? '\0' : required[i % required.size()];
    difference = static_cast<unsigned char>(difference | (given[i] ^ other));
  }
  return difference == 0;
}

}  // namespace redan
