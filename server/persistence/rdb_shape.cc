#include "server/persistence/rdb_shape.h"

#include <cstring>
#include <span>

#include "common/base/check.h"

namespace redan {

// The grammar. A value is a list of pieces; kRepeat reads a length and repeats the pieces it names
// that often.
struct RdbShapeWalk::Piece {
  enum class Kind : uint8_t {
    kString,
    kLength,
    kByteCounted,  // one byte: 253 to 255 are NaN and the infinities, else so many bytes of text
    kBytes8,
    kBytes16,
    kListpack,  // strings that hold a compact encoding
    kZiplist,
    kIntset,
    kZipmap,
    kNodeKind,  // quicklist: 1 is one plain string, 2 a listpack
    kModuleValue,
    kRepeat,
  };
  Kind kind;
  std::span<const Piece> body{};
};

namespace {

using Piece = RdbShapeWalk::Piece;
using Kind = Piece::Kind;

constexpr Piece kString[] = {{Kind::kString}};
constexpr Piece kField[] = {{Kind::kString}, {Kind::kString}};
constexpr Piece kTextScored[] = {{Kind::kString}, {Kind::kByteCounted}};
constexpr Piece kScored[] = {{Kind::kString}, {Kind::kBytes8}};
constexpr Piece kExpiringField[] = {{Kind::kLength}, {Kind::kString}, {Kind::kString}};

constexpr Piece kStrings[] = {{Kind::kRepeat, kString}};
constexpr Piece kSortedSetText[] = {{Kind::kRepeat, kTextScored}};
constexpr Piece kHash[] = {{Kind::kRepeat, kField}};
constexpr Piece kSortedSet[] = {{Kind::kRepeat, kScored}};
constexpr Piece kModule[] = {{Kind::kLength}, {Kind::kModuleValue}};
constexpr Piece kModuleData[] = {{Kind::kModuleValue}};
constexpr Piece kZipmap[] = {{Kind::kZipmap}};
constexpr Piece kZiplist[] = {{Kind::kZiplist}};
constexpr Piece kIntset[] = {{Kind::kIntset}};
constexpr Piece kListpack[] = {{Kind::kListpack}};
constexpr Piece kQuicklist[] = {{Kind::kRepeat, kZiplist}};
constexpr Piece kNode[] = {{Kind::kNodeKind}};
constexpr Piece kQuicklist2[] = {{Kind::kRepeat, kNode}};
constexpr Piece kHashExpiringOld[] = {{Kind::kRepeat, kExpiringField}};
constexpr Piece kHashExpiring[] = {{Kind::kBytes8}, {Kind::kRepeat, kExpiringField}};
constexpr Piece kHashListpackExpiring[] = {{Kind::kBytes8}, {Kind::kListpack}};

// Streams: nodes (first id, listpack), length, last id, since v2 also first id, largest deleted id
// and entries added; then the groups. Ids are two lengths there and 16 bytes in pending lists.
constexpr Piece kStreamNode[] = {{Kind::kString}, {Kind::kListpack}};
constexpr Piece kPending[] = {{Kind::kBytes16}, {Kind::kBytes8}, {Kind::kLength}};
constexpr Piece kPendingId[] = {{Kind::kBytes16}};
constexpr Piece kConsumer[] = {{Kind::kString}, {Kind::kBytes8}, {Kind::kRepeat, kPendingId}};
constexpr Piece kConsumer3[] = {
    {Kind::kString}, {Kind::kBytes8}, {Kind::kBytes8}, {Kind::kRepeat, kPendingId}};
constexpr Piece kGroup[] = {{Kind::kString},
                            {Kind::kLength},
                            {Kind::kLength},
                            {Kind::kRepeat, kPending},
                            {Kind::kRepeat, kConsumer}};
constexpr Piece kGroup2[] = {{Kind::kString},           {Kind::kLength},
                             {Kind::kLength},           {Kind::kLength},
                             {Kind::kRepeat, kPending}, {Kind::kRepeat, kConsumer}};
constexpr Piece kGroup3[] = {{Kind::kString},           {Kind::kLength},
                             {Kind::kLength},           {Kind::kLength},
                             {Kind::kRepeat, kPending}, {Kind::kRepeat, kConsumer3}};
constexpr Piece kStream[] = {{Kind::kRepeat, kStreamNode},
                             {Kind::kLength},
                             {Kind::kLength},
                             {Kind::kLength},
                             {Kind::kRepeat, kGroup}};
constexpr Piece kStream2[] = {{Kind::kRepeat, kStreamNode},
                              {Kind::kLength},
                              {Kind::kLength},
                              {Kind::kLength},
                              {Kind::kLength},
                              {Kind::kLength},
                              {Kind::kLength},
                              {Kind::kLength},
                              {Kind::kLength},
                              {Kind::kRepeat, kGroup2}};
constexpr Piece kStream3[] = {{Kind::kRepeat, kStreamNode},
                              {Kind::kLength},
                              {Kind::kLength},
                              {Kind::kLength},
                              {Kind::kLength},
                              {Kind::kLength},
                              {Kind::kLength},
                              {Kind::kLength},
                              {Kind::kLength},
                              {Kind::kRepeat, kGroup3}};

struct TypeRow {
  RdbType type;
  std::string_view name;  // as redis-check-rdb says it
  std::string_view kind;  // as TYPE says it
  std::span<const Piece> pieces;
};

constexpr TypeRow kTypes[] = {
    {RdbType::kString, "string", "string", kString},
    {RdbType::kList, "list-linked", "list", kStrings},
    {RdbType::kSet, "set-hashtable", "set", kStrings},
    {RdbType::kSortedSetText, "zset-v1", "zset", kSortedSetText},
    {RdbType::kHash, "hash-hashtable", "hash", kHash},
    {RdbType::kSortedSet, "zset-v2", "zset", kSortedSet},
    {RdbType::kModulePreRelease, "module-pre-release", "module", {}},
    {RdbType::kModule, "module-value", "module", kModule},
    {RdbType::kHashZipmap, "hash-zipmap", "hash", kZipmap},
    {RdbType::kListZiplist, "list-ziplist", "list", kZiplist},
    {RdbType::kSetIntset, "set-intset", "set", kIntset},
    {RdbType::kSortedSetZiplist, "zset-ziplist", "zset", kZiplist},
    {RdbType::kHashZiplist, "hash-ziplist", "hash", kZiplist},
    {RdbType::kListQuicklist, "quicklist", "list", kQuicklist},
    {RdbType::kStream, "stream", "stream", kStream},
    {RdbType::kHashListpack, "hash-listpack", "hash", kListpack},
    {RdbType::kSortedSetListpack, "zset-listpack", "zset", kListpack},
    {RdbType::kListQuicklist2, "quicklist-v2", "list", kQuicklist2},
    {RdbType::kStream2, "stream-v2", "stream", kStream2},
    {RdbType::kSetListpack, "set-listpack", "set", kListpack},
    {RdbType::kStream3, "stream-v3", "stream", kStream3},
    {RdbType::kHashExpiringPreRelease, "hash-hashtable-md-pre-release", "hash", kHashExpiringOld},
    {RdbType::kHashListpackExpiringPreRelease, "hash-listpack-md-pre-release", "hash", kListpack},
    {RdbType::kHashExpiring, "hash-hashtable-md", "hash", kHashExpiring},
    {RdbType::kHashListpackExpiring, "hash-listpack-md", "hash", kHashListpackExpiring},
};

const TypeRow* find_type(RdbType type) {
  for (const TypeRow& row : kTypes) {
    if (row.type == type) return &row;
  }
  return nullptr;
}

uint32_t le32_at(std::string_view bytes, size_t at) {
  uint32_t value;
  std::memcpy(&value, bytes.data() + at, 4);
  return value;
}

// The frame of a compact encoding: its own size, its end mark. Elements are not decoded.
const char* wrong_frame(Kind kind, std::string_view bytes) {
  const auto ends_with_mark = [&] { return static_cast<uint8_t>(bytes.back()) == 0xFF; };
  switch (kind) {
    case Kind::kListpack:
      if (bytes.size() < 7 || le32_at(bytes, 0) != bytes.size() || !ends_with_mark()) {
        return "a listpack's size or end mark is wrong";
      }
      return nullptr;
    case Kind::kZiplist:
      if (bytes.size() < 11 || le32_at(bytes, 0) != bytes.size() || !ends_with_mark() ||
          le32_at(bytes, 4) >= bytes.size()) {
        return "a ziplist's size, tail or end mark is wrong";
      }
      return nullptr;
    case Kind::kIntset: {
      if (bytes.size() < 8) return "an intset is too short";
      const uint64_t width = le32_at(bytes, 0);
      if ((width != 2 && width != 4 && width != 8) ||
          8 + width * le32_at(bytes, 4) != bytes.size()) {
        return "an intset's size or width is wrong";
      }
      return nullptr;
    }
    case Kind::kZipmap:
      if (bytes.size() < 2 || !ends_with_mark()) return "a zipmap has no end mark";
      return nullptr;
    default:
      return nullptr;
  }
}

}  // namespace

std::string_view rdb_type_name(RdbType type) {
  const TypeRow* row = find_type(type);
  return row == nullptr ? std::string_view() : row->name;
}

std::string_view rdb_value_kind(RdbType type) {
  const TypeRow* row = find_type(type);
  return row == nullptr ? std::string_view() : row->kind;
}

bool RdbShapeWalk::begin(RdbType type) {
  const TypeRow* row = find_type(type);
  if (row == nullptr || row->pieces.empty()) return false;
  frames_.assign(1, Frame{row->pieces.data(), row->pieces.size()});
  return true;
}

void RdbShapeWalk::begin_module_data() {
  frames_.assign(1, Frame{kModuleData, std::size(kModuleData)});
}

// To the next piece, out of every frame that ends here.
void RdbShapeWalk::advance() {
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    if (++frame.next < frame.count) return;
    frame.next = 0;
    if (--frame.repeats > 0) return;
    frames_.pop_back();
  }
}

bool RdbShapeWalk::step(RdbCursor& cursor) {
  REDAN_CHECK(!frames_.empty());
  const Frame& frame = frames_.back();
  return read(frame.pieces[frame.next], cursor);
}

bool RdbShapeWalk::told(RdbPieces::Kind kind, std::string_view bytes, uint64_t number,
                        RdbCursor& cursor) {
  if (pieces_ == nullptr) return true;
  const char* wrong = pieces_->piece(kind, bytes, number);
  return wrong == nullptr || cursor.corrupt(wrong);
}

bool RdbShapeWalk::read(const Piece& piece, RdbCursor& cursor) {
  using Told = RdbPieces::Kind;
  uint64_t number = 0;
  uint8_t byte = 0;
  std::string_view text;
  switch (piece.kind) {
    case Kind::kString:
      if (!cursor.string(text, scratch_) || !told(Told::kString, text, 0, cursor)) return false;
      break;
    case Kind::kLength:
      if (!cursor.length(number) || !told(Told::kLength, {}, number, cursor)) return false;
      break;
    case Kind::kByteCounted:
      if (!cursor.byte(byte)) return false;
      if (byte >= 253) {
        text = byte == 253 ? "nan" : byte == 254 ? "inf" : "-inf";
      } else if (!cursor.fixed(byte, text)) {
        return false;
      }
      if (!told(Told::kScoreText, text, 0, cursor)) return false;
      break;
    case Kind::kBytes8:
      if (!cursor.fixed(8, text) || !told(Told::kBytes8, text, 0, cursor)) return false;
      break;
    case Kind::kBytes16:
      if (!cursor.fixed(16, text) || !told(Told::kBytes16, text, 0, cursor)) return false;
      break;
    case Kind::kNodeKind: {
      if (!cursor.length(number)) return false;
      if (number != 1 && number != 2) return cursor.corrupt("a list node of an unknown kind");
      if (number == 1 && !cursor.string(text, scratch_)) return false;
      if (number == 2 && !compact_string(kListpack[0], cursor, text)) return false;
      if (!told(number == 1 ? Told::kPlainNode : Told::kPackedNode, text, 0, cursor)) return false;
      break;
    }
    case Kind::kListpack:
    case Kind::kZiplist:
    case Kind::kIntset:
    case Kind::kZipmap: {
      if (!compact_string(piece, cursor, text)) return false;
      const Told kind = piece.kind == Kind::kListpack  ? Told::kListpack
                        : piece.kind == Kind::kZiplist ? Told::kZiplist
                        : piece.kind == Kind::kIntset  ? Told::kIntset
                                                       : Told::kZipmap;
      if (!told(kind, text, 0, cursor)) return false;
      break;
    }
    case Kind::kModuleValue:
      return module_value(cursor);
    case Kind::kRepeat: {
      if (!cursor.length(number)) return false;
      if (number > cursor.left_at_most()) {
        return cursor.corrupt("a value claims more elements than there are bytes left");
      }
      if (!told(Told::kCount, {}, number, cursor)) return false;
      if (number == 0) break;
      frames_.push_back({piece.body.data(), piece.body.size(), 0, number});
      // The frame below moves on when this one ends.
      return true;
    }
  }
  advance();
  return true;
}

bool RdbShapeWalk::compact_string(const Piece& piece, RdbCursor& cursor, std::string_view& bytes) {
  if (!cursor.string(bytes, scratch_)) return false;
  const char* wrong = wrong_frame(piece.kind, bytes);
  return wrong == nullptr || cursor.corrupt(wrong);
}

// A module writes values that carry their own type, up to a 0.
bool RdbShapeWalk::module_value(RdbCursor& cursor) {
  enum : uint64_t { kEnd = 0, kSigned = 1, kUnsigned = 2, kFloat = 3, kDouble = 4, kText = 5 };
  uint64_t type, number;
  std::string_view text;
  if (!cursor.length(type)) return false;
  switch (type) {
    case kEnd:
      advance();
      return true;
    case kSigned:
    case kUnsigned:
      return cursor.length(number);
    case kFloat:
      return cursor.skip(4);
    case kDouble:
      return cursor.skip(8);
    case kText:
      return cursor.string(text, scratch_);
    default:
      return cursor.corrupt("a module's value of an unknown type");
  }
}

}  // namespace redan
