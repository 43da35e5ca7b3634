#include "server/persistence/rdb_values.h"

#include <cstring>

#include "common/base/check.h"
#include "server/data/field_triples.h"
#include "server/data/listpack.h"
#include "server/persistence/rdb_primitives.h"

namespace redan {

namespace {

// A list's node that holds a listpack; 1 is one plain element.
constexpr uint64_t kPackedNode = 2;

void append_members(ByteBuffer& out, std::string_view bytes, bool compress) {
  const Listpack pack(bytes);
  append_rdb_length(out, pack.size());
  for (size_t at = pack.first(); at != Listpack::kNone; at = pack.next(at)) {
    const Listpack::Element element = pack.at(at);
    Listpack::Scratch scratch;
    append_rdb_string(out, element.view(scratch), compress);
  }
}

uint64_t number_at(std::string_view bytes, size_t at) {
  uint64_t number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

void append_lengths(ByteBuffer& out, std::string_view lengths) {
  for (size_t at = 0; at < lengths.size(); at += 8) append_rdb_length(out, number_at(lengths, at));
}

// A stream's entries that were delivered: id, time of the last delivery, how many there were.
void append_pending(ByteBuffer& out, std::string_view entries) {
  for (size_t at = 0; at < entries.size(); at += 32) {
    out.append(entries.substr(at, 16));
    append_le64(out, number_at(entries, at + 16));
    append_rdb_length(out, number_at(entries, at + 24));
  }
}

}  // namespace

RdbType rdb_type_of_packed(ValueType type, ValueForm form) {
  switch (type) {
    case ValueType::kList:
      return RdbType::kListQuicklist2;
    case ValueType::kSet:
      return form == ValueForm::kIntset ? RdbType::kSetIntset : RdbType::kSet;
    case ValueType::kSortedSet:
      return RdbType::kSortedSetListpack;
    case ValueType::kHash:
      return form == ValueForm::kTriples ? RdbType::kHashListpackExpiring : RdbType::kHashListpack;
    case ValueType::kString:
    case ValueType::kStream:
      break;
  }
  REDAN_CHECK(false);
  return RdbType::kString;
}

RdbType rdb_type_of_large(LargeKind kind) {
  switch (kind) {
    case LargeKind::kList:
      return RdbType::kListQuicklist2;
    case LargeKind::kSet:
      return RdbType::kSet;
    case LargeKind::kSortedSet:
      return RdbType::kSortedSet;
    case LargeKind::kHash:
      return RdbType::kHash;
    case LargeKind::kExpiringHash:
      return RdbType::kHashExpiring;
    case LargeKind::kStream:
      return RdbType::kStream2;
  }
  REDAN_CHECK(false);
  return RdbType::kString;
}

void append_rdb_packed(ByteBuffer& out, ValueType type, ValueForm form, std::string_view bytes,
                       bool compress) {
  if (type == ValueType::kSet && form == ValueForm::kListpack) {
    return append_members(out, bytes, compress);
  }
  if (type == ValueType::kList) {
    append_rdb_length(out, 1);
    append_rdb_length(out, kPackedNode);
  }
  if (form == ValueForm::kTriples) {
    append_le64(out, static_cast<uint64_t>(FieldTriples(bytes).first_expiry_ms()));
  }
  append_rdb_string(out, bytes, compress);
}

void append_rdb_large_head(ByteBuffer& out, LargeKind kind, uint64_t count, int64_t header) {
  if (kind == LargeKind::kStream) return;  // Its pieces are whole as they are.
  if (kind == LargeKind::kExpiringHash) append_le64(out, static_cast<uint64_t>(header));
  append_rdb_length(out, count);
}

void append_rdb_piece(ByteBuffer& out, const ValuePiece& piece, LargeKind kind, int64_t header,
                      bool compress) {
  switch (piece.kind) {
    case ValuePiece::Kind::kMember:
      return append_rdb_string(out, piece.a, compress);
    case ValuePiece::Kind::kField:
      // 0: stays; else from the earliest expiry on, which is 1.
      if (kind == LargeKind::kExpiringHash) {
        append_rdb_length(out,
                          piece.number == 0 ? 0 : static_cast<uint64_t>(piece.number - header + 1));
      }
      append_rdb_string(out, piece.a, compress);
      return append_rdb_string(out, piece.b, compress);
    case ValuePiece::Kind::kScored:
      append_rdb_string(out, piece.a, compress);
      return append_le64(out, static_cast<uint64_t>(piece.number));
    case ValuePiece::Kind::kNode:
      append_rdb_length(out, static_cast<uint64_t>(piece.number));
      return append_rdb_string(out, piece.a, compress);
    case ValuePiece::Kind::kStreamNode:
      append_rdb_string(out, piece.a, false);
      return append_rdb_string(out, piece.b, compress);
    case ValuePiece::Kind::kLengths:
      return append_lengths(out, piece.a);
    case ValuePiece::Kind::kText:
      return append_rdb_string(out, piece.a, compress);
    case ValuePiece::Kind::kPending:
      return append_pending(out, piece.a);
    case ValuePiece::Kind::kRaw:
      out.append(piece.a);
      return;
  }
}

}  // namespace redan
