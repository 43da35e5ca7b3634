#include "server/values/hash_value.h"

#include <unordered_set>

namespace redan {

static_assert(FieldTriples::kStays == HashField::kStays);

std::optional<HashView::Text> HashView::find_triple(std::string_view field) const {
  const size_t at = triples().find(field);
  if (at == FieldTriples::kNone || hides(triples().expiry_ms(at))) return std::nullopt;
  return triples().value(at);
}

HashView::Field HashView::random(Rng& rng) const {
  if (large_ != nullptr) {
    const HashField& field = large_->random(rng);
    return {as_text(field.key()), as_text(field.value())};
  }
  return packed_at(pack_.nth(static_cast<int64_t>(rng.below(size()) * (triples_ ? 3 : 2))));
}

std::vector<size_t> HashView::places_of_fields() const {
  std::vector<size_t> places;
  places.reserve(size());
  for (size_t at = pack_.first(); at != Listpack::kNone;) {
    places.push_back(at);
    at = triples_ ? triples().next(at) : pack_.next(pack_.next(at));
  }
  return places;
}

namespace {

// The first `count` places of a shuffle.
template <class T>
void shuffle_front(std::vector<T>& all, size_t count, Rng& rng) {
  for (size_t i = 0; i < count; ++i) std::swap(all[i], all[i + rng.below(all.size() - i)]);
  all.resize(count);
}

// Of how many fields all are listed rather than drawn one by one: where every third is wanted,
// draws that hit one again begin to cost more than the list.
constexpr size_t kListedPerWanted = 3;

}  // namespace

std::vector<HashView::Field> HashView::sample(size_t count, Rng& rng) const {
  std::vector<Field> fields;
  fields.reserve(count);
  if (large_ == nullptr) {
    std::vector<size_t> places = places_of_fields();
    shuffle_front(places, count, rng);
    for (const size_t place : places) fields.push_back(packed_at(place));
    return fields;
  }
  std::vector<const HashField*> chosen;
  if (size() / kListedPerWanted <= count) {
    chosen.reserve(size());
    large_->for_each([&](const HashField& field) { chosen.push_back(&field); });
    shuffle_front(chosen, count, rng);
  } else {
    std::unordered_set<const HashField*> seen;
    while (chosen.size() < count) {
      const HashField* const field = &large_->random(rng);
      if (seen.insert(field).second) chosen.push_back(field);
    }
  }
  for (const HashField* field : chosen) {
    fields.push_back({as_text(field->key()), as_text(field->value())});
  }
  return fields;
}

std::vector<HashView::Field> HashView::visible() const {
  std::vector<Field> fields;
  for_each([&](const Text& name, const Text& value) { fields.push_back({name, value}); });
  return fields;
}

std::optional<int64_t> HashView::expiry_ms(std::string_view field) const {
  if (triples_) {
    const size_t at = triples().find(field);
    const int64_t at_ms = at != FieldTriples::kNone ? triples().expiry_ms(at) : HashField::kStays;
    return at != FieldTriples::kNone && !hides(at_ms) ? std::optional(at_ms) : std::nullopt;
  }
  if (large_ == nullptr) {
    return find(field) ? std::optional<int64_t>(HashField::kStays) : std::nullopt;
  }
  const HashField* const found = large_->find(field);
  if (found == nullptr || hides(*found)) return std::nullopt;
  return found->expiry_ms();
}

HashEdit::HashEdit(Keyspace& keyspace, int db, std::string_view key, Keyspace::Ref ref)
    : keyspace_(keyspace), db_(db), key_(key), ref_(ref), triples_(ref_ && ref_->is_triples()) {
  if (ref_ && ref_->is_large()) large_.emplace(keyspace_, ref_);
}

void HashEdit::remove_key() {
  large_.reset();
  triples_ = false;
  keyspace_.remove(db_, ref_, Keyspace::Free::kNow);
}

bool HashEdit::hides(std::string_view field) const {
  if (!triples_ && !(large_ && (**large_).has_expiring())) return false;
  const std::optional<int64_t> at_ms = HashView(*ref_).expiry_ms(field);
  return at_ms && *at_ms != HashField::kStays && *at_ms <= keyspace_.field_horizon_ms();
}

bool HashEdit::set(std::string_view field, std::string_view value, FieldExpiry expiry) {
  if (!ref_) {
    ref_ = keyspace_.create(db_, key_, ref_,
                            StoredValue::packed(ValueType::kHash, Listpack::empty_bytes()));
  }
  if (!large_ && fits_compact(field) && fits_compact(value) &&
      ref_->packed().size() + field.size() + value.size() <= keyspace_.limits().packed_bytes) {
    return triples_ ? set_triple(field, value, expiry) : set_compact(field, value);
  }
  if (!large_) become_large(size() + 1);
  if (!hides(field)) return (*large_)->set(field, value, expiry);
  (*large_)->set(field, value);
  return true;
}

size_t HashEdit::set_pairs(std::span<const std::string_view> pairs) {
  if (!ref_ && create_compact(pairs)) return size();
  size_t added = 0;
  for (size_t i = 0; i < pairs.size(); i += 2) added += set(pairs[i], pairs[i + 1]) ? 1 : 0;
  return added;
}

// A new hash in one allocation of its size: one that grows leaves a hole of each size behind.
bool HashEdit::create_compact(std::span<const std::string_view> pairs) {
  if (pairs.size() / 2 > keyspace_.limits().hash_entries) return false;
  size_t most = Listpack::kHeaderBytes + 1;
  for (const std::string_view text : pairs) {
    if (!fits_compact(text)) return false;
    most += PackedElement(text).size();
  }
  if (most > keyspace_.limits().packed_bytes) return false;
  std::string bytes;
  bytes.reserve(most);
  bytes = Listpack::empty_bytes();
  StringBytes store(bytes);
  for (size_t i = 0; i < pairs.size(); i += 2) {
    const Listpack pack(bytes);
    const size_t at = pack.find(pairs[i], pack.first(), 1);
    if (at == Listpack::kNone) {
      ListpackEdit::append_pair(store, PackedElement(pairs[i]), PackedElement(pairs[i + 1]));
    } else {
      ListpackEdit::replace(store, pack.next(at), PackedElement(pairs[i + 1]));
    }
  }
  ref_ = keyspace_.create(db_, key_, ref_, StoredValue::packed(ValueType::kHash, std::move(bytes)));
  return true;
}

bool HashEdit::set_expiry(std::string_view field, int64_t at_ms) {
  if (!find(field)) return false;
  if (large_) return (*large_)->set_expiry(field, at_ms);
  if (triples_ || at_ms != HashField::kStays) set_expiry_of_triple(field, at_ms);
  return true;
}

void HashEdit::set_expiry_of_triple(std::string_view field, int64_t at_ms) {
  if (!triples_) {
    keyspace_.convert(ref_, StoredValue::triples(FieldTriples::of_pairs(ref_->packed())));
    triples_ = true;
  }
  auto bytes = keyspace_.packed(ref_);
  FieldTriplesEdit::set_expiry(bytes, FieldTriples(bytes.view()).find(field), at_ms);
}

// Pairs again, where the last field that expired went or stays now.
void HashEdit::settle_triples() {
  const FieldTriples triples(ref_->packed());
  if (triples.first_expiry_ms() != FieldTriples::kStays) return;
  keyspace_.convert(ref_, StoredValue::packed(ValueType::kHash, triples.to_pairs()));
}

bool HashEdit::set_compact(std::string_view field, std::string_view value) {
  auto bytes = keyspace_.packed(ref_);
  const Listpack pack(bytes.view());
  const size_t at = pack.find(field, pack.first(), 1);
  const bool is_new = at == Listpack::kNone;
  if (is_new) {
    ListpackEdit::append_pair(bytes, PackedElement(field), PackedElement(value));
  } else {
    ListpackEdit::replace(bytes, pack.next(at), PackedElement(value));
  }
  // (Of an old field too: the limit may be lower than when the hash was made.)
  const size_t fields = size();
  if (fields > keyspace_.limits().hash_entries) become_large(fields);
  return is_new;
}

bool HashEdit::set_triple(std::string_view field, std::string_view value, FieldExpiry expiry) {
  auto bytes = keyspace_.packed(ref_);
  const FieldTriples triples(bytes.view());
  const size_t at = triples.find(field);
  if (at == FieldTriples::kNone) {
    FieldTriplesEdit::insert(bytes, field, value, FieldTriples::kStays);
    const size_t fields = size();
    if (fields > keyspace_.limits().hash_entries) become_large(fields);
    return true;
  }
  const int64_t expiry_ms = triples.expiry_ms(at);
  const bool expires = expiry_ms != FieldTriples::kStays;
  const bool hidden = expires && expiry_ms <= keyspace_.field_horizon_ms();
  FieldTriplesEdit::set_value(bytes, at, value);
  if (expires && (hidden || expiry == FieldExpiry::kDiscard)) {
    FieldTriplesEdit::set_expiry(bytes, at, FieldTriples::kStays);
  }
  return hidden;
}

bool HashEdit::erase(std::string_view field) {
  if (!ref_) return false;
  if (large_) return (*large_)->erase(field);
  auto bytes = keyspace_.packed(ref_);
  const Listpack pack(bytes.view());
  const size_t at = pack.find(field, pack.first(), triples_ ? 2 : 1);
  if (at == Listpack::kNone) return false;
  ListpackEdit::erase(bytes, at, triples_ ? 3 : 2);
  return true;
}

void HashEdit::become_large(size_t fields) {
  auto large = std::make_unique<LargeHash>(keyspace_.limits().hash_key);
  large->reserve(fields);
  const auto add = [&](const HashView::Text& name, const HashView::Text& value, int64_t expiry_ms) {
    Listpack::Scratch of_name;
    Listpack::Scratch of_value;
    const std::string_view field = name.view(of_name);
    large->set(field, value.view(of_value));
    if (expiry_ms != HashField::kStays) large->set_expiry(field, expiry_ms);
  };
  HashView(*ref_).for_each_with_expiry(add);
  triples_ = false;
  keyspace_.become_large(ref_, std::move(large));
  large_.emplace(keyspace_, ref_);
}

}  // namespace redan
