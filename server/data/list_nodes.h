// The nodes of a large list: how large one may grow, and the row in which they stand.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "common/base/check.h"

namespace redan {

// list-max-listpack-size: of a node that holds a listpack, and of a list that is one. And
// list-compress-depth: so many nodes at either end are not compressed; 0: none is.
struct ListLimits {
  // Numbers of elements are bounded in bytes too.
  static constexpr size_t kSafeBytes = 8192;
  // What an element may take beside its text, as Redis reckons when it fills a node.
  static constexpr size_t kOverhead = 8;

  uint32_t bytes = kSafeBytes;
  uint32_t elements = UINT32_MAX;
  uint32_t depth = 0;

  constexpr ListLimits() = default;
  constexpr ListLimits(size_t most_bytes, size_t most_elements, size_t compress_depth = 0)
      : bytes(in32(most_bytes)), elements(in32(most_elements)), depth(in32(compress_depth)) {}
  static ListLimits of(int64_t list_size, int64_t compress_depth = 0) {
    const auto depth = static_cast<size_t>(std::max<int64_t>(compress_depth, 0));
    if (list_size >= 0) {
      return {kSafeBytes, static_cast<size_t>(std::max<int64_t>(list_size, 1)), depth};
    }
    return {size_t{4096} << std::min<int64_t>(-list_size - 1, 4), SIZE_MAX, depth};
  }
  bool allow(size_t total_bytes, size_t count) const {
    return total_bytes <= bytes && count <= elements;
  }
  // An element that gets a node of its own.
  bool is_plain(std::string_view text) const { return text.size() > bytes; }

 private:
  static constexpr uint32_t in32(size_t limit) {
    return static_cast<uint32_t>(std::min<size_t>(limit, UINT32_MAX));
  }
};

// The memory that a node's listpack lies in: what is allocated, and how much of it is free in front
// of the listpack. What is left behind it is free, too. In 32 bits, since the allocator's classes
// are 1 to 7 times a power of two.
class NodeRoom {
 public:
  // What the bits of a gap hold.
  static constexpr size_t kMostWithGap = size_t{1} << 24;

  NodeRoom() = default;
  // `capacity`: one of the allocator's classes.
  NodeRoom(size_t capacity, size_t gap) {
    const int log = 63 - __builtin_clzll(capacity);
    shift_ = static_cast<uint32_t>(std::max(log - 2, 4)) & 31;
    factor_ = static_cast<uint32_t>(capacity >> shift_) & 7;
    REDAN_CHECK(this->capacity() == capacity);
    REDAN_CHECK(gap < kMostWithGap);
    set_gap(gap);
  }
  size_t capacity() const { return size_t{factor_} << shift_; }
  size_t gap() const { return gap_; }
  void set_gap(size_t gap) { gap_ = static_cast<uint32_t>(gap) & 0xffffff; }

 private:
  uint32_t gap_ : 24;
  uint32_t factor_ : 3;
  uint32_t shift_ : 5;
};
static_assert(sizeof(NodeRoom) == 4);

struct ListNode {
  static constexpr uint32_t kMostElements = (1U << 29) - 1;

  char* bytes;  // A listpack, or a plain element: its size (8), then its text.
  uint32_t count : 29;
  uint32_t compressed : 1;  // The bytes are as list_compression.h has them.
  uint32_t plain : 1;
  uint32_t frozen : 1;  // A snapshot needs the bytes as they are, or did until lately.
  union {
    NodeRoom room;    // Of a listpack and what is compressed; nothing of a plain element.
    uint32_t number;  // Frozen: the node's in the snapshot, which keeps its room.
  };
};
static_assert(sizeof(ListNode) == 16);

// A row of nodes in one ring buffer: both ends are O(1), the middle moves the shorter side.
class ListRow {
 public:
  size_t size() const { return size_; }
  ListNode& operator[](size_t i) { return ring_[slot(i)]; }
  const ListNode& operator[](size_t i) const { return ring_[slot(i)]; }
  // (Powers of two are classes of the allocator.)
  size_t memory_bytes() const { return capacity_ * sizeof(ListNode); }

  void insert(size_t at, const ListNode& node) {
    if (size_ == capacity_) grow();
    if (at < size_ / 2) {
      begin_ = (begin_ - 1) & (capacity_ - 1);
      for (size_t i = 0; i < at; ++i) (*this)[i] = (*this)[i + 1];
    } else {
      for (size_t i = size_; i > at; --i) (*this)[i] = (*this)[i - 1];
    }
    ++size_;
    (*this)[at] = node;
  }
  void erase(size_t at, size_t count) {
    const size_t behind = size_ - at - count;
    if (at < behind) {
      for (size_t i = at; i > 0; --i) (*this)[i - 1 + count] = (*this)[i - 1];
      begin_ = (begin_ + count) & (capacity_ - 1);
    } else {
      for (size_t i = at; i < at + behind; ++i) (*this)[i] = (*this)[i + count];
    }
    size_ -= count;
    if (size_ * 4 < capacity_ && capacity_ > kSmallest) resize(std::max(capacity_ / 2, kSmallest));
  }

 private:
  static constexpr size_t kSmallest = 4;

  size_t slot(size_t i) const { return (begin_ + i) & (capacity_ - 1); }
  void grow() { resize(capacity_ == 0 ? kSmallest : capacity_ * 2); }
  void resize(size_t capacity) {
    auto ring = std::make_unique<ListNode[]>(capacity);
    for (size_t i = 0; i < size_; ++i) ring[i] = (*this)[i];
    ring_ = std::move(ring);
    capacity_ = capacity;
    begin_ = 0;
  }

  std::unique_ptr<ListNode[]> ring_;
  size_t capacity_ = 0;  // a power of two, or 0
  size_t begin_ = 0;
  size_t size_ = 0;
};

}  // namespace redan
