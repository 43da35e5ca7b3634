// One point-in-time snapshot, from its mark to its last byte: a file, or a stream of chunks for
// replicas.
//
//   data thread: the keyspace walk ──copies of entries──► RawQueue ──► snapshot thread: encodes,
//   checksums ──► temporary file, fsync, rename          (FileOutput)
//             └─► chunks, posted to the data thread      (StreamOutput)
//
// The walk runs in slices of DataLoop; entries that a write is about to change are copied first, so
// that the output is exactly the state at start(). A full queue pauses the walk, never a client.
// Writes fill the queue too: past kParkBytes `on_pressure(true)` asks the owner to hold writes
// back, and past kMostBytes the job gives itself up (a stream) or waits for the disk (a file).
//
// All of it is used on the data thread, between commands. Only one snapshot runs at a time:
// SnapshotDriver::start_stream() is the way in.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/result.h"
#include "common/base/time.h"
#include "server/drivers/data_loop.h"

namespace redan {

class Keyspace;

// What a replica needs to go on from the snapshot (aux fields repl-*); empty id: not written.
struct SnapshotOrigin {
  std::string replication_id;
  int64_t offset = 0;
  int stream_db = 0;
};

struct SnapshotProgress {
  uint64_t keys_done = 0;
  uint64_t keys_total = 0;
  uint64_t bytes_out = 0;         // encoded so far
  uint64_t queue_peak_bytes = 0;  // what the snapshot cost in memory beside the keyspace
  Nanos data_thread_time{};       // walk, without the emits that writes forced
  Nanos worst_slice{};
  Instant started{};
};

class SnapshotJob {
 public:
  // Replaces `dir`/`name` in one step, once the new content is on disk. Until then it is
  // `dir`/temp-<pid>.rdb, which goes away on errors.
  struct FileOutput {
    std::string dir = ".";
    std::string name = "dump.rdb";
  };
  // `on_chunk` is called on the data thread, in order; each chunk holds about 64 KiB. At most
  // `window_bytes` are out at a time: say consumed() when the last reader has taken a chunk.
  // With a mark of 40 bytes the stream reads "$EOF:<mark>\r\n" snapshot "<mark>", as PSYNC wants.
  struct StreamOutput {
    std::string eof_mark;
    std::function<void(std::shared_ptr<const std::string>)> on_chunk;
    size_t window_bytes = 4 << 20;
  };

  struct Options {
    Keyspace& keyspace;
    DataLoop& loop;
    std::variant<FileOutput, StreamOutput> output;
    SnapshotOrigin origin;
    bool compress = true;  // rdbcompression
    bool checksum = true;  // rdbchecksum
    // What eviction knows of a key is kept where maxmemory-policy will ask for it.
    enum class Access : uint8_t { kLeftOut, kIdleTime, kFrequency } access = Access::kLeftOut;
    std::string cpus;          // bgsave-cpulist: where its thread runs
    int64_t key_delay_us = 0;  // rdb-key-save-delay
    bool aof_base = false;
    int64_t used_memory = 0;  // aux field used-mem
    // Called once, on the data thread, from the loop (never from inside start()): the snapshot is
    // complete and, if a file, in place; or why not. The job may be destroyed in it.
    std::function<void(Result<void>)> on_done;
    // Asked to hold writes back (true) and told when they may go on (false).
    std::function<void(bool)> on_pressure;
  };

  // Notes the state of now: nothing that happens later is in the snapshot.
  static Result<std::unique_ptr<SnapshotJob>> start(Options options);
  // Gives up a job that is not done: no callback is made any more, a temporary file is removed.
  ~SnapshotJob();
  SnapshotJob(const SnapshotJob&) = delete;
  SnapshotJob& operator=(const SnapshotJob&) = delete;

  // Walks to the end at once and waits for the disk (SAVE, SHUTDOWN): on_done is not called. Only
  // with FileOutput.
  Result<void> finish_now();
  // StreamOutput: that many bytes of chunks were taken by all readers.
  void consumed(size_t bytes);
  SnapshotProgress progress() const;

 private:
  struct State;
  explicit SnapshotJob(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace redan
