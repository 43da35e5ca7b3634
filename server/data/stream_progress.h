// How far a consumer group has come: how many of all entries that a stream ever got it has read,
// and how many it has not. Where XDEL took entries from the middle, nobody knows; then neither do
// these. Source: XINFO GROUPS of Redis 7, https://redis.io/commands/xinfo-groups (section "Consumer
// group lag").
#pragma once

#include <cstdint>
#include <optional>

#include "server/data/large_stream.h"

namespace redan {

// How many entries were ever added up to `id`; StreamGroup::kUnknownRead.
int64_t entries_up_to(const StreamState& stream, StreamId id);
// A group's count of entries read, once it has read the entry `id`, the first behind its last_id.
int64_t entries_read_with(const StreamState& stream, const StreamGroup& group, StreamId id);
std::optional<int64_t> lag_of(const StreamState& stream, const StreamGroup& group);

}  // namespace redan
