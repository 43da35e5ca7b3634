// How values with elements are laid out in RDB, as data: enough to walk over a value of any type
// without holding more than one element of it, and to check that each piece is well formed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/persistence/rdb_format.h"
#include "server/persistence/rdb_primitives.h"

namespace redan {

// Hears what a value consists of, in the order of the bytes: `bytes` of strings, compact encodings
// and fixed fields, `number` of lengths and of the counts that precede repetitions. Views are valid
// during the call. A reason ends the reading; nullptr goes on.
class RdbPieces {
 public:
  enum class Kind : uint8_t {
    kString,
    kLength,
    kCount,
    kScoreText,  // of the old sorted sets: text, or "nan", "inf", "-inf"
    kBytes8,
    kBytes16,
    kListpack,
    kZiplist,
    kIntset,
    kZipmap,
    kPlainNode,
    kPackedNode,
  };
  virtual ~RdbPieces() = default;
  virtual const char* piece(Kind kind, std::string_view bytes, uint64_t number) = 0;
};

// Walks over one value, or over a module's data, in as many steps as it has pieces. Between two
// steps it may wait for more input.
class RdbShapeWalk {
 public:
  // False for types that cannot be walked over (modules before their first release).
  bool begin(RdbType type);
  void begin_module_data();
  bool done() const { return frames_.empty(); }
  // From now on; nullptr: nobody. (Of modules' values nothing is told.)
  void tell(RdbPieces* pieces) { pieces_ = pieces; }
  // Reads one piece; on false see cursor.status(). After kNeedMore the same step is tried again,
  // with a cursor at the place where the failed step began.
  bool step(RdbCursor& cursor);

  struct Piece;

 private:
  struct Frame {
    const Piece* pieces;
    size_t count;
    size_t next = 0;
    uint64_t repeats = 1;
  };
  bool read(const Piece& piece, RdbCursor& cursor);
  bool module_value(RdbCursor& cursor);
  bool compact_string(const Piece& piece, RdbCursor& cursor, std::string_view& bytes);
  bool told(RdbPieces::Kind kind, std::string_view bytes, uint64_t number, RdbCursor& cursor);
  void advance();

  std::vector<Frame> frames_;
  std::string scratch_;
  RdbPieces* pieces_ = nullptr;
};

}  // namespace redan
