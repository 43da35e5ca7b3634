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
  for (const std::unique_ptr<Table>& table : tables) free_entries(*table);
}

Keyspace::Keyspace(const KeyspaceOptions& options) : rng_(options.seed) {
  hash_key_ = {rng_.next(), rng_.next()};
  databases_.resize(static_cast<size_t>(options.databases));
  if (options.slots) {
    REDAN_CHECK(options.databases == 1);
    slots_ = std::make_unique<SlotTables>();
    return;
  }
  for (Database& database : databases_) database.table = new_table();
}

Keyspace::~Keyspace() {
  if (in_snapshot()) end_snapshot();
  if (slots_ != nullptr) dispose(slots_->take_all(), Free::kNow);
  for (Database& database : databases_) {
    if (database.table != nullptr) free_entries(*database.table);
  }
}

std::unique_ptr<Table> Keyspace::new_table() const {
  return std::make_unique<Table>(hash_key_);
}

void Keyspace::dispose(std::unique_ptr<Table> table, Free how) {
  Tables one;
  one.push_back(std::move(table));
  dispose(std::move(one), how);
}

void Keyspace::dispose(Tables tables, Free how) {
  auto item = std::make_unique<GarbageItem>();
  size_t entries = 0;
  for (std::unique_ptr<Table>& table : tables) {
    if (table->in_snapshot()) {
      orphans_.push_back(std::move(table));
      continue;
    }
    entries += table->size();
    item->tables.push_back(std::move(table));
  }
  if (how == Free::kNow || entries < kLazyTableEntries) return;  // Freed with the item, here.
  stats_.lazy_freed += entries;
  garbage_.push_back(std::move(item));
}

void Keyspace::swap_data(Keyspace& other) {
  REDAN_CHECK(!other.in_snapshot());
  REDAN_CHECK(other.databases() == databases());
  REDAN_CHECK(other.has_slots() == has_slots());
  if (observer_ != nullptr) observer_->flushing(-1);
  databases_.swap(other.databases_);
  slots_.swap(other.slots_);
  std::swap(hash_key_, other.hash_key_);
  if (in_snapshot()) orphan_what_a_snapshot_needs(other);
  if (observer_ != nullptr) observer_->flushing(-1);
}

// `old_data` has the tables that were ours.
void Keyspace::orphan_what_a_snapshot_needs(Keyspace& old_data) {
  if (slots_ != nullptr) {
    dispose(old_data.slots_->take_all(), Free::kLazily);
    old_data.slots_ = std::make_unique<SlotTables>();
    old_data.databases_[0] = {};
    return;
  }
  for (Database& old : old_data.databases_) {
    if (!old.table->in_snapshot()) continue;
    orphans_.push_back(std::move(old.table));
    old = {};
    old.table = old_data.new_table();
  }
}

// --- slots ---

std::vector<std::string> Keyspace::keys_in_slot(Slot slot, size_t count) const {
  std::vector<std::string> keys;
  const TableHome* home = slots_->find(slot);
  if (home == nullptr) return keys;
  uint64_t cursor = 0;
  do {
    cursor = home->table->scan(cursor, [&](const Entry* entry) {
      if (keys.size() < count) keys.emplace_back(entry->key());
    });
  } while (cursor != 0 && keys.size() < count);
  return keys;
}

size_t Keyspace::drop_slot(Slot slot, Free how) {
  TableHome* const home = slots_->find(slot);
  if (home == nullptr) return 0;
  const size_t keys = home->table->size();
  if (report_changes_ && observer_ != nullptr) {
    home->table->for_each([&](const Entry* entry) { observer_->changed(0, entry->key()); });
  }
  databases_[0].expiring -= home->expiring;
  databases_[0].entry_bytes -= home->entry_bytes;
  dispose(slots_->take(slot), how);
  dirty_ += keys;
  return keys;
}

void Keyspace::free_empty_tables() {
  if (slots_ != nullptr) slots_->free_empty(orphans_);
}

// --- expiry ---

// Looks at the next bucket of a table.
void Keyspace::expire_next(int db, TableHome& home, ExpiryOutcome& outcome) {
  int64_t& average_ttl = database(db).average_ttl;
  int64_t ttl_sum = 0;
  size_t alive = 0;
  std::vector<Entry*> due;
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
    average_ttl = average_ttl == 0 ? mean : average_ttl / 50 * 49 + mean / 50;
  }
  if (!due.empty()) will_change(home);
  for (Entry* entry : due) expire(db, home, locate(home, entry->key()));
  if (database(db).expiring == 0) average_ttl = 0;
}

Keyspace::ExpiryOutcome Keyspace::expire_some(size_t buckets) {
  ExpiryOutcome outcome;
  const bool may_expire = !replica_ && !expiry_paused_;
  if (slots_ != nullptr && may_expire) {
    expire_some_slots(buckets, outcome);
  } else if (slots_ != nullptr) {
    outcome.round_done = true;
  } else {
    for (; buckets > 0 && !outcome.round_done; --buckets) {
      const int db = static_cast<int>(expiry_db_);
      Database& home = database(db);
      if (home.expiring > 0 && may_expire) {
        expire_next(db, home, outcome);
        if (home.expiry_cursor != 0) continue;
      }
      expiry_db_ = (expiry_db_ + 1) % databases_.size();
      outcome.round_done = expiry_db_ == 0;
    }
  }
  if (outcome.looked_at > 0) {
    const double percent =
        100.0 * static_cast<double>(outcome.expired) / static_cast<double>(outcome.looked_at);
    stats_.expired_stale_percent = stats_.expired_stale_percent * 0.95 + percent * 0.05;
  }
  return outcome;
}

void Keyspace::expire_some_slots(size_t buckets, ExpiryOutcome& outcome) {
  for (; buckets > 0; --buckets) {
    const size_t slot = slots_->next_expiring(expiry_slot_);
    if (slot >= kSlotCount) {
      expiry_slot_ = 0;
      outcome.round_done = true;
      return;
    }
    if (is_held(Slot(static_cast<uint16_t>(slot)))) {
      expiry_slot_ = slot + 1;
      continue;
    }
    TableHome& home = slots_->home_at(slot);
    expire_next(0, home, outcome);
    expiry_slot_ = home.expiry_cursor != 0 ? slot : slot + 1;
  }
}

bool Keyspace::rehash_some(size_t buckets) {
  if (slots_ != nullptr) return slots_->rehash(buckets);
  bool more = false;
  for (Database& database : databases_) more |= database.table->rehash(buckets);
  return more;
}

Keyspace::Garbage Keyspace::take_garbage() {
  return std::exchange(garbage_, {});
}

size_t Keyspace::lazy_pending() const {
  size_t entries = 0;
  for (const auto& item : garbage_) {
    if (item->entry != nullptr) ++entries;
    for (const std::unique_ptr<Table>& table : item->tables) entries += table->size();
  }
  return entries;
}

void Keyspace::hold_slots(const SlotSet& slots) {
  REDAN_CHECK(slots_ != nullptr);
  held_ = slots;
  holding_ = !slots.empty();
}

size_t Keyspace::held_keys() const {
  size_t keys = 0;
  if (holding_) held_.for_each([&](Slot slot) { keys += slots_->keys(slot); });
  return keys;
}

void Keyspace::begin_snapshot(SnapshotSink* sink, const SlotSet* only) {
  REDAN_CHECK(sink_ == nullptr);
  if (only != nullptr) REDAN_CHECK(slots_ != nullptr);
  sink_ = sink;
  adapter_ = std::make_unique<SinkAdapter>(sink);
  if (slots_ != nullptr) return slots_->begin_snapshot(adapter_.get(), only);
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
      if (!table.walk_snapshot(1)) return true;
    }
    return false;
  };
  if (slots_ != nullptr) {
    while (Table* table = slots_->next_to_walk()) {
      if (!finish(*table)) return true;
      slots_->walked(*table);
    }
  } else {
    for (Database& database : databases_) {
      if (!database.table->in_snapshot()) continue;
      if (!finish(*database.table)) return true;
      database.table->end_snapshot();
    }
  }
  while (!orphans_.empty()) {
    if (!finish(*orphans_.back())) return true;
    orphans_.back()->end_snapshot();
    std::unique_ptr<Table> walked = std::move(orphans_.back());
    orphans_.pop_back();
    dispose(std::move(walked), Free::kLazily);
  }
  end_snapshot();
  return false;
}

void Keyspace::end_snapshot() {
  if (slots_ != nullptr) {
    slots_->end_snapshot();
  } else {
    for (Database& database : databases_) database.table->end_snapshot();
  }
  for (std::unique_ptr<Table>& table : std::exchange(orphans_, {})) {
    table->end_snapshot();
    dispose(std::move(table), Free::kLazily);
  }
  sink_ = nullptr;
  adapter_.reset();
}

}  // namespace redan
