#include "server/data/large_hash.h"

#include <cstdlib>
#include <new>

#include "common/base/check.h"

namespace redan {

HashField* HashField::make(std::string_view field, std::string_view value, int64_t expiry_ms) {
  const bool is_long = field.size() > kMostShort || value.size() > kMostShort;
  const size_t node = expiry_ms != kStays ? sizeof(ExpiryNode) : 0;
  const size_t head = is_long ? kLongHead : kShortest;
  // The whole class: what overwrite() uses later.
  const size_t bytes = size_class(node + head + field.size() + value.size());
  char* const allocated = static_cast<char*>(std::malloc(bytes));
  REDAN_CHECK(allocated != nullptr);
  if (node != 0) new (allocated) ExpiryNode{.at_ms = expiry_ms};
  char* const to = allocated + node;
  auto* const made = reinterpret_cast<HashField*>(to);
  made->flags_ = static_cast<uint8_t>((is_long ? kLong : 0) | (node != 0 ? kExpires : 0));
  made->field_length_ = static_cast<uint8_t>(field.size());
  made->value_length_ = static_cast<uint8_t>(value.size());
  if (is_long) {
    const uint64_t lengths[] = {field.size(), value.size()};
    std::memcpy(to + kShortest, lengths, sizeof lengths);
  }
  if (!field.empty()) std::memcpy(to + head, field.data(), field.size());
  if (!value.empty()) std::memcpy(to + head + field.size(), value.data(), value.size());
  return made;
}

void HashField::free(HashField* field) {
  std::free(reinterpret_cast<char*>(field) - field->head_bytes());
}

bool HashField::overwrite(std::string_view value) {
  const std::string_view old = this->value();
  if (!is_long() && value.size() > kMostShort) return false;
  const size_t before = head_bytes() + used_bytes();
  if (size_class(before - old.size() + value.size()) != size_class(before)) return false;
  if (is_long()) {
    const uint64_t length = value.size();
    std::memcpy(reinterpret_cast<char*>(this) + kShortest + 8, &length, sizeof length);
  } else {
    value_length_ = static_cast<uint8_t>(value.size());
  }
  if (!value.empty()) std::memcpy(const_cast<char*>(old.data()), value.data(), value.size());
  return true;
}

void LargeHash::replace(Place place, HashField* with) {
  HashField* const old = place.entry();
  if (old->expires()) expiries_.erase(old->node());
  table_.replace(place, with);
  if (with->expires()) expiries_.insert(with->node());
}

bool LargeHash::set(std::string_view field, std::string_view value, FieldExpiry expiry) {
  const auto place = table_.locate(field);
  if (!place) {
    table_.insert(place, HashField::make(field, value));
    return true;
  }
  HashField* const old = place.entry();
  const int64_t kept_ms = expiry == FieldExpiry::kKeep ? old->expiry_ms() : HashField::kStays;
  if (old->expiry_ms() == kept_ms && old->overwrite(value)) return false;
  replace(place, HashField::make(field, value, kept_ms));
  return false;
}

bool LargeHash::set_expiry(std::string_view field, int64_t at_ms) {
  const auto place = table_.locate(field);
  if (!place) return false;
  HashField* const old = place.entry();
  if (old->expires() && at_ms != HashField::kStays) {
    expiries_.erase(old->node());
    old->node()->at_ms = at_ms;
    expiries_.insert(old->node());
  } else if (old->expiry_ms() != at_ms) {
    replace(place, HashField::make(field, old->value(), at_ms));
  }
  return true;
}

bool LargeHash::erase(std::string_view field) {
  const auto place = table_.locate(field);
  if (!place) return false;
  if (place.entry()->expires()) expiries_.erase(place.entry()->node());
  table_.erase(place);
  return true;
}

std::unique_ptr<LargeValue> LargeHash::clone() const {
  auto copy = std::make_unique<LargeHash>(table_.hash_key());
  copy->table_.copy_from(table_);
  if (has_expiring()) {
    copy->table_.for_each([&](const HashField& field) {
      if (field.expires()) copy->expiries_.insert(field.node());
    });
  }
  return copy;
}

void LargeHash::for_each_piece(PieceSink& sink) const {
  table_.for_each([&](const HashField& field) { sink.piece(field.piece()); });
}

void LargeHash::check_invariants() const {
  table_.check_invariants();
  expiries_.check_invariants();
  size_t expiring = 0;
  table_.for_each([&](const HashField& field) { expiring += field.expires() ? 1U : 0U; });
  REDAN_CHECK(expiring == expiries_.size());
}

}  // namespace redan
