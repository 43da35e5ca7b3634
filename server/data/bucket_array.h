// One array of 64-byte buckets: what a Dict is made of, without knowledge of keys.
//
// A large array is zeroed pages from the system, untouched until used, and given back piece by
// piece behind a rehash's progress: neither making nor freeing one ever costs more than some
// microseconds at a time. The state of a snapshot is kept for each array: a cursor, before which
// everything has been emitted, and a bit for each home bucket that was emitted out of order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace redan {

struct alignas(64) Bucket {
  static constexpr int kPlaces = 7;
  static constexpr uint8_t kOverflows = 1;

  uint8_t tags[kPlaces];     // of occupied places only
  uint8_t flags;             // kOverflows: slots[6] is the address of the chain's next bucket
  uintptr_t slots[kPlaces];  // 0: free

  bool overflows() const { return (flags & kOverflows) != 0; }
  int places() const { return overflows() ? kPlaces - 1 : kPlaces; }
  Bucket* overflow() const {
    return overflows() ? reinterpret_cast<Bucket*>(slots[kPlaces - 1]) : nullptr;
  }
  bool empty() const {
    uintptr_t any = flags & kOverflows;
    for (const uintptr_t slot : slots) any |= slot;
    return any == 0;
  }
  // A bit, 8 * place + 7, for each place whose tag is `tag`. Free places and the place behind a
  // match may show up as well: the caller looks at the slot and compares keys anyway.
  uint64_t match(uint8_t tag) const {
    uint64_t word;
    __builtin_memcpy(&word, tags, sizeof word);
    const uint64_t differs = word ^ 0x0101010101010101U * tag;
    const uint64_t found = (differs - 0x0101010101010101U) & ~differs;
    return found & (overflows() ? 0x0000808080808080 : 0x0080808080808080);
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

  void allocate(size_t home_buckets);  // a power of two; only once
  bool allocated() const { return buckets_ != nullptr; }
  size_t home_count() const { return home_count_; }
  uint64_t mask() const { return home_count_ - 1; }
  // Of the buckets. (Asked before and after each change of a large collection.)
  size_t memory_bytes() const {
    return (home_count_ + overflow_count_) * sizeof(Bucket) - released_bytes_;
  }
  size_t snapshot_bytes() const;  // of what a snapshot keeps beside them
  // What all arrays of the process have from the system rather than from the allocator. From any
  // thread.
  static size_t mapped_bytes();

  Bucket* bucket(size_t index) const { return buckets_ + index; }
  // Chains an overflow bucket where the home bucket and its chain are full.
  void add(size_t index, uint8_t tag, uintptr_t slot);
  void remove(size_t index, uintptr_t* slot);
  void clear_bucket(size_t index);  // its entries are elsewhere now
  // Home buckets before `index` will not be used any more: their pages may go.
  void release_before(size_t index);

  void snapshot_begin(size_t emitted_before);
  void snapshot_end();
  // False for ever in an array that is younger than the snapshot, which was never begun here.
  bool snapshot_needs(size_t index) const {
    return bits_ != nullptr && index >= cursor_ && (bits_[index >> 6] >> (index & 63) & 1) == 0;
  }
  void snapshot_emitted(size_t index) { bits_[index >> 6] |= uint64_t{1} << (index & 63); }
  bool snapshot_pending() const { return bits_ != nullptr && cursor_ < home_count_; }
  size_t snapshot_cursor() const { return cursor_; }
  void snapshot_move_cursor(size_t index) { cursor_ = index; }

 private:
  void swap(BucketArray& other) noexcept;

  Bucket* buckets_ = nullptr;
  size_t home_count_ = 0;
  size_t overflow_count_ = 0;
  size_t released_bytes_ = 0;  // from the front
  uint64_t* bits_ = nullptr;
  size_t cursor_ = 0;
};

}  // namespace redan
