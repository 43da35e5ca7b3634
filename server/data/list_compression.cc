#include "server/data/list_compression.h"

#include <liblzf/lzf.h>

#include <cstdint>
#include <cstring>

#include "common/base/check.h"
#include "server/data/list_node_bytes.h"
#include "server/data/value.h"

namespace redan {

namespace {

constexpr size_t kHead = 2 * sizeof(uint32_t);
constexpr size_t kCompressFrom = 48;
constexpr size_t kLeastGain = 8;

uint32_t number_at(const char* at) {
  uint32_t number;
  std::memcpy(&number, at, sizeof number);
  return number;
}

}  // namespace

namespace list_detail {

Compressed compress(std::string_view bytes) {
  // LZF counts in 32 bits.
  if (bytes.size() < kCompressFrom || bytes.size() > UINT32_MAX) return {};
  const size_t most = bytes.size() - kHead - kLeastGain;
  const auto room = std::make_unique_for_overwrite<char[]>(most);
  const auto size32 = static_cast<uint32_t>(bytes.size());
  const uint32_t packed =
      lzf_compress(bytes.data(), size32, room.get(), static_cast<uint32_t>(most));
  if (packed == 0) return {};
  const size_t capacity = size_class(kHead + packed);
  if (capacity >= size_class(bytes.size())) return {};
  char* const memory = allocate_node(capacity);
  std::memcpy(memory, &size32, sizeof size32);
  std::memcpy(memory + sizeof size32, &packed, sizeof packed);
  std::memcpy(memory + kHead, room.get(), packed);
  return {memory, capacity};
}

size_t decompressed_size(const char* compressed) {
  return number_at(compressed);
}

void decompress(const char* compressed, char* to) {
  const uint32_t size = number_at(compressed);
  const uint32_t packed = number_at(compressed + sizeof(uint32_t));
  REDAN_CHECK(lzf_decompress(compressed + kHead, packed, to, size) == size);
}

}  // namespace list_detail

const char* OpenNode::decompressed(const char* node) {
  const size_t size = list_detail::decompressed_size(node);
  if (size > capacity_) {
    memory_ = std::make_unique_for_overwrite<char[]>(size);
    capacity_ = size;
  }
  list_detail::decompress(node, memory_.get());
  return memory_.get();
}

}  // namespace redan
