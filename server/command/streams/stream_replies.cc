#include "server/command/streams/stream_replies.h"

namespace redan {

void reply_entry(ReplyWriter& reply, const StreamCursor& cursor) {
  reply.array(2);
  reply_id(reply, cursor.id());
  reply.array(cursor.entry().fields * 2);
  cursor.for_each_field([&](const Listpack::Element& field, const Listpack::Element& value) {
    Listpack::Scratch scratch;
    reply.bulk(field.view(scratch));
    reply.bulk(value.view(scratch));
  });
}

uint64_t reply_entries(ReplyWriter& reply, StreamCursor cursor, uint64_t count) {
  const size_t start = reply.begin_deferred();
  uint64_t entries = 0;
  for (; entries < count && cursor.next(); ++entries) reply_entry(reply, cursor);
  reply.end_array(start, entries);
  return entries;
}

}  // namespace redan
