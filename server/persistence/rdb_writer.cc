#include "server/persistence/rdb_writer.h"

#include <cstdio>
#include <string>

#include "common/base/check.h"
#include "common/base/crc64.h"
#include "server/persistence/rdb_primitives.h"
#include "server/persistence/rdb_values.h"

namespace redan {

void RdbWriter::header(int version) {
  REDAN_CHECK(version >= 1);
  REDAN_CHECK(version <= kRdbVersionNewest);
  char text[kRdbHeaderBytes + 1];
  std::snprintf(text, sizeof(text), "REDIS%04d", version);
  out_.append(std::string_view(text, kRdbHeaderBytes));
}

void RdbWriter::aux(std::string_view name, std::string_view value) {
  opcode(RdbOpcode::kAux);
  append_rdb_string(out_, name, options_.compress);
  append_rdb_string(out_, value, options_.compress);
}

void RdbWriter::aux(std::string_view name, int64_t value) {
  aux(name, std::to_string(value));
}

void RdbWriter::select_db(int db) {
  REDAN_CHECK(db >= 0);
  opcode(RdbOpcode::kSelectDb);
  append_rdb_length(out_, static_cast<uint64_t>(db));
}

void RdbWriter::resize_db(uint64_t keys, uint64_t expiring) {
  opcode(RdbOpcode::kResizeDb);
  append_rdb_length(out_, keys);
  append_rdb_length(out_, expiring);
}

void RdbWriter::key_head(std::string_view key, const RdbKeyFacts& facts, RdbType type) {
  if (facts.expires_unix_ms >= 0) {
    opcode(RdbOpcode::kExpiryMs);
    append_le64(out_, static_cast<uint64_t>(facts.expires_unix_ms));
  }
  if (facts.idle_s >= 0) {
    opcode(RdbOpcode::kIdle);
    append_rdb_length(out_, static_cast<uint64_t>(facts.idle_s));
  }
  if (facts.frequency >= 0) {
    opcode(RdbOpcode::kFrequency);
    out_.append(static_cast<char>(facts.frequency));
  }
  out_.append(static_cast<char>(type));
  append_rdb_string(out_, key, options_.compress);
}

void RdbWriter::string_key(std::string_view key, const RdbKeyFacts& facts, std::string_view value) {
  key_head(key, facts, RdbType::kString);
  append_rdb_string(out_, value, options_.compress);
}

void RdbWriter::integer_key(std::string_view key, const RdbKeyFacts& facts, int64_t value) {
  key_head(key, facts, RdbType::kString);
  append_rdb_integer(out_, value);
}

void RdbWriter::packed_key(std::string_view key, const RdbKeyFacts& facts, ValueType type,
                           ValueForm form, std::string_view bytes) {
  key_head(key, facts, rdb_type_of_packed(type, form));
  append_rdb_packed(out_, type, form, bytes, options_.compress);
}

void RdbWriter::large_key(std::string_view key, const RdbKeyFacts& facts, LargeKind kind,
                          uint64_t count, int64_t header) {
  key_head(key, facts, rdb_type_of_large(kind));
  append_rdb_large_head(out_, kind, count, header);
  large_kind_ = kind;
  large_header_ = header;
}

void RdbWriter::piece(const ValuePiece& piece) {
  append_rdb_piece(out_, piece, large_kind_, large_header_, options_.compress);
}

void RdbWriter::end() {
  opcode(RdbOpcode::kEnd);
  if (options_.checksum) {
    append_le64(out_, crc64(crc_, out_.view()));
  } else {
    append_le64(out_, 0);
  }
}

void RdbWriter::written() {
  if (options_.checksum) crc_ = crc64(crc_, out_.view());
  total_ += out_.size();
  // A buffer that one large value blew up is given back.
  out_.clear(1 << 20);
}

}  // namespace redan
