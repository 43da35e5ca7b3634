// The elements of a large hash, set or sorted set by name: a Dict that owns what is in it, counts
// its memory and hands itself to a snapshot.
//
// Element is one allocation, its address a multiple of 8 (what malloc gives), with
//   std::string_view key() const
//   size_t allocated_bytes() const       as a size class
//   ValuePiece piece() const             as RDB stores it
//   static Element* copy(const Element&)
//   static void free(Element*)
// An element is changed only after locate(), which hands it to a snapshot first. One thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "server/data/dict.h"
#include "server/data/value.h"

namespace redan {

template <class Element>
class ElementTable {
 public:
  using Place = typename Dict<Element>::Place;

  explicit ElementTable(const HashKey& hash_key) : hash_key_(hash_key), dict_(hash_key) {}
  ~ElementTable() {
    dict_.for_each([](Element* element) { Element::free(element); });
    dict_.forget_all();
  }
  ElementTable(const ElementTable&) = delete;
  ElementTable& operator=(const ElementTable&) = delete;

  const HashKey& hash_key() const { return hash_key_; }
  size_t size() const { return dict_.size(); }
  size_t memory_bytes() const { return dict_.bucket_bytes() + element_bytes_; }

  // For reading only; nullptr: there is none.
  const Element* find(std::string_view name) const { return dict_.find(name); }
  // See Dict.
  uint64_t prefetch_bucket(std::string_view name) const { return dict_.prefetch_bucket(name); }
  void prefetch_matches(uint64_t hash) const { dict_.prefetch_matches(hash); }
  // For a change or an insertion; good until the next call that changes anything.
  Place locate(std::string_view name) { return dict_.locate(name); }
  // Only where locate() found nothing.
  void insert(Place place, Element* element) {
    element_bytes_ += element->allocated_bytes();
    dict_.insert(place, element, false);
  }
  // Another element of the same name; the old one is freed.
  void replace(Place place, Element* element) {
    Element* const old = place.entry();
    element_bytes_ += element->allocated_bytes() - old->allocated_bytes();
    dict_.replace(place, element, false);
    Element::free(old);
  }
  // The place's element, for the caller to keep or to free.
  Element* take(Place place) {
    Element* const element = dict_.erase(place);
    element_bytes_ -= element->allocated_bytes();
    return element;
  }
  void erase(Place place) { Element::free(take(place)); }
  void reserve(size_t elements) { dict_.reserve(elements); }

  template <class Each>
  void for_each(Each&& each) const {
    dict_.for_each([&](const Element* element) { each(*element); });
  }
  // Ends early once `each` answers false.
  template <class Each>
  void for_each_until(Each&& each) const {
    dict_.for_each_until([&](const Element* element) { return each(*element); });
  }
  // See Dict::scan.
  template <class Each>
  uint64_t scan(uint64_t cursor, Each&& each) const {
    return dict_.scan(cursor, [&](const Element* element) { each(*element); });
  }
  // Any element, each with the same chance; only where there is one.
  const Element& random(Rng& rng) const { return *dict_.random(rng); }

  // Copies of all elements of another table into this one, which is empty.
  void copy_from(const ElementTable& other) {
    reserve(other.size());
    other.for_each(
        [&](const Element& element) { insert(locate(element.key()), Element::copy(element)); });
  }

  void begin_snapshot(PieceSink* sink) {
    adapter_.sink = sink;
    dict_.begin_snapshot(&adapter_, 0);
  }
  bool in_snapshot() const { return dict_.in_snapshot(); }
  // About `pieces` more, bucket by bucket; false once all are handed over.
  bool walk_snapshot(size_t pieces) {
    for (const size_t enough = adapter_.handed_over + pieces; pieces > 0; --pieces) {
      if (!dict_.walk_snapshot(1)) return false;
      if (adapter_.handed_over >= enough) break;
    }
    return true;
  }
  void end_snapshot() { dict_.end_snapshot(); }

  void check_invariants() const {
    dict_.check_invariants();
    size_t bytes = 0;
    for_each([&](const Element& element) { bytes += element.allocated_bytes(); });
    REDAN_CHECK(bytes == element_bytes_);
  }

 private:
  struct Adapter final : Dict<Element>::Sink {
    void emit(int, const Element& element) override {
      ++handed_over;
      sink->piece(element.piece());
    }
    PieceSink* sink = nullptr;
    size_t handed_over = 0;
  };

  HashKey hash_key_;
  Dict<Element> dict_;
  size_t element_bytes_ = 0;
  Adapter adapter_;
};

}  // namespace redan
