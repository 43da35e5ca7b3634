// The memory that clients hold, for maxmemory-clients: its sum, and who is to be closed first.
//
// Each client that counts has a share in the book. Those that may be closed stand in classes, one
// for each power of two, so that counting a client anew and finding one of the largest both take
// constant time however many there are: within the highest class the largest of a few is chosen, so
// that nobody who holds more than twice as much is spared for it.
//
// Pure. A share is owned by its client, which takes it out before it goes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace redan {

class ClientMemory {
 public:
  class Share {
   public:
    size_t bytes() const { return bytes_; }

   private:
    friend class ClientMemory;
    static constexpr uint8_t kNoClass = 255;
    size_t bytes_ = 0;
    uint32_t place_ = 0;  // in its class
    uint8_t class_ = kNoClass;
  };

  // What the client holds now, and whether it may be closed for it.
  void set(Share& share, size_t bytes, bool evictable);
  void forget(Share& share);

  size_t total() const { return total_; }
  // nullptr: nobody may be closed.
  Share* largest() const;
  void check_invariants() const;

 private:
  static constexpr int kSmallestClass = 15;  // up to 32 KB
  static constexpr int kLargestClass = 40;
  static constexpr size_t kLookedAt = 64;
  static uint8_t class_of(size_t bytes);
  void leave_class(Share& share);

  size_t total_ = 0;
  std::array<std::vector<Share*>, kLargestClass - kSmallestClass + 1> classes_;
};

// The limit in bytes, as maxmemory-clients and, where that is a percentage (below zero), maxmemory
// say; 0: none, as a part of no limit is. Less than 128 KB would let nobody in to mend it.
size_t client_memory_limit(int64_t maxmemory_clients, int64_t maxmemory);

}  // namespace redan
