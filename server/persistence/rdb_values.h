// Values with elements, as RDB stores them: compact ones in one piece, large ones piece by piece.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/resp/buffer.h"
#include "server/data/value.h"
#include "server/persistence/rdb_format.h"

namespace redan {

// The types that version 10 knows, and version 12 where fields of hashes expire. (A set as a
// listpack came with 11; it is written as a plain set.)
RdbType rdb_type_of_packed(ValueType type, ValueForm form);
RdbType rdb_type_of_large(LargeKind kind);

// A compact collection, without the type in front.
void append_rdb_packed(ByteBuffer& out, ValueType type, ValueForm form, std::string_view bytes,
                       bool compress);

// A large one: the head, then each of its pieces. `count` and `header` are its piece_count() and
// piece_header().
void append_rdb_large_head(ByteBuffer& out, LargeKind kind, uint64_t count, int64_t header);
void append_rdb_piece(ByteBuffer& out, const ValuePiece& piece, LargeKind kind, int64_t header,
                      bool compress);

}  // namespace redan
