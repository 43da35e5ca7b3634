// Payloads for RESTORE, made by hand.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/check.h"
#include "common/base/crc64.h"

namespace redan {

inline constexpr size_t kFooterBytes = 10;

// Type and value with the footer of version 10 and the right checksum.
inline std::string payload(std::string body, char version = 10) {
  body += version;
  body += '\0';
  const uint64_t crc = crc64(0, body);
  return body.append(reinterpret_cast<const char*>(&crc), sizeof crc);
}

inline std::string le32(size_t number) {
  const auto word = static_cast<uint32_t>(number);
  return std::string(reinterpret_cast<const char*>(&word), sizeof word);
}

// A string of RDB of up to 16383 bytes.
inline std::string rdb_string(const std::string& text) {
  REDAN_CHECK(text.size() < 16384);
  std::string head;
  if (text.size() < 64) {
    head += static_cast<char>(text.size());
  } else {
    head += static_cast<char>(0x40 | text.size() >> 8);
    head += static_cast<char>(text.size());
  }
  return head + text;
}

}  // namespace redan
