// The smallest pieces of RDB: lengths and strings, written to a buffer and read with a cursor. The
// file reader, the file writer and the DUMP payload share them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/resp/buffer.h"
#include "server/persistence/rdb_format.h"

namespace redan {

void append_rdb_length(ByteBuffer& out, uint64_t value);
// As a number where `bytes` is the exact decimal text of an int32, compressed where that is asked
// and pays, plain otherwise.
void append_rdb_string(ByteBuffer& out, std::string_view bytes, bool compress);
// The same string as append_rdb_string(out, std::to_string(value), ...).
void append_rdb_integer(ByteBuffer& out, int64_t value);
void append_le64(ByteBuffer& out, uint64_t value);

// Reads from bytes that may end anywhere. Each function answers true and moves on, or answers false
// and says in status() why: the bytes end too early (wanted() tells how many from the beginning are
// needed at least), or no continuation of them makes sense (reason()). Nothing is allocated for a
// length that the input merely claims.
class RdbCursor {
 public:
  enum class Status : uint8_t { kReading, kNeedMore, kCorrupt };

  // `limit`: how many bytes there will ever be, counted from the beginning of `bytes`.
  explicit RdbCursor(std::string_view bytes, uint64_t limit = UINT64_MAX)
      : bytes_(bytes), limit_(limit) {}

  Status status() const { return status_; }
  size_t at() const { return at_; }
  uint64_t wanted() const { return wanted_; }
  const char* reason() const { return reason_; }
  uint64_t left_at_most() const { return limit_ - at_; }

  bool byte(uint8_t& value);
  bool le32(uint32_t& value);
  bool le64(uint64_t& value);
  bool skip(uint64_t count);
  // The next `count` bytes as they are.
  bool fixed(uint64_t count, std::string_view& bytes) {
    const size_t begin = at_;
    if (!skip(count)) return false;
    bytes = bytes_.substr(begin, static_cast<size_t>(count));
    return true;
  }
  bool length(uint64_t& value);
  // The string's bytes: a view into the input, or into `scratch` for numbers and compressed ones.
  bool string(std::string_view& value, std::string& scratch);
  // A string, without making text of one that is written as a number.
  struct Value {
    bool is_integer = false;
    int64_t integer = 0;
    std::string_view bytes;
  };
  bool value(Value& value, std::string& scratch);

  bool corrupt(const char* reason) {
    status_ = Status::kCorrupt;
    reason_ = reason;
    return false;
  }

 private:
  bool need(uint64_t count) {
    if (bytes_.size() - at_ >= count) [[likely]] {
      return true;
    }
    return short_by(count);
  }
  bool short_by(uint64_t count);
  bool compressed(std::string_view& value, std::string& scratch);
  uint64_t big_endian(int bytes);

  std::string_view bytes_;
  size_t at_ = 0;
  uint64_t limit_;
  uint64_t wanted_ = 0;
  const char* reason_ = "";
  Status status_ = Status::kReading;
};

}  // namespace redan
