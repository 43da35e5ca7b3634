// The bucket table: a set of entries, found by their key.
//
// An array of 64-byte buckets, each with seven entry pointers, a one-byte tag of each one's hash
// and flags; behind a full bucket's seventh place hangs a chain of overflow buckets. A lookup reads
// one cache line and, nearly always, one entry. The hash is keyed: a client cannot choose
// collisions.
//
// Growth and shrinkage move one home bucket after the other into a second array, a few with each
// change, so a key is in exactly one known place at any time and no operation costs more than some
// microseconds. The lowest bit of a pointer says that its entry expires: the expiry cycle finds
// those without a second index.
//
// Snapshot: begin_snapshot() is a mark. From then on the sink gets every entry exactly as it was at
// the mark, each once. Why: a home bucket is emitted whole before it changes for the first time
// (insert, located for a change, moved away from, moved into), then never again; an array made
// after the mark holds nothing that was not emitted on its way there and counts as emitted.
// walk_snapshot() does the rest in slices.
//
// The dict does not own its entries. An Entry* stays good until its owner frees it, a Place until
// the next locate(), insert() or erase(). One thread. Entry has `std::string_view key() const`, and
// an address that is a multiple of 8; DictSlots says otherwise where a table keeps more in its
// slots than addresses.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string_view>
#include <utility>

#include "common/base/check.h"
#include "common/base/keyed_hash.h"
#include "common/base/prefetch.h"
#include "common/base/rng.h"
#include "common/base/same_text.h"
#include "server/data/bucket_array.h"

namespace redan {

// The rules that a snapshot rests on; a test breaks each of them and sees it noticed.
enum class SnapshotRule : uint8_t {
  kEmitBeforeInsert,
  kEmitBeforeChange,
  kEmitBeforeMovingFrom,
  kEmitBeforeMovingInto,
  kMarkEmitted,
  kWalkBothArrays,
};
struct KeepsAllRules {
  static constexpr bool keeps(SnapshotRule) { return true; }
};

// What the slots of a Dict hold, and how a name is looked for in them: addresses of entries, found
// by their text. Others may put small entries into the slot itself; then a Handle is no pointer,
// and Shown is a Handle. A slot is never 0, and its lowest bit is the Dict's.
template <class Entry>
struct DictSlots {
  using Handle = Entry*;
  using Shown = const Entry&;
  using Key = std::string_view;
  // What most entries take, so that a lookup that is announced asks for their last byte too.
  static constexpr size_t kUsualBytes = 48;
  static Handle handle(uintptr_t slot) { return reinterpret_cast<Entry*>(slot & ~uintptr_t{7}); }
  static uintptr_t slot(Handle entry) { return reinterpret_cast<uintptr_t>(entry); }
  static Shown shown(Handle entry) { return *entry; }
  static Key key(Handle entry) { return entry->key(); }
  static uint64_t hash(const HashKey& hash_key, Key key) { return keyed_hash(hash_key, key); }
  static bool is(Handle entry, Key key) { return same_text(entry->key(), key); }
};

template <class Entry, class Rules = KeepsAllRules, class Slots = DictSlots<Entry>>
class Dict {
 public:
  using Handle = typename Slots::Handle;
  using Shown = typename Slots::Shown;
  using Key = typename Slots::Key;

  // Where a key is, or would be put.
  class Place {
   public:
    explicit operator bool() const { return slot_ != nullptr; }
    Handle entry() const { return Slots::handle(*slot_); }
    // The entry that was there has just been erased.
    void vacate() { slot_ = nullptr; }

   private:
    friend class Dict;
    uintptr_t* slot_ = nullptr;
    BucketArray* array_ = nullptr;  // nullptr: the one that is settled
    size_t index_ = 0;
    uint8_t tag_ = 0;
  };

  // What a snapshot gives its entries to. The entry may be changed or freed right afterwards.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void emit(int tag, Shown entry) = 0;
  };

  explicit Dict(const HashKey& hash_key) : hash_key_(hash_key) {}
  Dict(const Dict&) = delete;
  Dict& operator=(const Dict&) = delete;

  size_t size() const { return size_; }
  size_t home_buckets() const { return now_.home_count() + next_.home_count(); }
  bool rehashing() const { return next_.allocated(); }
  size_t memory_bytes() const {
    return bucket_bytes() + now_.snapshot_bytes() + next_.snapshot_bytes();
  }
  // The same without what a snapshot needs: changes with the entries only.
  size_t bucket_bytes() const { return now_.memory_bytes() + next_.memory_bytes(); }

  // For reading only.
  Handle find(Key key) const {
    if (size_ == 0) return Handle{};
    const uint64_t hash = Slots::hash(hash_key_, key);
    const auto [array, index] = home_of(hash);
    const uintptr_t* slot = search(array->bucket(index), tag_of(hash), key);
    return slot == nullptr ? Handle{} : Slots::handle(*slot);
  }

  // For lookups that will come. The first asks for a key's home bucket; the second, when other
  // keys' were asked for, for the entries in it that may be the key's; find() itself is quick then.
  // So the cache misses of many lookups overlap.
  uint64_t prefetch_bucket(Key key) const {
    const uint64_t hash = Slots::hash(hash_key_, key);
    if (size_ > 0) {
      const auto [array, index] = home_of(hash);
      prefetch_line(array->bucket(index));
    }
    return hash;
  }
  void prefetch_matches(uint64_t hash) const {
    if (size_ == 0) return;
    const auto [array, index] = home_of(hash);
    prefetch_matches(*array->bucket(index), hash);
  }
  // An entry that is nearly always the key's, after prefetch_matches(): nobody has compared them.
  Handle likely(uint64_t hash) const {
    if (size_ == 0) return Handle{};
    const auto [array, index] = home_of(hash);
    return likely(*array->bucket(index), hash);
  }

  // What a lookup needs of a table that is not being rehashed, in one word: where its buckets are,
  // and how many. Who has many tables keeps them side by side and finds a key without reading the
  // table itself. Good until the next change of the table.
  class Settled {
   public:
    Settled() = default;
    explicit Settled(const BucketArray& array)
        : word_(reinterpret_cast<uintptr_t>(array.bucket(0)) |
                static_cast<uintptr_t>(std::countr_zero(array.home_count()))) {}
    explicit operator bool() const { return word_ != 0; }
    bool operator==(const Settled&) const = default;

   private:
    friend class Dict;
    static constexpr uintptr_t kLogarithm = alignof(Bucket) - 1;
    size_t index(uint64_t hash) const { return hash & ((uint64_t{1} << (word_ & kLogarithm)) - 1); }
    Bucket* bucket(size_t index) const {
      return reinterpret_cast<Bucket*>(word_ & ~kLogarithm) + index;
    }

    uintptr_t word_ = 0;
  };
  Settled settled() const { return rehashing() || !now_.allocated() ? Settled() : Settled(now_); }
  // find() and locate() by way of settled(); not in a snapshot.
  static Handle find(Settled at, const HashKey& hash_key, Key key) {
    const uint64_t hash = Slots::hash(hash_key, key);
    const uintptr_t* slot = search(at.bucket(at.index(hash)), tag_of(hash), key);
    return slot == nullptr ? Handle{} : Slots::handle(*slot);
  }
  static uint64_t prefetch_bucket(Settled at, const HashKey& hash_key, Key key) {
    const uint64_t hash = Slots::hash(hash_key, key);
    prefetch_line(at.bucket(at.index(hash)));
    return hash;
  }
  static void prefetch_matches(Settled at, uint64_t hash) {
    prefetch_matches(*at.bucket(at.index(hash)), hash);
  }
  static Handle likely(Settled at, uint64_t hash) {
    return likely(*at.bucket(at.index(hash)), hash);
  }
  static Place locate(Settled at, const HashKey& hash_key, Key key) {
    const uint64_t hash = Slots::hash(hash_key, key);
    Place place;
    place.tag_ = tag_of(hash);
    place.index_ = at.index(hash);
    place.slot_ = search(at.bucket(place.index_), place.tag_, key);
    return place;
  }

  // For a caller that will change what is there, or insert: a snapshot gets the bucket first.
  Place locate(Key key) {
    if (!now_.allocated()) now_.allocate(kLeastBuckets);
    if (rehashing()) advance_rehash();
    const uint64_t hash = Slots::hash(hash_key_, key);
    Place place;
    place.tag_ = tag_of(hash);
    const auto [array, index] = home_of(hash);
    place.array_ = array;
    place.index_ = index;
    place.slot_ = search(array->bucket(index), place.tag_, key);
    if (place.slot_ != nullptr) {
      before(SnapshotRule::kEmitBeforeChange, *array, index);
    }
    return place;
  }

  // Only with a place where the key is missing.
  void insert(Place place, Handle entry, bool expires) {
    BucketArray& array = place.array_ == nullptr ? now_ : *place.array_;
    before(SnapshotRule::kEmitBeforeInsert, array, place.index_);
    array.add(place.index_, place.tag_, to_slot(entry, expires));
    ++size_;
    if (!rehashing() && size_ > now_.home_count() * kMostPer16 / 16) {
      begin_rehash(now_.home_count() * 2);
    }
  }

  // Puts an entry with the same key, or the same entry with another expiry, into the place.
  void replace(Place place, Handle entry, bool expires) { *place.slot_ = to_slot(entry, expires); }

  // Takes the place's entry out and gives it to the caller. (A snapshot has it since locate().)
  Handle erase(Place place) {
    const Handle entry = place.entry();
    BucketArray& array = place.array_ == nullptr ? now_ : *place.array_;
    array.remove(place.index_, place.slot_);
    --size_;
    if (!rehashing() && size_ < now_.home_count() && now_.home_count() > kLeastBuckets) {
      begin_rehash(now_.home_count() / 2);
    }
    return entry;
  }

  // Room for `entries` at once; only while empty.
  void reserve(size_t entries) {
    if (now_.allocated()) return;
    size_t home_buckets = kLeastBuckets;
    while (home_buckets * kMostPer16 / 16 < entries) home_buckets *= 2;
    now_.allocate(home_buckets);
  }

  // Moves up to `home_buckets` of an unfinished growth or shrinkage: idle time's share of it. False
  // once nothing is left to move.
  bool rehash(size_t home_buckets) {
    while (rehashing() && home_buckets-- > 0) move_next_bucket();
    return rehashing();
  }

  // Calls each(entry) for the next part of a scan and returns the cursor to go on with; a scan
  // begins and ends with 0. An entry that is there from begin to end is seen at least once,
  // whatever is inserted, erased or rehashed between the calls: the cursor counts from its highest
  // bit down, so that the buckets one bucket splits into, or merges from, are neighbours.
  template <class Each>
  uint64_t scan(uint64_t cursor, Each&& each) const {
    return scan_slots(cursor, [&](uintptr_t slot) { each(Slots::handle(slot)); });
  }
  // The same for the entries that expire, without a look at the others.
  template <class Each>
  uint64_t scan_expiring(uint64_t cursor, Each&& each) const {
    return scan_slots(cursor, [&](uintptr_t slot) {
      if ((slot & kExpires) != 0) each(Slots::handle(slot));
    });
  }

  // All entries; `each` may free what it gets if the dict is given up afterwards.
  template <class Each>
  void for_each(Each&& each) const {
    for (const BucketArray* array : {&now_, &next_}) {
      for (size_t i = array == &now_ ? rehash_at_ : 0; i < array->home_count(); ++i) {
        if (i + 2 < array->home_count()) prefetch_entries(array->bucket(i + 2));
        for_slots(*array, i, [&](uintptr_t slot) { each(Slots::handle(slot)); });
      }
    }
  }

  // The same, until `each` answers false.
  template <class Each>
  void for_each_until(Each&& each) const {
    for (const BucketArray* array : {&now_, &next_}) {
      for (size_t i = array == &now_ ? rehash_at_ : 0; i < array->home_count(); ++i) {
        if (i + 2 < array->home_count()) prefetch_entries(array->bucket(i + 2));
        for (const Bucket* b = array->bucket(i); b != nullptr; b = b->overflow()) {
          for (int place = 0; place < b->places(); ++place) {
            if (b->slots[place] != 0 && !each(Slots::handle(b->slots[place]))) return;
          }
        }
      }
    }
  }

  // Forgets all entries; the caller freed them.
  void forget_all() {
    REDAN_CHECK(!in_snapshot());
    now_ = BucketArray();
    next_ = BucketArray();
    rehash_at_ = 0;
    size_ = 0;
  }

  // Any entry, each with the same chance; nullptr where there is none.
  Handle random(Rng& rng) const {
    if (size_ == 0) return Handle{};
    // A place is drawn, and drawn again while it is free: that is what makes it fair.
    const size_t buckets = home_buckets() - rehash_at_;
    for (int attempt = 0; attempt < kRandomAttempts; ++attempt) {
      const auto [array, index] = nth_bucket(rng.below(buckets));
      size_t place = rng.below(kRandomPlaces);
      for (const Bucket* b = array->bucket(index); b != nullptr; b = b->overflow()) {
        const size_t places = static_cast<size_t>(b->places());
        if (place >= places) {
          place -= places;
          continue;
        }
        if (b->slots[place] != 0) return Slots::handle(b->slots[place]);
        break;
      }
    }
    // A nearly empty table (it shrinks as changes come): the next one from a random bucket on.
    const size_t start = rng.below(buckets);
    Handle found{};
    bool any = false;
    for (size_t i = 0; i < buckets && !any; ++i) {
      const auto [array, index] = nth_bucket((start + i) % buckets);
      for_slots(*array, index, [&](uintptr_t slot) {
        found = Slots::handle(slot);
        any = true;
      });
    }
    return found;
  }

  // The mark; only one snapshot at a time. `tag` comes back with each entry.
  void begin_snapshot(Sink* sink, int tag) {
    REDAN_CHECK(sink_ == nullptr);
    sink_ = sink;
    snapshot_tag_ = tag;
    now_.snapshot_begin(rehash_at_);
    next_.snapshot_begin(0);
  }
  bool in_snapshot() const { return sink_ != nullptr; }
  // Looks at about `home_buckets` more; false once everything has been emitted.
  bool walk_snapshot(size_t home_buckets) {
    for (; home_buckets > 0; --home_buckets) {
      BucketArray* array = &now_;
      if (!array->snapshot_pending() && Rules::keeps(SnapshotRule::kWalkBothArrays)) array = &next_;
      if (!array->snapshot_pending()) return false;
      // What has moved away was emitted before it moved.
      size_t index = array->snapshot_cursor();
      if (array == &now_ && index < rehash_at_) index = rehash_at_;
      if (index + 4 < array->home_count()) prefetch_entries(array->bucket(index + 4));
      if (index < array->home_count() && array->snapshot_needs(index)) emit_bucket(*array, index);
      array->snapshot_move_cursor(index + 1);
    }
    return true;
  }
  // Complete or given up.
  void end_snapshot() {
    sink_ = nullptr;
    now_.snapshot_end();
    next_.snapshot_end();
  }

  // Stops the process if the table is not what its comment says.
  void check_invariants() const {
    size_t seen = 0;
    for (const BucketArray* array : {&now_, &next_}) {
      for (size_t i = 0; i < array->home_count(); ++i) {
        for_slots(*array, i, [&](uintptr_t slot) {
          const uint64_t hash = hash_of(slot);
          const auto [home, index] = home_of(hash);
          REDAN_CHECK(home == array);
          REDAN_CHECK(index == i);
          REDAN_CHECK((find(Slots::key(Slots::handle(slot))) == Slots::handle(slot)));
          ++seen;
        });
      }
    }
    REDAN_CHECK(seen == size_);
    REDAN_CHECK(rehash_at_ < (rehashing() ? now_.home_count() : 1));
  }

 private:
  static constexpr uintptr_t kExpires = 1;
  static constexpr size_t kLeastBuckets = 1;
  // Entries per 16 home buckets at which the array doubles: 5.5 each, one bucket in five overflows.
  static constexpr size_t kMostPer16 = 88;
  // Home buckets moved with each change. A shrinkage must be done long before the entries are gone.
  static constexpr int kMovesWhileGrowing = 1;
  static constexpr int kMovesWhileShrinking = 4;
  // Places that random() draws from; at most one chain in 10^10 is longer.
  static constexpr size_t kRandomPlaces = 28;
  static constexpr int kRandomAttempts = 2000;

  static uintptr_t to_slot(Handle entry, bool expires) {
    return Slots::slot(entry) | (expires ? kExpires : 0);
  }
  uint64_t hash_of(uintptr_t slot) const {
    return Slots::hash(hash_key_, Slots::key(Slots::handle(slot)));
  }
  static uint8_t tag_of(uint64_t hash) { return static_cast<uint8_t>(hash >> 56); }

  struct Home {
    BucketArray* array;
    size_t index;
  };
  // A key's only possible home: the new array once its old home bucket has moved.
  Home home_of(uint64_t hash) const {
    const size_t index = hash & now_.mask();
    if (index >= rehash_at_) [[likely]] {
      return {const_cast<BucketArray*>(&now_), index};
    }
    return {const_cast<BucketArray*>(&next_), hash & next_.mask()};
  }
  // The home buckets in use, numbered.
  std::pair<const BucketArray*, size_t> nth_bucket(size_t n) const {
    const size_t in_now = now_.home_count() - rehash_at_;
    return n < in_now ? std::pair(&now_, rehash_at_ + n) : std::pair(&next_, n - in_now);
  }

  static uintptr_t* search(Bucket* bucket, uint8_t tag, const Key& key) {
    for (Bucket* b = bucket; b != nullptr; b = b->overflow()) {
      for (uint64_t match = b->match(tag); match != 0; match &= match - 1) {
        uintptr_t& slot = b->slots[__builtin_ctzll(match) >> 3];
        if (slot != 0 && Slots::is(Slots::handle(slot), key)) return &slot;
      }
    }
    return nullptr;
  }
  template <class Each>
  static void for_slots(const BucketArray& array, size_t index, Each&& each) {
    for (const Bucket* b = array.bucket(index); b != nullptr; b = b->overflow()) {
      for (int i = 0; i < b->places(); ++i) {
        if (b->slots[i] != 0) each(b->slots[i]);
      }
    }
  }

  template <class Each>
  uint64_t scan_slots(uint64_t cursor, Each&& each) const {
    if (size_ == 0) return 0;
    if (!rehashing()) {
      for_slots(now_, cursor & now_.mask(), each);
      return next_cursor(cursor, now_.mask());
    }
    const bool growing = now_.mask() < next_.mask();
    const BucketArray& small = growing ? now_ : next_;
    const BucketArray& large = growing ? next_ : now_;
    for_slots(small, cursor & small.mask(), each);
    // And all that this bucket splits into, or is merged from.
    do {
      for_slots(large, cursor & large.mask(), each);
      cursor = next_cursor(cursor, large.mask());
    } while ((cursor & (small.mask() ^ large.mask())) != 0);
    return cursor;
  }
  static uint64_t reverse_bits(uint64_t v) {
    v = __builtin_bswap64(v);
    v = (v >> 4 & 0x0f0f0f0f0f0f0f0f) | (v & 0x0f0f0f0f0f0f0f0f) << 4;
    v = (v >> 2 & 0x3333333333333333) | (v & 0x3333333333333333) << 2;
    return (v >> 1 & 0x5555555555555555) | (v & 0x5555555555555555) << 1;
  }
  // Adds one to the masked part of the cursor, read from its highest bit down.
  static uint64_t next_cursor(uint64_t cursor, uint64_t mask) {
    return reverse_bits(reverse_bits(cursor | ~mask) + 1);
  }

  static void prefetch_matches(const Bucket& bucket, uint64_t hash) {
    for (uint64_t match = bucket.match(tag_of(hash)); match != 0; match &= match - 1) {
      const uintptr_t slot = bucket.slots[__builtin_ctzll(match) >> 3];
      // Numbers, since what some tables keep here is none of an entry's addresses.
      const uintptr_t first = slot & ~uintptr_t{7};
      prefetch_line(reinterpret_cast<const void*>(first));
      prefetch_line(reinterpret_cast<const void*>(first + Slots::kUsualBytes - 1));
    }
  }
  static Handle likely(const Bucket& bucket, uint64_t hash) {
    const uint64_t match = bucket.match(tag_of(hash));
    if (match == 0) return Handle{};
    const uintptr_t slot = bucket.slots[__builtin_ctzll(match) >> 3];
    return slot == 0 ? Handle{} : Slots::handle(slot);
  }
  static void prefetch_entries(const Bucket* bucket) {
    for (const uintptr_t slot : bucket->slots) {
      prefetch_line(reinterpret_cast<const void*>(slot & ~uintptr_t{7}));
    }
  }

  void begin_rehash(size_t home_buckets) { next_.allocate(home_buckets); }
  void advance_rehash() {
    const bool growing = now_.home_count() < next_.home_count();
    rehash(growing ? kMovesWhileGrowing : kMovesWhileShrinking);
  }
  void move_next_bucket() {
    const size_t index = rehash_at_;
    if (index + 2 < now_.home_count()) prefetch_entries(now_.bucket(index + 2));
    if (!now_.bucket(index)->empty()) {
      before(SnapshotRule::kEmitBeforeMovingFrom, now_, index);
      for_slots(now_, index, [&](uintptr_t slot) {
        const uint64_t hash = hash_of(slot);
        const size_t to = hash & next_.mask();
        before(SnapshotRule::kEmitBeforeMovingInto, next_, to);
        next_.add(to, tag_of(hash), slot);
      });
      now_.clear_bucket(index);
    }
    now_.release_before(++rehash_at_);
    if (rehash_at_ < now_.home_count()) return;
    now_ = std::move(next_);
    next_ = BucketArray();
    rehash_at_ = 0;
  }

  void before(SnapshotRule rule, BucketArray& array, size_t index) {
    if (sink_ != nullptr && array.snapshot_needs(index) && Rules::keeps(rule)) [[unlikely]] {
      emit_bucket(array, index);
    }
  }
  void emit_bucket(BucketArray& array, size_t index) {
    for_slots(array, index, [&](uintptr_t slot) {
      sink_->emit(snapshot_tag_, Slots::shown(Slots::handle(slot)));
    });
    if (Rules::keeps(SnapshotRule::kMarkEmitted)) array.snapshot_emitted(index);
  }

  HashKey hash_key_;
  BucketArray now_;
  BucketArray next_;      // allocated while a growth or shrinkage is under way
  size_t rehash_at_ = 0;  // home buckets of now_ before this one have moved to next_
  size_t size_ = 0;
  Sink* sink_ = nullptr;
  int snapshot_tag_ = 0;
};

}  // namespace redan
