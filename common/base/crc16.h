// CRC-16/XMODEM (polynomial 0x1021), with which a key is mapped to its hash slot.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/ids.h"

namespace redan {

uint16_t crc16(std::string_view bytes);

// The slot of a key: the CRC of what stands between its first '{' and the first '}' behind it, if
// that is not empty, else of the whole key.
inline Slot slot_of_key(std::string_view key);

namespace detail {
// What suits this processor. It can be called at any time, also before main().
extern Slot (*slot_of_key)(std::string_view key);
}  // namespace detail

inline Slot slot_of_key(std::string_view key) {
  return detail::slot_of_key(key);
}

}  // namespace redan
