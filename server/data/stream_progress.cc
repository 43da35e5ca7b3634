#include "server/data/stream_progress.h"

#include <limits>

namespace redan {

namespace {

// An entry from `from` on may have been deleted out of the middle.
bool has_gap(const StreamState& stream, StreamId from) {
  return stream.length > 0 && !stream.max_deleted_id.is_zero() &&
         stream.first_id <= stream.max_deleted_id && from <= stream.max_deleted_id;
}

// What was ever added may have passed the largest signed number.
int64_t added(const StreamState& stream, uint64_t but = 0) {
  return static_cast<int64_t>(stream.entries_added - but);
}

}  // namespace

int64_t entries_up_to(const StreamState& stream, StreamId id) {
  if (stream.entries_added == 0) return 0;
  if (stream.length == 0 && id <= stream.last_id) return added(stream);
  if (id == stream.last_id) return added(stream);
  if (id > stream.last_id) return StreamGroup::kUnknownRead;
  // Nothing is missing between the first entry and the last.
  if (stream.max_deleted_id.is_zero() || stream.max_deleted_id < stream.first_id) {
    if (id < stream.first_id) return added(stream, stream.length);
    if (id == stream.first_id) return added(stream, stream.length - 1);
  }
  return StreamGroup::kUnknownRead;
}

int64_t entries_read_with(const StreamState& stream, const StreamGroup& group, StreamId id) {
  const int64_t read = group.entries_read();
  if (read != StreamGroup::kUnknownRead && !has_gap(stream, id)) {
    return read == std::numeric_limits<int64_t>::max() ? read : read + 1;
  }
  return stream.entries_added > 0 ? entries_up_to(stream, id) : read;
}

std::optional<int64_t> lag_of(const StreamState& stream, const StreamGroup& group) {
  if (stream.entries_added == 0) return 0;
  int64_t read = group.entries_read();
  if (read == StreamGroup::kUnknownRead || has_gap(stream, group.last_id())) {
    read = entries_up_to(stream, group.last_id());
  }
  if (read == StreamGroup::kUnknownRead) return std::nullopt;
  return added(stream, static_cast<uint64_t>(read));
}

}  // namespace redan
