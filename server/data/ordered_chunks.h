// Items in the order of their keys, in chunks of up to 4 KiB: what a stream's nodes and its pending
// entries lie in.
//
// Two levels: an array of chunks, each a sorted array of items; the one chunk that most have needs
// no array. Searches are O(log n), appending is O(1), an insertion or erasure moves at most a
// chunk's items, and the array of chunks (8 bytes for about a hundred items) once in a chunk's
// worth of them. Chunks grow as they are needed: one item takes one item's bytes.
//
// Snapshot: freeze() copies the array of chunks; from then on chunks of before are not written any
// more but replaced by copies (EpochHeap). Iterating over what was frozen needs no more than the
// heap's snapshot going on.
//
// Item can be copied byte by byte and has key(); the keys are distinct. The owner passes the same
// heap to every call and calls clear() before the end. A Position is good until the next change.
// One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "common/base/check.h"
#include "server/data/epoch_heap.h"

namespace redan {

template <class Item>
class OrderedChunks {
  static_assert(std::is_trivially_copyable_v<Item>);

 public:
  using Key = decltype(std::declval<Item>().key());
  struct Chunk {
    uint32_t birth;
    uint16_t size;
    uint16_t capacity;
    Item* items() { return reinterpret_cast<Item*>(this + 1); }
    const Item* items() const { return reinterpret_cast<const Item*>(this + 1); }
  };
  static_assert(alignof(Item) <= sizeof(Chunk));
  static constexpr size_t kMost = (4096 - sizeof(Chunk)) / sizeof(Item);

  struct Position {
    uint32_t top = 0;
    uint32_t item = 0;
    friend bool operator==(const Position&, const Position&) = default;
  };
  // What was there at a mark.
  struct Frozen {
    std::vector<const Chunk*> chunks;
    size_t size = 0;
  };

  OrderedChunks() = default;
  OrderedChunks(const OrderedChunks&) = delete;
  OrderedChunks& operator=(const OrderedChunks&) = delete;
  ~OrderedChunks() { REDAN_CHECK(top_count_ == 0); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Positions; end() is behind the last.
  Position first() const { return {}; }
  Position end() const { return {top_count_, 0}; }
  Position last() const { return {top_count_ - 1, chunk(top_count_ - 1).size - 1U}; }
  bool is_item(Position at) const { return at.top < top_count_; }
  const Item& at(Position position) const { return chunk(position.top).items()[position.item]; }
  Position next(Position at) const {
    if (++at.item == chunk(at.top).size) at = {at.top + 1, 0};
    return at;
  }
  // end() before the first.
  Position previous(Position at) const {
    if (at.item > 0) return {at.top, at.item - 1};
    if (at.top == 0) return end();
    return {at.top - 1, chunk(at.top - 1).size - 1U};
  }
  // The first whose key is not below.
  Position lower_bound(const Key& key) const {
    if (top_count_ == 0) return end();
    const uint32_t top = top_of(key);
    const Chunk& within = chunk(top);
    const Item* const found =
        std::lower_bound(within.items(), within.items() + within.size, key,
                         [](const Item& item, const Key& wanted) { return item.key() < wanted; });
    const auto item = static_cast<uint32_t>(found - within.items());
    return item == within.size ? Position{top + 1, 0} : Position{top, item};
  }
  // end() where there is none.
  Position find(const Key& key) const {
    const Position at = lower_bound(key);
    return is_item(at) && this->at(at).key() == key ? at : end();
  }

  // For a change that leaves the key as it is.
  Item& edit(EpochHeap& heap, Position position) {
    return own(heap, position.top)->items()[position.item];
  }
  // The key must be new.
  void insert(EpochHeap& heap, const Item& item) {
    if (top_count_ == 0) {
      insert_top(heap, 0, new_chunk(heap, 1));
      return add(heap, 0, 0, item);
    }
    uint32_t top = top_of(item.key());
    Chunk* to = tops()[top];
    const Item* const found =
        std::lower_bound(to->items(), to->items() + to->size, item,
                         [](const Item& a, const Item& b) { return a.key() < b.key(); });
    auto place = static_cast<uint32_t>(found - to->items());
    if (to->size == kMost) {
      if (place == kMost && top + 1 == top_count_) {
        // Behind everything: what is there stays full.
        insert_top(heap, ++top, new_chunk(heap, 1));
        place = 0;
      } else {
        split(heap, top);
        const uint32_t half = tops()[top]->size;
        if (place > half) {
          ++top;
          place -= half;
        }
      }
    }
    add(heap, top, place, item);
  }
  void erase(EpochHeap& heap, Position position) {
    Chunk* const from = own(heap, position.top);
    --from->size;
    --size_;
    std::memmove(from->items() + position.item, from->items() + position.item + 1,
                 (from->size - position.item) * sizeof(Item));
    if (from->size == 0) return erase_top(heap, position.top);
    if (from->size <= kMost / 4) merge(heap, position.top);
  }
  void clear(EpochHeap& heap) {
    for (uint32_t i = 0; i < top_count_; ++i) release(heap, tops()[i]);
    if (top_capacity_ > 0) heap.release(tops_, top_capacity_ * sizeof(Chunk*), heap.epoch());
    only_ = nullptr;
    top_count_ = top_capacity_ = 0;
    size_ = 0;
  }

  Frozen freeze() const {
    Frozen frozen{.chunks = {}, .size = size_};
    frozen.chunks.reserve(top_count_);
    for (uint32_t i = 0; i < top_count_; ++i) frozen.chunks.push_back(tops()[i]);
    return frozen;
  }

  template <class Each>
  void for_each(Each&& each) const {
    for (uint32_t i = 0; i < top_count_; ++i) {
      const Chunk& from = chunk(i);
      for (uint32_t j = 0; j < from.size; ++j) each(from.items()[j]);
    }
  }

  // What the heap counts for it.
  size_t counted_bytes() const {
    size_t bytes = top_capacity_ == 0 ? 0 : EpochHeap::room(top_capacity_ * sizeof(Chunk*));
    for (uint32_t i = 0; i < top_count_; ++i) bytes += EpochHeap::room(bytes_of(chunk(i).capacity));
    return bytes;
  }
  void check_invariants() const {
    size_t items = 0;
    const Item* before = nullptr;
    for (uint32_t i = 0; i < top_count_; ++i) {
      const Chunk& from = chunk(i);
      REDAN_CHECK(from.size > 0);
      REDAN_CHECK(from.size <= from.capacity);
      REDAN_CHECK(from.capacity <= kMost);
      for (uint32_t j = 0; j < from.size; ++j) {
        if (before != nullptr) REDAN_CHECK(before->key() < from.items()[j].key());
        before = &from.items()[j];
      }
      items += from.size;
    }
    REDAN_CHECK(items == size_);
    REDAN_CHECK(top_count_ <= std::max(top_capacity_, 1U));
  }

 private:
  static constexpr uint32_t kFewestTops = 4;

  Chunk** tops() { return top_capacity_ == 0 ? &only_ : tops_; }
  Chunk* const* tops() const { return top_capacity_ == 0 ? &only_ : tops_; }
  Key low(uint32_t top) const { return chunk(top).items()[0].key(); }

  static size_t bytes_of(size_t capacity) { return sizeof(Chunk) + capacity * sizeof(Item); }
  const Chunk& chunk(uint32_t top) const { return *tops()[top]; }

  // The chunk that the key lies in, or would.
  uint32_t top_of(const Key& key) const {
    if (!(key < low(top_count_ - 1))) return top_count_ - 1;
    Chunk* const* const begin = tops();
    Chunk* const* const above = std::upper_bound(
        begin, begin + top_count_, key,
        [](const Key& wanted, const Chunk* chunk) { return wanted < chunk->items()[0].key(); });
    return above == begin ? 0 : static_cast<uint32_t>(above - begin - 1);
  }
  Chunk* new_chunk(EpochHeap& heap, size_t capacity) {
    auto* made = static_cast<Chunk*>(heap.allocate(bytes_of(capacity)));
    made->birth = heap.epoch();
    made->size = 0;
    made->capacity = static_cast<uint16_t>(capacity);
    return made;
  }
  void release(EpochHeap& heap, Chunk* chunk) {
    heap.release(chunk, bytes_of(chunk->capacity), chunk->birth);
  }
  Chunk* own(EpochHeap& heap, uint32_t top) {
    Chunk*& chunk = tops()[top];
    if (heap.is_shared(chunk->birth)) [[unlikely]] {
      chunk = static_cast<Chunk*>(heap.own(chunk, bytes_of(chunk->capacity)));
      chunk->birth = heap.epoch();
    }
    return chunk;
  }
  // Where there is room: the chunk holds less than kMost.
  void add(EpochHeap& heap, uint32_t top, uint32_t place, const Item& item) {
    Chunk* to = own(heap, top);
    if (to->size == to->capacity) {
      const size_t capacity = std::min<size_t>(kMost, size_t{to->capacity} * 2);
      to = static_cast<Chunk*>(heap.resize(to, bytes_of(to->capacity), bytes_of(capacity)));
      to->capacity = static_cast<uint16_t>(capacity);
      tops()[top] = to;
    }
    std::memmove(to->items() + place + 1, to->items() + place, (to->size - place) * sizeof(Item));
    std::memcpy(to->items() + place, &item, sizeof(Item));
    ++to->size;
    ++size_;
  }
  void split(EpochHeap& heap, uint32_t top) {
    Chunk* const from = own(heap, top);
    const uint32_t half = from->size / 2;
    Chunk* const to = new_chunk(heap, kMost);
    to->size = static_cast<uint16_t>(from->size - half);
    std::memcpy(to->items(), from->items() + half, to->size * sizeof(Item));
    from->size = static_cast<uint16_t>(half);
    insert_top(heap, top + 1, to);
  }
  // A chunk that has become small joins a neighbour with room.
  void merge(EpochHeap& heap, uint32_t top) {
    const auto fits = [&](uint32_t with) {
      return size_t{chunk(top).size} + chunk(with).size <= kMost * 3 / 4;
    };
    if (top + 1 < top_count_ && fits(top + 1)) {
      join(heap, top);
    } else if (top > 0 && fits(top - 1)) {
      join(heap, top - 1);
    }
  }
  // The chunk behind `top` comes into this one.
  void join(EpochHeap& heap, uint32_t top) {
    Chunk* to = own(heap, top);
    const Chunk& from = chunk(top + 1);
    const size_t size = size_t{to->size} + from.size;
    if (size > to->capacity) {
      to = static_cast<Chunk*>(heap.resize(to, bytes_of(to->capacity), bytes_of(kMost)));
      to->capacity = static_cast<uint16_t>(kMost);
      tops()[top] = to;
    }
    std::memcpy(to->items() + to->size, from.items(), from.size * sizeof(Item));
    to->size = static_cast<uint16_t>(size);
    erase_top(heap, top + 1);
  }
  void insert_top(EpochHeap& heap, uint32_t top, Chunk* chunk) {
    if (top_count_ == std::max(top_capacity_, 1U)) grow_tops(heap);
    Chunk** const at = tops() + top;
    std::memmove(at + 1, at, (top_count_ - top) * sizeof(Chunk*));
    *at = chunk;
    ++top_count_;
  }
  void grow_tops(EpochHeap& heap) {
    const uint32_t capacity = std::max(top_capacity_ * 2, kFewestTops);
    if (top_capacity_ == 0) {
      auto** const made = static_cast<Chunk**>(heap.allocate(capacity * sizeof(Chunk*)));
      made[0] = only_;
      tops_ = made;
    } else {
      resize_tops(heap, capacity);
    }
    top_capacity_ = capacity;
  }
  void resize_tops(EpochHeap& heap, uint32_t capacity) {
    tops_ = static_cast<Chunk**>(
        heap.resize(tops_, top_capacity_ * sizeof(Chunk*), capacity * sizeof(Chunk*)));
  }
  void erase_top(EpochHeap& heap, uint32_t top) {
    Chunk** const at = tops() + top;
    release(heap, *at);
    --top_count_;
    std::memmove(at, at + 1, (top_count_ - top) * sizeof(Chunk*));
    if (top_count_ == 0) return clear(heap);
    if (top_count_ < top_capacity_ / 4 && top_capacity_ > kFewestTops) {
      resize_tops(heap, top_capacity_ / 2);
      top_capacity_ /= 2;
    }
  }

  // Most streams are one chunk, whose address stands here; more have an array of them.
  union {
    Chunk* only_ = nullptr;  // top_capacity_ is 0
    Chunk** tops_;
  };
  uint32_t top_count_ = 0;
  uint32_t top_capacity_ = 0;
  size_t size_ = 0;
};

}  // namespace redan
