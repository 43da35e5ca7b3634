// A large hash: fields by name in an ElementTable, each in one allocation with its value.
//
// A value is replaced in place where the allocator's class has room for the new one. Scans, random
// draws and snapshots are the table's.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "server/data/element_table.h"
#include "server/data/limits.h"
#include "server/data/value.h"

namespace redan {

// A field and its value:
//   flags (1)  length of the field (1)  of the value (1)
//   [length of the field (8)  of the value (8)]   kLong: the two above mean nothing
//   field value
class HashField {
 public:
  std::string_view key() const {
    return {bytes() + offset_of_field(), is_long() ? load(3) : field_length_};
  }
  std::string_view value() const {
    const std::string_view field = key();
    return {field.data() + field.size(), is_long() ? load(11) : value_length_};
  }
  size_t allocated_bytes() const { return size_class(used_bytes()); }
  ValuePiece piece() const {
    return {.kind = ValuePiece::Kind::kField, .a = key(), .b = value(), .number = 0};
  }

  static HashField* make(std::string_view field, std::string_view value);
  static HashField* copy(const HashField& other) { return make(other.key(), other.value()); }
  static void free(HashField* field);
  // Another value of the same field, where it fits; false, and nothing done, where it does not.
  bool overwrite(std::string_view value);

 private:
  static constexpr uint8_t kLong = 1;
  static constexpr size_t kShortest = 3;
  static constexpr size_t kLongHead = kShortest + 16;
  static constexpr size_t kMostShort = 255;

  const char* bytes() const { return reinterpret_cast<const char*>(this); }
  bool is_long() const { return (flags_ & kLong) != 0; }
  size_t offset_of_field() const { return is_long() ? kLongHead : kShortest; }
  size_t used_bytes() const {
    const std::string_view end = value();
    return static_cast<size_t>(end.data() + end.size() - bytes());
  }
  size_t load(size_t offset) const {
    uint64_t number;
    std::memcpy(&number, bytes() + offset, sizeof number);
    return number;
  }

  uint8_t flags_;
  uint8_t field_length_;
  uint8_t value_length_;
};
static_assert(sizeof(HashField) == 3);

class LargeHash final : public LargeValue {
 public:
  explicit LargeHash(const HashKey& hash_key) : table_(hash_key) {}

  void reserve(size_t fields) { table_.reserve(fields); }
  const HashField* find(std::string_view field) const { return table_.find(field); }
  // True: the field is new.
  bool set(std::string_view field, std::string_view value);
  // False: there was no such field.
  bool erase(std::string_view field);
  template <class Each>
  void for_each(Each&& each) const {
    table_.for_each(each);
  }
  // See Dict::scan.
  template <class Each>
  uint64_t scan(uint64_t cursor, Each&& each) const {
    return table_.scan(cursor, each);
  }
  // Any field, each with the same chance; only where there is one.
  const HashField& random(Rng& rng) const { return table_.random(rng); }

  LargeKind kind() const override { return LargeKind::kHash; }
  size_t size() const override { return table_.size(); }
  size_t memory_bytes() const override { return size_class(sizeof *this) + table_.memory_bytes(); }
  std::unique_ptr<LargeValue> clone() const override;
  std::string_view encoding_name() const override { return "hashtable"; }
  void for_each_piece(PieceSink& sink) const override;
  void begin_snapshot(PieceSink* sink) override { table_.begin_snapshot(sink); }
  bool in_snapshot() const override { return table_.in_snapshot(); }
  bool walk_snapshot(size_t pieces) override { return table_.walk_snapshot(pieces); }
  void end_snapshot() override { table_.end_snapshot(); }
  void check_invariants() const override { table_.check_invariants(); }

 private:
  ElementTable<HashField> table_;
};

}  // namespace redan
