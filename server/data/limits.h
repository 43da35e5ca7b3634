// How collections are kept: up to which size in their compact forms (the directives
// *-max-listpack-* and their like, with Redis' defaults), and what keys the hash tables of large
// ones.
#pragma once

#include <cstdint>

#include "common/base/keyed_hash.h"

namespace redan {

struct EncodingLimits {
  uint64_t hash_entries = 128;
  uint64_t hash_value_bytes = 64;
  uint64_t set_intset_entries = 512;
  uint64_t set_entries = 128;
  uint64_t set_value_bytes = 64;
  uint64_t sorted_set_entries = 128;
  uint64_t sorted_set_value_bytes = 64;
  int64_t list_size = -2;  // of a node: elements, or negative: -1 to -5 for 4 to 64 KiB
  int64_t list_compress_depth = 0;
  uint64_t stream_node_bytes = 4096;
  uint64_t stream_node_entries = 100;
  uint64_t hll_sparse_bytes = 3000;
  // No directive: beyond it a set, hash or sorted set is large, whatever the others allow. Compact
  // forms count in 32 bits.
  uint64_t packed_bytes = uint64_t{1} << 30;
  HashKey hash_key{};  // secret, so that no client can choose collisions
};

}  // namespace redan
