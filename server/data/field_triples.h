// A small hash of which some fields expire: a listpack of field, value, expiry, field, value ...,
// byte for byte as Redis 7.4 keeps it. An expiry is a time in milliseconds, 0 where the field
// stays.
//
// Triples stand in the order of their expiries, those that stay behind all others and equals in the
// order they came, so that the next field to go is the first. Where no field expires any more, the
// owner goes on with pairs (to_pairs()). Time is the caller's: nothing expires by itself.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "server/data/listpack.h"

namespace redan {

// Reads; positions are those of fields in the listpack. Its expiries must be in_order().
class FieldTriples {
 public:
  static constexpr size_t kNone = Listpack::kNone;
  static constexpr int64_t kStays = 0;  // as an expiry

  explicit FieldTriples(std::string_view bytes) : pack_(bytes) {}

  size_t size() const { return pack_.size() / 3; }
  size_t first() const { return pack_.first(); }
  size_t next(size_t at) const { return pack_.next(place_of_expiry(at)); }
  size_t find(std::string_view field) const { return pack_.find(field, pack_.first(), 2); }

  Listpack::Element field(size_t at) const { return pack_.at(at); }
  Listpack::Element value(size_t at) const { return pack_.at(pack_.next(at)); }
  int64_t expiry_ms(size_t at) const { return pack_.at(place_of_expiry(at)).integer; }
  // Of the field whose time comes first; kStays: none expires.
  int64_t first_expiry_ms() const {
    const size_t at = first();
    return at == kNone ? kStays : expiry_ms(at);
  }
  size_t place_of_value(size_t at) const { return pack_.next(at); }
  size_t place_of_expiry(size_t at) const { return pack_.next(pack_.next(at)); }
  // Where the triple's bytes end.
  size_t end_of(size_t at) const { return pack_.end_of(place_of_expiry(at)); }
  // What comes later than this expiry: the first such triple but for the one at `besides`, kNone
  // where none does.
  size_t first_later(int64_t expiry_ms, size_t besides = kNone) const {
    size_t at = first();
    while (at != kNone && (at == besides || rank(this->expiry_ms(at)) <= rank(expiry_ms))) {
      at = next(at);
    }
    return at;
  }

  // For bytes of other origin, elements a multiple of three: each expiry is a time up to
  // `latest_ms` or none, and none stands before an earlier one.
  bool in_order(int64_t latest_ms = std::numeric_limits<int64_t>::max()) const;

  static std::string of_pairs(std::string_view pairs);
  std::string to_pairs() const;

 private:
  friend struct FieldTriplesEdit;
  static int64_t rank(int64_t expiry_ms) {
    return expiry_ms == kStays ? std::numeric_limits<int64_t>::max() : expiry_ms;
  }

  Listpack pack_;
};

// Edits over anything that ListpackEdit takes.
struct FieldTriplesEdit {
  // The field must be new.
  template <class Bytes>
  static void insert(Bytes& bytes, std::string_view field, std::string_view value,
                     int64_t expiry_ms) {
    const size_t at = expiry_ms == FieldTriples::kStays
                          ? FieldTriples::kNone
                          : FieldTriples(bytes.view()).first_later(expiry_ms);
    ListpackEdit::insert_triple(bytes, at, PackedElement(field), PackedElement(value),
                                PackedElement(expiry_ms));
  }
  template <class Bytes>
  static void set_value(Bytes& bytes, size_t at, std::string_view value) {
    ListpackEdit::replace(bytes, FieldTriples(bytes.view()).place_of_value(at),
                          PackedElement(value));
  }
  // The triple goes where its new expiry wants it.
  template <class Bytes>
  static void set_expiry(Bytes& bytes, size_t at, int64_t expiry_ms) {
    ListpackEdit::replace(bytes, FieldTriples(bytes.view()).place_of_expiry(at),
                          PackedElement(expiry_ms));
    const FieldTriples triples(bytes.view());
    const size_t end = triples.end_of(at);
    size_t to = triples.first_later(expiry_ms, at);
    if (to == FieldTriples::kNone) to = bytes.view().size() - 1;
    if (to == end) return;
    char* const base = bytes.splice(end, 0, 0);  // For writing.
    if (to < at) {
      std::rotate(base + to, base + at, base + end);
    } else {
      std::rotate(base + at, base + end, base + to);
    }
  }
  template <class Bytes>
  static void erase(Bytes& bytes, size_t at, size_t triples = 1) {
    ListpackEdit::erase(bytes, at, triples * 3);
  }
};

}  // namespace redan
