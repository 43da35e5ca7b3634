// One array of 64-byte buckets: what a Dict is made of, without knowledge of keys.
//
// Memory comes zeroed from mmap, untouched until it is used, and goes back page by page behind a
// growth's progress, so that no step costs more than a few buckets. A snapshot's state is kept per
// array: a cursor, before which everything has been emitted, and a bit for each home bucket emitted
// out of order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace redan {

struct alignas(64) Bucket {
  static constexpr int kPlaces = 7;
  static constexpr uint8_t kOverflows = 1;

  uint8_t tags[kPlaces];  // of occupied places only
  uint8_t flags;          // kOverflows: slots[6] is the address of the next bucket of the chain
  uintptr_t slots[kPlaces];

  bool overflows() const { return (flags & kOverflows) != 0; }
  int places() const { return overflows() ? kPlaces - 1 : kPlaces; }
  Bucket* overflow() const {
    return overflows() ? reinterpret_cast<Bucket*>(slots[kPlaces - 1]) : nullptr;
  }
  bool empty() const {
    if (overflows()) return false;
    for (const uintptr_t slot : slots) {
      if (slot != 0) return false;
    }
    return true;
  }
  // The bytes of `tags` equal to `tag`, as 0x80 in their place of the word; a place behind a match
  // may show up too (a borrow), so the caller compares keys.
  uint64_t match(uint8_t tag) const {
    uint64_t word;
    __builtin_memcpy(&word, tags, sizeof word);
    const uint64_t differs = word ^ (0x0101010101010101 * tag);
    const uint64_t found = (differs - 0x0101010101010101) & ~differs & 0x0080808080808080;
    // The seventh place of a bucket that overflows is no entry.
    return overflows() ? found & 0x0000808080808080 : found;
  }
};
static_assert(sizeof(Bucket) == 64);

class BucketArray {
 public:
  BucketArray() = default;
  BucketArray(BucketArray&& other) noexcept { swap(other); }
  BucketArray& operator=(BucketArray&& other) noexcept {
    BucketArray taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~BucketArray();

  void allocate(size_t home_buckets);  // a power of two
  bool allocated() const { return buckets_ != nullptr; }
  size_t home_count() const { return home_count_; }
  uint64_t mask() const { return home_count_ - 1; }
  size_t memory_bytes() const;

  Bucket* bucket(size_t index) const { return buckets_ + index; }
  void add(size_t index, uint8_t tag, uintptr_t slot);
  void remove(size_t index, uintptr_t* slot);
  void clear_bucket(size_t index);  // its entries are elsewhere
  // Home buckets before `index` are empty for good: their pages may go.
  void release_before(size_t index);

  // Snapshot state. An array that is not part of a snapshot needs nothing.
  void snapshot_begin(size_t emitted_before);
  void snapshot_all_done();
  void snapshot_end();
  bool snapshot_needs(size_t index) const {
    return bits_ != nullptr && index >= cursor_ && (bits_[index >> 6] >> (index & 63) & 1) == 0;
  }
  void snapshot_emitted(size_t index) { bits_[index >> 6] |= uint64_t{1} << (index & 63); }
  // A home bucket has moved to another array; they move in order.
  void snapshot_moved(size_t index) {
    if (bits_ != nullptr && index >= cursor_) snapshot_emitted(index);
  }
  bool snapshot_pending() const { return bits_ != nullptr && cursor_ < home_count_; }
  size_t snapshot_cursor() const { return cursor_; }
  void snapshot_advance() { ++cursor_; }

 private:
  void swap(BucketArray& other) noexcept;

  Bucket* buckets_ = nullptr;
  size_t home_count_ = 0;
  size_t overflow_count_ = 0;
  size_t released_ = 0;  // bytes given back from the front
  uint64_t* bits_ = nullptr;
  size_t cursor_ = 0;
};

}  // namespace redan
