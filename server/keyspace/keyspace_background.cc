// What a keyspace does beside commands: snapshots, active expiry, lazy freeing, replacing all data.
#include <utility>

#include "common/base/check.h"
#include "server/keyspace/keyspace.h"

namespace redan {

namespace {

// A table with more entries than this is freed elsewhere when it is flushed lazily.
constexpr size_t kLazyTableEntries = 64;
// A slice of a snapshot's walk ends after so many bytes, however few buckets that was.
constexpr size_t kWalkBytes = 64 * 1024;

void free_entries(Table& table) {
  table.for_each([](Entry* entry) { EntryMaker::free(entry); });
  table.forget_all();
}

}  // namespace

struct Keyspace::SinkAdapter final : Table::Sink {
  explicit SinkAdapter(SnapshotSink* to) : sink(to) {}
  void emit(int tag, const Entry& entry) override {
    bytes += entry.memory_bytes();
    sink->emit(tag, entry);
  }
  SnapshotSink* sink;
  size_t bytes = 0;
};

GarbageItem::~GarbageItem() {
  if (entry != nullptr) EntryMaker::free(entry);
  if (table != nullptr) free_entries(*table);
}

Keyspace::Keyspace(const KeyspaceOptions& options) : rng_(options.seed) {
  hash_key_ = {rng_.next(), rng_.next()};
  databases_.resize(static_cast<size_t>(options.databases));
  for (Database& database : databases_) database.table = new_table();
}

Keyspace::~Keyspace() {
  if (in_snapshot()) end_snapshot();
  for (Database& database : databases_) free_entries(*database.table);
}

std::unique_ptr<Table> Keyspace::new_table() const {
  return std::make_unique<Table>(hash_key_);
}

void Keyspace::dispose(std::unique_ptr<Table> table, Free how) {
  if (table->in_snapshot()) {
    orphans_.push_back(std::move(table));
    return;
  }
  if (how == Free::kNow || table->size() < kLazyTableEntries) return free_entries(*table);
  stats_.lazy_freed += table->size();
  auto item = std::make_unique<GarbageItem>();
  item->table = std::move(table);
  garbage_.push_back(std::move(item));
}

void Keyspace::swap_data(Keyspace& other) {
  REDAN_CHECK(!other.in_snapshot());
  REDAN_CHECK(other.databases() == databases());
  if (observer_ != nullptr) observer_->flushing(-1);
  databases_.swap(other.databases_);
  std::swap(hash_key_, other.hash_key_);
  for (Database& old : other.databases_) {
    if (!old.table->in_snapshot()) continue;
    orphans_.push_back(std::exchange(old, Database{.table = other.new_table()}).table);
  }
  if (observer_ != nullptr) observer_->flushing(-1);
}

Keyspace::ExpiryOutcome Keyspace::expire_some(size_t buckets) {
  ExpiryOutcome outcome;
  std::vector<Entry*> due;
  for (; buckets > 0 && !outcome.round_done; --buckets) {
    const int db = static_cast<int>(expiry_db_);
    Database& home = database(db);
    if (home.expiring > 0 && !replica_ && !expiry_paused_) {
      int64_t ttl_sum = 0;
      size_t alive = 0;
      due.clear();
      home.expiry_cursor = home.table->scan_expiring(home.expiry_cursor, [&](Entry* entry) {
        if (is_expired(*entry)) {
          due.push_back(entry);
        } else {
          ++alive;
          ttl_sum += entry->expiry_ms() - now_ms_;
        }
      });
      outcome.looked_at += alive + due.size();
      outcome.expired += due.size();
      if (alive > 0) {
        // A running mean in which one sample counts a fiftieth, as Redis keeps it.
        const int64_t mean = ttl_sum / static_cast<int64_t>(alive);
        home.average_ttl = home.average_ttl == 0 ? mean : home.average_ttl / 50 * 49 + mean / 50;
      }
      for (Entry* entry : due) expire(db, home.table->locate(entry->key()));
      if (home.expiring == 0) home.average_ttl = 0;
      if (home.expiry_cursor != 0) continue;
    }
    expiry_db_ = (expiry_db_ + 1) % databases_.size();
    outcome.round_done = expiry_db_ == 0;
  }
  if (outcome.looked_at > 0) {
    const double percent =
        100.0 * static_cast<double>(outcome.expired) / static_cast<double>(outcome.looked_at);
    stats_.expired_stale_percent = stats_.expired_stale_percent * 0.95 + percent * 0.05;
  }
  return outcome;
}

bool Keyspace::rehash_some(size_t buckets) {
  bool more = false;
  for (Database& database : databases_) more |= database.table->rehash(buckets);
  return more;
}

Keyspace::Garbage Keyspace::take_garbage() {
  return std::exchange(garbage_, {});
}

size_t Keyspace::lazy_pending() const {
  size_t entries = 0;
  for (const auto& item : garbage_) entries += item->table != nullptr ? item->table->size() : 1;
  return entries;
}

void Keyspace::begin_snapshot(SnapshotSink* sink) {
  REDAN_CHECK(sink_ == nullptr);
  sink_ = sink;
  adapter_ = std::make_unique<SinkAdapter>(sink);
  for (size_t i = 0; i < databases_.size(); ++i) {
    if (databases_[i].table->size() == 0) continue;
    databases_[i].table->begin_snapshot(adapter_.get(), static_cast<int>(i));
  }
}

bool Keyspace::walk_snapshot(size_t home_buckets) {
  if (sink_ == nullptr) return false;
  const size_t enough = adapter_->bytes + kWalkBytes;
  const auto finish = [&](Table& table) {
    for (; home_buckets > 0 && adapter_->bytes < enough; --home_buckets) {
      if (table.walk_snapshot(1)) continue;
      table.end_snapshot();
      return true;
    }
    return false;
  };
  for (Database& database : databases_) {
    if (database.table->in_snapshot() && !finish(*database.table)) return true;
  }
  while (!orphans_.empty()) {
    if (!finish(*orphans_.back())) return true;
    std::unique_ptr<Table> walked = std::move(orphans_.back());
    orphans_.pop_back();
    dispose(std::move(walked), Free::kLazily);
  }
  end_snapshot();
  return false;
}

void Keyspace::end_snapshot() {
  for (Database& database : databases_) database.table->end_snapshot();
  for (std::unique_ptr<Table>& table : std::exchange(orphans_, {})) {
    table->end_snapshot();
    dispose(std::move(table), Free::kLazily);
  }
  sink_ = nullptr;
  adapter_.reset();
}

}  // namespace redan
