// Memory of a value that a snapshot may still want to read: copy on write for pieces of it.
//
// Each piece of memory notes the epoch of its birth. A snapshot begins a new epoch: what is older
// belongs to it as well and is not written any more until it ends. Who wants to change such a piece
// makes a copy (own()), and the old one is freed when the snapshot ends, not before. So taking a
// snapshot costs nothing for each piece, and only what changes meanwhile exists twice.
//
// More is taken for a piece than it asks for (room()), so that it can grow in place. Counts what is
// in use; what only the snapshot still needs is not counted. One thread.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "server/data/value.h"

namespace redan {

class EpochHeap {
 public:
  EpochHeap() = default;
  EpochHeap(const EpochHeap&) = delete;
  EpochHeap& operator=(const EpochHeap&) = delete;
  ~EpochHeap() { end_snapshot(); }

  // What is taken for a piece. Small ones grow in steps of 64 bytes: many short streams that grow
  // side by side would leave a trail of pages behind with each class that they pass.
  static size_t room(size_t size) {
    return size > 64 && size <= 512 ? (size + 63) & ~size_t{63} : size_class(size);
  }

  size_t bytes() const { return bytes_; }
  // For what is allocated elsewhere but belongs to the value.
  void count(int64_t more) { bytes_ += static_cast<size_t>(more); }

  // The birth of what is allocated now.
  uint32_t epoch() const { return epoch_; }
  bool in_snapshot() const { return in_snapshot_; }
  // A snapshot needs it as it is.
  bool is_shared(uint32_t birth) const { return in_snapshot_ && birth != epoch_; }

  void* allocate(size_t size) {
    bytes_ += room(size);
    return checked(std::malloc(room(size)));
  }
  // Only of what is not shared.
  void* resize(void* memory, size_t old_size, size_t size) {
    const size_t before = room(old_size), after = room(size);
    if (before == after && memory != nullptr) return memory;
    bytes_ += after - (memory == nullptr ? 0 : before);
    return checked(std::realloc(memory, after));
  }
  void release(void* memory, size_t size, uint32_t birth) {
    if (memory == nullptr) return;
    bytes_ -= room(size);
    if (is_shared(birth)) {
      orphans_.push_back(memory);
    } else {
      std::free(memory);
    }
  }
  // A copy to write to in place of what is shared.
  void* own(void* shared, size_t size) {
    void* const copy = checked(std::malloc(room(size)));
    std::memcpy(copy, shared, size);
    orphans_.push_back(shared);
    return copy;
  }

  void begin_snapshot() {
    REDAN_CHECK(!in_snapshot_);
    in_snapshot_ = true;
    ++epoch_;
  }
  void end_snapshot() {
    in_snapshot_ = false;
    for (void* memory : std::exchange(orphans_, {})) std::free(memory);
  }

 private:
  static void* checked(void* memory) {
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }

  size_t bytes_ = 0;
  uint32_t epoch_ = 0;
  bool in_snapshot_ = false;
  std::vector<void*> orphans_;
};

}  // namespace redan
