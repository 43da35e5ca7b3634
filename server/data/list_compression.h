// Nodes of a list in LZF, for list-compress-depth: what the directive calls compressed.
//
//   compressed node := size of the bytes as they were (4)  size of the LZF data (4)  LZF data
//
// The bytes are the node's: a listpack, which begins with the same size, or a plain element with
// the size in front of its text.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "server/data/list_nodes.h"

namespace redan {

namespace list_detail {

// A compressed node with the memory it takes, one of the allocator's classes; none where that is
// not less than what the bytes take themselves. As in Redis it must save eight bytes, and less than
// 48 are left alone.
struct Compressed {
  char* bytes = nullptr;
  size_t capacity = 0;
};
Compressed compress(std::string_view bytes);
// The bytes again, in a node's memory or where they are read.
size_t decompressed_size(const char* compressed);
void decompress(const char* compressed, char* to);

}  // namespace list_detail

// A node for reading: its bytes, decompressed into memory that lives as long as this, where they
// have to be. The list keeps it as it is.
class OpenNode {
 public:
  // Good until the next call.
  const char* bytes(const char* node, bool compressed) {
    return compressed ? decompressed(node) : node;
  }
  const char* bytes(const ListNode& node) { return bytes(node.bytes, node.compressed != 0); }

 private:
  const char* decompressed(const char* node);

  std::unique_ptr<char[]> memory_;
  size_t capacity_ = 0;
};

}  // namespace redan
