// Writes an RDB stream into memory, piece by piece: the caller takes pending() to a file or a
// socket and calls written() before it goes on. The checksum follows what was written.
//   header(), aux fields, then for each database select_db(), resize_db() and its keys, end().
#pragma once

#include <cstdint>
#include <string_view>

#include "common/resp/buffer.h"
#include "server/data/value.h"
#include "server/persistence/rdb_format.h"

namespace redan {

// What a key carries beside its name and value; negative: not known or not wanted.
struct RdbKeyFacts {
  int64_t expires_unix_ms = -1;
  int64_t idle_s = -1;
  int32_t frequency = -1;
};

class RdbWriter {
 public:
  struct Options {
    bool compress = true;  // rdbcompression
    bool checksum = true;  // rdbchecksum
  };
  explicit RdbWriter(Options options) : options_(options) {}

  void header(int version = kRdbVersionWritten);
  void aux(std::string_view name, std::string_view value);
  void aux(std::string_view name, int64_t value);
  void select_db(int db);
  void resize_db(uint64_t keys, uint64_t expiring);
  void string_key(std::string_view key, const RdbKeyFacts& facts, std::string_view value);
  void integer_key(std::string_view key, const RdbKeyFacts& facts, int64_t value);
  // A collection in its compact form.
  void packed_key(std::string_view key, const RdbKeyFacts& facts, ValueType type, ValueForm form,
                  std::string_view bytes);
  // A large value: its key, then all of its pieces, one behind the other.
  void large_key(std::string_view key, const RdbKeyFacts& facts, LargeKind kind, uint64_t count,
                 int64_t header);
  void piece(const ValuePiece& piece);
  // What another writer, without header and checksum, has written; its last value goes on here.
  void append_section(const RdbWriter& other) {
    out_.append(other.pending());
    large_kind_ = other.large_kind_;
    large_header_ = other.large_header_;
  }
  void end();

  std::string_view pending() const { return out_.view(); }
  // The pending bytes are taken.
  void written();
  uint64_t total_bytes() const { return total_ + out_.size(); }

 private:
  void opcode(RdbOpcode code) { out_.append(static_cast<char>(code)); }
  void key_head(std::string_view key, const RdbKeyFacts& facts, RdbType type);

  Options options_;
  LargeKind large_kind_{};
  int64_t large_header_ = 0;
  ByteBuffer out_;
  uint64_t crc_ = 0;
  uint64_t total_ = 0;
};

}  // namespace redan
