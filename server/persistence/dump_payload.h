// What DUMP answers and RESTORE takes: one value, outside of any file.
//   payload = type string version checksum      type 0: a string, as in rdb_format.h
//   version = RDB version, 2 bytes; checksum = CRC-64 of all before, 8 bytes; both little endian
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace redan {

std::string dump_string(std::string_view value);
std::string dump_integer(int64_t value);

struct RestoredValue {
  bool is_integer = false;
  int64_t integer = 0;
  std::string bytes;
};
// The payload comes from a client: anything may be in it.
Result<RestoredValue> read_dump_payload(std::string_view payload);

}  // namespace redan
