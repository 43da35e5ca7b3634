#include "server/data/bucket_array.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "common/base/check.h"

namespace redan {

namespace {

// From here on memory comes from the system rather than from malloc.
constexpr size_t kLargeBytes = 64 * 1024;
// What is given back at once: 64 pages take some 10 us.
constexpr size_t kReleaseBytes = 256 * 1024;

size_t bitmap_bytes(size_t home_buckets) {
  return (home_buckets + 511) / 512 * 64;
}

std::atomic<size_t> g_mapped_bytes = 0;

void* zeroed(size_t bytes) {
  if (bytes >= kLargeBytes) {
    g_mapped_bytes += bytes;
    void* const pages =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REDAN_CHECK(pages != MAP_FAILED);
    return pages;
  }
  void* const memory = std::aligned_alloc(sizeof(Bucket), bytes);
  REDAN_CHECK(memory != nullptr);
  return std::memset(memory, 0, bytes);
}

// Of which `released` were given back before.
void give_back(void* memory, size_t bytes, size_t released = 0) {
  if (bytes >= kLargeBytes) {
    ::munmap(memory, bytes);
    g_mapped_bytes -= bytes - released;
  } else {
    std::free(memory);
  }
}

}  // namespace

BucketArray::~BucketArray() {
  snapshot_end();
  if (buckets_ == nullptr) return;
  for (size_t i = released_bytes_ / sizeof(Bucket); overflow_count_ > 0 && i < home_count_; ++i) {
    clear_bucket(i);
  }
  give_back(buckets_, home_count_ * sizeof(Bucket), released_bytes_);
}

void BucketArray::swap(BucketArray& other) noexcept {
  std::swap(buckets_, other.buckets_);
  std::swap(home_count_, other.home_count_);
  std::swap(overflow_count_, other.overflow_count_);
  std::swap(released_bytes_, other.released_bytes_);
  std::swap(bits_, other.bits_);
  std::swap(cursor_, other.cursor_);
}

void BucketArray::allocate(size_t home_buckets) {
  REDAN_CHECK(buckets_ == nullptr);
  buckets_ = static_cast<Bucket*>(zeroed(home_buckets * sizeof(Bucket)));
  home_count_ = home_buckets;
}

size_t BucketArray::mapped_bytes() {
  return g_mapped_bytes.load(std::memory_order_relaxed);
}

size_t BucketArray::snapshot_bytes() const {
  return bits_ == nullptr ? 0 : bitmap_bytes(home_count_);
}

void BucketArray::add(size_t index, uint8_t tag, uintptr_t slot) {
  Bucket* b = bucket(index);
  for (;; b = b->overflow()) {
    for (int i = 0; i < b->places(); ++i) {
      if (b->slots[i] != 0) continue;
      b->slots[i] = slot;
      b->tags[i] = tag;
      return;
    }
    if (!b->overflows()) break;
  }
  // The entry of the last place moves on, to make room for the address of the next bucket.
  constexpr int kLast = Bucket::kPlaces - 1;
  auto* const more = static_cast<Bucket*>(zeroed(sizeof(Bucket)));
  ++overflow_count_;
  more->slots[0] = b->slots[kLast];
  more->tags[0] = b->tags[kLast];
  more->slots[1] = slot;
  more->tags[1] = tag;
  b->slots[kLast] = reinterpret_cast<uintptr_t>(more);
  b->flags |= Bucket::kOverflows;
}

void BucketArray::remove(size_t index, uintptr_t* slot) {
  *slot = 0;
  // A chain's last bucket goes once it is empty; others keep their gap for the next add.
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
  if (done < released_bytes_ + kReleaseBytes || home_count_ * sizeof(Bucket) < kLargeBytes) return;
  ::madvise(reinterpret_cast<char*>(buckets_) + released_bytes_, kReleaseBytes, MADV_DONTNEED);
  released_bytes_ += kReleaseBytes;
  g_mapped_bytes -= kReleaseBytes;
}

void BucketArray::snapshot_begin(size_t emitted_before) {
  if (!allocated()) return;
  bits_ = static_cast<uint64_t*>(zeroed(bitmap_bytes(home_count_)));
  cursor_ = emitted_before;
}

void BucketArray::snapshot_end() {
  if (bits_ != nullptr) give_back(bits_, bitmap_bytes(home_count_));
  bits_ = nullptr;
  cursor_ = 0;
}

}  // namespace redan
