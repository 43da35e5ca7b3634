#include "server/keyspace/keyspace.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"

namespace redan {

namespace {
constexpr uint8_t kLfuInitial = 5;
constexpr uint32_t kLruMask = 0xffffff;
// A table with more entries than this is freed elsewhere when it is flushed lazily.
constexpr size_t kLazyTableEntries = 64;

uint32_t minutes16(int64_t now_ms) {
  return static_cast<uint32_t>(now_ms / 60000) & 0xffff;
}
}  // namespace

struct Keyspace::SinkAdapter final : Table::Sink {
  explicit SinkAdapter(SnapshotSink* to) : sink(to) {}
  void emit(int tag, const Entry& entry) override { sink->emit(tag, entry); }
  SnapshotSink* sink;
};

namespace {
void free_entries(Table& table) {
  table.for_each([](Entry* entry) { EntryMaker::free(entry); });
  table.forget_all();
}
}  // namespace

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
  for (Database& database : databases_) free_entries(*database.table);
  for (auto& table : orphans_) free_entries(*table);
}

std::unique_ptr<Table> Keyspace::new_table() const {
  return std::make_unique<Table>(hash_key_);
}

void Keyspace::set_clock(EvictionClock clock, int64_t lfu_log_factor, int64_t lfu_decay_minutes) {
  clock_ = clock;
  lfu_log_factor_ = lfu_log_factor;
  lfu_decay_minutes_ = lfu_decay_minutes;
}

size_t Keyspace::total_size() const {
  size_t keys = 0;
  for (const Database& database : databases_) keys += database.table->size();
  return keys;
}

void Keyspace::changed(int db, std::string_view key, uint64_t changes) {
  dirty_ += changes;
  if (report_changes_ && observer_ != nullptr) observer_->changed(db, key);
}

// --- access clock ---

void Keyspace::set_access_of_new(Entry& entry) const {
  entry.set_access(clock_ == EvictionClock::kLru ? static_cast<uint32_t>(now_ms_ / 1000) & kLruMask
                                                 : minutes16(now_ms_) << 8 | kLfuInitial);
}

int64_t Keyspace::frequency(const Entry& entry) const {
  const uint32_t bits = entry.access();
  const uint32_t last = bits >> 8;
  const uint32_t now = minutes16(now_ms_);
  const int64_t elapsed = now >= last ? now - last : 65535 - last + now;
  const int64_t periods = lfu_decay_minutes_ > 0 ? elapsed / lfu_decay_minutes_ : 0;
  return std::max<int64_t>(0, static_cast<int64_t>(bits & 255) - periods);
}

int64_t Keyspace::idle_s(const Entry& entry) const {
  if (clock_ == EvictionClock::kLfu) return 0;
  const uint32_t now = static_cast<uint32_t>(now_ms_ / 1000) & kLruMask;
  return (now - entry.access()) & kLruMask;
}

void Keyspace::touch(Entry& entry) {
  if (!touching_) return;
  if (clock_ == EvictionClock::kLru) {
    entry.set_access(static_cast<uint32_t>(now_ms_ / 1000) & kLruMask);
    return;
  }
  int64_t counter = frequency(entry);
  if (counter < 255) {
    // The more often it was used, the less likely one more use counts.
    const double base = static_cast<double>(std::max<int64_t>(0, counter - kLfuInitial));
    if (rng_.unit() < 1.0 / (base * static_cast<double>(lfu_log_factor_) + 1)) ++counter;
  }
  entry.set_access(minutes16(now_ms_) << 8 | static_cast<uint32_t>(counter));
}

void Keyspace::set_idle(int db, std::string_view key, int64_t idle_s) {
  if (Entry* entry = table(db).find(key); entry != nullptr && clock_ == EvictionClock::kLru) {
    entry->set_access(static_cast<uint32_t>(now_ms_ / 1000 - idle_s) & kLruMask);
  }
}

void Keyspace::set_frequency(int db, std::string_view key, uint8_t frequency) {
  if (Entry* entry = table(db).find(key); entry != nullptr && clock_ == EvictionClock::kLfu) {
    entry->set_access(minutes16(now_ms_) << 8 | frequency);
  }
}

// --- lookup ---

// Deletes a key whose time has come, on a primary. True: it must not be seen.
bool Keyspace::expire_if_due(int db, const Entry& entry) {
  if (!is_expired(entry)) return false;
  if (replica_) return !applying_stream_;
  // The key's name lives in the entry; the observer must still be able to read it.
  const std::string key(entry.key());
  ++stats_.expired;
  erase(db, key);
  --dirty_;  // Time changed it, not a command.
  if (observer_ != nullptr) observer_->expired(db, key);
  return true;
}

Entry* Keyspace::find_alive(int db, std::string_view key) {
  Entry* const entry = table(db).find(key);
  if (entry == nullptr) return nullptr;
  if (entry->expires() && expire_if_due(db, *entry)) return nullptr;
  return entry;
}

const Entry* Keyspace::read(int db, std::string_view key) {
  Entry* const entry = find_alive(db, key);
  if (entry == nullptr) {
    ++stats_.misses;
    return nullptr;
  }
  ++stats_.hits;
  touch(*entry);
  return entry;
}

const Entry* Keyspace::peek(int db, std::string_view key) {
  return find_alive(db, key);
}

Keyspace::Ref Keyspace::change(int db, std::string_view key) {
  Ref ref;
  ref.place_ = table(db).find_for_change(key);
  if (!ref) return ref;
  Entry& entry = *ref.place_.entry();
  if (entry.expires() && expire_if_due(db, entry)) return {};
  touch(entry);
  return ref;
}

// --- values ---

int64_t Keyspace::chosen_expiry(const Entry* before, SetExpiry expiry) const {
  switch (expiry.kind) {
    case SetExpiry::Kind::kNone:
      return Entry::kNoExpiry;
    case SetExpiry::Kind::kAt:
      return expiry.at_ms;
    case SetExpiry::Kind::kKeep:
      return before == nullptr ? Entry::kNoExpiry : before->expiry_ms();
  }
  return Entry::kNoExpiry;
}

void Keyspace::replace(int db, Ref ref, Entry* entry, bool expired_before) {
  const bool expires = entry->expires();
  ref.place_.replace(entry, expires);
  Database& database = databases_[static_cast<size_t>(db)];
  database.expiring += expires ? 1 : 0;
  database.expiring -= expired_before ? 1 : 0;
}

void Keyspace::insert(int db, Entry* entry) {
  Database& database = databases_[static_cast<size_t>(db)];
  database.table->insert(entry, entry->expires());
  if (entry->expires()) ++database.expiring;
}

void Keyspace::set_string(int db, Ref ref, std::string_view value, SetExpiry expiry) {
  Entry* const before = ref.place_.entry();
  const bool expired_before = before->expires();
  Entry* const entry = EntryMaker::set_string(before, value, chosen_expiry(before, expiry));
  replace(db, ref, entry, expired_before);
  changed(db, entry->key());
}

void Keyspace::set_integer(int db, Ref ref, int64_t value, SetExpiry expiry) {
  Entry* const before = ref.place_.entry();
  const bool expired_before = before->expires();
  Entry* const entry = EntryMaker::set_integer(before, value, chosen_expiry(before, expiry));
  replace(db, ref, entry, expired_before);
  changed(db, entry->key());
}

void Keyspace::set_string(int db, std::string_view key, std::string_view value, SetExpiry expiry) {
  if (Ref ref = change(db, key)) return set_string(db, ref, value, expiry);
  Entry* const entry = EntryMaker::make_string(key, value, chosen_expiry(nullptr, expiry));
  set_access_of_new(*entry);
  insert(db, entry);
  changed(db, key);
}

void Keyspace::set_integer(int db, std::string_view key, int64_t value, SetExpiry expiry) {
  if (Ref ref = change(db, key)) return set_integer(db, ref, value, expiry);
  Entry* const entry = EntryMaker::make_integer(key, value, chosen_expiry(nullptr, expiry));
  set_access_of_new(*entry);
  insert(db, entry);
  changed(db, key);
}

char* Keyspace::resize_string(int db, Ref ref, size_t size) {
  Entry* const before = ref.place_.entry();
  const bool expires = before->expires();
  Entry* const entry = EntryMaker::resize_string(before, size);
  replace(db, ref, entry, expires);
  changed(db, entry->key());
  return EntryMaker::writable_bytes(entry);
}

// --- keys ---

void Keyspace::dispose(Entry* entry, Free how) {
  if (how == Free::kNow || !EntryMaker::has_big_value(*entry)) return EntryMaker::free(entry);
  auto item = std::make_unique<GarbageItem>();
  item->entry = entry;
  garbage_.push_back(std::move(item));
  ++stats_.lazy_freed;
}

bool Keyspace::erase(int db, std::string_view key, Free how) {
  Database& database = databases_[static_cast<size_t>(db)];
  Entry* const entry = database.table->erase(key);
  if (entry == nullptr) return false;
  if (entry->expires()) --database.expiring;
  // `key` may be the entry's own name: tell before it goes.
  changed(db, key);
  dispose(entry, how);
  return true;
}

bool Keyspace::set_expiry(int db, std::string_view key, int64_t unix_ms) {
  Ref ref = change(db, key);
  if (!ref) return false;
  Entry* const before = ref.place_.entry();
  const bool expired_before = before->expires();
  Entry* const entry = EntryMaker::set_expiry(before, unix_ms);
  replace(db, ref, entry, expired_before);
  changed(db, entry->key());
  return true;
}

void Keyspace::rename(int db, std::string_view from, std::string_view to) {
  Database& database = databases_[static_cast<size_t>(db)];
  const std::string from_name(from), to_name(to);
  Entry* const entry = database.table->erase(from_name);
  REDAN_CHECK(entry != nullptr);
  if (entry->expires()) --database.expiring;
  changed(db, from_name, 0);
  erase(db, to_name);
  insert(db, EntryMaker::rename(entry, to_name));
  changed(db, to_name);
}

void Keyspace::move(int db, std::string_view key, int to_db) {
  const std::string name(key);
  Database& database = databases_[static_cast<size_t>(db)];
  Entry* const entry = database.table->erase(name);
  REDAN_CHECK(entry != nullptr);
  if (entry->expires()) --database.expiring;
  insert(to_db, entry);
  changed(db, name, 0);
  changed(to_db, name);
}

void Keyspace::copy(int db, std::string_view key, int to_db, std::string_view to) {
  const Entry* const entry = peek(db, key);
  REDAN_CHECK(entry != nullptr);
  Entry* const made = EntryMaker::clone(*entry, to, entry->expiry_ms());
  insert(to_db, made);
  changed(to_db, to);
}

void Keyspace::swap(int db_a, int db_b) {
  std::swap(databases_[static_cast<size_t>(db_a)], databases_[static_cast<size_t>(db_b)]);
  ++dirty_;
  if (observer_ != nullptr) observer_->flushed(db_a), observer_->flushed(db_b);
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

void Keyspace::flush(int db, Free how) {
  for (int i = 0; i < databases(); ++i) {
    if (db != -1 && db != i) continue;
    Database& database = databases_[static_cast<size_t>(i)];
    dirty_ += database.table->size();
    dispose(std::exchange(database.table, new_table()), how);
    database.expiring = 0;
    database.average_ttl = 0;
    database.expiry_position = 0;
  }
  if (observer_ != nullptr) observer_->flushed(db);
}

const Entry* Keyspace::random(int db) {
  // On a primary keys that have expired are deleted on the way; on a replica they may be all that
  // there is, so the search is bounded, and then one of them is as good as none.
  for (int tries = 0; tries < 100; ++tries) {
    Entry* const entry = table(db).random(rng_);
    if (entry == nullptr) return nullptr;
    if (!entry->expires() || !expire_if_due(db, *entry)) return entry;
    if (replica_ && tries == 99) return entry;
  }
  return table(db).random(rng_);
}

// --- loading ---

bool Keyspace::load_string(int db, std::string_view key, std::string_view value,
                           int64_t expiry_ms) {
  if (table(db).find(key) != nullptr) return false;
  Entry* const entry = EntryMaker::make_string(key, value, expiry_ms);
  set_access_of_new(*entry);
  insert(db, entry);
  return true;
}

bool Keyspace::load_integer(int db, std::string_view key, int64_t value, int64_t expiry_ms) {
  if (table(db).find(key) != nullptr) return false;
  Entry* const entry = EntryMaker::make_integer(key, value, expiry_ms);
  set_access_of_new(*entry);
  insert(db, entry);
  return true;
}

void Keyspace::swap_data(Keyspace& other) {
  REDAN_CHECK(!in_snapshot());
  REDAN_CHECK(!other.in_snapshot());
  std::swap(hash_key_, other.hash_key_);
  databases_.swap(other.databases_);
  if (observer_ != nullptr) observer_->flushed(-1);
}

// --- background ---

Keyspace::ExpiryOutcome Keyspace::expire_some(size_t buckets) {
  ExpiryOutcome outcome;
  std::vector<std::string> due;
  for (; buckets > 0; --buckets) {
    Database& database = databases_[expiry_db_];
    bool next_database = database.expiring == 0;
    if (!next_database) {
      int64_t ttl_sum = 0;
      size_t seen = 0;
      due.clear();
      database.expiry_position =
          database.table->visit_expiring(database.expiry_position, [&](Entry* entry) {
            ++seen;
            if (is_expired(*entry)) {
              due.emplace_back(entry->key());
            } else {
              ttl_sum += entry->expiry_ms() - now_ms_;
            }
          });
      next_database = database.expiry_position == 0;
      outcome.looked_at += seen;
      outcome.expired += due.size();
      if (seen > due.size()) {
        // A running mean in which one sample counts a fiftieth, as Redis keeps it.
        const int64_t mean = ttl_sum / static_cast<int64_t>(seen - due.size());
        database.average_ttl =
            database.average_ttl == 0 ? mean : database.average_ttl / 50 * 49 + mean / 50;
      }
      const int db = static_cast<int>(expiry_db_);
      for (const std::string& key : due) {
        ++stats_.expired;
        erase(db, key, Free::kLazily);
        --dirty_;
        if (observer_ != nullptr) observer_->expired(db, key);
      }
    }
    if (next_database) {
      expiry_db_ = (expiry_db_ + 1) % databases_.size();
      if (expiry_db_ == 0) {
        outcome.round_done = true;
        return outcome;
      }
    }
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

// --- snapshots ---

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
  for (Database& database : databases_) {
    if (!database.table->in_snapshot()) continue;
    if (database.table->walk_snapshot(home_buckets)) return true;
  }
  while (!orphans_.empty()) {
    if (orphans_.back()->walk_snapshot(home_buckets)) return true;
    std::unique_ptr<Table> walked = std::move(orphans_.back());
    orphans_.pop_back();
    dispose(std::move(walked), Free::kLazily);
  }
  end_snapshot();
  return false;
}

void Keyspace::end_snapshot() {
  for (Database& database : databases_) database.table->end_snapshot();
  while (!orphans_.empty()) {
    std::unique_ptr<Table> table = std::move(orphans_.back());
    orphans_.pop_back();
    table->end_snapshot();
    dispose(std::move(table), Free::kLazily);
  }
  sink_ = nullptr;
  adapter_.reset();
}

size_t Keyspace::table_bytes() const {
  size_t bytes = 0;
  for (const Database& database : databases_) bytes += database.table->memory_bytes();
  return bytes;
}

void Keyspace::check_invariants() const {
  for (const Database& database : databases_) {
    database.table->check_invariants();
    size_t expiring = 0;
    database.table->for_each([&](Entry* entry) { expiring += entry->expires() ? 1U : 0U; });
    REDAN_CHECK(expiring == database.expiring);
  }
}

}  // namespace redan
