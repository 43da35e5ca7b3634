#include "server/persistence/dump_payload.h"

#include <cstring>
#include <memory>

#include "common/base/crc64.h"
#include "common/resp/buffer.h"
#include "server/persistence/rdb_format.h"
#include "server/persistence/rdb_primitives.h"
#include "server/persistence/rdb_shape.h"
#include "server/persistence/rdb_values.h"
#include "server/persistence/value_builder.h"

namespace redan {

namespace {

constexpr size_t kFooterBytes = 2 + 8;

std::string finished(ByteBuffer& out, int version) {
  out.append(static_cast<char>(version));
  out.append('\0');
  append_le64(out, crc64(0, out.view()));
  return std::string(out.view());
}

}  // namespace

LargeDump::LargeDump(const LargeValue& value) : kind_(value.kind()), header_(value.piece_header()) {
  out_.append(static_cast<char>(rdb_type_of_large(kind_)));
  append_rdb_large_head(out_, kind_, value.piece_count(), header_);
}

void LargeDump::piece(const ValuePiece& piece) {
  append_rdb_piece(out_, piece, kind_, header_, true);
}

std::string LargeDump::finish() {
  return finished(
      out_, kind_ == LargeKind::kExpiringHash ? kRdbVersionWithFieldExpiry : kRdbVersionWritten);
}

namespace {

std::string dump_large(const LargeValue& value) {
  struct Sink final : PieceSink {
    explicit Sink(LargeDump& to) : dump(to) {}
    void piece(const ValuePiece& piece) override { dump.piece(piece); }
    LargeDump& dump;
  };
  LargeDump dump(value);
  Sink sink(dump);
  value.for_each_piece(sink);
  return dump.finish();
}

// Walks over a value with elements; what it consists of goes to the builder.
Result<StoredValue> build(RdbType type, const EncodingLimits& limits, RdbCursor cursor,
                          std::string_view body) {
  const Error bad_format("ERR", "Bad data format");
  const std::unique_ptr<ValueBuilder> builder = make_value_builder(type, limits);
  RdbShapeWalk walk;
  if (builder == nullptr || !walk.begin(type)) {
    const std::string_view kind = rdb_value_kind(type);
    if (kind.empty()) return bad_format;
    return Error("Bad data format: a value of type " + std::string(kind) +
                 " cannot be restored by this version");
  }
  walk.tell(builder.get());
  while (!walk.done()) {
    if (!walk.step(cursor)) return bad_format;
  }
  if (cursor.at() != body.size() || builder->finish() != nullptr || builder->empty()) {
    return bad_format;
  }
  return builder->take();
}

}  // namespace

std::string dump_value(const Entry& entry) {
  if (entry.is_large()) return dump_large(entry.large());
  ByteBuffer out;
  if (!entry.is_string()) {
    const ValueForm form = entry.form();
    out.append(static_cast<char>(rdb_type_of_packed(entry.type(), form)));
    append_rdb_packed(out, entry.type(), form, entry.packed(), true);
    return finished(out,
                    form == ValueForm::kTriples ? kRdbVersionWithFieldExpiry : kRdbVersionWritten);
  }
  out.append(static_cast<char>(RdbType::kString));
  if (entry.is_integer()) {
    append_rdb_integer(out, entry.integer());
  } else {
    Entry::Scratch scratch;
    append_rdb_string(out, entry.string(scratch), true);
  }
  return finished(out, kRdbVersionWritten);
}

Result<StoredValue> read_dump_payload(std::string_view payload, const EncodingLimits& limits) {
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
    return build(static_cast<RdbType>(type), limits, cursor, body);
  }
  RdbCursor::Value value;
  std::string scratch;
  if (!cursor.value(value, scratch)) return bad_format;
  if (cursor.at() != body.size()) return bad_format;
  if (value.is_integer) return StoredValue::of_integer(value.integer);
  return StoredValue::text(std::string(value.bytes));
}

}  // namespace redan
