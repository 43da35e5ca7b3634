#include "server/drivers/snapshot_job.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "common/base/check.h"
#include "common/base/clock.h"
#include "server/drivers/cpu_list.h"
#include "server/drivers/memory_use.h"
#include "server/drivers/snapshot_encoder.h"
#include "server/drivers/snapshot_output.h"
#include "server/drivers/snapshot_queue.h"
#include "server/keyspace/keyspace.h"

namespace redan {

namespace {

// The walk pauses above the first and goes on below the second.
constexpr size_t kPauseBytes = 4 << 20;
constexpr size_t kResumeBytes = 2 << 20;
// Writes force entries into the queue that the walk would hold back: above kParkBytes the owner is
// asked to hold writes back, and kMostBytes is never passed by more than one bucket.
constexpr size_t kParkBytes = 16 << 20;
constexpr size_t kMostBytes = 64 << 20;
constexpr size_t kBucketsPerLook = 16;  // at the clock

}  // namespace

// Owned by the job; the snapshot thread and posted tasks hold it too. Members above `queue` belong
// to the data thread.
struct SnapshotJob::State final : public BackgroundWork,
                                  public SnapshotSink,
                                  public LargeSink,
                                  public std::enable_shared_from_this<State> {
  explicit State(Options o) : options(std::move(o)) {}

  Options options;
  std::thread thread;
  bool walking = false;    // the keyspace knows of the snapshot
  bool paused = false;     // the queue is full
  bool parked = false;     // the owner was asked to hold writes back
  bool waiting = false;    // inside finish_now()
  bool abandoned = false;  // no callback is wanted any more
  bool snapshot_lost = false;
  SnapshotProgress progress;

  SnapshotQueue queue;
  std::atomic<bool> wants_resume{false};
  std::unique_ptr<SnapshotOutput> output;
  StreamSnapshotOutput* stream = nullptr;
  std::unique_ptr<SnapshotEncoder> encoder;
  Result<void> outcome = kOk;  // written by the thread before it ends

  bool run_slice(Nanos budget) override;
  void emit(int db, const Entry& entry) override;
  LargeSink* large_sink() override { return this; }
  void begin_large(uint32_t id, int db, const Entry& entry) override;
  void piece(uint32_t id, const ValuePiece& piece) override;
  void end_large(uint32_t id) override;
  QueuedEntry facts_of(int db, const Entry& entry) const;
  bool has_room();
  void make_room();
  void end_walk();
  void resume();
  void thread_main();
  void thread_done();
  void give_up();
};

bool SnapshotJob::State::run_slice(Nanos budget) {
  if (!walking) return false;
  const Instant begin = monotonic_now();
  Instant now = begin;
  bool more = true;
  do {
    if (!waiting && queue.queued_bytes() > kPauseBytes) {
      paused = true;
      wants_resume = true;
      // The thread may have drained the queue before it could see the wish.
      if (queue.queued_bytes() > kResumeBytes || !wants_resume.exchange(false)) {
        more = false;
        break;
      }
      paused = false;
    }
    if (!options.keyspace.walk_snapshot(kBucketsPerLook)) {
      end_walk();
      more = false;
    }
    now = monotonic_now();
  } while (more && now - begin < budget);
  progress.data_thread_time += now - begin;
  progress.worst_slice = std::max(progress.worst_slice, now - begin);
  return more;
}

// False: the snapshot is off.
bool SnapshotJob::State::has_room() {
  if (queue.queued_bytes() <= kParkBytes) [[likely]] {
    return true;
  }
  make_room();
  return !queue.dropped();
}

QueuedEntry SnapshotJob::State::facts_of(int db, const Entry& entry) const {
  QueuedEntry queued{.expires_unix_ms = entry.expiry_ms(), .db = static_cast<uint16_t>(db)};
  if (options.access == Options::Access::kIdleTime) {
    queued.access =
        static_cast<int32_t>(std::min<int64_t>(options.keyspace.idle_s(entry), INT32_MAX));
  } else if (options.access == Options::Access::kFrequency) {
    queued.access = static_cast<int32_t>(options.keyspace.frequency(entry));
    queued.access_is_frequency = true;
  }
  return queued;
}

void SnapshotJob::State::emit(int db, const Entry& entry) {
  if (!has_room()) return;
  QueuedEntry queued = facts_of(db, entry);
  if (!entry.is_string()) {
    queued.part = QueuedEntry::Part::kPacked;
    queued.type = entry.type();
    queued.form = entry.form();
    queue.add(queued, entry.key(), entry.packed());
  } else if (entry.is_integer()) {
    queued.part = QueuedEntry::Part::kInteger;
    queued.value = entry.integer();
    queue.add(queued, entry.key(), {});
  } else {
    Entry::Scratch scratch;
    queue.add(queued, entry.key(), entry.string(scratch));
  }
}

void SnapshotJob::State::begin_large(uint32_t id, int db, const Entry& entry) {
  if (!has_room()) return;
  QueuedEntry queued = facts_of(db, entry);
  queued.part = QueuedEntry::Part::kLargeBegins;
  const LargeValue& value = entry.large();
  const LargeBeginning begins{
      .count = value.piece_count(), .header = value.piece_header(), .id = id, .kind = value.kind()};
  queue.add(queued, entry.key(), {reinterpret_cast<const char*>(&begins), sizeof(begins)});
}

void SnapshotJob::State::piece(uint32_t id, const ValuePiece& piece) {
  if (!has_room()) return;
  queue.add({.expires_unix_ms = piece.number,
             .access = static_cast<int32_t>(id),
             .part = QueuedEntry::Part::kPiece,
             .piece_kind = piece.kind},
            piece.a, piece.b);
}

void SnapshotJob::State::end_large(uint32_t id) {
  queue.add({.access = static_cast<int32_t>(id), .part = QueuedEntry::Part::kLargeEnds}, {}, {});
}

void SnapshotJob::State::make_room() {
  if (waiting) {
    static_cast<void>(queue.wait_below(kPauseBytes));
    return;
  }
  if (!parked) {
    parked = true;
    wants_resume = true;
    if (options.on_pressure) options.on_pressure(true);
    if (queue.queued_bytes() <= kResumeBytes && wants_resume.exchange(false)) {
      options.loop.post([self = shared_from_this()] { self->resume(); });
    }
  }
  if (queue.queued_bytes() <= kMostBytes) return;
  // Nobody held the writes back. A file's queue drains without us; a stream's needs this very
  // thread, so there the snapshot has to go.
  if (stream == nullptr) {
    static_cast<void>(queue.wait_below(kParkBytes));
  } else {
    snapshot_lost = true;
    queue.drop();
    stream->give_up();
  }
}

void SnapshotJob::State::end_walk() {
  if (!walking) return;
  walking = false;
  options.keyspace.end_snapshot();
  queue.close();
}

// From the snapshot thread, by post: the queue has room again.
void SnapshotJob::State::resume() {
  if (abandoned) return;
  paused = false;
  if (std::exchange(parked, false) && options.on_pressure) options.on_pressure(false);
  if (walking) options.loop.start(*this);
}

void SnapshotJob::State::thread_main() {
  bind_this_thread("bgsave-cpulist", options.cpus);
  keep_freed_memory();
  outcome = encoder->run(queue, [this](size_t queued) {
    if (queued <= kResumeBytes && wants_resume.exchange(false)) {
      options.loop.post([self = shared_from_this()] { self->resume(); });
    }
  });
  if (!outcome) queue.drop();  // Nobody waits for room that will not come.
  options.loop.post([self = shared_from_this()] { self->thread_done(); });
}

void SnapshotJob::State::thread_done() {
  if (abandoned) return;
  thread.join();
  give_up();  // After an error the walk may still be on.
  Result<void> result = std::move(outcome);
  if (snapshot_lost) {
    result = Error("the snapshot was given up: writes filled its queue faster than it was sent");
  }
  const auto on_done = std::move(options.on_done);
  if (on_done) on_done(std::move(result));
}

void SnapshotJob::State::give_up() {
  abandoned = true;
  options.loop.stop(*this);
  queue.drop();
  if (stream != nullptr) stream->give_up();
  end_walk();
  if (thread.joinable()) thread.join();
  // Tasks that are still posted hold this state: the temporary file must not wait for them.
  stream = nullptr;
  output.reset();
  if (std::exchange(parked, false) && options.on_pressure) options.on_pressure(false);
}

SnapshotJob::SnapshotJob(std::shared_ptr<State> state) : state_(std::move(state)) {}

SnapshotJob::~SnapshotJob() {
  state_->give_up();
}

Result<std::unique_ptr<SnapshotJob>> SnapshotJob::start(Options options) {
  auto state = std::make_shared<State>(std::move(options));
  State& s = *state;
  if (const auto* file = std::get_if<FileOutput>(&s.options.output)) {
    s.output = std::make_unique<FileSnapshotOutput>(SnapshotFile::Place{file->dir, file->name});
  } else {
    const auto& stream = std::get<StreamOutput>(s.options.output);
    auto output = std::make_unique<StreamSnapshotOutput>(StreamSnapshotOutput::Options{
        .eof_mark = stream.eof_mark,
        .window_bytes = stream.window_bytes,
        .loop = s.options.loop,
        .take = [weak = std::weak_ptr(state)](std::shared_ptr<const std::string> chunk) {
          const auto self = weak.lock();
          if (self == nullptr || self->abandoned) return;
          std::get<StreamOutput>(self->options.output).on_chunk(std::move(chunk));
        }});
    s.stream = output.get();
    s.output = std::move(output);
  }

  SnapshotEncoder::Head head{
      .options = {.compress = s.options.compress, .checksum = s.options.checksum},
      .origin = s.options.origin,
      .aof_base = s.options.aof_base,
      .used_memory = s.options.used_memory,
      .created_unix_s = unix_ms(wall_now()) / 1000,
      .key_delay_us = s.options.key_delay_us};
  const Keyspace& keyspace = s.options.keyspace;
  for (int db = 0; db < keyspace.databases(); ++db) {
    if (keyspace.size(db) == 0) continue;
    if (keyspace.expiring_hashes(db) > 0) head.version = kRdbVersionWithFieldExpiry;
    head.sizes[db] = {.keys = keyspace.size(db), .expiring = keyspace.expiring(db)};
    s.progress.keys_total += keyspace.size(db);
  }
  s.options.keyspace.begin_snapshot(&s);
  s.walking = true;
  s.progress.started = monotonic_now();
  s.encoder = std::make_unique<SnapshotEncoder>(std::move(head), *s.output);
  s.thread = std::thread([state] { state->thread_main(); });
  ::pthread_setname_np(s.thread.native_handle(), "snapshot");
  s.options.loop.start(s);
  return std::unique_ptr<SnapshotJob>(new SnapshotJob(std::move(state)));
}

Result<void> SnapshotJob::finish_now() {
  State& s = *state_;
  REDAN_CHECK(s.stream == nullptr);
  s.waiting = true;
  while (s.walking && !s.queue.dropped()) s.run_slice(Seconds(1));
  s.thread.join();
  s.give_up();
  return std::move(s.outcome);
}

void SnapshotJob::consumed(size_t bytes) {
  if (state_->stream != nullptr) state_->stream->consumed(bytes);
}

SnapshotProgress SnapshotJob::progress() const {
  SnapshotProgress progress = state_->progress;
  progress.keys_done = state_->encoder->keys_done();
  progress.bytes_out = state_->encoder->bytes_out();
  progress.queue_peak_bytes = state_->queue.peak_bytes();
  return progress;
}

}  // namespace redan
