#include "server/drivers/snapshot_encoder.h"

#include <chrono>
#include <cstring>
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
          if (write(entry, key, value)) ++keys;
          if (main_.writer.pending().size() >= kChunkBytes && flushed) flushed = flush();
        });
    keys_done_.fetch_add(keys, std::memory_order_relaxed);
    after_block(queue.give_back(*std::move(block)));
    if (!flushed) return flushed;
  }
  if (queue.dropped()) return Error("the snapshot was given up");
  main_.writer.end();
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
  main_.writer.header(head_.version);
  main_.writer.aux("redis-ver", REDAN_VERSION);
  main_.writer.aux("redis-bits", 64);
  main_.writer.aux("ctime", head_.created_unix_s);
  main_.writer.aux("used-mem", head_.used_memory);
  if (!head_.origin.replication_id.empty()) {
    main_.writer.aux("repl-stream-db", head_.origin.stream_db);
    main_.writer.aux("repl-id", head_.origin.replication_id);
    main_.writer.aux("repl-offset", head_.origin.offset);
  }
  main_.writer.aux("aof-base", head_.aof_base ? 1 : 0);
}

void SnapshotEncoder::enter_db(Section& to, int db) {
  if (to.db == db) return;
  to.db = db;
  to.writer.select_db(db);
  // The sizes once; entries of several databases may come by turns.
  if (const auto size = head_.sizes.find(db); size != head_.sizes.end()) {
    to.writer.resize_db(size->second.keys, size->second.expiring);
    head_.sizes.erase(size);
  }
}

namespace {

RdbKeyFacts facts_of(const QueuedEntry& entry) {
  RdbKeyFacts facts{.expires_unix_ms = entry.expires_unix_ms};
  if (entry.access_is_frequency) {
    facts.frequency = entry.access;
  } else {
    facts.idle_s = entry.access;
  }
  return facts;
}

}  // namespace

SnapshotEncoder::Section& SnapshotEncoder::aside(uint32_t id) {
  RdbWriter::Options options = head_.options;
  options.checksum = false;  // The main writer sums.
  return aside_.try_emplace(id, options).first->second;
}

bool SnapshotEncoder::write(const QueuedEntry& entry, std::string_view key,
                            std::string_view value) {
  const auto id = static_cast<uint32_t>(entry.access);
  switch (entry.part) {
    case QueuedEntry::Part::kText:
    case QueuedEntry::Part::kInteger:
    case QueuedEntry::Part::kPacked:
      write_key(open_ == 0 ? main_ : aside(0), entry, key, value);
      return true;
    case QueuedEntry::Part::kLargeBegins: {
      LargeBeginning begins;
      std::memcpy(&begins, value.data(), sizeof(begins));
      begin_large(entry, key, begins);
      return true;
    }
    case QueuedEntry::Part::kPiece:
      (id == open_ ? main_ : aside(id))
          .writer.piece({entry.piece_kind, key, value, entry.expires_unix_ms});
      return false;
    case QueuedEntry::Part::kLargeEnds:
      end_large(id);
      return false;
  }
  return false;
}

void SnapshotEncoder::write_key(Section& to, const QueuedEntry& entry, std::string_view key,
                                std::string_view value) {
  enter_db(to, entry.db);
  const RdbKeyFacts facts = facts_of(entry);
  if (entry.part == QueuedEntry::Part::kInteger) {
    to.writer.integer_key(key, facts, entry.value);
  } else if (entry.part == QueuedEntry::Part::kPacked) {
    to.writer.packed_key(key, facts, entry.type, entry.form, value);
  } else {
    to.writer.string_key(key, facts, value);
  }
}

void SnapshotEncoder::begin_large(const QueuedEntry& entry, std::string_view key,
                                  const LargeBeginning& begins) {
  Section& to = open_ == 0 ? main_ : aside(begins.id);
  if (open_ == 0) open_ = begins.id;
  enter_db(to, entry.db);
  to.writer.large_key(key, facts_of(entry), begins.kind, begins.count, begins.header);
}

// What is aside goes into the output: keys and whole values, then the value that is open now.
void SnapshotEncoder::end_large(uint32_t id) {
  if (id != open_) {
    aside(id).ended = true;
    return;
  }
  open_ = 0;
  while (!aside_.empty()) {
    const auto first = aside_.begin();
    take_over(first->second);
    const bool goes_on = first->first != 0 && !first->second.ended;
    if (goes_on) open_ = first->first;
    aside_.erase(first);
    if (goes_on) return;
  }
}

void SnapshotEncoder::take_over(Section& section) {
  if (section.db >= 0) main_.db = section.db;
  main_.writer.append_section(section.writer);
}

Result<void> SnapshotEncoder::flush() {
  const std::string_view bytes = main_.writer.pending();
  const size_t size = bytes.size();
  Result<void> result = output_.write(bytes);
  main_.writer.written();
  bytes_out_.fetch_add(size, std::memory_order_relaxed);
  return result;
}

}  // namespace redan
