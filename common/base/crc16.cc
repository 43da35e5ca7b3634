#include "common/base/crc16.h"

#include <array>

namespace redan {

namespace {
constexpr std::array<uint16_t, 256> make_table() {
  std::array<uint16_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint16_t crc = static_cast<uint16_t>(i << 8);
    for (int bit = 0; bit < 8; ++bit) {
      crc = static_cast<uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    table[i] = crc;
  }
  return table;
}
// kTables[n][b]: the CRC of byte b with n zero bytes behind it. Eight bytes at once are then eight
// look-ups that do not wait for each other (a request's slot is computed in the way of every
// command of a cluster node).
constexpr std::array<std::array<uint16_t, 256>, 8> make_tables() {
  std::array<std::array<uint16_t, 256>, 8> tables{};
  tables[0] = make_table();
  for (size_t n = 1; n < tables.size(); ++n) {
    for (size_t b = 0; b < 256; ++b) {
      const uint16_t before = tables[n - 1][b];
      tables[n][b] = static_cast<uint16_t>((before << 8) ^ tables[0][before >> 8]);
    }
  }
  return tables;
}
constexpr std::array<std::array<uint16_t, 256>, 8> kTables = make_tables();
}  // namespace

uint16_t crc16(std::string_view bytes) {
  uint32_t crc = 0;
  const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
  const uint8_t* const end = at + bytes.size();
  for (; end - at >= 8; at += 8) {
    crc = kTables[7][at[0] ^ crc >> 8] ^ kTables[6][at[1] ^ (crc & 255)] ^ kTables[5][at[2]] ^
          kTables[4][at[3]] ^ kTables[3][at[4]] ^ kTables[2][at[5]] ^ kTables[1][at[6]] ^
          kTables[0][at[7]];
  }
  for (; at < end; ++at) crc = (crc << 8 & 0xffff) ^ kTables[0][crc >> 8 ^ *at];
  return static_cast<uint16_t>(crc);
}

Slot slot_of_key(std::string_view key) {
  if (const size_t open = key.find('{'); open != std::string_view::npos) {
    const size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) {
      key = key.substr(open + 1, close - open - 1);
    }
  }
  return Slot(crc16(key) & (kSlotCount - 1));
}

}  // namespace redan
