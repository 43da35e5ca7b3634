// The snapshot thread's work: turns queued entries into RDB and hands the bytes to an output.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "server/drivers/snapshot_job.h"
#include "server/drivers/snapshot_queue.h"
#include "server/persistence/rdb_writer.h"

namespace redan {

// Where the encoded bytes go. Called on the snapshot thread.
class SnapshotOutput {
 public:
  virtual ~SnapshotOutput() = default;
  virtual Result<void> begin() = 0;
  virtual Result<void> write(std::string_view bytes) = 0;
  virtual Result<void> finish() = 0;
};

struct DatabaseSize {
  uint64_t keys = 0;
  uint64_t expiring = 0;
};

class SnapshotEncoder {
 public:
  struct Head {
    RdbWriter::Options options;
    SnapshotOrigin origin;
    bool aof_base = false;
    int64_t used_memory = 0;
    int64_t created_unix_s = 0;
    int64_t key_delay_us = 0;           // rdb-key-save-delay
    std::map<int, DatabaseSize> sizes;  // of the databases that hold keys
  };
  SnapshotEncoder(Head head, SnapshotOutput& output)
      : head_(std::move(head)), writer_(head_.options), output_(output) {}

  // Encodes until the queue ends. `after_block` gets the bytes still queued after each block.
  Result<void> run(SnapshotQueue& queue, const std::function<void(size_t)>& after_block);

  uint64_t keys_done() const { return keys_done_.load(std::memory_order_relaxed); }
  uint64_t bytes_out() const { return bytes_out_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kChunkBytes = 64 * 1024;
  void write_head();
  void write_key(const QueuedEntry& entry, std::string_view key, std::string_view value);
  void enter_db(int db);
  void delay_for_tests();
  Result<void> flush();

  Head head_;
  RdbWriter writer_;
  SnapshotOutput& output_;
  int db_ = -1;
  int64_t keys_undelayed_ = 0;
  std::atomic<uint64_t> keys_done_{0};
  std::atomic<uint64_t> bytes_out_{0};
};

}  // namespace redan
