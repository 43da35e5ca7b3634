// How streams' entries are answered.
#pragma once

#include "common/resp/writer.h"
#include "server/data/stream_cursor.h"

namespace redan {

// An entry: its id and its fields and values by turns.
void reply_entry(ReplyWriter& reply, const StreamCursor& cursor);
inline void reply_id(ReplyWriter& reply, StreamId id) {
  reply.bulk(StreamIdText(id).view());
}

// An array of the entries that are left, at most `count` of them. Answers how many there were.
uint64_t reply_entries(ReplyWriter& reply, StreamCursor cursor, uint64_t count);

}  // namespace redan
