// The directives about compact forms, as the keyspace wants them.
#pragma once

#include "server/config/server_config.h"
#include "server/data/limits.h"

namespace redan {

// Changed by these: CONFIG SET of one of them tells the keyspace.
inline const std::initializer_list<std::string_view> kEncodingLimitOptions = {
    "hash-max-listpack-entries", "hash-max-listpack-value", "set-max-intset-entries",
    "set-max-listpack-entries",  "set-max-listpack-value",  "zset-max-listpack-entries",
    "zset-max-listpack-value",   "list-max-listpack-size",  "list-compress-depth",
    "stream-node-max-bytes",     "stream-node-max-entries", "hll-sparse-max-bytes"};

inline EncodingLimits encoding_limits(const ServerConfig& config) {
  return {.hash_entries = static_cast<uint64_t>(config.hash_max_listpack_entries),
          .hash_value_bytes = static_cast<uint64_t>(config.hash_max_listpack_value),
          .set_intset_entries = static_cast<uint64_t>(config.set_max_intset_entries),
          .set_entries = static_cast<uint64_t>(config.set_max_listpack_entries),
          .set_value_bytes = static_cast<uint64_t>(config.set_max_listpack_value),
          .sorted_set_entries = static_cast<uint64_t>(config.zset_max_listpack_entries),
          .sorted_set_value_bytes = static_cast<uint64_t>(config.zset_max_listpack_value),
          .list_size = config.list_max_listpack_size,
          .list_compress_depth = config.list_compress_depth,
          .stream_node_bytes = static_cast<uint64_t>(config.stream_node_max_bytes),
          .stream_node_entries = static_cast<uint64_t>(config.stream_node_max_entries),
          .hll_sparse_bytes = static_cast<uint64_t>(config.hll_sparse_max_bytes)};
}

}  // namespace redan
