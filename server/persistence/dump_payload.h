// What DUMP answers and RESTORE takes: one value, outside of any file.
//   payload = type value version checksum      type and value: as in rdb_format.h
//   version = RDB version, 2 bytes; checksum = CRC-64 of all before, 8 bytes; both little endian
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/resp/buffer.h"
#include "server/data/limits.h"
#include "server/data/value.h"
#include "server/keyspace/entry.h"

namespace redan {

std::string dump_value(const Entry& entry);

// The same of a large value that comes in pieces (see SnapshotSink).
class LargeDump {
 public:
  explicit LargeDump(const LargeValue& value);
  void piece(const ValuePiece& piece);
  std::string finish();

 private:
  ByteBuffer out_;
  LargeKind kind_;
  int64_t header_;
};

// The payload comes from a client: anything may be in it.
Result<StoredValue> read_dump_payload(std::string_view payload, const EncodingLimits& limits);

}  // namespace redan
