// Streams as commands see them: always a LargeStream, also when they are empty.
#pragma once

#include <memory>

#include "server/data/large_stream.h"
#include "server/data/limits.h"
#include "server/keyspace/keyspace.h"

namespace redan {

// Only of an entry that holds a stream.
inline const LargeStream& stream_of(const Entry& entry) {
  return static_cast<const LargeStream&>(entry.large());
}

inline LargeStream::NodeLimits stream_node_limits(const EncodingLimits& limits) {
  return {.bytes = limits.stream_node_bytes, .entries = limits.stream_node_entries};
}

inline StoredValue empty_stream() {
  return StoredValue::of_large(ValueType::kStream, std::make_unique<LargeStream>());
}

}  // namespace redan
