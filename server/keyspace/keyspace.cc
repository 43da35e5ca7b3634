#include "server/keyspace/keyspace.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/base/check.h"
#include "server/data/field_triples.h"

namespace redan {

namespace {
constexpr uint8_t kLfuInitial = 5;
constexpr uint32_t kLruMask = 0xffffff;

uint32_t minutes16(int64_t now_ms) {
  return static_cast<uint32_t>(now_ms / 60000) & 0xffff;
}
}  // namespace

void Keyspace::set_clock(EvictionClock clock, int64_t lfu_log_factor, int64_t lfu_decay_minutes) {
  clock_ = clock;
  lfu_log_factor_ = lfu_log_factor;
  lfu_decay_minutes_ = lfu_decay_minutes;
}

size_t Keyspace::total_size() const {
  size_t keys = 0;
  for (int db = 0; db < databases(); ++db) keys += size(db);
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
  if (Entry* entry = find(db, key); entry != nullptr && clock_ == EvictionClock::kLru) {
    entry->set_access(static_cast<uint32_t>(now_ms_ / 1000 - idle_s) & kLruMask);
  }
}

void Keyspace::set_frequency(int db, std::string_view key, uint8_t frequency) {
  if (Entry* entry = find(db, key); entry != nullptr && clock_ == EvictionClock::kLfu) {
    entry->set_access(minutes16(now_ms_) << 8 | frequency);
  }
}

// --- lookup ---

// Deletes a key whose time has come.
void Keyspace::expire(int db, TableHome& home, Table::Place place) {
  Entry* const entry = take(home, place);
  ++stats_.expired;
  changed(db, entry->key(), 0);  // Time changed it, not a command.
  if (observer_ != nullptr) observer_->expired(db, entry->key());
  dispose(entry, Free::kLazily);
}

Entry* Keyspace::find_alive(int db, std::string_view key) {
  Entry* const entry = find(db, key);
  if (entry == nullptr || !is_hidden(*entry)) [[likely]] {
    return entry;
  }
  if (!replica_ && !expiry_paused_ && !is_held(slot_of(key))) {
    TableHome& home = *find_home(db, key);
    will_change(home);
    expire(db, home, locate(home, key));
  }
  return nullptr;
}

const Entry* Keyspace::read(int db, std::string_view key) {
  Entry* const entry = find_alive(db, key);
  if (entry == nullptr) {
    missed(db, key);
    return nullptr;
  }
  ++stats_.hits;
  touch(*entry);
  return entry;
}

const Entry* Keyspace::glance(int db, std::string_view key) {
  const Entry* const entry = find_alive(db, key);
  if (entry == nullptr) {
    missed(db, key);
  } else {
    ++stats_.hits;
  }
  return entry;
}

const Entry* Keyspace::peek(int db, std::string_view key) {
  return find_alive(db, key);
}

[[gnu::noinline]] Keyspace::Ref Keyspace::change_in_slot(std::string_view key) {
  const Slot slot = slot_of(key);
  if (slots_->is_settled(slot)) [[likely]] {
    return Ref(slots_->home_at(slot.value),
               [&] { return slots_->locate_settled(slot, hash_key_, key); });
  }
  TableHome& home = slots_->writable(slot, hash_key_);
  return Ref(home, [&] { return slots_->locate(home, key); });
}

Keyspace::Ref Keyspace::change(int db, std::string_view key) {
  Ref ref = slots_ != nullptr ? change_in_slot(key)
                              : Ref(database(db), [&] { return database(db).table->locate(key); });
  if (!ref) return ref;
  Entry& entry = *ref.place_.entry();
  if (is_hidden(entry)) [[unlikely]] {
    expire(db, *ref.home_, ref.place_);
    ref.place_.vacate();
  } else {
    touch(entry);
  }
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

void Keyspace::count(TableHome& home, const Entry& entry) {
  home.entry_bytes += entry.memory_bytes();
  home.expiring += entry.expires() ? 1 : 0;
  home.expiring_hashes += entry.has_expiring_fields() ? 1 : 0;
  if (slots_ == nullptr) [[likely]] {
    return;
  }
  Database& sum = databases_[0];
  sum.entry_bytes += entry.memory_bytes();
  sum.expiring += entry.expires() ? 1 : 0;
  sum.expiring_hashes += entry.has_expiring_fields() ? 1 : 0;
  slots_->expiring_changed(home);
}

void Keyspace::discount(TableHome& home, const Entry& entry) {
  home.entry_bytes -= entry.memory_bytes();
  home.expiring -= entry.expires() ? 1 : 0;
  home.expiring_hashes -= entry.has_expiring_fields() ? 1 : 0;
  if (slots_ == nullptr) [[likely]] {
    return;
  }
  Database& sum = databases_[0];
  sum.entry_bytes -= entry.memory_bytes();
  sum.expiring -= entry.expires() ? 1 : 0;
  sum.expiring_hashes -= entry.has_expiring_fields() ? 1 : 0;
  slots_->expiring_changed(home);
}

// Puts what change(entry) makes of the entry in its place.
// Before another value takes this one's place: a large one is not freed here, where it would hold
// up the command, nor where a snapshot still needs it.
void Keyspace::forget_value(Entry& entry) {
  if (!entry.is_large()) [[likely]] {
    return;
  }
  dispose_large(EntryMaker::take_large(&entry), Free::kLazily);
}

template <class Change>
Entry* Keyspace::replace(Ref ref, Change&& change) {
  TableHome& home = *ref.home_;
  Entry* const before = ref.place_.entry();
  discount(home, *before);
  Entry* const entry = change(before);
  count(home, *entry);
  home.table->replace(ref.place_, entry, entry->may_expire());
  return entry;
}

void Keyspace::insert(TableHome& home, Table::Place place, Entry* entry) {
  if (slots_ == nullptr) [[likely]] {
    home.table->insert(place, entry, entry->may_expire());
  } else {
    slots_->insert(home, place, entry);
  }
  count(home, *entry);
}

Entry* Keyspace::take(TableHome& home, Table::Place place) {
  Entry* const entry = slots_ == nullptr ? home.table->erase(place) : slots_->erase(home, place);
  discount(home, *entry);
  return entry;
}

void Keyspace::set_string(int db, Ref ref, std::string_view value, SetExpiry expiry) {
  const Entry* const entry = replace(ref, [&](Entry* before) {
    forget_value(*before);
    return EntryMaker::set_string(before, value, chosen_expiry(before, expiry));
  });
  changed(db, entry->key());
}

void Keyspace::set_integer(int db, Ref ref, int64_t value, SetExpiry expiry) {
  if (keeps_expiry(*ref, expiry) && EntryMaker::overwrite(ref.place_.entry(), value)) {
    return changed(db, ref->key());
  }
  const Entry* const entry = replace(ref, [&](Entry* before) {
    forget_value(*before);
    return EntryMaker::set_integer(before, value, chosen_expiry(before, expiry));
  });
  changed(db, entry->key());
}

void Keyspace::set_string(int db, std::string_view key, std::string_view value, SetExpiry expiry) {
  Ref ref = change(db, key);
  if (ref && keeps_expiry(*ref, expiry) && EntryMaker::overwrite(ref.place_.entry(), value)) {
    return changed(db, key);
  }
  if (ref) return set_string(db, ref, value, expiry);
  Entry* const entry = EntryMaker::make_string(key, value, chosen_expiry(nullptr, expiry));
  set_access_of_new(*entry);
  create(db, *ref.home_, ref.place_, entry);
  changed(db, key);
}

void Keyspace::set_integer(int db, std::string_view key, int64_t value, SetExpiry expiry) {
  Ref ref = change(db, key);
  if (ref) return set_integer(db, ref, value, expiry);
  Entry* const entry = EntryMaker::make_integer(key, value, chosen_expiry(nullptr, expiry));
  set_access_of_new(*entry);
  create(db, *ref.home_, ref.place_, entry);
  changed(db, key);
}

char* Keyspace::resize_string(int db, Ref ref, size_t size) {
  Entry* const entry =
      replace(ref, [&](Entry* before) { return EntryMaker::resize_string(before, size); });
  changed(db, entry->key());
  return EntryMaker::writable_bytes(entry);
}

char* Keyspace::edit_string(int db, std::string_view key, Ref ref, size_t size) {
  if (!ref) {
    Entry* entry = nullptr;
    if (size <= EntryMaker::kMaxInline) {
      static constexpr char kZeroes[EntryMaker::kMaxInline] = {};
      entry = EntryMaker::make_edited(key, std::string_view(kZeroes, size), Entry::kNoExpiry);
    } else {
      OwnedHeapString zeroes(HeapString::make(size, size));
      std::memset(zeroes->bytes(), 0, size);
      entry = EntryMaker::make_edited(key, std::move(zeroes), Entry::kNoExpiry);
    }
    set_access_of_new(*entry);
    create(db, *ref.home_, ref.place_, entry);
    return EntryMaker::writable_bytes(entry);
  }
  Entry* entry = ref.place_.entry();
  if (entry->is_integer() || size > entry->string_length()) {
    entry = replace(ref, [&](Entry* before) { return EntryMaker::edit_string(before, size); });
  } else {
    EntryMaker::edit_string(entry, size);
  }
  return EntryMaker::writable_bytes(entry);
}

void Keyspace::set_entry(int db, std::string_view key, Entry* entry) {
  const Ref ref = change(db, key);
  if (ref) {
    entry->set_access(ref->access());
    replace(ref, [&](Entry* before) {
      forget_value(*before);
      EntryMaker::free(before);
      return entry;
    });
  } else {
    set_access_of_new(*entry);
    create(db, *ref.home_, ref.place_, entry);
  }
  changed(db, entry->key());
}

void Keyspace::set_text(int db, std::string_view key, std::string_view value) {
  set_entry(db, key, EntryMaker::make_edited(key, value, Entry::kNoExpiry));
}

void Keyspace::set_text(int db, std::string_view key, OwnedHeapString value) {
  set_entry(db, key, EntryMaker::make_edited(key, std::move(value), Entry::kNoExpiry));
}

void Keyspace::rewrite_text(int db, Ref ref, std::string_view value) {
  const Entry* const entry =
      replace(ref, [&](Entry* before) { return EntryMaker::rewrite(before, value); });
  changed(db, entry->key());
}

void Keyspace::set_value(int db, std::string_view key, StoredValue value, SetExpiry expiry) {
  Ref ref = change(db, key);
  if (ref) {
    replace(ref, [&](Entry* before) {
      forget_value(*before);
      return EntryMaker::set_value(before, std::move(value), chosen_expiry(before, expiry));
    });
  } else {
    Entry* const entry =
        EntryMaker::make_value(key, std::move(value), chosen_expiry(nullptr, expiry));
    set_access_of_new(*entry);
    create(db, *ref.home_, ref.place_, entry);
  }
  changed(db, key);
}

// --- collections ---

char* Keyspace::splice(Ref& ref, size_t at, size_t removed, size_t added) {
  Entry* const before = ref.place_.entry();
  const size_t bytes = before->memory_bytes();
  Entry* const entry = EntryMaker::splice(before, at, removed, added);
  if (entry != before) ref.home_->table->replace(ref.place_, entry, entry->may_expire());
  count_bytes(*ref.home_, bytes, entry->memory_bytes());
  return EntryMaker::writable_packed(entry);
}

void Keyspace::convert(Ref& ref, StoredValue value) {
  REDAN_CHECK(!ref->is_large());
  replace(ref, [&](Entry* before) {
    return EntryMaker::set_value(before, std::move(value), before->expiry_ms());
  });
}

// The hash has them now and had none, or the other way round.
void Keyspace::expiring_fields_changed(Ref& ref) {
  TableHome& home = *ref.home_;
  Entry* const entry = ref.place_.entry();
  const size_t change = entry->has_expiring_fields() ? 1 : ~size_t{0};
  home.expiring_hashes += change;
  home.table->replace(ref.place_, entry, entry->may_expire());
  if (slots_ == nullptr) return;
  databases_[0].expiring_hashes += change;
  slots_->expiring_changed(home);
}

void Keyspace::become_large(Ref& ref, std::unique_ptr<LargeValue> large) {
  replace(ref, [&](Entry* before) { return EntryMaker::become_large(before, std::move(large)); });
}

void Keyspace::become_compact(Ref& ref, std::string bytes) {
  replace(ref, [&](Entry* before) {
    const ValueType type = before->type();
    forget_value(*before);
    return EntryMaker::set_value(before, StoredValue::packed(type, std::move(bytes)),
                                 before->expiry_ms());
  });
}

Keyspace::Ref Keyspace::create(int db, std::string_view key, Ref ref, StoredValue value) {
  REDAN_CHECK(!ref);
  Entry* const entry = EntryMaker::make_value(key, std::move(value), Entry::kNoExpiry);
  set_access_of_new(*entry);
  create(db, *ref.home_, ref.place_, entry);
  return change(db, key);
}

void Keyspace::remove(int db, Ref ref, Free how) {
  Entry* const entry = take(*ref.home_, ref.place_);
  changed(db, entry->key(), 0);
  dispose(entry, how);
}

// --- keys ---

void Keyspace::dispose(Entry* entry, Free how) {
  if (entry->is_large() && entry->large().in_snapshot()) {
    forget_value(*entry);
    return EntryMaker::free(entry);
  }
  if (how == Free::kNow || !EntryMaker::has_big_value(*entry)) return EntryMaker::free(entry);
  auto item = std::make_unique<GarbageItem>();
  item->entry = entry;
  item->bytes = entry->memory_bytes();
  garbage_.push_back(std::move(item));
  ++stats_.lazy_freed;
}

bool Keyspace::erase(int db, std::string_view key, Free how) {
  TableHome& home = home_of(db, key);
  const Table::Place place = locate(home, key);
  if (!place) return false;
  Entry* const entry = take(home, place);
  // `key` may be the entry's own name: tell before it goes.
  changed(db, key);
  dispose(entry, how);
  return true;
}

void Keyspace::evict(int db, std::string_view key, Free how) {
  TableHome& home = home_of(db, key);
  const Table::Place place = locate(home, key);
  REDAN_CHECK(static_cast<bool>(place));
  Entry* const entry = take(home, place);
  ++stats_.evicted;
  changed(db, entry->key(), 0);
  dispose(entry, entry->is_large() ? Free::kLazily : how);
}

bool Keyspace::set_expiry(int db, std::string_view key, int64_t unix_ms) {
  Ref ref = change(db, key);
  if (!ref) return false;
  const Entry* const entry =
      replace(ref, [&](Entry* before) { return EntryMaker::set_expiry(before, unix_ms); });
  changed(db, entry->key());
  return true;
}

void Keyspace::rename(int db, std::string_view from, std::string_view to) {
  const std::string from_name(from), to_name(to);
  TableHome& home = home_of(db, from_name);
  const Table::Place source = locate(home, from_name);
  REDAN_CHECK(static_cast<bool>(source));
  Entry* const entry = take(home, source);
  changed(db, from_name, 0);
  erase(db, to_name);
  Entry* const renamed = EntryMaker::rename(entry, to_name);
  TableHome& to_home = home_of(db, to_name);
  create(db, to_home, locate(to_home, to_name), renamed);
  changed(db, to_name);
}

void Keyspace::move(int db, std::string_view key, int to_db) {
  const std::string name(key);
  TableHome& home = home_of(db, name);
  const Table::Place source = locate(home, name);
  REDAN_CHECK(static_cast<bool>(source));
  Entry* const entry = take(home, source);
  const Ref target = change(to_db, name);
  REDAN_CHECK(!target);
  create(to_db, *target.home_, target.place_, entry);
  changed(db, name, 0);
  changed(to_db, name);
}

void Keyspace::copy(int db, std::string_view key, int to_db, std::string_view to) {
  const Entry* const entry = peek(db, key);
  REDAN_CHECK(entry != nullptr);
  const Ref target = change(to_db, to);
  REDAN_CHECK(!target);
  create(to_db, *target.home_, target.place_, EntryMaker::clone(*entry, to, entry->expiry_ms()));
  set_access_of_new(*find(to_db, to));  // How often the other was used says nothing about it.
  changed(to_db, to);
}

void Keyspace::swap(int db_a, int db_b) {
  if (observer_ != nullptr) observer_->flushing(db_a), observer_->flushing(db_b);
  std::swap(databases_[static_cast<size_t>(db_a)], databases_[static_cast<size_t>(db_b)]);
  ++dirty_;
  if (observer_ == nullptr) return;
  observer_->flushing(db_a), observer_->flushing(db_b);
  observer_->flushed();
}

void Keyspace::flush(int db, Free how) {
  if (observer_ != nullptr) observer_->flushing(db);
  for (int i = 0; i < databases(); ++i) {
    if (db != -1 && db != i) continue;
    dirty_ += size(i);
    Database& old = database(i);
    const size_t bytes = old.entry_bytes;
    if (slots_ != nullptr) {
      dispose(slots_->take_all(), how, bytes);
      old = {};
      continue;
    }
    std::unique_ptr<Table> table = std::move(old.table);
    old = {};
    old.table = new_table();
    dispose(std::move(table), how, bytes);
  }
  if (observer_ != nullptr) observer_->flushed();
}

const Entry* Keyspace::random(int db) {
  // On a primary keys that have expired are deleted on the way; on a replica they may be all that
  // there is, so the search is bounded, and then one of them is as good as none.
  Entry* entry = nullptr;
  for (int tries = 0; tries < 100; ++tries) {
    TableHome* const home = slots_ != nullptr ? slots_->random(rng_) : &database(db);
    entry = home == nullptr ? nullptr : home->table->random(rng_);
    if (entry != nullptr && holding_ && held_.contains(slot_of_key(entry->key()))) {
      entry = nullptr;
      continue;
    }
    if (entry == nullptr || !is_hidden(*entry)) return entry;
    if (!replica_ && !expiry_paused_) {
      will_change(*home);
      expire(db, *home, locate(*home, entry->key()));
      entry = nullptr;
    }
  }
  return entry;
}

// --- loading ---

bool Keyspace::load_string(int db, std::string_view key, std::string_view value,
                           int64_t expiry_ms) {
  TableHome& home = home_of(db, key);
  const Table::Place place = locate(home, key);
  if (place) return false;
  Entry* const entry = EntryMaker::make_string(key, value, expiry_ms);
  set_access_of_new(*entry);
  insert(home, place, entry);
  return true;
}

bool Keyspace::load_integer(int db, std::string_view key, int64_t value, int64_t expiry_ms) {
  TableHome& home = home_of(db, key);
  const Table::Place place = locate(home, key);
  if (place) return false;
  Entry* const entry = EntryMaker::make_integer(key, value, expiry_ms);
  set_access_of_new(*entry);
  insert(home, place, entry);
  return true;
}

bool Keyspace::load_value(int db, std::string_view key, StoredValue value, int64_t expiry_ms) {
  TableHome& home = home_of(db, key);
  const Table::Place place = locate(home, key);
  if (place) return false;
  Entry* const entry = EntryMaker::make_value(key, std::move(value), expiry_ms);
  set_access_of_new(*entry);
  insert(home, place, entry);
  return true;
}

// --- memory ---

size_t Keyspace::table_bytes() const {
  size_t bytes = slots_ != nullptr ? slots_->table_bytes() : 0;
  for (const Database& database : databases_) {
    if (database.table != nullptr) bytes += database.table->memory_bytes();
  }
  for (const auto& table : orphans_) bytes += table->memory_bytes();
  return bytes;
}

size_t Keyspace::table_bytes(int db) const {
  return slots_ != nullptr ? slots_->table_bytes() : database(db).table->memory_bytes();
}

size_t Keyspace::entry_bytes(int db) const {
  return database(db).entry_bytes;
}

size_t Keyspace::memory_bytes() const {
  size_t bytes = table_bytes();
  for (const Database& database : databases_) bytes += database.entry_bytes;
  return bytes;
}

void Keyspace::check_invariants() const {
  const auto check = [](const TableHome& home) {
    home.table->check_invariants();
    size_t expiring = 0;
    size_t expiring_hashes = 0;
    size_t bytes = 0;
    home.table->for_each([&](const Entry* entry) {
      expiring += entry->expires() ? 1U : 0U;
      expiring_hashes += entry->has_expiring_fields() ? 1U : 0U;
      bytes += entry->memory_bytes();
      if (entry->is_large()) entry->large().check_invariants();
      if (!entry->is_triples()) return;
      const FieldTriples triples(entry->packed());
      REDAN_CHECK(triples.in_order());
      REDAN_CHECK(triples.first_expiry_ms() != FieldTriples::kStays);
    });
    size_t marked = 0;
    uint64_t cursor = 0;
    do {
      cursor = home.table->scan_expiring(cursor, [&](const Entry* entry) {
        REDAN_CHECK(entry->may_expire());
        ++marked;
      });
    } while (cursor != 0);
    if (!home.table->rehashing()) REDAN_CHECK(marked >= std::max(expiring, expiring_hashes));
    REDAN_CHECK(expiring == home.expiring);
    REDAN_CHECK(expiring_hashes == home.expiring_hashes);
    REDAN_CHECK(bytes == home.entry_bytes);
  };
  if (slots_ == nullptr) {
    for (const Database& database : databases_) check(database);
    return;
  }
  slots_->check_invariants();
  size_t expiring = 0;
  size_t bytes = 0;
  slots_->for_each_home([&](size_t, const TableHome& home) {
    check(home);
    expiring += home.expiring;
    bytes += home.entry_bytes;
  });
  REDAN_CHECK(expiring == databases_[0].expiring);
  REDAN_CHECK(bytes == databases_[0].entry_bytes);
}

}  // namespace redan
