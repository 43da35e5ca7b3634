#include "server/data/radix_shape.h"

#include <array>

namespace redan {

namespace {

// How many bytes two different ids begin with in common.
size_t common_bytes(StreamId a, StreamId b) {
  if (a.ms != b.ms) return static_cast<size_t>(__builtin_clzll(a.ms ^ b.ms)) / 8;
  return 8 + static_cast<size_t>(__builtin_clzll(a.seq ^ b.seq)) / 8;
}

}  // namespace

// The ids come in order, so the open path from the root is a stack of depths at which ids part.
// A node at depth d below one at depth p hangs on a stretch of d - p - 1 bytes, behind the byte
// that chose it; the root's stretch has all d.
size_t radix_tree_nodes(const StreamNodes& nodes) {
  if (nodes.empty()) return 1;
  size_t count = 0;
  std::array<size_t, StreamId::kBytes> path;
  size_t depth = 0;  // of the stack
  // What hangs below the path's end is complete: a node at `at`, whose parent is at `parent`.
  const auto close = [&](size_t at, size_t parent, bool has_parent) {
    const size_t stretch = has_parent ? at - parent - 1 : at;
    count += 1 + (stretch > 0 ? 1 : 0);
  };
  StreamId before;
  bool first = true;
  size_t shared_before = 0;  // of the last id with the one before it
  nodes.for_each([&](const StreamNodeRef& node) {
    if (first) {
      first = false;
      before = node.id;
      return;
    }
    const size_t shared = common_bytes(before, node.id);
    // The leaf of the id before hangs on the deeper of its two neighbours.
    const bool deeper_before = depth > 0 && shared_before > shared;
    close(StreamId::kBytes, deeper_before ? shared_before : shared, true);
    while (depth > 0 && path[depth - 1] > shared) {
      const size_t at = path[--depth];
      const bool has_path = depth > 0 && path[depth - 1] > shared;
      close(at, has_path ? path[depth - 1] : shared, true);
    }
    if (depth == 0 || path[depth - 1] < shared) path[depth++] = shared;
    before = node.id;
    shared_before = shared;
  });
  // The last leaf, and the path that is left.
  close(StreamId::kBytes, shared_before, depth > 0);
  while (depth > 0) {
    const size_t at = path[--depth];
    close(at, depth > 0 ? path[depth - 1] : 0, depth > 0);
  }
  return count;
}

}  // namespace redan
