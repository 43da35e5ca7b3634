// Copies of entries on their way from the data thread to the snapshot thread, in blocks of 64 KiB.
// One producer, one consumer. The producer never waits unless it asks to (wait_below); it looks at
// queued_bytes() and stops walking.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "server/persistence/rdb_writer.h"

namespace redan {

// What precedes the bytes of key and value in a block. A large value has many: its beginning (the
// value's bytes are a LargeBeginning), its pieces and its end.
struct QueuedEntry {
  enum class Part : uint8_t { kText, kInteger, kPacked, kLargeBegins, kPiece, kLargeEnds };

  int64_t expires_unix_ms = -1;  // of a piece: its number
  int64_t value = 0;             // the integer, or the size of the value's bytes
  uint32_t key_size = 0;
  int32_t access = -1;  // idle seconds or frequency; negative: none. Of piece and end: the id
  uint16_t db = 0;
  Part part = Part::kText;
  ValueType type = ValueType::kString;  // of packed ones
  ValueForm form = ValueForm::kText;
  ValuePiece::Kind piece_kind{};
  bool access_is_frequency = false;

  bool is_integer() const { return part == Part::kInteger; }
};

struct LargeBeginning {
  uint64_t count = 0;
  int64_t header = 0;
  uint32_t id = 0;
  LargeKind kind{};
};

class SnapshotQueue {
 public:
  static constexpr size_t kBlockBytes = 64 * 1024;

  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
    size_t capacity = 0;
  };

  // Data thread.
  void add(QueuedEntry entry, std::string_view key, std::string_view value) {
    entry.key_size = static_cast<uint32_t>(key.size());
    if (!entry.is_integer()) entry.value = static_cast<int64_t>(value.size());
    const size_t size = sizeof(entry) + key.size() + value.size();
    if (filling_.capacity - filling_.size < size) [[unlikely]] {
      next_block(size);
    }
    char* to = filling_.bytes.get() + filling_.size;
    std::memcpy(to, &entry, sizeof(entry));
    if (!key.empty()) std::memcpy(to + sizeof(entry), key.data(), key.size());
    if (!value.empty()) std::memcpy(to + sizeof(entry) + key.size(), value.data(), value.size());
    filling_.size += size;
  }
  // Nothing will be added any more.
  void close();
  // Blocks until at most `bytes` are queued, or the consumer gave up; false then.
  bool wait_below(size_t bytes);
  size_t queued_bytes() const { return queued_.load(); }
  size_t peak_bytes() const { return peak_; }

  // Snapshot thread: the next block, or nothing once the queue is closed and empty, or dropped.
  std::optional<Block> take();
  // The block is used up. Answers how much is queued now.
  size_t give_back(Block block);

  // Either side: the snapshot is off; nobody waits any more.
  void drop();
  bool dropped() const { return dropped_.load(std::memory_order_relaxed); }

  // Calls each(entry, key, value) for what a block holds.
  template <class Each>
  static void for_each(const Block& block, Each&& each) {
    const char* at = block.bytes.get();
    const char* end = at + block.size;
    while (at < end) {
      QueuedEntry entry;
      std::memcpy(&entry, at, sizeof(entry));
      at += sizeof(entry);
      const std::string_view key(at, entry.key_size);
      at += key.size();
      const std::string_view value(at, entry.is_integer() ? 0 : static_cast<size_t>(entry.value));
      at += value.size();
      each(entry, key, value);
    }
  }

 private:
  static constexpr size_t kSpareBlocks = 16;
  void publish();
  void next_block(size_t size);

  Block filling_;  // data thread only
  size_t peak_ = 0;
  std::atomic<size_t> queued_{0};
  std::atomic<bool> dropped_{false};
  std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable drained_;
  std::deque<Block> blocks_;
  std::vector<Block> spare_;
  bool closed_ = false;
};

}  // namespace redan
