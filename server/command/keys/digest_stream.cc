// A stream's digest: its entries in their order. Groups are not part of it, as they are not in
// Redis.
#include <string>

#include "server/command/keys/digest.h"
#include "server/data/stream_cursor.h"
#include "server/values/stream_value.h"

namespace redan {

void add_stream(Digest& digest, const Entry& entry) {
  StreamCursor cursor(stream_of(entry), {}, StreamId::max());
  while (cursor.next()) {
    std::string id = StreamIdText(cursor.id()).str();
    id[id.find('-')] = '.';
    add_ordered(digest, id);
    cursor.for_each_field([&](const Listpack::Element& field, const Listpack::Element& value) {
      Listpack::Scratch scratch;
      add_ordered(digest, field.view(scratch));
      add_ordered(digest, value.view(scratch));
    });
  }
}

}  // namespace redan
