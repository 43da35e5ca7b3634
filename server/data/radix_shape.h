// How many nodes Redis' radix tree has for the ids that a stream's nodes begin with: what XINFO
// STREAM shows as radix-tree-nodes. There is none here; the number follows from the ids.
//
// The tree, over the 16 bytes of each id: a leaf for each id, a node wherever ids part, and between
// them one for each stretch of bytes that all ids below share; at least the root. Source:
// https://github.com/antirez/rax (README), compared with redis-server 7.0.
#pragma once

#include <cstddef>

#include "server/data/large_stream.h"

namespace redan {

size_t radix_tree_nodes(const StreamNodes& nodes);

}  // namespace redan
