// The tables of a cluster node: one for each hash slot, so that the keys of a slot can be counted,
// listed and dropped without a look at any other.
//
// A table is made when a slot gets its first key, and freed by free_empty() after it lost the last
// one: a Place into it stays good until then. What is known of all tables together is counted as
// they change. Which slots have a table, keys that expire or a rehash under way stands in bitmaps,
// so that going over "all tables" costs 2 KiB and a step for each that matters.
//
// A snapshot's mark copies one bitmap: every table (that it is about) is pending. A pending table
// begins its own snapshot when it is about to change (writable()) or when the walk comes to it,
// whatever is first; so it begins with what it held at the mark. One thread.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/prefetch.h"
#include "common/base/rng.h"
#include "common/base/slot_set.h"
#include "server/data/dict.h"
#include "server/keyspace/entry.h"

namespace redan {

using Table = Dict<Entry>;

// The most lookups that are announced at once.
constexpr size_t kLookupsAhead = 16;

// A table and what is counted of its entries.
struct TableHome {
  std::unique_ptr<Table> table;
  size_t expiring = 0;         // keys with a deadline
  size_t expiring_hashes = 0;  // keys whose fields have some
  size_t entry_bytes = 0;
  uint64_t expiry_cursor = 0;

  bool may_expire() const { return expiring > 0 || expiring_hashes > 0; }
};

class SlotTables {
 public:
  SlotTables() = default;
  SlotTables(const SlotTables&) = delete;
  SlotTables& operator=(const SlotTables&) = delete;
  ~SlotTables() {
    for (size_t i = present_._Find_first(); i < kSlotCount; i = present_._Find_next(i)) {
      homes_[i].table.reset();
    }
  }

  size_t keys() const { return keys_; }
  size_t keys(Slot slot) const {
    const Table* table = homes_[slot.value].table.get();
    return table == nullptr ? 0 : table->size();
  }
  size_t table_bytes() const { return table_bytes_; }
  size_t table_count() const { return present_.count(); }

  // For reading only; nullptr: the slot has no table.
  TableHome* find(Slot slot) {
    TableHome& home = homes_[slot.value];
    return home.table == nullptr ? nullptr : &home;
  }
  // A key for reading only.
  Entry* find(Slot slot, const HashKey& hash_key, std::string_view key) const {
    if (const Table::Settled settled = settled_[slot.value]) [[likely]] {
      return Table::find(settled, hash_key, key);
    }
    const Table* const table = homes_[slot.value].table.get();
    return table == nullptr ? nullptr : table->find(key);
  }
  // Whether a caller that will change what is there has nothing to do before, and locate_settled()
  // finds the key in home_at(); else see writable() and locate().
  bool is_settled(Slot slot) const { return settled_[slot.value] && sink_ == nullptr; }
  Table::Place locate_settled(Slot slot, const HashKey& hash_key, std::string_view key) const {
    return Table::locate(settled_[slot.value], hash_key, key);
  }
  // A call on this slot is about to come.
  void prefetch(Slot slot) const { prefetch_line(&settled_[slot.value]); }
  // Lookups of these keys are about to come; see Dict::prefetch_bucket() and Dict::likely().
  void prefetch(const HashKey& hash_key, std::span<const std::string_view> keys,
                std::span<const Entry*> likely) const;
  // For a caller that will change what is there. Out of line, as all that follows: a node without
  // slots has this code beside its own path, not in it.
  TableHome& writable(Slot slot, const HashKey& hash_key);
  void will_change(TableHome& home);

  // The doors to a table that count what its change means for all of them. `home` is one of ours.
  Table::Place locate(TableHome& home, std::string_view key);
  void insert(TableHome& home, Table::Place place, Entry* entry);
  Entry* erase(TableHome& home, Table::Place place);
  // The home's number of expiring keys, or of keys with expiring fields, has changed.
  void expiring_changed(const TableHome& home) { expiring_[index_of(home)] = home.may_expire(); }

  // The table of any key, each key with the same chance; nullptr where there is none.
  TableHome* random(Rng& rng);

  // A scan's cursor is the slot in the low 14 bits and that table's own cursor above. A scan goes
  // through the slots in order, so it promises what each table promises.
  template <class Each>
  uint64_t scan(uint64_t cursor, Each&& each) const {
    const size_t slot = cursor & (kSlotCount - 1);
    uint64_t within = cursor >> kSlotBits;
    if (const Table* table = homes_[slot].table.get()) {
      within = table->scan(within, each);
      if (within != 0) return within << kSlotBits | slot;
    }
    const size_t next = present_._Find_next(slot);
    return next < kSlotCount ? next : 0;
  }
  template <class Each>
  void for_each(Each&& each) const {
    for (size_t i = present_._Find_first(); i < kSlotCount; i = present_._Find_next(i)) {
      homes_[i].table->for_each(each);
    }
  }
  // each(slot number, home)
  template <class Each>
  void for_each_home(Each&& each) const {
    for (size_t i = present_._Find_first(); i < kSlotCount; i = present_._Find_next(i)) {
      each(i, homes_[i]);
    }
  }
  // The first slot from `from` on that has keys which expire; kSlotCount: none.
  size_t next_expiring(size_t from) const { return at_or_after(expiring_, from); }
  TableHome& home_at(size_t slot) { return homes_[slot]; }

  // See Dict::rehash, for each table that has something to move. False when none has.
  bool rehash(size_t buckets);
  // Frees tables that lost their last key and have none again. Not while a Place is in use. Those
  // that a snapshot needs go to `orphans`.
  void free_empty(std::vector<std::unique_ptr<Table>>& orphans);
  // Takes out one slot's table (nullptr where there is none), or all of them. In a snapshot each
  // comes with its mark.
  std::unique_ptr<Table> take(Slot slot);
  std::vector<std::unique_ptr<Table>> take_all();

  // --- snapshots; see Keyspace ---
  // Of all slots, or of those in `only`.
  void begin_snapshot(Table::Sink* sink, const SlotSet* only);
  bool in_snapshot() const { return sink_ != nullptr; }
  // The next table that the walk has to finish; nullptr: all are emitted.
  Table* next_to_walk();
  void walked(Table& table);  // the one that next_to_walk() said
  void end_snapshot();

  // Stops the process where a count or a bitmap is wrong, or a key lies in another slot's table.
  void check_invariants() const;

 private:
  using Bits = std::bitset<kSlotCount>;
  static constexpr int kSlotBits = 14;
  static constexpr size_t kGroupBits = 7;  // 128 groups of 128 slots

  static size_t at_or_after(const Bits& bits, size_t from) {
    return from == 0 ? bits._Find_first() : bits._Find_next(from - 1);
  }
  size_t index_of(const TableHome& home) const { return static_cast<size_t>(&home - homes_.get()); }
  template <class Change>
  void counted(TableHome& home, Change&& change);
  void changed_by(const TableHome& home, int keys);
  void make(size_t index, const HashKey& hash_key);
  void begin(size_t index);
  std::unique_ptr<Table> take(size_t index);

  // Zeroed memory is an array of homes without tables, and takes no page before one gets a table:
  // an idle node of a cluster has none.
  template <class T>
  struct ReleaseZeroed {
    void operator()(T* zeroed) const { std::free(zeroed); }
  };
  template <class T>
  using Zeroed = std::unique_ptr<T[], ReleaseZeroed<T>>;
  template <class T>
  static Zeroed<T> zeroed() {
    auto* const made = static_cast<T*>(std::calloc(kSlotCount, sizeof(T)));
    if (made == nullptr) throw std::bad_alloc();
    return Zeroed<T>(made);
  }

  Zeroed<TableHome> homes_ = zeroed<TableHome>();
  // Of each table. By themselves, eight in a cache line and all in 32 pages: a request of a cluster
  // node reads one of them, its bucket and its entry, and nothing else that another slot's does
  // not.
  Zeroed<Table::Settled> settled_ = zeroed<Table::Settled>();
  Bits present_;
  Bits expiring_;
  Bits rehashing_;     // and some that are done
  Bits may_be_empty_;  // every table without keys, and some that got keys again
  Bits pending_;       // a snapshot runs, and the table has not begun with it
  Bits begun_;         // it has, and is not through
  std::array<size_t, (kSlotCount >> kGroupBits)> group_keys_{};
  size_t keys_ = 0;
  size_t table_bytes_ = 0;
  Table::Sink* sink_ = nullptr;
  size_t walking_ = 0;
};

}  // namespace redan
