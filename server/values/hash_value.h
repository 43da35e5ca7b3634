// A hash as commands see it, whatever its form: fields and values one behind the other in a
// listpack, where some of them expire also their expiries (FieldTriples), or a LargeHash.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/rng.h"
#include "server/data/field_triples.h"
#include "server/data/large_hash.h"
#include "server/data/listpack.h"
#include "server/keyspace/keyspace.h"

namespace redan {

// For reading; good until the next change of any key.
class HashView {
 public:
  using Text = Listpack::Element;
  struct Field {
    Text name;
    Text value;
  };

  // Nothing is hidden that expires later than this.
  static constexpr int64_t kHidesNothing = INT64_MIN;

  // Fields whose time came up to `horizon_ms` are there but not to be seen: nobody may delete them
  // yet, or nobody had the time to.
  explicit HashView(const Entry& entry, int64_t horizon_ms = kHidesNothing)
      : large_(entry.is_large() ? static_cast<const LargeHash*>(&entry.large()) : nullptr),
        pack_(large_ == nullptr ? entry.packed() : std::string_view()),
        triples_(entry.is_triples()),
        horizon_ms_(horizon_ms) {}

  bool is_large() const { return large_ != nullptr; }
  // All that are there, hidden or not.
  size_t size() const {
    if (large_ != nullptr) return large_->size();
    return triples_ ? triples().size() : pack_.size() / 2;
  }
  bool hides_some() const {
    if (triples_) return hides(triples().first_expiry_ms());
    return large_ != nullptr && large_->has_expiring() && hides(*large_->first_to_expire());
  }
  std::optional<Text> find(std::string_view field) const {
    if (large_ != nullptr) {
      const HashField* const found = large_->find(field);
      if (found == nullptr || hides(*found)) return std::nullopt;
      return as_text(found->value());
    }
    if (triples_) return find_triple(field);
    const size_t at = pack_.find(field, pack_.first(), 1);
    if (at == Listpack::kNone) return std::nullopt;
    return pack_.at(pack_.next(at));
  }
  // When a field expires, HashField::kStays where it does not; nothing where there is none.
  std::optional<int64_t> expiry_ms(std::string_view field) const;
  // each(const Text& name, const Text& value)
  template <class Each>
  void for_each(Each&& each) const {
    for_each_with_expiry([&](const Text& name, const Text& value, int64_t) { each(name, value); });
  }
  // each(const Text& name, const Text& value, int64_t expiry_ms)
  template <class Each>
  void for_each_with_expiry(Each&& each) const {
    if (large_ != nullptr) {
      large_->for_each([&](const HashField& field) {
        if (!hides(field)) each(as_text(field.key()), as_text(field.value()), field.expiry_ms());
      });
      return;
    }
    for (size_t at = pack_.first(); at != Listpack::kNone;) {
      const Text name = pack_.at(at);
      at = pack_.next(at);
      const Text value = pack_.at(at);
      int64_t expiry_ms = HashField::kStays;
      if (triples_) {
        at = pack_.next(at);
        expiry_ms = pack_.at(at).integer;
      }
      if (!hides(expiry_ms)) each(name, value, expiry_ms);
      at = pack_.next(at);
    }
  }
  // The next part of a scan and the cursor to go on with (see Dict::scan); a compact hash is one
  // part.
  template <class Each>
  uint64_t scan(uint64_t cursor, Each&& each) const {
    if (large_ == nullptr) {
      for_each(each);
      return 0;
    }
    return large_->scan(cursor, [&](const HashField& field) {
      if (!hides(field)) each(as_text(field.key()), as_text(field.value()));
    });
  }

  // --- by chance; not where hides_some(): use visible() then ---
  // Any field, each with the same chance.
  Field random(Rng& rng) const;
  // `count` times any field, for each(name, value).
  template <class Each>
  void draw(uint64_t count, Rng& rng, Each&& each) const {
    if (large_ != nullptr) {
      for (; count > 0; --count) {
        const HashField& field = large_->random(rng);
        each(as_text(field.key()), as_text(field.value()));
      }
      return;
    }
    const std::vector<size_t> places = places_of_fields();
    for (; count > 0; --count) {
      const Field field = packed_at(places[rng.below(places.size())]);
      each(field.name, field.value);
    }
  }
  // `count` different fields, fewer than there are, in any order.
  std::vector<Field> sample(size_t count, Rng& rng) const;
  std::vector<Field> visible() const;

 private:
  static Text as_text(std::string_view bytes) {
    Text text;
    text.text = bytes;
    return text;
  }
  bool hides(const HashField& field) const { return hides(field.expiry_ms()); }
  bool hides(int64_t expiry_ms) const {
    return expiry_ms != HashField::kStays && expiry_ms <= horizon_ms_;
  }
  FieldTriples triples() const { return FieldTriples(pack_.bytes()); }
  std::optional<Text> find_triple(std::string_view field) const;
  std::vector<size_t> places_of_fields() const;
  Field packed_at(size_t place) const { return {pack_.at(place), pack_.at(pack_.next(place))}; }

  const LargeHash* large_;
  Listpack pack_;
  bool triples_;
  int64_t horizon_ms_;
};

// For changing: the key is made with the first field, and the form follows the limits. The caller
// removes the key when the last field went, and tells changed(). Nothing else may change a key as
// long as this lives.
class HashEdit {
 public:
  // `ref`: what change() found, or where it found nothing.
  HashEdit(Keyspace& keyspace, int db, std::string_view key, Keyspace::Ref ref);
  ~HashEdit() {
    if (triples_) [[unlikely]]
      settle_triples();
  }
  HashEdit(const HashEdit&) = delete;
  HashEdit& operator=(const HashEdit&) = delete;

  // True: the field is new, or was hidden.
  bool set(std::string_view field, std::string_view value,
           FieldExpiry expiry = FieldExpiry::kDiscard);
  // Fields and their values in turns; answers how many fields are new.
  size_t set_pairs(std::span<const std::string_view> pairs);
  // HashField::kStays makes the field stay. False: there is no such field.
  bool set_expiry(std::string_view field, int64_t at_ms);
  // False: there was no such field. (A hidden one is deleted like any other.)
  bool erase(std::string_view field);
  std::optional<HashView::Text> find(std::string_view field) const {
    return ref_ ? view().find(field) : std::nullopt;
  }
  std::optional<int64_t> expiry_ms(std::string_view field) const {
    return ref_ ? view().expiry_ms(field) : std::nullopt;
  }
  // There is such a field, but its time has come.
  bool hides(std::string_view field) const;
  size_t size() const { return ref_ ? HashView(*ref_).size() : 0; }
  // Takes the key out of the keyspace; the edit is over.
  void remove_key();

 private:
  bool fits_compact(std::string_view text) const {
    return text.size() <= keyspace_.limits().hash_value_bytes;
  }
  HashView view() const { return HashView(*ref_, keyspace_.field_horizon_ms()); }
  bool create_compact(std::span<const std::string_view> pairs);
  bool set_compact(std::string_view field, std::string_view value);
  bool set_triple(std::string_view field, std::string_view value, FieldExpiry expiry);
  void set_expiry_of_triple(std::string_view field, int64_t at_ms);
  void settle_triples();
  void become_large(size_t fields);

  Keyspace& keyspace_;
  int db_;
  std::string_view key_;
  Keyspace::Ref ref_;
  bool triples_;  // Some fields expire, or did when this began.
  std::optional<Keyspace::LargeEdit<LargeHash>> large_;
};

}  // namespace redan
