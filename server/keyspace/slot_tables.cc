#include "server/keyspace/slot_tables.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/crc16.h"
#include "common/base/prefetch.h"

namespace redan {

template <class Change>
void SlotTables::counted(TableHome& home, Change&& change) {
  table_bytes_ -= home.table->memory_bytes();
  change(*home.table);
  table_bytes_ += home.table->memory_bytes();
  settled_[index_of(home)] = home.table->settled();
  if (home.table->rehashing()) [[unlikely]] {
    rehashing_[index_of(home)] = true;
  }
}

void SlotTables::changed_by(const TableHome& home, int keys) {
  const size_t index = index_of(home);
  keys_ += static_cast<size_t>(keys);
  group_keys_[index >> kGroupBits] += static_cast<size_t>(keys);
  if (home.table->size() == 0) may_be_empty_[index] = true;
}

void SlotTables::prefetch(const HashKey& hash_key, std::span<const std::string_view> keys,
                          std::span<const Entry*> likely) const {
  std::array<uint64_t, kLookupsAhead> hashes;
  std::array<uint16_t, kLookupsAhead> slots;
  for (size_t i = 0; i < keys.size(); ++i) {
    slots[i] = slot_of_key(keys[i]).value;
    prefetch_line(&settled_[slots[i]]);
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    const Table::Settled at = settled_[slots[i]];
    if (at) hashes[i] = Table::prefetch_bucket(at, hash_key, keys[i]);
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    const Table::Settled at = settled_[slots[i]];
    if (at) Table::prefetch_matches(at, hashes[i]);
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    const Table::Settled at = settled_[slots[i]];
    likely[i] = at ? Table::likely(at, hashes[i]) : nullptr;
  }
}

TableHome& SlotTables::writable(Slot slot, const HashKey& hash_key) {
  TableHome& home = homes_[slot.value];
  if (home.table == nullptr) [[unlikely]] {
    make(slot.value, hash_key);
  } else if (sink_ != nullptr && pending_[slot.value]) [[unlikely]] {
    begin(slot.value);
  }
  return home;
}

void SlotTables::will_change(TableHome& home) {
  if (sink_ != nullptr && pending_[index_of(home)]) begin(index_of(home));
}

Table::Place SlotTables::locate(TableHome& home, std::string_view key) {
  if (!home.table->rehashing()) return home.table->locate(key);
  Table::Place place;
  counted(home, [&](Table& table) { place = table.locate(key); });
  return place;
}

void SlotTables::insert(TableHome& home, Table::Place place, Entry* entry) {
  counted(home, [&](Table& table) { table.insert(place, entry, entry->may_expire()); });
  changed_by(home, 1);
}

Entry* SlotTables::erase(TableHome& home, Table::Place place) {
  Entry* entry = nullptr;
  counted(home, [&](Table& table) { entry = table.erase(place); });
  changed_by(home, -1);
  return entry;
}

void SlotTables::make(size_t index, const HashKey& hash_key) {
  TableHome& home = homes_[index];
  home.table = std::make_unique<Table>(hash_key);
  // Allocated now, so that locate() allocates nothing that would have to be counted.
  home.table->reserve(1);
  settled_[index] = home.table->settled();
  table_bytes_ += sizeof(Table) + home.table->memory_bytes();
  present_[index] = true;
  may_be_empty_[index] = true;  // until a key comes
}

TableHome* SlotTables::random(Rng& rng) {
  if (keys_ == 0) return nullptr;
  // The slot of the n-th key, by way of its group.
  size_t n = rng.below(keys_);
  size_t group = 0;
  while (n >= group_keys_[group]) n -= group_keys_[group++];
  for (size_t i = at_or_after(present_, group << kGroupBits); i < kSlotCount;
       i = present_._Find_next(i)) {
    TableHome& home = homes_[i];
    if (n < home.table->size()) return &home;
    n -= home.table->size();
  }
  REDAN_CHECK(false);  // The groups' counts are wrong.
  return nullptr;
}

bool SlotTables::rehash(size_t buckets) {
  for (size_t i = rehashing_._Find_first(); i < kSlotCount && buckets > 0;
       i = rehashing_._Find_next(i)) {
    TableHome& home = homes_[i];
    if (home.table == nullptr || !home.table->rehashing()) {
      rehashing_[i] = false;
      continue;
    }
    will_change(home);
    // Small tables are done in one go and do not use up the whole budget.
    const size_t share = std::min(buckets, home.table->home_buckets());
    counted(home, [&](Table& table) { table.rehash(share); });
    buckets -= share;
  }
  return rehashing_.any();
}

void SlotTables::free_empty(std::vector<std::unique_ptr<Table>>& orphans) {
  for (size_t i = may_be_empty_._Find_first(); i < kSlotCount; i = may_be_empty_._Find_next(i)) {
    may_be_empty_[i] = false;
    if (homes_[i].table == nullptr || homes_[i].table->size() > 0) continue;
    // Pending and empty: it was empty at the mark.
    pending_[i] = false;
    std::unique_ptr<Table> table = take(i);
    if (table->in_snapshot()) orphans.push_back(std::move(table));
  }
}

std::unique_ptr<Table> SlotTables::take(size_t index) {
  if (sink_ != nullptr && pending_[index]) begin(index);
  TableHome home = std::exchange(homes_[index], TableHome{});
  settled_[index] = {};
  if (home.table == nullptr) return nullptr;
  keys_ -= home.table->size();
  group_keys_[index >> kGroupBits] -= home.table->size();
  table_bytes_ -= sizeof(Table) + home.table->memory_bytes();
  for (Bits* bits : {&present_, &expiring_, &rehashing_, &begun_}) (*bits)[index] = false;
  return std::move(home.table);
}

std::unique_ptr<Table> SlotTables::take(Slot slot) {
  return take(size_t{slot.value});
}

std::vector<std::unique_ptr<Table>> SlotTables::take_all() {
  std::vector<std::unique_ptr<Table>> tables;
  for (size_t i = present_._Find_first(); i < kSlotCount; i = present_._Find_next(i)) {
    tables.push_back(take(i));
  }
  return tables;
}

void SlotTables::begin_snapshot(Table::Sink* sink, const SlotSet* only) {
  sink_ = sink;
  pending_ = present_;
  if (only == nullptr) return;
  for (size_t i = 0; i < kSlotCount; ++i) {
    if (!only->contains(Slot(static_cast<uint16_t>(i)))) pending_[i] = false;
  }
}

void SlotTables::begin(size_t index) {
  pending_[index] = false;
  begun_[index] = true;
  // Only database 0 is there.
  counted(homes_[index], [&](Table& table) { table.begin_snapshot(sink_, 0); });
}

Table* SlotTables::next_to_walk() {
  if (!begun_[walking_]) {
    walking_ = begun_._Find_first();
    if (walking_ >= kSlotCount) {
      walking_ = pending_._Find_first();
      if (walking_ >= kSlotCount) return walking_ = 0, nullptr;
      begin(walking_);
    }
  }
  return homes_[walking_].table.get();
}

void SlotTables::walked(Table& table) {
  REDAN_CHECK(homes_[walking_].table.get() == &table);
  begun_[walking_] = false;
  counted(homes_[walking_], [](Table& whole) { whole.end_snapshot(); });
}

void SlotTables::end_snapshot() {
  for (size_t i = begun_._Find_first(); i < kSlotCount; i = begun_._Find_next(i)) {
    counted(homes_[i], [](Table& table) { table.end_snapshot(); });
  }
  begun_.reset();
  pending_.reset();
  sink_ = nullptr;
}

void SlotTables::check_invariants() const {
  size_t keys = 0, bytes = 0;
  std::array<size_t, (kSlotCount >> kGroupBits)> groups{};
  for (size_t i = 0; i < kSlotCount; ++i) {
    const TableHome& home = homes_[i];
    REDAN_CHECK(present_[i] == (home.table != nullptr));
    REDAN_CHECK(expiring_[i] == home.may_expire());
    const Table::Settled settled = home.table == nullptr ? Table::Settled() : home.table->settled();
    REDAN_CHECK(settled_[i] == settled);
    if (home.table == nullptr) {
      REDAN_CHECK(home.entry_bytes == 0);
      REDAN_CHECK(!pending_[i]);
      REDAN_CHECK(!begun_[i]);
      continue;
    }
    if (home.table->size() == 0) REDAN_CHECK(may_be_empty_[i]);
    if (home.table->rehashing()) REDAN_CHECK(rehashing_[i]);
    REDAN_CHECK(home.table->in_snapshot() == begun_[i]);
    home.table->for_each(
        [&](const Entry* entry) { REDAN_CHECK(slot_of_key(entry->key()).value == i); });
    keys += home.table->size();
    groups[i >> kGroupBits] += home.table->size();
    bytes += sizeof(Table) + home.table->memory_bytes();
  }
  REDAN_CHECK(keys == keys_);
  REDAN_CHECK(bytes == table_bytes_);
  REDAN_CHECK(groups == group_keys_);
}

}  // namespace redan
