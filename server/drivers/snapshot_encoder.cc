#include "server/drivers/snapshot_encoder.h"

#include <chrono>
#include <thread>
#include <utility>

namespace redan {

Result<void> SnapshotEncoder::run(SnapshotQueue& queue,
                                  const std::function<void(size_t)>& after_block) {
  if (Result<void> begun = output_.begin(); !begun) return begun;
  write_head();
  while (auto block = queue.take()) {
    uint64_t keys = 0;
    Result<void> flushed = kOk;
    SnapshotQueue::for_each(
        *block, [&](const QueuedEntry& entry, std::string_view key, std::string_view value) {
          if (head_.key_delay_us != 0) [[unlikely]]
            delay_for_tests();
          write_key(entry, key, value);
          ++keys;
          if (writer_.pending().size() >= kChunkBytes && flushed) flushed = flush();
        });
    keys_done_.fetch_add(keys, std::memory_order_relaxed);
    after_block(queue.give_back(*std::move(block)));
    if (!flushed) return flushed;
  }
  if (queue.dropped()) return Error("the snapshot was given up");
  writer_.end();
  if (Result<void> flushed = flush(); !flushed) return flushed;
  return output_.finish();
}

// A positive delay is slept for each key; a negative one, -n, is one microsecond for every n keys.
void SnapshotEncoder::delay_for_tests() {
  const int64_t delay = head_.key_delay_us;
  if (delay > 0) return std::this_thread::sleep_for(std::chrono::microseconds(delay));
  if (++keys_undelayed_ < -delay) return;
  keys_undelayed_ = 0;
  std::this_thread::sleep_for(std::chrono::microseconds(1));
}

void SnapshotEncoder::write_head() {
  writer_.header();
  writer_.aux("redis-ver", REDAN_VERSION);
  writer_.aux("redis-bits", 64);
  writer_.aux("ctime", head_.created_unix_s);
  writer_.aux("used-mem", head_.used_memory);
  if (!head_.origin.replication_id.empty()) {
    writer_.aux("repl-stream-db", head_.origin.stream_db);
    writer_.aux("repl-id", head_.origin.replication_id);
    writer_.aux("repl-offset", head_.origin.offset);
  }
  writer_.aux("aof-base", head_.aof_base ? 1 : 0);
}

void SnapshotEncoder::enter_db(int db) {
  db_ = db;
  writer_.select_db(db);
  // The sizes once; entries of several databases may come by turns.
  if (const auto size = head_.sizes.find(db); size != head_.sizes.end()) {
    writer_.resize_db(size->second.keys, size->second.expiring);
    head_.sizes.erase(size);
  }
}

void SnapshotEncoder::write_key(const QueuedEntry& entry, std::string_view key,
                                std::string_view value) {
  if (entry.db != db_) enter_db(entry.db);
  RdbKeyFacts facts{.expires_unix_ms = entry.expires_unix_ms};
  if (entry.access_is_frequency) {
    facts.frequency = entry.access;
  } else {
    facts.idle_s = entry.access;
  }
  if (entry.is_integer) {
    writer_.integer_key(key, facts, entry.value);
  } else {
    writer_.string_key(key, facts, value);
  }
}

Result<void> SnapshotEncoder::flush() {
  const std::string_view bytes = writer_.pending();
  const size_t size = bytes.size();
  Result<void> result = output_.write(bytes);
  writer_.written();
  bytes_out_.fetch_add(size, std::memory_order_relaxed);
  return result;
}

}  // namespace redan
