#include "server/data/bucket_array.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace redan {

namespace {

constexpr size_t kReleaseBytes = 256 * 1024;

// Pages that cost nothing until they are touched.
void* map_zeroed(size_t bytes) {
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}

size_t bitmap_bytes(size_t home_buckets) {
  return (home_buckets + 63) / 64 * 8;
}

bool is_large(size_t bytes) {
  return bytes >= 64 * 1024;
}

void* zeroed(size_t bytes) {
  if (is_large(bytes)) return map_zeroed(bytes);
  void* const memory = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (memory == nullptr) throw std::bad_alloc();
  return __builtin_memset(memory, 0, bytes);
}

void give_back(void* memory, size_t bytes) {
  if (is_large(bytes)) {
    ::munmap(memory, bytes);
  } else {
    std::free(memory);
  }
}

}  // namespace

BucketArray::~BucketArray() {
  snapshot_end();
  if (buckets_ == nullptr) return;
  if (overflow_count_ > 0) {
    for (size_t i = released_ / sizeof(Bucket); i < home_count_; ++i) clear_bucket(i);
  }
  give_back(buckets_, home_count_ * sizeof(Bucket));
}

void BucketArray::swap(BucketArray& other) noexcept {
  std::swap(buckets_, other.buckets_);
  std::swap(home_count_, other.home_count_);
  std::swap(overflow_count_, other.overflow_count_);
  std::swap(released_, other.released_);
  std::swap(bits_, other.bits_);
  std::swap(cursor_, other.cursor_);
}

void BucketArray::allocate(size_t home_buckets) {
  buckets_ = static_cast<Bucket*>(zeroed(home_buckets * sizeof(Bucket)));
  home_count_ = home_buckets;
}

size_t BucketArray::memory_bytes() const {
  return (home_count_ + overflow_count_) * sizeof(Bucket) - released_;
}

void BucketArray::add(size_t index, uint8_t tag, uintptr_t slot) {
  for (Bucket* b = bucket(index);; b = b->overflow()) {
    const int places = b->places();
    for (int i = 0; i < places; ++i) {
      if (b->slots[i] != 0) continue;
      b->slots[i] = slot;
      b->tags[i] = tag;
      return;
    }
    if (b->overflows()) continue;
    // The entry of the last place makes room for the address of the next bucket.
    Bucket* const more = static_cast<Bucket*>(zeroed(sizeof(Bucket)));
    ++overflow_count_;
    more->slots[0] = b->slots[Bucket::kPlaces - 1];
    more->tags[0] = b->tags[Bucket::kPlaces - 1];
    more->slots[1] = slot;
    more->tags[1] = tag;
    b->slots[Bucket::kPlaces - 1] = reinterpret_cast<uintptr_t>(more);
    b->flags |= Bucket::kOverflows;
    return;
  }
}

void BucketArray::remove(size_t index, uintptr_t* slot) {
  *slot = 0;
  // A last bucket of the chain that has become empty goes; others keep their gap for the next add.
  Bucket* before = nullptr;
  Bucket* b = bucket(index);
  for (; b->overflows(); b = b->overflow()) before = b;
  if (before == nullptr || !b->empty()) return;
  before->slots[Bucket::kPlaces - 1] = 0;
  before->flags &= static_cast<uint8_t>(~Bucket::kOverflows);
  std::free(b);
  --overflow_count_;
}

void BucketArray::clear_bucket(size_t index) {
  Bucket* b = bucket(index)->overflow();
  while (b != nullptr) {
    Bucket* const next = b->overflow();
    std::free(b);
    --overflow_count_;
    b = next;
  }
  *bucket(index) = Bucket{};
}

void BucketArray::release_before(size_t index) {
  const size_t done = index * sizeof(Bucket);
  if (done - released_ < kReleaseBytes || !is_large(home_count_ * sizeof(Bucket))) return;
  const size_t bytes = (done - released_) / kReleaseBytes * kReleaseBytes;
  ::madvise(reinterpret_cast<char*>(buckets_) + released_, bytes, MADV_DONTNEED);
  released_ += bytes;
}

void BucketArray::snapshot_begin(size_t emitted_before) {
  if (!allocated()) return;
  bits_ = static_cast<uint64_t*>(zeroed(bitmap_bytes(home_count_)));
  cursor_ = emitted_before;
}

void BucketArray::snapshot_all_done() {
  // No bitmap: snapshot_needs() is false everywhere.
  cursor_ = home_count_;
}

void BucketArray::snapshot_end() {
  if (bits_ != nullptr) give_back(bits_, bitmap_bytes(home_count_));
  bits_ = nullptr;
  cursor_ = 0;
}

}  // namespace redan
