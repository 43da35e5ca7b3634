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
    int version = kRdbVersionWritten;
    SnapshotOrigin origin;
    bool aof_base = false;
    int64_t used_memory = 0;
    int64_t created_unix_s = 0;
    int64_t key_delay_us = 0;           // rdb-key-save-delay
    std::map<int, DatabaseSize> sizes;  // of the databases that hold keys
  };
  SnapshotEncoder(Head head, SnapshotOutput& output)
      : head_(std::move(head)), main_(head_.options), output_(output) {}

  // Encodes until the queue ends. `after_block` gets the bytes still queued after each block.
  Result<void> run(SnapshotQueue& queue, const std::function<void(size_t)>& after_block);

  uint64_t keys_done() const { return keys_done_.load(std::memory_order_relaxed); }
  uint64_t bytes_out() const { return bytes_out_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kChunkBytes = 64 * 1024;
  // Where keys are written to, and the database that it is in.
  struct Section {
    explicit Section(RdbWriter::Options options) : writer(options) {}
    RdbWriter writer;
    int db = -1;
    bool ended = false;
  };
  void write_head();
  // False where it was no whole key.
  bool write(const QueuedEntry& entry, std::string_view key, std::string_view value);
  void write_key(Section& to, const QueuedEntry& entry, std::string_view key,
                 std::string_view value);
  void begin_large(const QueuedEntry& entry, std::string_view key, const LargeBeginning& begins);
  void end_large(uint32_t id);
  void take_over(Section& section);
  Section& aside(uint32_t id);
  void enter_db(Section& to, int db);
  void delay_for_tests();
  Result<void> flush();

  Head head_;
  Section main_;
  // RDB wants the pieces of a value one behind the other, and the queue may have other keys in
  // between (see LargeSink). The value that began first goes straight into the output; what comes
  // meanwhile is written aside and follows it: keys (under 0), and values by their id.
  uint32_t open_ = 0;  // 0: none
  std::map<uint32_t, Section> aside_;
  SnapshotOutput& output_;
  int64_t keys_undelayed_ = 0;
  std::atomic<uint64_t> keys_done_{0};
  std::atomic<uint64_t> bytes_out_{0};
};

}  // namespace redan
