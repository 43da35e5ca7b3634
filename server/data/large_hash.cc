#include "server/data/large_hash.h"

#include <cstdlib>

#include "common/base/check.h"

namespace redan {

HashField* HashField::make(std::string_view field, std::string_view value) {
  const bool is_long = field.size() > kMostShort || value.size() > kMostShort;
  const size_t head = is_long ? kLongHead : kShortest;
  // The whole class: what overwrite() uses later.
  const size_t bytes = size_class(head + field.size() + value.size());
  char* const to = static_cast<char*>(std::malloc(bytes));
  REDAN_CHECK(to != nullptr);
  auto* const made = reinterpret_cast<HashField*>(to);
  made->flags_ = is_long ? kLong : 0;
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
  std::free(field);
}

bool HashField::overwrite(std::string_view value) {
  const std::string_view old = this->value();
  if (!is_long() && value.size() > kMostShort) return false;
  const size_t before = used_bytes();
  if (size_class(before - old.size() + value.size()) != size_class(before)) return false;
  if (is_long()) {
    const uint64_t length = value.size();
    std::memcpy(reinterpret_cast<char*>(this) + 11, &length, sizeof length);
  } else {
    value_length_ = static_cast<uint8_t>(value.size());
  }
  if (!value.empty()) std::memcpy(const_cast<char*>(old.data()), value.data(), value.size());
  return true;
}

bool LargeHash::set(std::string_view field, std::string_view value) {
  const auto place = table_.locate(field);
  if (!place) {
    table_.insert(place, HashField::make(field, value));
    return true;
  }
  if (!place.entry()->overwrite(value)) table_.replace(place, HashField::make(field, value));
  return false;
}

bool LargeHash::erase(std::string_view field) {
  const auto place = table_.locate(field);
  if (!place) return false;
  table_.erase(place);
  return true;
}

std::unique_ptr<LargeValue> LargeHash::clone() const {
  auto copy = std::make_unique<LargeHash>(table_.hash_key());
  copy->table_.copy_from(table_);
  return copy;
}

void LargeHash::for_each_piece(PieceSink& sink) const {
  table_.for_each([&](const HashField& field) { sink.piece(field.piece()); });
}

}  // namespace redan
