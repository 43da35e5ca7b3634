#include "server/persistence/dump_payload.h"

#include <cstring>

#include "common/base/crc64.h"
#include "common/resp/buffer.h"
#include "server/persistence/rdb_format.h"
#include "server/persistence/rdb_primitives.h"

namespace redan {

namespace {

constexpr size_t kFooterBytes = 2 + 8;

std::string finished(ByteBuffer& out) {
  out.append(static_cast<char>(kRdbVersionWritten));
  out.append('\0');
  append_le64(out, crc64(0, out.view()));
  return std::string(out.view());
}

}  // namespace

std::string dump_string(std::string_view value) {
  ByteBuffer out;
  out.append(static_cast<char>(RdbType::kString));
  append_rdb_string(out, value, true);
  return finished(out);
}

std::string dump_integer(int64_t value) {
  ByteBuffer out;
  out.append(static_cast<char>(RdbType::kString));
  append_rdb_integer(out, value);
  return finished(out);
}

Result<RestoredValue> read_dump_payload(std::string_view payload) {
  const Error wrong_footer("ERR", "DUMP payload version or checksum are wrong");
  if (payload.size() < kFooterBytes) return wrong_footer;
  const std::string_view body = payload.substr(0, payload.size() - kFooterBytes);
  uint16_t version;
  uint64_t stored;
  std::memcpy(&version, payload.data() + body.size(), 2);
  std::memcpy(&stored, payload.data() + body.size() + 2, 8);
  if (version > kRdbVersionNewest) return wrong_footer;
  if (crc64(0, payload.substr(0, payload.size() - 8)) != stored) return wrong_footer;

  const Error bad_format("ERR", "Bad data format");
  RdbCursor cursor(body, body.size());
  uint8_t type;
  if (!cursor.byte(type)) return bad_format;
  if (static_cast<RdbType>(type) != RdbType::kString) {
    const std::string_view kind = rdb_value_kind(static_cast<RdbType>(type));
    if (kind.empty()) return bad_format;
    return Error("Bad data format: a value of type " + std::string(kind) +
                 " cannot be restored by this version");
  }
  RdbCursor::Value value;
  RestoredValue restored;
  if (!cursor.value(value, restored.bytes)) return bad_format;
  if (cursor.at() != body.size()) return bad_format;
  restored.is_integer = value.is_integer;
  restored.integer = value.integer;
  if (!value.is_integer && value.bytes.data() != restored.bytes.data()) {
    restored.bytes = value.bytes;
  }
  return restored;
}

}  // namespace redan
