// The listpack of a list's node, as ListpackEdit wants it: where it lies in the node's memory, and
// when that grows, shrinks or is shared out anew between the two ends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "common/base/check.h"
#include "server/data/list_nodes.h"
#include "server/data/listpack.h"
#include "server/data/value.h"

namespace redan {

namespace list_detail {

inline std::string_view packed_bytes(const char* bytes) {
  uint32_t size;
  std::memcpy(&size, bytes, sizeof size);
  return {bytes, size};
}
inline char* allocate_node(size_t bytes) {
  char* const memory = static_cast<char*>(std::malloc(bytes));
  REDAN_CHECK(memory != nullptr);
  return memory;
}
// Where a node's memory begins.
inline char* node_memory(char* bytes, NodeRoom room) {
  return bytes - room.gap();
}

}  // namespace list_detail

// Room comes in the allocator's classes, so that a node which grows is moved a few times only.
class ListNodeBytes {
 public:
  // `allocated`: the bytes of all nodes, kept up to date.
  ListNodeBytes(size_t& allocated, ListNode& node) : allocated_(allocated), node_(node) {}
  std::string_view view() const { return list_detail::packed_bytes(node_.bytes); }
  char* splice(size_t at, size_t removed, size_t added) {
    const Splice change{view().size(), at, removed, added};
    const size_t capacity = node_.room.capacity();
    const size_t gap = node_.room.gap();
    const size_t total = change.total();
    if (total <= capacity / 2) {
      // Much is free: less would do, unless this is the smallest class.
      if (const size_t wanted = size_class(total); wanted <= capacity / 2) {
        return move_to(change, wanted);
      }
    }
    if (removed == added) return node_.bytes;
    if (change.near_head()) {
      if (gap + removed >= added && gap + removed - added < NodeRoom::kMostWithGap) {
        node_.room.set_gap(gap + removed - added);
        return settle(shift_head(change, node_.bytes + removed - added), total);
      }
    } else if (gap + total <= capacity) {
      std::memmove(node_.bytes + at + added, node_.bytes + at + removed, change.behind());
      return settle(node_.bytes, total);
    }
    return total <= capacity ? share(change) : move_to(change, size_class(total));
  }

 private:
  // `added` bytes for `removed` ones, in a listpack of `before`.
  struct Splice {
    size_t before;
    size_t at;
    size_t removed;
    size_t added;
    size_t total() const { return before - removed + added; }
    size_t behind() const { return before - at - removed; }
    // The header and the end are always in the way.
    bool near_head() const { return at - Listpack::kHeaderBytes < behind() - 1; }
  };

  static char* settle(char* to, size_t total) {
    const auto total32 = static_cast<uint32_t>(total);
    std::memcpy(to, &total32, sizeof total32);
    return to;
  }
  char* shift_head(const Splice& change, char* to) {
    if (change.at == Listpack::kHeaderBytes) {
      char header[Listpack::kHeaderBytes];
      std::memcpy(header, node_.bytes, sizeof header);
      std::memcpy(to, header, sizeof header);
    } else {
      std::memmove(to, node_.bytes, change.at);
    }
    return node_.bytes = to;
  }
  // The wanted end has no room, but the other has: both get half of what will be left.
  char* share(const Splice& change) {
    const size_t capacity = node_.room.capacity();
    const size_t free = capacity - change.total();
    const size_t gap = std::min(free / 2, NodeRoom::kMostWithGap - 1);
    char* const from = node_.bytes;
    char* const to = from - node_.room.gap() + gap;
    const auto shift_tail = [&] {
      std::memmove(to + change.at + change.added, from + change.at + change.removed,
                   change.behind());
    };
    // What goes to where the other part is goes last.
    if (to > from) shift_tail();
    shift_head(change, to);
    if (to <= from) shift_tail();
    node_.room.set_gap(gap);
    return settle(to, change.total());
  }
  char* move_to(const Splice& change, size_t capacity) {
    REDAN_CHECK(change.total() <= UINT32_MAX);
    const size_t free = capacity - change.total();
    const size_t gap = change.near_head() && free < NodeRoom::kMostWithGap ? free : 0;
    char* const memory = list_detail::allocate_node(capacity);
    char* const to = memory + gap;
    std::memcpy(to, node_.bytes, change.at);
    std::memcpy(to + change.at + change.added, node_.bytes + change.at + change.removed,
                change.behind());
    std::free(list_detail::node_memory(node_.bytes, node_.room));
    allocated_ += capacity - node_.room.capacity();
    node_.bytes = to;
    node_.room = NodeRoom(capacity, gap);
    return settle(to, change.total());
  }

  size_t& allocated_;
  ListNode& node_;
};

}  // namespace redan
