// The bucket table: a set of entries found by their key.
//
// An array of 64-byte buckets, each with seven entry pointers, seven one-byte tags of their hashes
// and a byte of flags; a full bucket chains overflow buckets behind its seventh place. Lookups read
// one cache line and, nearly always, one entry. The table grows and shrinks bucket by bucket: a
// home bucket of the old array moves whole, in order, so a key is in exactly one known place at any
// time. The bit 0 of a pointer says that its entry has an expiry, so that the expiry cycle finds
// those without a second index.
//
// A snapshot (see Dict::begin_snapshot) gets every entry exactly as it was at the mark: before a
// home bucket changes for the first time, its whole chain is emitted; see architecture.md 4 for the
// rules and their proof. References to entries stay valid until their key is changed or erased.
// One thread.
//
// Entry must have `std::string_view key() const`; the dict does not own entries.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/rng.h"
#include "common/base/siphash.h"
#include "server/data/bucket_array.h"

namespace redan {

template <class Entry>
class Dict {
 public:
  // Where an entry's pointer is kept; valid until the next change of the dict.
  struct Place {
    uintptr_t* slot = nullptr;
    explicit operator bool() const { return slot != nullptr; }
    Entry* entry() const { return to_entry(*slot); }
    // Puts another entry with the same key there.
    void replace(Entry* entry, bool expires) { *slot = to_slot(entry, expires); }
  };

  // What a snapshot calls for each entry of a bucket, on the data thread. The entry may be gone or
  // different right afterwards: take a copy.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void emit(int tag, const Entry& entry) = 0;
  };

  explicit Dict(const HashKey& hash_key) : hash_key_(hash_key) {}
  Dict(const Dict&) = delete;
  Dict& operator=(const Dict&) = delete;

  size_t size() const { return size_; }
  size_t buckets() const { return now_.home_count() + next_.home_count(); }
  bool rehashing() const { return next_.allocated(); }
  size_t memory_bytes() const { return now_.memory_bytes() + next_.memory_bytes(); }

  Entry* find(std::string_view key) const {
    if (size_ == 0) return nullptr;
    const uint64_t hash = siphash13(hash_key_, key);
    const Home home = home_of(hash);
    const uintptr_t* slot = search(home.array->bucket(home.index), tag_of(hash), key);
    return slot == nullptr ? nullptr : to_entry(*slot);
  }

  // Like find(), for a caller that will change what is there: its bucket is emitted first, if a
  // snapshot still needs it.
  Place find_for_change(std::string_view key) {
    if (rehashing()) rehash_step();
    if (size_ == 0) return {};
    const uint64_t hash = siphash13(hash_key_, key);
    const Home home = home_of(hash);
    uintptr_t* slot = search(home.array->bucket(home.index), tag_of(hash), key);
    if (slot != nullptr) before_change(*home.array, home.index);
    return {slot};
  }

  // Adds an entry whose key is not there.
  void insert(Entry* entry, bool expires) {
    if (rehashing()) {
      rehash_step();
    } else if (size_ >= now_.home_count() * kGrowAt) {
      resize(now_.home_count() == 0 ? kMinBuckets : now_.home_count() * 2);
    }
    const uint64_t hash = siphash13(hash_key_, entry->key());
    const Home home = home_of(hash);
    before_change(*home.array, home.index);
    home.array->add(home.index, tag_of(hash), to_slot(entry, expires));
    ++size_;
  }

  // Takes the entry out, and gives it to the caller.
  Entry* erase(std::string_view key) {
    if (rehashing()) rehash_step();
    if (size_ == 0) return nullptr;
    const uint64_t hash = siphash13(hash_key_, key);
    const Home home = home_of(hash);
    uintptr_t* slot = search(home.array->bucket(home.index), tag_of(hash), key);
    if (slot == nullptr) return nullptr;
    Entry* const entry = to_entry(*slot);
    before_change(*home.array, home.index);
    home.array->remove(home.index, slot);
    --size_;
    if (!rehashing() && now_.home_count() > kMinBuckets &&
        size_ * kShrinkBelow < now_.home_count()) {
      size_t target = now_.home_count();
      while (target > kMinBuckets && size_ * 2 < target * kGrowAt / 4) target /= 2;
      resize(target);
    }
    return entry;
  }

  // Room for `entries` without growing step by step; only while empty.
  void reserve(size_t entries) {
    if (size_ > 0 || rehashing()) return;
    size_t target = kMinBuckets;
    while (target * kGrowAt < entries) target *= 2;
    if (target > now_.home_count()) {
      now_.allocate(target);
      if (sink_ != nullptr) now_.snapshot_all_done();
    }
  }

  // One bucket of an unfinished growth or shrinkage; also the background's share of it.
  void rehash_step() {
    // The entries of the bucket after next are wanted soon.
    if (rehash_at_ + 1 < now_.home_count()) prefetch_entries(now_.bucket(rehash_at_ + 1));
    move_bucket(rehash_at_++);
    now_.release_before(rehash_at_);
    if (rehash_at_ < now_.home_count()) return;
    now_ = std::move(next_);
    next_ = BucketArray();
    rehash_at_ = 0;
  }
  // Up to `buckets` steps; false when there is nothing left to move.
  bool rehash(size_t buckets) {
    while (rehashing() && buckets-- > 0) rehash_step();
    return rehashing();
  }

  // Calls each(entry) for the entries of one more step of a scan and returns the cursor of the
  // next; 0 begins and ends it. An entry that is there from begin to end is seen at least once,
  // whatever is inserted, erased or rehashed meanwhile (the cursor counts bit-reversed, so that the
  // buckets a home bucket splits into, or merges from, follow each other).
  template <class Each>
  uint64_t scan(uint64_t cursor, Each&& each) const {
    if (size_ == 0) return 0;
    if (!rehashing()) {
      for_bucket(now_, cursor & now_.mask(), each);
      return next_cursor(cursor, now_.mask());
    }
    const bool growing = now_.mask() < next_.mask();
    const BucketArray& small = growing ? now_ : next_;
    const BucketArray& large = growing ? next_ : now_;
    for_bucket(small, cursor & small.mask(), each);
    do {
      for_bucket(large, cursor & large.mask(), each);
      cursor = next_cursor(cursor, large.mask());
    } while ((cursor & (small.mask() ^ large.mask())) != 0);
    return cursor;
  }

  // Every entry, in no order; the dict must not change meanwhile.
  template <class Each>
  void for_each(Each&& each) const {
    for (const BucketArray* array : {&now_, &next_}) {
      for (size_t i = 0; i < array->home_count(); ++i) for_bucket(*array, i, each);
    }
  }

  // Entries that may have an expiry, from home bucket `position` on: calls each(entry) for those of
  // one bucket. Returns the position to go on with; it wraps to 0.
  template <class Each>
  size_t visit_expiring(size_t position, Each&& each) const {
    const size_t total = buckets();
    if (total == 0) return 0;
    if (position >= total) position = 0;
    const BucketArray& array = position < now_.home_count() ? now_ : next_;
    const size_t index = position < now_.home_count() ? position : position - now_.home_count();
    if (&array == &now_ && rehashing() && index < rehash_at_) {
      return rehash_at_ < now_.home_count() ? rehash_at_ : now_.home_count();
    }
    for (const Bucket* b = array.bucket(index); b != nullptr; b = b->overflow()) {
      for (int i = 0; i < b->places(); ++i) {
        if ((b->slots[i] & kExpires) != 0) each(to_entry(b->slots[i]));
      }
    }
    return position + 1 < total ? position + 1 : 0;
  }

  // A random entry; each is as likely as its bucket is not crowded, and buckets are drawn until one
  // accepts, which makes it fair. nullptr where there is none.
  Entry* random(Rng& rng) const {
    if (size_ == 0) return nullptr;
    for (;;) {
      const size_t at = rng.below(buckets());
      const BucketArray& array = at < now_.home_count() ? now_ : next_;
      const size_t index = at < now_.home_count() ? at : at - now_.home_count();
      // A place in a chain of the usual length; longer chains are cut into such pieces.
      size_t place = rng.below(kRandomPlaces);
      for (const Bucket* b = array.bucket(index); b != nullptr; b = b->overflow()) {
        const size_t places = static_cast<size_t>(b->places());
        if (place < places) {
          if (b->slots[place] != 0) return to_entry(b->slots[place]);
          break;
        }
        place -= places;
      }
    }
  }

  // Forgets all entries without touching them; the caller freed or kept them.
  void forget_all() {
    now_ = BucketArray();
    next_ = BucketArray();
    size_ = 0;
    rehash_at_ = 0;
  }

  // The mark. From here on `sink` gets every entry of now, each once, as it is now; `tag` comes
  // back with each (a database's number). Only one snapshot at a time.
  void begin_snapshot(Sink* sink, int tag) {
    REDAN_CHECK(sink_ == nullptr);
    sink_ = sink;
    snapshot_tag_ = tag;
    now_.snapshot_begin(rehash_at_);
    next_.snapshot_begin(0);
  }
  bool in_snapshot() const { return sink_ != nullptr; }
  // Emits about `home_buckets` more; false once everything has been emitted and the snapshot ended.
  bool walk_snapshot(size_t home_buckets) {
    if (sink_ == nullptr) return false;
    while (home_buckets-- > 0) {
      BucketArray* array = now_.snapshot_pending() ? &now_ : &next_;
      if (!array->snapshot_pending()) {
        end_snapshot();
        return false;
      }
      const size_t index = array->snapshot_cursor();
      if (index + 1 < array->home_count()) prefetch_entries(array->bucket(index + 1));
      emit_bucket(*array, index);
      array->snapshot_advance();
    }
    return true;
  }
  // Ends it, complete or not.
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
        if (array == &now_ && i < rehash_at_) {
          size_t left = 0;
          for_bucket(*array, i, [&](Entry*) { ++left; });
          REDAN_CHECK(left == size_t{0});
          continue;
        }
        for (const Bucket* b = array->bucket(i); b != nullptr; b = b->overflow()) {
          for (int s = 0; s < b->places(); ++s) {
            if (b->slots[s] == 0) continue;
            const uint64_t hash = siphash13(hash_key_, to_entry(b->slots[s])->key());
            const Home home = home_of(hash);
            REDAN_CHECK(home.array == array);
            REDAN_CHECK(home.index == i);
            REDAN_CHECK(b->tags[s] == tag_of(hash));
            ++seen;
          }
        }
      }
    }
    REDAN_CHECK(seen == size_);
  }

 private:
  static constexpr uintptr_t kExpires = 1;
  static constexpr size_t kMinBuckets = 4;
  // Mean entries per home bucket at which the array doubles; at 5.5 one bucket in seven overflows.
  static constexpr double kGrowAt = 5.5;
  static constexpr size_t kShrinkBelow = 2;  // fewer entries than half a home bucket each
  // Places that random() draws from; a chain is longer than this once in 10^9 buckets.
  static constexpr size_t kRandomPlaces = 21;

  struct Home {
    BucketArray* array;
    size_t index;
  };

  static Entry* to_entry(uintptr_t slot) { return reinterpret_cast<Entry*>(slot & ~uintptr_t{7}); }
  static uintptr_t to_slot(Entry* entry, bool expires) {
    return reinterpret_cast<uintptr_t>(entry) | (expires ? kExpires : 0);
  }
  static uint8_t tag_of(uint64_t hash) {
    const uint8_t tag = static_cast<uint8_t>(hash >> 56);
    return tag == 0 ? 1 : tag;
  }

  // A key's only possible home: the new array once its old home bucket has moved.
  Home home_of(uint64_t hash) const {
    auto* self = const_cast<Dict*>(this);
    const size_t index = hash & now_.mask();
    if (next_.allocated() && index < rehash_at_) return {&self->next_, hash & next_.mask()};
    return {&self->now_, index};
  }

  static uintptr_t* search(Bucket* bucket, uint8_t tag, std::string_view key) {
    for (Bucket* b = bucket; b != nullptr; b = b->overflow()) {
      for (uint64_t match = b->match(tag); match != 0; match &= match - 1) {
        const int i = __builtin_ctzll(match) >> 3;
        if (b->slots[i] != 0 && to_entry(b->slots[i])->key() == key) return &b->slots[i];
      }
    }
    return nullptr;
  }

  template <class Each>
  static void for_bucket(const BucketArray& array, size_t index, Each&& each) {
    for (const Bucket* b = array.bucket(index); b != nullptr; b = b->overflow()) {
      for (int i = 0; i < b->places(); ++i) {
        if (b->slots[i] != 0) each(to_entry(b->slots[i]));
      }
    }
  }

  __attribute__((always_inline)) static inline void prefetch_entries(const Bucket* bucket) {
    for (int i = 0; i < bucket->places(); ++i) {
      __builtin_prefetch(reinterpret_cast<const void*>(bucket->slots[i] & ~uintptr_t{7}));
    }
  }

  static uint64_t reverse_bits(uint64_t v) {
    v = __builtin_bswap64(v);
    v = (v >> 4 & 0x0f0f0f0f0f0f0f0f) | (v & 0x0f0f0f0f0f0f0f0f) << 4;
    v = (v >> 2 & 0x3333333333333333) | (v & 0x3333333333333333) << 2;
    return (v >> 1 & 0x5555555555555555) | (v & 0x5555555555555555) << 1;
  }
  // Adds one to the cursor read from its highest bit down.
  static uint64_t next_cursor(uint64_t cursor, uint64_t mask) {
    return reverse_bits(reverse_bits(cursor | ~mask) + 1);
  }

  void resize(size_t home_buckets) {
    if (!now_.allocated()) {
      now_.allocate(home_buckets);
      if (sink_ != nullptr) now_.snapshot_all_done();
      return;
    }
    if (home_buckets == now_.home_count()) return;
    next_.allocate(home_buckets);
    // Nothing in it is older than the mark.
    if (sink_ != nullptr) next_.snapshot_all_done();
    rehash_at_ = 0;
  }

  void move_bucket(size_t index) {
    if (now_.bucket(index)->empty()) {
      now_.snapshot_moved(index);
      return;
    }
    before_change(now_, index);
    for (const Bucket* b = now_.bucket(index); b != nullptr; b = b->overflow()) {
      for (int i = 0; i < b->places(); ++i) {
        if (b->slots[i] == 0) continue;
        const uint64_t hash = siphash13(hash_key_, to_entry(b->slots[i])->key());
        const size_t to = hash & next_.mask();
        before_change(next_, to);
        next_.add(to, b->tags[i], b->slots[i]);
      }
    }
    now_.clear_bucket(index);
    now_.snapshot_moved(index);
  }

  void before_change(BucketArray& array, size_t index) {
    if (sink_ != nullptr) [[unlikely]] {
      if (array.snapshot_needs(index)) {
        emit_bucket(array, index);
        array.snapshot_emitted(index);
      }
    }
  }
  void emit_bucket(const BucketArray& array, size_t index) {
    if (!array.snapshot_needs(index)) return;
    for_bucket(array, index, [&](const Entry* entry) { sink_->emit(snapshot_tag_, *entry); });
  }

  HashKey hash_key_;
  BucketArray now_;
  BucketArray next_;
  size_t rehash_at_ = 0;  // home buckets of now_ before this one have moved to next_
  size_t size_ = 0;
  Sink* sink_ = nullptr;
  int snapshot_tag_ = 0;
};

}  // namespace redan
