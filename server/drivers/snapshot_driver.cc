#include "server/drivers/snapshot_driver.h"

#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/rng.h"
#include "common/log/log.h"
#include "common/metrics/info_writer.h"
#include "server/drivers/snapshot_file.h"
#include "server/keyspace/keyspace.h"

namespace redan {

namespace {

// After a failed BGSAVE the next is not tried before that many seconds.
constexpr int64_t kRetryDelay_s = 5;

int64_t unix_s() {
  return unix_ms(wall_now()) / 1000;
}
int64_t whole_s(Nanos span) {
  return std::chrono::duration_cast<Seconds>(span).count();
}
double exact_s(Nanos span) {
  return std::chrono::duration<double>(span).count();
}

// Adds what `from` holds to `into`. Of a key that is in both, the one in `from` stays (`replace`),
// or nothing is added at all.
Result<void> merge(Keyspace& from, Keyspace& into, bool replace) {
  std::string twice;
  for (int db = 0; db < from.databases(); ++db) {
    from.for_each(db, [&](const Entry& entry) {
      if (into.peek(db, entry.key()) != nullptr) twice = entry.key();
    });
  }
  if (!twice.empty() && !replace)
    return Error("the key " + quote_word(twice) + " is in memory already");
  Entry::Scratch scratch;
  for (int db = 0; db < from.databases(); ++db) {
    from.for_each(db, [&](const Entry& entry) {
      if (replace) into.erase(db, entry.key());
      if (entry.is_integer()) {
        into.load_integer(db, entry.key(), entry.integer(), entry.expiry_ms());
      } else {
        into.load_string(db, entry.key(), entry.string(scratch), entry.expiry_ms());
      }
    });
  }
  return kOk;
}

SnapshotJob::Options::Access access_of(MaxmemoryPolicy policy) {
  using Access = SnapshotJob::Options::Access;
  switch (policy) {
    case MaxmemoryPolicy::kVolatileLru:
    case MaxmemoryPolicy::kAllkeysLru:
      return Access::kIdleTime;
    case MaxmemoryPolicy::kVolatileLfu:
    case MaxmemoryPolicy::kAllkeysLfu:
      return Access::kFrequency;
    default:
      return Access::kLeftOut;
  }
}

enum class Purpose : uint8_t { kNone, kFile, kStream, kLent };

}  // namespace

struct SnapshotDriver::State {
  explicit State(Parts p) : parts(std::move(p)) {}

  Parts parts;
  std::unique_ptr<SnapshotJob> job;
  Purpose purpose = Purpose::kNone;
  std::function<void(Result<void>)> stream_on_done;
  std::vector<std::function<void()>> idle_callbacks;
  std::function<void()> give_up_lent;

  uint64_t saved_changes = 0;    // Keyspace::dirty() at the last save
  uint64_t changes_at_mark = 0;  // and at the mark of a running one
  bool scheduled = false;
  bool last_save_ok = true;
  int64_t last_save_s = unix_s();
  int64_t last_try_s = 0;
  Nanos last_duration{-1};
  int64_t saves = 0;
  uint64_t last_queue_peak = 0;

  std::unique_ptr<SnapshotFileLoader> loader;
  Instant loading_since{};
  SnapshotFacts loaded;

  std::string path() const { return parts.config.dir + "/" + parts.config.dbfilename; }
  SnapshotJob::Options job_options(decltype(SnapshotJob::Options::output) output) const;
  SnapshotLoader::Options loader_options(bool is_replica) const;
  Result<void> free_for_another() const;
  void file_done(Result<void> result);
  void stream_done(Result<void> result);
  void saved();
  void became_idle();
  void log_head(const SnapshotFacts& facts) const;
};

SnapshotDriver::SnapshotDriver(Parts parts) : state_(std::make_unique<State>(std::move(parts))) {}
SnapshotDriver::~SnapshotDriver() = default;

SnapshotJob::Options SnapshotDriver::State::job_options(
    decltype(SnapshotJob::Options::output) output) const {
  return {.keyspace = parts.keyspace,
          .loop = parts.loop,
          .output = std::move(output),
          .origin = parts.origin ? parts.origin() : SnapshotOrigin{},
          .compress = parts.config.rdbcompression,
          .checksum = parts.config.rdbchecksum,
          .access = access_of(parts.config.maxmemory_policy),
          .cpus = parts.config.bgsave_cpulist,
          .key_delay_us = parts.config.rdb_key_save_delay,
          .used_memory = parts.used_memory ? parts.used_memory() : 0,
          .on_pressure = parts.park_writes};
}

Result<void> SnapshotDriver::State::free_for_another() const {
  if (purpose == Purpose::kNone) return kOk;
  return Error("Background save already in progress");
}

void SnapshotDriver::State::saved() {
  last_save_s = unix_s();
  last_save_ok = true;
  ++saves;
}

void SnapshotDriver::State::became_idle() {
  for (const auto& callback : idle_callbacks) callback();
}

Result<void> SnapshotDriver::save() {
  State& s = *state_;
  if (Result<void> free = s.free_for_another(); !free) return free;
  auto job = SnapshotJob::start(s.job_options(
      SnapshotJob::FileOutput{.dir = s.parts.config.dir, .name = s.parts.config.dbfilename}));
  if (!job) return job.error();
  const Result<void> result = (*job)->finish_now();
  s.last_queue_peak = (*job)->progress().queue_peak_bytes;
  if (!result) {
    log_warning("Error saving the DB: {}", result.error().message());
    return result;
  }
  log_notice("DB saved on disk");
  s.saved_changes = s.parts.keyspace.dirty();
  s.saved();
  return kOk;
}

Result<void> SnapshotDriver::begin_background_save() {
  State& s = *state_;
  if (Result<void> free = s.free_for_another(); !free) return free;
  s.last_try_s = unix_s();
  SnapshotJob::Options options = s.job_options(
      SnapshotJob::FileOutput{.dir = s.parts.config.dir, .name = s.parts.config.dbfilename});
  options.on_done = [&s](Result<void> result) { s.file_done(std::move(result)); };
  auto job = SnapshotJob::start(std::move(options));
  if (!job) {
    s.last_save_ok = false;
    return job.error();
  }
  s.job = job.take();
  s.purpose = Purpose::kFile;
  s.scheduled = false;
  s.changes_at_mark = s.parts.keyspace.dirty();
  log_notice("Background saving started by pid {}", getpid());
  return kOk;
}

void SnapshotDriver::State::file_done(Result<void> result) {
  const std::unique_ptr<SnapshotJob> done = std::move(job);
  purpose = Purpose::kNone;
  const SnapshotProgress progress = done->progress();
  last_duration = monotonic_now() - progress.started;
  last_queue_peak = progress.queue_peak_bytes;
  if (result) {
    saved_changes = changes_at_mark;
    saved();
    log_notice("DB saved on disk");
    log_notice("Background saving terminated with success");
    log_verbose("snapshot: {}", fields("keys", progress.keys_done, "bytes", progress.bytes_out,
                                       "seconds", exact_s(last_duration), "data_thread_ms",
                                       whole_ms(progress.data_thread_time), "worst_slice_us",
                                       progress.worst_slice.count() / 1000, "queue_peak",
                                       progress.queue_peak_bytes));
  } else {
    last_save_ok = false;
    log_warning("Background saving error: {}", result.error().message());
  }
  became_idle();
}

void SnapshotDriver::schedule_background_save() {
  state_->scheduled = true;
}
bool SnapshotDriver::in_progress() const {
  return state_->purpose != Purpose::kNone;
}
bool SnapshotDriver::last_save_ok() const {
  return state_->last_save_ok;
}
int64_t SnapshotDriver::last_save_unix_s() const {
  return state_->last_save_s;
}

Result<SnapshotJob*> SnapshotDriver::start_stream(Stream stream) {
  State& s = *state_;
  if (Result<void> free = s.free_for_another(); !free) return free.error();
  SnapshotJob::Options options = s.job_options(SnapshotJob::StreamOutput{
      .eof_mark = std::move(stream.eof_mark), .on_chunk = std::move(stream.on_chunk)});
  options.on_done = [&s](Result<void> result) { s.stream_done(std::move(result)); };
  auto job = SnapshotJob::start(std::move(options));
  if (!job) return job.error();
  s.job = job.take();
  s.purpose = Purpose::kStream;
  s.stream_on_done = std::move(stream.on_done);
  log_notice("Background RDB transfer started by pid {}", getpid());
  return s.job.get();
}

void SnapshotDriver::State::stream_done(Result<void> result) {
  const std::unique_ptr<SnapshotJob> done = std::move(job);
  purpose = Purpose::kNone;
  last_queue_peak = done->progress().queue_peak_bytes;
  if (result) {
    log_notice("Background RDB transfer terminated with success");
  } else {
    log_warning("Background transfer error: {}", result.error().message());
  }
  if (const auto on_done = std::exchange(stream_on_done, nullptr)) on_done(std::move(result));
  became_idle();
}

void SnapshotDriver::stop_stream() {
  State& s = *state_;
  if (s.purpose != Purpose::kStream) return;
  s.job.reset();
  s.purpose = Purpose::kNone;
  s.stream_on_done = nullptr;
  log_notice("Background RDB transfer given up: no replica is left to take it");
  s.became_idle();
}

Result<void> SnapshotDriver::take_engine(std::function<void()> give_up) {
  State& s = *state_;
  if (Result<void> free = s.free_for_another(); !free) return free;
  if (s.loader != nullptr || s.parts.keyspace.in_snapshot()) return Error("the engine is busy");
  s.purpose = Purpose::kLent;
  s.give_up_lent = std::move(give_up);
  return kOk;
}

void SnapshotDriver::release_engine() {
  State& s = *state_;
  if (s.purpose != Purpose::kLent) return;
  s.purpose = Purpose::kNone;
  s.give_up_lent = nullptr;
  s.became_idle();
}

void SnapshotDriver::on_idle(std::function<void()> callback) {
  state_->idle_callbacks.push_back(std::move(callback));
}

void SnapshotDriver::cron() {
  State& s = *state_;
  if (s.purpose != Purpose::kNone || s.loader != nullptr) return;
  const int64_t now = unix_s();
  if (!s.last_save_ok && now - s.last_try_s <= kRetryDelay_s) return;
  bool due = s.scheduled;
  for (const SavePoint& point : s.parts.config.save) {
    if (due) break;
    if (changes_since_save() < point.changes || now - s.last_save_s <= point.seconds) continue;
    log_notice("{} changes in {} seconds. Saving...", point.changes, point.seconds);
    due = true;
  }
  if (!due) return;
  s.scheduled = false;
  if (Result<void> begun = begin_background_save(); !begun) {
    log_warning("Background saving error: {}", begun.error().message());
  }
}

int64_t SnapshotDriver::changes_since_save() const {
  return static_cast<int64_t>(state_->parts.keyspace.dirty() - state_->saved_changes);
}

void SnapshotDriver::give_up_for_new_data() {
  State& s = *state_;
  if (s.purpose == Purpose::kNone) return;
  if (s.purpose == Purpose::kLent) return std::exchange(s.give_up_lent, nullptr)();
  log_notice("A snapshot is being made and is given up: the data is about to be replaced");
  const Purpose purpose = std::exchange(s.purpose, Purpose::kNone);
  s.job.reset();
  if (purpose == Purpose::kFile) {
    s.scheduled = true;
  } else if (const auto on_done = std::exchange(s.stream_on_done, nullptr)) {
    on_done(Error("the snapshot was given up: the data was replaced"));
  }
  s.became_idle();
}

Result<void> SnapshotDriver::shut_down(bool save_now) {
  State& s = *state_;
  if (s.purpose == Purpose::kLent) std::exchange(s.give_up_lent, nullptr)();
  if (s.purpose != Purpose::kNone) {
    log_warning("A snapshot is being made. It is given up");
    s.job.reset();
    s.purpose = Purpose::kNone;
  }
  if (!save_now) return kOk;
  return save();
}

SnapshotLoader::Options SnapshotDriver::State::loader_options(bool is_replica) const {
  return {.now = wall_now(),
          .drop_expired = !is_replica,
          .databases = parts.config.databases,
          .verify_checksum = parts.config.rdbchecksum};
}

Result<void> SnapshotDriver::begin_loading(bool is_replica) {
  State& s = *state_;
  if (const int removed = remove_snapshot_leftovers(s.parts.config.dir); removed > 0) {
    log_notice("Removed {} temporary RDB files that an earlier run left behind", removed);
  }
  auto loader = SnapshotFileLoader::open(s.path(), s.parts.keyspace, s.loader_options(is_replica));
  if (!loader) return loader.error();
  if (!(*loader)->exists()) return kOk;
  s.loader = loader.take();
  s.loading_since = monotonic_now();
  return kOk;
}

void SnapshotDriver::State::log_head(const SnapshotFacts& facts) const {
  if (!facts.producer_version.empty()) {
    log_notice("Loading RDB produced by version {}", facts.producer_version);
  }
  if (facts.created_unix_s > 0) {
    log_notice("RDB age {} seconds", std::max<int64_t>(0, unix_s() - facts.created_unix_s));
  }
  if (facts.used_memory > 0) {
    log_notice("RDB memory usage when created {:.2f} Mb",
               static_cast<double>(facts.used_memory) / (1024 * 1024));
  }
}

Result<bool> SnapshotDriver::load_some() {
  State& s = *state_;
  if (s.loader == nullptr) return false;
  const bool first = s.loader->loaded_bytes() == 0;
  const auto step = static_cast<size_t>(
      std::max<int64_t>(1024, s.parts.config.loading_process_events_interval_bytes));
  const Result<bool> more = s.loader->load_some(step);
  if (first) s.log_head(s.loader->facts());
  if (!more) return more;
  if (*more) return true;
  s.loaded = s.loader->facts();
  s.loader.reset();
  log_notice("Done loading RDB, keys loaded: {}, keys expired: {}.", s.loaded.keys_loaded,
             s.loaded.keys_expired);
  log_notice("DB loaded from disk: {:.3f} seconds", exact_s(monotonic_now() - s.loading_since));
  s.saved_changes = s.parts.keyspace.dirty();
  return false;
}

// The file is read into a keyspace aside, so that a broken one changes nothing.
Result<void> SnapshotDriver::reload(const Reload& how) {
  State& s = *state_;
  if (Result<void> free = s.free_for_another(); !free) return free;
  if (how.save) {
    if (Result<void> saved = save(); !saved) return saved;
  }
  Keyspace& ours = s.parts.keyspace;
  Keyspace aside({.databases = ours.databases(), .seed = system_seed(), .slots = ours.has_slots()});
  aside.set_now(wall_now());
  aside.set_limits(ours.limits());
  auto file = SnapshotFileLoader::open(s.path(), aside, s.loader_options(false));
  if (!file) return file.error();
  if (!(*file)->exists()) return Error("cannot load " + s.path() + ": there is no such file");
  for (;;) {
    const Result<bool> more = (*file)->load_some(SIZE_MAX);
    if (!more) return more.error();
    if (!*more) break;
  }
  s.log_head((*file)->facts());
  if (!how.flush) {
    if (Result<void> merged = merge(aside, ours, how.merge); !merged) return merged;
  } else {
    ours.swap_data(aside);
  }
  s.saved_changes = ours.dirty();
  log_warning("DB reloaded by DEBUG RELOAD");
  return kOk;
}

bool SnapshotDriver::loading() const {
  return state_->loader != nullptr;
}
uint64_t SnapshotDriver::loading_total_bytes() const {
  return state_->loader == nullptr ? 0 : state_->loader->total_bytes();
}
uint64_t SnapshotDriver::loading_loaded_bytes() const {
  return state_->loader == nullptr ? 0 : state_->loader->loaded_bytes();
}
void SnapshotDriver::loaded_from_primary(uint64_t keys) {
  state_->loaded.keys_loaded = keys;
  state_->loaded.keys_expired = 0;
}
const SnapshotFacts& SnapshotDriver::loaded() const {
  return state_->loaded;
}

void SnapshotDriver::write_info(InfoWriter& info) const {
  const State& s = *state_;
  const bool saving = s.purpose == Purpose::kFile;
  const SnapshotProgress progress = s.job == nullptr ? SnapshotProgress{} : s.job->progress();
  // What a snapshot costs beside the keyspace: its queue, where Redis has pages copied on write.
  info.field("current_cow_peak", progress.queue_peak_bytes);
  info.field("current_cow_size", progress.queue_peak_bytes);
  info.field("current_cow_size_age",
             s.job == nullptr ? int64_t{0} : whole_s(monotonic_now() - progress.started));
  info.field("current_fork_perc",
             progress.keys_total == 0 ? 0.0
                                      : 100.0 * static_cast<double>(progress.keys_done) /
                                            static_cast<double>(progress.keys_total),
             2);
  info.field("current_save_keys_processed", progress.keys_done);
  info.field("current_save_keys_total", progress.keys_total);
  info.field("rdb_changes_since_last_save", changes_since_save());
  info.field("rdb_bgsave_in_progress", saving);
  info.field("rdb_last_save_time", s.last_save_s);
  info.field("rdb_last_bgsave_status", s.last_save_ok ? "ok" : "err");
  info.field("rdb_last_bgsave_time_sec",
             s.last_duration.count() < 0 ? int64_t{-1} : whole_s(s.last_duration));
  info.field("rdb_current_bgsave_time_sec",
             saving ? whole_s(monotonic_now() - progress.started) : int64_t{-1});
  info.field("rdb_saves", s.saves);
  info.field("rdb_last_cow_size", s.last_queue_peak);
  info.field("rdb_last_load_keys_expired", s.loaded.keys_expired);
  info.field("rdb_last_load_keys_loaded", s.loaded.keys_loaded);
  // What Redis answers while its AOF is off.
  info.field("aof_enabled", 0);
  info.field("aof_rewrite_in_progress", 0);
  info.field("aof_rewrite_scheduled", 0);
  info.field("aof_last_rewrite_time_sec", -1);
  info.field("aof_current_rewrite_time_sec", -1);
  info.field("aof_last_bgrewrite_status", "ok");
  info.field("aof_rewrites", 0);
  info.field("aof_rewrites_consecutive_failures", 0);
  info.field("aof_last_write_status", "ok");
  info.field("aof_last_cow_size", 0);
  info.field("module_fork_in_progress", 0);
  info.field("module_fork_last_cow_size", 0);
}

}  // namespace redan
