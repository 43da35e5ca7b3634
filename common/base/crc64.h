// CRC-64 "Jones" (polynomial 0xad93d23594c935a9, reflected, no initial or final inversion): the
// checksum at the end of RDB files and DUMP payloads.
#pragma once

#include <cstdint>
#include <string_view>

namespace redan {

// Continues `crc` (0 at the start) over `bytes`.
uint64_t crc64(uint64_t crc, std::string_view bytes);

}  // namespace redan
