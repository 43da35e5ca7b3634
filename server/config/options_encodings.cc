// When a small collection becomes a large one.
#include "common/config/value.h"
#include "server/config/options.h"
#include "server/config/server_config.h"
#include "server/config/values.h"

namespace redan {
namespace {

const Option kOptions[] = {
    {.name = "hash-max-listpack-entries",
     .alias = "hash-max-ziplist-entries",
     .field = &ServerConfig::hash_max_listpack_entries,
     .fallback = "512",
     .range = {.min = 0, .max = kInt64Max},
     .doc = "Fields of a compact hash."},
    {.name = "hash-max-listpack-value",
     .alias = "hash-max-ziplist-value",
     .field = &ServerConfig::hash_max_listpack_value,
     .fallback = "64",
     .range = {.min = 0, .max = kInt64Max},
     .unit = Unit::kBytes,
     .doc = "Longest value in a compact hash."},
    {.name = "list-max-listpack-size",
     .alias = "list-max-ziplist-size",
     .field = &ServerConfig::list_max_listpack_size,
     .fallback = "-2",
     .range = {.min = -kIntMax - 1, .max = kIntMax},
     .doc = "Entries of a list node, or as -1 to -5 its size from 4kb to 64kb."},
    {.name = "list-compress-depth",
     .field = &ServerConfig::list_compress_depth,
     .fallback = "0",
     .range = {.min = 0, .max = kIntMax},
     .doc =
         "Nodes at each end of a large list that stay uncompressed; 0 compresses none. For lists "
         "that become large from then on."},
    {.name = "set-max-intset-entries",
     .field = &ServerConfig::set_max_intset_entries,
     .fallback = "512",
     .range = {.min = 0, .max = kInt64Max},
     .doc = "Members of a compact set of integers."},
    {.name = "set-max-listpack-entries",
     .field = &ServerConfig::set_max_listpack_entries,
     .fallback = "128",
     .range = {.min = 0, .max = kInt64Max},
     .doc = "Members of a compact set."},
    {.name = "set-max-listpack-value",
     .field = &ServerConfig::set_max_listpack_value,
     .fallback = "64",
     .range = {.min = 0, .max = kInt64Max},
     .unit = Unit::kBytes,
     .doc = "Longest member of a compact set."},
    {.name = "zset-max-listpack-entries",
     .alias = "zset-max-ziplist-entries",
     .field = &ServerConfig::zset_max_listpack_entries,
     .fallback = "128",
     .range = {.min = 0, .max = kInt64Max},
     .doc = "Members of a compact sorted set."},
    {.name = "zset-max-listpack-value",
     .alias = "zset-max-ziplist-value",
     .field = &ServerConfig::zset_max_listpack_value,
     .fallback = "64",
     .range = {.min = 0, .max = kInt64Max},
     .unit = Unit::kBytes,
     .doc = "Longest member of a compact sorted set."},
    {.name = "hll-sparse-max-bytes",
     .field = &ServerConfig::hll_sparse_max_bytes,
     .fallback = "3000",
     .range = {.min = 0, .max = kInt64Max},
     .unit = Unit::kBytes,
     .doc = "Size of a sparse HyperLogLog."},
    {.name = "stream-node-max-bytes",
     .field = &ServerConfig::stream_node_max_bytes,
     .fallback = "4096",
     .range = {.min = 0, .max = kInt64Max},
     .unit = Unit::kBytes,
     .doc = "Bytes of a stream node."},
    {.name = "stream-node-max-entries",
     .field = &ServerConfig::stream_node_max_entries,
     .fallback = "100",
     .range = {.min = 0, .max = kInt64Max},
     .doc = "Entries of a stream node."},
};

}  // namespace

std::span<const Option> encodings_options() {
  return kOptions;
}

}  // namespace redan
