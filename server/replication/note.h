// What a replication machine wants an operator to read. The driver logs it.
#pragma once

#include <cstdint>
#include <string>

namespace redan {

struct Note {
  enum class Level : uint8_t { kVerbose, kNotice, kWarning };
  Level level = Level::kNotice;
  std::string text;
};

}  // namespace redan
