// What a keyspace does beside commands: snapshots, active expiry, lazy freeing, replacing all data.
#include <utility>

#include "common/base/check.h"
#include "server/data/field_triples.h"
#include "server/data/large_hash.h"
#include "server/keyspace/keyspace.h"

namespace redan {

namespace {

// A table with more entries than this, or of more bytes with all its values, is freed elsewhere
// when it is flushed lazily.
constexpr size_t kLazyTableEntries = 64;
constexpr size_t kLazyTableBytes = 64 * 1024;
// A slice of a snapshot's walk ends after so many bytes, however few buckets that was.
constexpr size_t kWalkBytes = 64 * 1024;
// A large value of up to so many elements is emitted at once; of others, so many pieces at a time.
constexpr size_t kWholeElements = 256;
constexpr size_t kPiecesAtOnce = 16;
constexpr size_t kLazyElements = 64;
// So many fields of a hash expire in one go.
constexpr size_t kFieldsAtOnce = 64;

void free_entries(Table& table) {
  table.for_each([](Entry* entry) { EntryMaker::free(entry); });
  table.forget_all();
}

}  // namespace

// Stands between the tables and who takes the snapshot: lets large values come in pieces.
struct Keyspace::SinkAdapter final : Table::Sink {
  struct Pending final : PieceSink {
    Pending(SinkAdapter& to, uint32_t id_of_value, LargeValue& of)
        : adapter(to), id(id_of_value), value(&of) {}
    void piece(const ValuePiece& piece) override {
      adapter.bytes += piece.a.size() + piece.b.size();
      adapter.parts->piece(id, piece);
    }
    SinkAdapter& adapter;
    uint32_t id;
    LargeValue* value;
    std::unique_ptr<LargeValue> owned;  // its key went before the walk came to it
  };

  SinkAdapter(Keyspace& of, SnapshotSink* to) : keyspace(of), sink(to), parts(to->large_sink()) {}

  void emit(int tag, const Entry& entry) override {
    if (entry.is_large() && parts != nullptr) [[unlikely]] {
      return begin(tag, entry);
    }
    bytes += entry.memory_bytes();
    sink->emit(tag, entry);
  }
  void begin(int db, const Entry& entry) {
    LargeValue& value = entry.large();
    pending.push_back(std::make_unique<Pending>(*this, ++last_id, value));
    parts->begin_large(last_id, db, entry);
    value.begin_snapshot(pending.back().get());
    if (value.size() > kWholeElements) return;
    while (value.walk_snapshot(kWholeElements)) {
    }
    finish(pending.size() - 1);
  }
  void finish(size_t index) {
    const std::unique_ptr<Pending> done = std::move(pending[index]);
    pending.erase(pending.begin() + static_cast<ptrdiff_t>(index));
    done->value->end_snapshot();
    parts->end_large(done->id);
    if (done->owned) keyspace.dispose_large(std::move(done->owned), Free::kLazily);
  }
  // Goes on with values that have begun, until `bytes` is past `enough`; true once none is left.
  bool drain(size_t enough) {
    while (!pending.empty()) {
      while (bytes < enough) {
        const size_t before = bytes;
        if (!pending.front()->value->walk_snapshot(kPiecesAtOnce)) {
          finish(0);
          break;
        }
        // A stretch without pieces is work as well.
        if (bytes == before) bytes += kPiecesAtOnce;
      }
      if (bytes >= enough && !pending.empty()) return false;
    }
    return true;
  }
  // Nobody wants the rest.
  void give_up() {
    for (const std::unique_ptr<Pending>& each : pending) each->value->end_snapshot();
    for (std::unique_ptr<Pending>& each : std::exchange(pending, {})) {
      if (each->owned) keyspace.dispose_large(std::move(each->owned), Free::kLazily);
    }
  }
  void adopt(std::unique_ptr<LargeValue> value) {
    for (const std::unique_ptr<Pending>& each : pending) {
      if (each->value == value.get()) {
        each->owned = std::move(value);
        return;
      }
    }
    REDAN_CHECK(false);
  }

  Keyspace& keyspace;
  SnapshotSink* sink;
  LargeSink* parts;  // of `sink`; null: it takes values whole
  size_t bytes = 0;
  uint32_t last_id = 0;
  std::vector<std::unique_ptr<Pending>> pending;
};

void Keyspace::dispose_large(std::unique_ptr<LargeValue> large, Free how) {
  if (large->in_snapshot()) return adapter_->adopt(std::move(large));
  if (how == Free::kNow || large->size() <= kLazyElements) return;  // Freed here.
  auto item = std::make_unique<GarbageItem>();
  item->bytes = large->memory_bytes();
  item->large = std::move(large);
  garbage_.push_back(std::move(item));
  ++stats_.lazy_freed;
}

GarbageItem::~GarbageItem() {
  if (entry != nullptr) EntryMaker::free(entry);
  for (const std::unique_ptr<Table>& table : tables) free_entries(*table);
}

Keyspace::Keyspace(const KeyspaceOptions& options) : rng_(options.seed) {
  hash_key_ = {rng_.next(), rng_.next()};
  limits_.hash_key = hash_key_;
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

void Keyspace::dispose(std::unique_ptr<Table> table, Free how, size_t entry_bytes) {
  Tables one;
  one.push_back(std::move(table));
  dispose(std::move(one), how, entry_bytes);
}

void Keyspace::dispose(Tables tables, Free how, size_t entry_bytes) {
  auto item = std::make_unique<GarbageItem>();
  item->bytes = entry_bytes;
  size_t entries = 0;
  for (std::unique_ptr<Table>& table : tables) {
    // (A table that the walk is through with may hold large values that it is not through with.)
    if (table->in_snapshot() || (adapter_ != nullptr && !adapter_->pending.empty())) {
      orphans_.push_back(std::move(table));
      continue;
    }
    entries += table->size();
    item->tables.push_back(std::move(table));
  }
  const bool is_small = entries < kLazyTableEntries && entry_bytes < kLazyTableBytes;
  if (how == Free::kNow || is_small) return;  // Freed with the item, here.
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
  std::swap(limits_.hash_key, other.limits_.hash_key);
  if (in_snapshot()) orphan_what_a_snapshot_needs(other);
  if (observer_ != nullptr) observer_->flushing(-1), observer_->flushed();
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
    if (!old.table->in_snapshot() && adapter_->pending.empty()) continue;
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
  const size_t bytes = home->entry_bytes;
  if (report_changes_ && observer_ != nullptr) {
    home->table->for_each([&](const Entry* entry) { observer_->changed(0, entry->key()); });
  }
  databases_[0].expiring -= home->expiring;
  databases_[0].expiring_hashes -= home->expiring_hashes;
  databases_[0].entry_bytes -= home->entry_bytes;
  dispose(slots_->take(slot), how, bytes);
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
  std::vector<Entry*> with_due_fields;
  const uint64_t cursor = home.expiry_cursor;
  home.expiry_cursor = home.table->scan_expiring(cursor, [&](Entry* entry) {
    if (is_expired(*entry)) return due.push_back(entry);
    if (entry->expires()) {
      ++alive;
      ttl_sum += entry->expiry_ms() - now_ms_;
    }
    if (has_due_fields(*entry)) with_due_fields.push_back(entry);
  });
  outcome.looked_at += alive + due.size();
  outcome.expired += due.size();
  if (alive > 0) {
    // A running mean in which one sample counts a fiftieth, as Redis keeps it.
    const int64_t mean = ttl_sum / static_cast<int64_t>(alive);
    average_ttl = average_ttl == 0 ? mean : average_ttl / 50 * 49 + mean / 50;
  }
  if (!due.empty() || !with_due_fields.empty()) will_change(home);
  for (Entry* entry : due) expire(db, home, locate(home, entry->key()));
  for (Entry* entry : with_due_fields) {
    const Table::Place place = locate(home, entry->key());
    const size_t fields = expire_fields(db, home, place);
    outcome.looked_at += fields;
    outcome.expired += fields;
    // What is left is the next call's.
    if (fields == kFieldsAtOnce) home.expiry_cursor = cursor;
  }
  if (database(db).expiring == 0) average_ttl = 0;
}

bool Keyspace::first_field_is_due(const Entry& entry) const {
  if (!entry.is_triples()) {
    const auto& hash = static_cast<const LargeHash&>(entry.large());
    return hash.first_to_expire()->expiry_ms() <= now_ms_;
  }
  const int64_t first_ms = FieldTriples(entry.packed()).first_expiry_ms();
  return first_ms != FieldTriples::kStays && first_ms <= now_ms_;
}

// Takes out fields of a large hash whose time has come, so many at once and no more.
void Keyspace::take_due_fields(Ref& ref, LargeHash& hash, std::vector<std::string>& names) {
  const size_t bytes = hash.memory_bytes();
  while (names.size() < kFieldsAtOnce) {
    const HashField* const next = hash.first_to_expire();
    if (next == nullptr || next->expiry_ms() > now_ms_) break;
    names.emplace_back(next->key());
    hash.erase(names.back());
  }
  count_bytes(*ref.home_, bytes, hash.memory_bytes());
  if (!hash.has_expiring()) expiring_fields_changed(ref);
}

// The same of a compact one, which goes on in pairs where the others stay.
void Keyspace::take_due_fields(Ref& ref, std::vector<std::string>& names) {
  const FieldTriples triples(ref->packed());
  const auto is_due = [&](size_t at) {
    if (at == FieldTriples::kNone) return false;
    const int64_t expiry_ms = triples.expiry_ms(at);
    return expiry_ms != FieldTriples::kStays && expiry_ms <= now_ms_;
  };
  size_t at = triples.first();
  for (; names.size() < kFieldsAtOnce && is_due(at); at = triples.next(at)) {
    names.push_back(triples.field(at).str());
  }
  PackedEdit bytes = packed(ref);
  FieldTriplesEdit::erase(bytes, triples.first(), names.size());
  const FieldTriples rest(bytes.view());
  if (rest.size() == 0 || rest.first_expiry_ms() != FieldTriples::kStays) return;
  convert(ref, StoredValue::packed(ValueType::kHash, rest.to_pairs()));
}

// Deletes fields whose time has come, so many at once and no more, and the key with its last one.
size_t Keyspace::expire_fields(int db, TableHome& home, Table::Place place) {
  Ref ref(home, [&] { return place; });
  std::vector<std::string> names;
  bool key_goes = false;
  if (ref->is_large()) {
    auto& hash = static_cast<LargeHash&>(ref->large());
    take_due_fields(ref, hash, names);
    key_goes = hash.size() == 0;
  } else {
    take_due_fields(ref, names);
    key_goes = Listpack(ref->packed()).empty();
  }
  stats_.expired_fields += names.size();
  changed(db, ref->key(), 0);  // Time changed it, not a command.
  if (observer_ != nullptr) observer_->fields_expired(db, ref->key(), names, key_goes);
  if (key_goes) dispose(take(home, ref.place_), Free::kLazily);
  return names.size();
}

void Keyspace::expire_fields(int db, std::string_view key) {
  if (replica_ || expiry_paused_ || is_held(slot_of(key))) return;
  TableHome* const home = find_home(db, key);
  if (home == nullptr) return;
  will_change(*home);
  const Table::Place place = locate(*home, key);
  if (place && has_due_fields(*place.entry())) expire_fields(db, *home, place);
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
      if (home.may_expire() && may_expire) {
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
    if (item->entry != nullptr || item->large != nullptr) ++entries;
    for (const std::unique_ptr<Table>& table : item->tables) entries += table->size();
  }
  return entries;
}

size_t Keyspace::garbage_bytes() const {
  size_t bytes = 0;
  for (const auto& item : garbage_) bytes += item->bytes;
  return bytes;
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
  adapter_ = std::make_unique<SinkAdapter>(*this, sink);
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
      const bool more = table.walk_snapshot(1);
      if (!adapter_->drain(enough)) return false;
      if (!more) return true;
    }
    return false;
  };
  // What began before a write goes first.
  if (!adapter_->drain(enough)) return true;
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
  if (adapter_ != nullptr) adapter_->give_up();
  if (slots_ != nullptr) {
    slots_->end_snapshot();
  } else {
    for (Database& database : databases_) database.table->end_snapshot();
  }
  sink_ = nullptr;
  adapter_.reset();
  for (std::unique_ptr<Table>& table : std::exchange(orphans_, {})) {
    table->end_snapshot();
    dispose(std::move(table), Free::kLazily);
  }
}

}  // namespace redan
