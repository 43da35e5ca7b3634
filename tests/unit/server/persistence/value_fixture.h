// What the tests of value builders share: DUMP payloads as text, and a key made of one.
#pragma once

#include <string>
#include <string_view>

#include "common/base/crc64.h"
#include "server/keyspace/keyspace.h"
#include "server/persistence/dump_payload.h"
#include "server/persistence/rdb_primitives.h"

namespace redan {

inline const std::string kBad = "ERR Bad data format";

inline std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// A payload with the footer that belongs to its bytes.
inline std::string payload(std::string_view body) {
  ByteBuffer out;
  out.append(body);
  out.append(std::string_view("\x0a\0", 2));
  append_le64(out, crc64(0, out.view()));
  return std::string(out.view());
}
inline std::string body_of(const std::string& dump) {
  return dump.substr(0, dump.size() - 10);
}

// Restores the payload as a key and shows it to see(entry); the error's text where it is refused.
template <class See>
std::string restore_and(std::string_view bytes, const EncodingLimits& limits, See&& see) {
  Result<StoredValue> value = read_dump_payload(bytes, limits);
  if (!value) return value.error().text();
  Keyspace keyspace({.databases = 1, .seed = 1});
  keyspace.set_value(0, "k", value.take());
  keyspace.check_invariants();
  const Entry& entry = *keyspace.peek(0, "k");
  if (entry.is_large()) entry.large().check_invariants();
  see(entry);
  return {};
}

}  // namespace redan
