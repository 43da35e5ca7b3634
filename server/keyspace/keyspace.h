// The data of a node: numbered databases of keys, with expiry, and what commands do with them.
//
// Times: the dispatcher sets the time of a command once (set_now); everything the command does sees
// that time. Expiry: on a primary a key that has expired is deleted when it is met, and the
// observer hears of it, so that the deletion is replicated; a replica hides it and waits for its
// primary's word. Used by the data thread only; snapshots get copies (see SnapshotSink).
//
// A node of a cluster has one database, whose keys lie in a table for each hash slot
// (slot_tables.h); otherwise each database is one table.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/crc16.h"
#include "common/base/rng.h"
#include "common/base/slot_set.h"
#include "common/base/time.h"
#include "server/data/dict.h"
#include "server/data/limits.h"
#include "server/keyspace/entry.h"
#include "server/keyspace/slot_tables.h"

namespace redan {

// Hears what happens to keys.
class KeyspaceObserver {
 public:
  virtual ~KeyspaceObserver() = default;
  // A key of database `db` expired and is gone.
  virtual void expired(int db, std::string_view key) = 0;
  // Fields of a hash expired and are gone; where they were its last, the key goes, too.
  virtual void fields_expired(int /*db*/, std::string_view /*key*/,
                              std::span<const std::string> /*fields*/, bool /*key_goes*/) {}
  // A key was written, deleted or replaced (only while watch_changes(true)).
  virtual void changed(int db, std::string_view key) = 0;
  // A key came to be (only while watch_creation(true)); not when data is loaded.
  virtual void created(int /*db*/, std::string_view /*key*/) {}
  // A command wanted to read a key that is not there (only while watch_misses(true)).
  virtual void missed(int /*db*/, std::string_view /*key*/) {}
  // All keys of a database (or of all: -1) go: what is there now is lost. Where others take their
  // place, it is said again afterwards, of what is there then.
  virtual void flushing(int db) = 0;
  // It is done: once, whatever took the place of the keys.
  virtual void flushed() {}
};

// Gets the large values of a snapshot in parts: begin_large() with the entry (its key, its expiry
// and, of its value, kind and counts), its pieces, end_large(). Other entries, and parts of other
// values, may come in between; `id` tells which is which. Of the values that have begun, the one
// that began first is the one that the walk goes on with, so that it ends first.
class LargeSink {
 public:
  virtual ~LargeSink() = default;
  virtual void begin_large(uint32_t id, int db, const Entry& entry) = 0;
  virtual void piece(uint32_t id, const ValuePiece& piece) = 0;
  virtual void end_large(uint32_t id) = 0;
};

// Gets every entry of a snapshot exactly as it was at the mark, on the data thread, each once. What
// is shown may change right after the call: take a copy.
class SnapshotSink {
 public:
  virtual ~SnapshotSink() = default;
  virtual void emit(int db, const Entry& entry) = 0;
  // Who takes large values in parts, so that none of them holds up the data thread; nullptr: they
  // are emitted whole.
  virtual LargeSink* large_sink() { return nullptr; }
};

// What happens to the expiry when a value is set.
struct SetExpiry {
  enum class Kind : uint8_t { kNone, kKeep, kAt };
  Kind kind = Kind::kNone;
  int64_t at_ms = 0;
  static SetExpiry keep() { return {Kind::kKeep, 0}; }
  static SetExpiry at(int64_t unix_ms) { return {Kind::kAt, unix_ms}; }
};

struct KeyspaceOptions {
  int databases = 16;
  uint64_t seed = 0;   // of the hash key, and of random choices
  bool slots = false;  // a table for each hash slot; needs databases = 1
};

struct KeyspaceStats {
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t expired = 0;
  uint64_t evicted = 0;
  uint64_t expired_fields = 0;
  uint64_t lazy_freed = 0;
  double expired_stale_percent = 0;
};

enum class EvictionClock : uint8_t { kLru, kLfu };

class Keyspace {
 public:
  explicit Keyspace(const KeyspaceOptions& options);
  ~Keyspace();
  Keyspace(const Keyspace&) = delete;
  Keyspace& operator=(const Keyspace&) = delete;

  void observe(KeyspaceObserver* observer) { observer_ = observer; }
  void watch_changes(bool on) { report_changes_ = on; }
  void watch_creation(bool on) { report_creation_ = on; }
  void watch_misses(bool on) { report_misses_ = on; }
  void set_now(WallTime now) { now_ms_ = unix_ms(now); }
  int64_t now_ms() const { return now_ms_; }
  // A replica does not expire keys by itself.
  void set_replica(bool replica) { replica_ = replica; }
  // CLIENT PAUSE: keys that expire are hidden, but stay.
  void pause_expiry(bool paused) { expiry_paused_ = paused; }
  bool expiry_paused() const { return expiry_paused_; }
  // Commands from the primary's stream see keys that have expired but were not deleted yet.
  void set_applying_stream(bool applying) { applying_stream_ = applying; }
  void set_clock(EvictionClock clock, int64_t lfu_log_factor, int64_t lfu_decay_minutes);
  // CLIENT NO-TOUCH: reads leave no trace in the LRU clock.
  void set_touching(bool touching) { touching_ = touching; }

  int databases() const { return static_cast<int>(databases_.size()); }
  size_t size(int db) const {
    if (slots_ != nullptr) return slots_->keys() - held_keys();
    return databases_[static_cast<size_t>(db)].table->size();
  }
  size_t expiring(int db) const { return databases_[static_cast<size_t>(db)].expiring; }
  // Keys that hold hashes of which some fields expire.
  size_t expiring_hashes(int db) const {
    return databases_[static_cast<size_t>(db)].expiring_hashes;
  }
  int64_t average_ttl_ms(int db) const { return databases_[static_cast<size_t>(db)].average_ttl; }
  size_t total_size() const;
  // Thresholds of the compact forms; commands look here.
  const EncodingLimits& limits() const { return limits_; }
  // (The hash key stays the keyspace's own.)
  void set_limits(const EncodingLimits& limits) {
    limits_ = limits;
    limits_.hash_key = hash_key_;
  }
  // Changes since the start that a save point or a replica would miss.
  uint64_t dirty() const { return dirty_; }
  void add_dirty(uint64_t changes) { dirty_ += changes; }
  const KeyspaceStats& stats() const { return stats_; }
  void reset_stats() { stats_ = {}; }

  enum class Free : uint8_t { kNow, kLazily };

  // --- looking things up ---
  // For a command that reads: counts hit or miss, touches the LRU clock. nullptr: no such key.
  const Entry* read(int db, std::string_view key);
  // The same without a touch (EXISTS, TYPE, TTL ...).
  const Entry* glance(int db, std::string_view key);
  // The same without a trace: no count, no touch (OBJECT, conditions of writes ...).
  const Entry* peek(int db, std::string_view key);
  // For a command that will change the value: valid until the next call that changes anything. A
  // key that has expired is deleted here even on a replica: its place is wanted.
  class Ref {
   public:
    explicit operator bool() const { return static_cast<bool>(place_); }
    const Entry& operator*() const { return *place_.entry(); }
    const Entry* operator->() const { return place_.entry(); }

   private:
    friend class Keyspace;
    Ref() = default;
    // find() makes the place where it is kept: a copy of it would be felt in each SET.
    template <class Find>
    Ref(TableHome& home, Find&& find) : place_(find()), home_(&home) {}
    Table::Place place_;
    TableHome* home_ = nullptr;
  };
  Ref change(int db, std::string_view key);

  // --- collections, changed where they are; tell changed() once for the command ---
  // The compact bytes of a collection, as ListpackEdit wants them.
  class PackedEdit {
   public:
    PackedEdit(Keyspace& keyspace, Ref& ref) : keyspace_(keyspace), ref_(ref) {}
    std::string_view view() const { return ref_->packed(); }
    char* splice(size_t at, size_t removed, size_t added) {
      return keyspace_.splice(ref_, at, removed, added);
    }

   private:
    Keyspace& keyspace_;
    Ref& ref_;
  };
  PackedEdit packed(Ref& ref) { return PackedEdit(*this, ref); }
  // A large value for as long as this lives; then its memory is counted anew. The key must stay.
  template <class T>
  class LargeEdit {
   public:
    LargeEdit(Keyspace& keyspace, Ref& ref)
        : keyspace_(keyspace), ref_(ref), value_(static_cast<T&>(ref->large())) {
      bytes_before_ = value_.memory_bytes();
      had_expiring_fields_ = value_.kind() == LargeKind::kExpiringHash;
    }
    ~LargeEdit() {
      const size_t bytes = value_.memory_bytes();
      if (bytes != bytes_before_) keyspace_.count_bytes(*ref_.home_, bytes_before_, bytes);
      if ((value_.kind() == LargeKind::kExpiringHash) != had_expiring_fields_) [[unlikely]] {
        keyspace_.expiring_fields_changed(ref_);
      }
    }
    LargeEdit(const LargeEdit&) = delete;
    LargeEdit& operator=(const LargeEdit&) = delete;
    T* operator->() { return &value_; }
    T& operator*() { return value_; }
    const T& operator*() const { return value_; }

   private:
    Keyspace& keyspace_;
    Ref& ref_;
    T& value_;
    size_t bytes_before_;
    bool had_expiring_fields_;
  };
  template <class T>
  LargeEdit<T> large(Ref& ref) {
    return LargeEdit<T>(*this, ref);
  }
  // The compact collection goes on in another compact form.
  void convert(Ref& ref, StoredValue value);
  // The compact collection goes on in its large form.
  void become_large(Ref& ref, std::unique_ptr<LargeValue> large);
  // The large collection goes on as this listpack, with few elements left.
  void become_compact(Ref& ref, std::string bytes);
  // A new key, where change() found none. Counts no change; the result is for changing it further.
  Ref create(int db, std::string_view key, Ref ref, StoredValue value);
  // Takes the key out: its last element is gone. Counts no change.
  void remove(int db, Ref ref, Free how);
  // A command changed a key's value: watchers hear of it, and `changes` count for save points.
  void changed(int db, std::string_view key, uint64_t changes = 1);

  // Puts a value of any type in a key's place, whatever was there; counts one change.
  void set_value(int db, std::string_view key, StoredValue value, SetExpiry expiry = {});

  // --- values; each of these counts one change and tells the observer ---
  void set_string(int db, std::string_view key, std::string_view value, SetExpiry expiry = {});
  void set_integer(int db, std::string_view key, int64_t value, SetExpiry expiry = {});
  // The same where the key was just looked up with change().
  void set_string(int db, Ref ref, std::string_view value, SetExpiry expiry);
  void set_integer(int db, Ref ref, int64_t value, SetExpiry expiry);
  // Grows or shrinks a string value to `size` bytes, zeroes behind the old ones; the bytes may be
  // written. The value must be a string.
  char* resize_string(int db, Ref ref, size_t size);
  // The bytes of the string at `key`, just looked up, to be written; where it is shorter than
  // `size` it grows with zeroes, and where there is none one is made of them. Counts no change and
  // tells nobody: whoever changes the bytes says so with string_edited().
  char* edit_string(int db, std::string_view key, Ref ref, size_t size);
  void string_edited(int db, std::string_view key, uint64_t changes = 1) {
    changed(db, key, changes);
  }
  // Replaces what is at `key` by text that counts as edited, without an expiry.
  void set_text(int db, std::string_view key, std::string_view value);
  void set_text(int db, std::string_view key, OwnedHeapString value);
  // The same for a string that was just looked up; its expiry stays.
  void rewrite_text(int db, Ref ref, std::string_view value);

  // --- keys ---
  // false: there is no such key.
  bool erase(int db, std::string_view key, Free how = Free::kNow);
  // kNoExpiry makes the key stay. false: there is no such key.
  bool set_expiry(int db, std::string_view key, int64_t unix_ms);
  // Moves the value of `from` to `to`, whose old value goes; `from` must exist.
  void rename(int db, std::string_view from, std::string_view to);
  // To another database, where the key must not be.
  void move(int db, std::string_view key, int to_db);
  // The key must exist at the source and must not at the destination.
  void copy(int db, std::string_view key, int to_db, std::string_view to);
  void swap(int db_a, int db_b);
  void flush(int db, Free how);  // -1: all

  // --- over all keys ---
  // nullptr: the database is empty (of keys that have not expired).
  const Entry* random(int db);
  // See Dict::scan. Keys that have expired are left out.
  template <class Each>
  uint64_t scan(int db, uint64_t cursor, Each&& each) {
    const auto alive = [&](Entry* entry) {
      if (is_listed(*entry)) each(static_cast<const Entry&>(*entry));
    };
    return slots_ != nullptr ? slots_->scan(cursor, alive)
                             : database(db).table->scan(cursor, alive);
  }
  template <class Each>
  void for_each(int db, Each&& each) {
    const auto alive = [&](Entry* entry) {
      if (is_listed(*entry)) each(static_cast<const Entry&>(*entry));
    };
    if (slots_ != nullptr) return slots_->for_each(alive);
    database(db).table->for_each(alive);
  }
  // Fields of hashes whose time came up to here are not to be seen (HashView hides them).
  int64_t field_horizon_ms() const {
    return (replica_ || holding_) && applying_stream_ ? INT64_MIN : now_ms_;
  }
  bool has_due_fields(const Entry& entry) const {
    return entry.has_expiring_fields() && first_field_is_due(entry);
  }
  // Deletes some fields of a hash whose time has come, where this node may; the key may be gone
  // then.
  void expire_fields(int db, std::string_view key);
  bool is_expired(const Entry& entry) const {
    return entry.expires() && entry.expiry_ms() <= now_ms_;
  }

  // Whether keys of this database are rarely in the processor's caches. Then it pays to say early
  // which ones are needed next, and which fields or members of them (empty: none).
  bool outgrows_caches(int db) const { return database(db).entry_bytes > kCachedBytes; }
  void prefetch(int db, std::span<const std::string_view> keys,
                std::span<const std::string_view> members) const;

  // --- slots; only where there is a table for each ---
  bool has_slots() const { return slots_ != nullptr; }
  // Slots whose keys are on their way here: another node's, so they do not expire by themselves and
  // are not listed, counted or drawn. Whoever brings them uses set_applying_stream().
  void hold_slots(const SlotSet& slots);
  bool is_held(Slot slot) const { return holding_ && held_.contains(slot); }
  // Until the next call of either: every key that is named lies in this slot, so that a request's
  // slot is computed once. The caller has checked the keys.
  void set_slot(Slot slot) {
    known_slot_ = slot.value;
    slots_->prefetch(slot);
  }
  void forget_slot() { known_slot_ = -1; }
  std::optional<Slot> known_slot() const {
    return known_slot_ < 0 ? std::nullopt : std::optional(Slot(static_cast<uint16_t>(known_slot_)));
  }
  // Keys of a slot, those that have expired and were not met since included.
  size_t slot_size(Slot slot) const { return slots_->keys(slot); }
  template <class Each>
  void for_each_in_slot(Slot slot, Each&& each) {
    const TableHome* home = slots_->find(slot);
    if (home == nullptr) return;
    home->table->for_each([&](Entry* entry) { each(static_cast<const Entry&>(*entry)); });
  }
  // Names of up to `count` keys of a slot.
  std::vector<std::string> keys_in_slot(Slot slot, size_t count) const;
  // Deletes all keys of a slot and returns how many there were. Watchers hear of each; telling
  // replicas is the caller's business.
  size_t drop_slot(Slot slot, Free how);
  // To be called now and then, not from within a command.
  void free_empty_tables();
  size_t table_count() const { return slots_->table_count(); }

  // --- loading: no observer, no counting; the key must be new ---
  void reserve(int db, size_t keys) {
    if (slots_ == nullptr) database(db).table->reserve(keys);
  }
  // false: the key is there already.
  bool load_string(int db, std::string_view key, std::string_view value, int64_t expiry_ms);
  bool load_integer(int db, std::string_view key, int64_t value, int64_t expiry_ms);
  bool load_value(int db, std::string_view key, StoredValue value, int64_t expiry_ms);
  // Sets what eviction knows of a key (RESTORE, RDB).
  void set_idle(int db, std::string_view key, int64_t idle_s);
  void set_frequency(int db, std::string_view key, uint8_t frequency);
  // Takes the data of `other` and gives it ours, at once; observers and statistics stay. A snapshot
  // that runs here goes on with the old data.
  void swap_data(Keyspace& other);

  // OBJECT IDLETIME (seconds) and FREQ.
  int64_t idle_s(const Entry& entry) const;
  int64_t frequency(const Entry& entry) const;

  // --- eviction ---
  // The next few keys, or of them those with a deadline, that this node may evict; see scan().
  template <class Each>
  uint64_t sample(int db, uint64_t cursor, bool expiring_only, Each&& each) {
    const auto own = [&](Entry* entry) {
      if (expiring_only && !entry->expires()) return;
      if (holding_ && held_.contains(slot_of_key(entry->key()))) return;
      each(static_cast<const Entry&>(*entry));
    };
    if (slots_ != nullptr) return slots_->scan(cursor, own);
    const Table& table = *database(db).table;
    return expiring_only ? table.scan_expiring(cursor, own) : table.scan(cursor, own);
  }
  // Takes out a key for want of memory; what is large is freed lazily in any case. Counts no change
  // for save points.
  void evict(int db, std::string_view key, Free how);

  // --- work in the background ---
  // Active expiry: looks at keys with an expiry and deletes those whose time has come. Visits about
  // `buckets` home buckets. Returns what it looked at and what had expired.
  struct ExpiryOutcome {
    size_t looked_at = 0;
    size_t expired = 0;
    bool round_done = false;  // every database was gone through
  };
  ExpiryOutcome expire_some(size_t buckets);
  // Goes on with unfinished growth and shrinkage; false when none is left.
  bool rehash_some(size_t buckets);
  // Values and tables that were freed lazily: destroy the result on any thread.
  using Garbage = std::vector<std::unique_ptr<struct GarbageItem>>;
  bool has_garbage() const { return !garbage_.empty(); }
  Garbage take_garbage();
  size_t lazy_pending() const;
  size_t garbage_bytes() const;  // what take_garbage() would hand over

  // --- snapshots: one at a time, begun between commands ---
  // With slots: of all, or of those in `only`.
  void begin_snapshot(SnapshotSink* sink, const SlotSet* only = nullptr);
  bool in_snapshot() const { return sink_ != nullptr; }
  // Looks at about `home_buckets` more, fewer where values are large; false when everything has
  // been emitted.
  bool walk_snapshot(size_t home_buckets);
  void end_snapshot();

  // Memory, as the allocator hands it out: of the tables, of the keys and values, of both. What
  // waits to be freed is not counted any more.
  size_t table_bytes() const;
  size_t table_bytes(int db) const;
  size_t entry_bytes(int db) const;
  size_t memory_bytes() const;
  void check_invariants() const;

 private:
  static constexpr size_t kCachedBytes = 1024UL * 1024;
  // With slots: the sums of all tables, and no table of its own.
  struct Database : TableHome {
    int64_t average_ttl = 0;
  };
  struct SinkAdapter;
  using Tables = std::vector<std::unique_ptr<Table>>;

  Database& database(int db) { return databases_[static_cast<size_t>(db)]; }
  const Database& database(int db) const { return databases_[static_cast<size_t>(db)]; }
  std::unique_ptr<Table> new_table() const;
  Slot slot_of(std::string_view key) const {
    return known_slot_ >= 0 ? Slot(static_cast<uint16_t>(known_slot_)) : slot_of_key(key);
  }
  // Where a key is, or would be; the first for reading only, and nullptr where nothing is.
  TableHome* find_home(int db, std::string_view key) {
    if (slots_ == nullptr) [[likely]] {
      return &database(db);
    }
    return slots_->find(slot_of(key));
  }
  TableHome& home_of(int db, std::string_view key) {
    return slots_ == nullptr ? database(db) : slots_->writable(slot_of(key), hash_key_);
  }
  Table::Place locate(TableHome& home, std::string_view key) {
    return slots_ == nullptr ? home.table->locate(key) : slots_->locate(home, key);
  }
  Ref change_in_slot(std::string_view key);
  void will_change(TableHome& home) {
    if (slots_ != nullptr) slots_->will_change(home);
  }
  Entry* find(int db, std::string_view key) {
    return slots_ == nullptr ? database(db).table->find(key)
                             : slots_->find(slot_of(key), hash_key_, key);
  }
  Entry* find_alive(int db, std::string_view key);
  bool is_hidden(const Entry& entry) const {
    return entry.expires() && is_expired(entry) && !((replica_ || holding_) && applying_stream_);
  }
  bool is_listed(const Entry& entry) const {
    return !is_expired(entry) && !(holding_ && held_.contains(slot_of_key(entry.key())));
  }
  size_t held_keys() const;
  bool first_field_is_due(const Entry& entry) const;
  void expire(int db, TableHome& home, Table::Place place);
  void take_due_fields(Ref& ref, class LargeHash& hash, std::vector<std::string>& names);
  void take_due_fields(Ref& ref, std::vector<std::string>& names);
  size_t expire_fields(int db, TableHome& home, Table::Place place);
  void expire_next(int db, TableHome& home, ExpiryOutcome& outcome);
  void expire_some_slots(size_t buckets, ExpiryOutcome& outcome);
  void touch(Entry& entry);
  char* splice(Ref& ref, size_t at, size_t removed, size_t added);
  void count_bytes(TableHome& home, size_t before, size_t after) {
    home.entry_bytes += after - before;
    if (slots_ != nullptr) databases_[0].entry_bytes += after - before;
  }
  void expiring_fields_changed(Ref& ref);
  void forget_value(Entry& entry);
  template <class Change>
  Entry* replace(Ref ref, Change&& change);
  void set_entry(int db, std::string_view key, Entry* entry);
  void insert(TableHome& home, Table::Place place, Entry* entry);
  // The same for a key that a command made.
  void create(int db, TableHome& home, Table::Place place, Entry* entry) {
    insert(home, place, entry);
    if (report_creation_ && observer_ != nullptr) [[unlikely]] {
      observer_->created(db, entry->key());
    }
  }
  void missed(int db, std::string_view key) {
    ++stats_.misses;
    if (report_misses_ && observer_ != nullptr) [[unlikely]] {
      observer_->missed(db, key);
    }
  }
  Entry* take(TableHome& home, Table::Place place);
  void count(TableHome& home, const Entry& entry);
  void discount(TableHome& home, const Entry& entry);
  void dispose(Entry* entry, Free how);
  void dispose_large(std::unique_ptr<LargeValue> large, Free how);
  void dispose(Tables tables, Free how, size_t entry_bytes = 0);
  void dispose(std::unique_ptr<Table> table, Free how, size_t entry_bytes = 0);
  void orphan_what_a_snapshot_needs(Keyspace& old_data);
  void set_access_of_new(Entry& entry) const;
  int64_t chosen_expiry(const Entry* before, SetExpiry expiry) const;
  static bool keeps_expiry(const Entry& entry, SetExpiry expiry) {
    if (expiry.kind == SetExpiry::Kind::kNone) return !entry.expires();
    return expiry.kind == SetExpiry::Kind::kKeep;
  }

  EncodingLimits limits_;
  KeyspaceObserver* observer_ = nullptr;
  bool report_changes_ = false;
  bool report_creation_ = false;
  bool report_misses_ = false;
  bool replica_ = false;
  bool applying_stream_ = false;
  bool expiry_paused_ = false;
  bool touching_ = true;
  EvictionClock clock_ = EvictionClock::kLru;
  int64_t lfu_log_factor_ = 10;
  int64_t lfu_decay_minutes_ = 1;
  int64_t now_ms_ = 0;
  uint64_t dirty_ = 0;
  HashKey hash_key_;
  mutable Rng rng_;
  std::vector<Database> databases_;
  std::unique_ptr<SlotTables> slots_;  // null: one table for each database
  int known_slot_ = -1;
  SlotSet held_;
  bool holding_ = false;  // held_ has any
  size_t expiry_db_ = 0;
  size_t expiry_slot_ = 0;
  KeyspaceStats stats_;
  Garbage garbage_;
  SnapshotSink* sink_ = nullptr;
  std::unique_ptr<SinkAdapter> adapter_;
  // Tables that were flushed while a snapshot still needed them.
  Tables orphans_;
};

// What a lazy free has to do: destroying it frees the memory.
struct GarbageItem {
  Entry* entry = nullptr;
  std::unique_ptr<LargeValue> large;
  std::vector<std::unique_ptr<Table>> tables;
  size_t bytes = 0;  // of all of it; where tables are moved on from a snapshot 0
  GarbageItem() = default;
  GarbageItem(const GarbageItem&) = delete;
  GarbageItem& operator=(const GarbageItem&) = delete;
  ~GarbageItem();
};

}  // namespace redan
