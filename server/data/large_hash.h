// A large hash: fields by name in an ElementTable, each in one allocation with its value. Fields
// may expire: those that do are also in an ExpiryTree, which finds the next one to go.
//
// A value is replaced in place where the allocator's class has room for the new one. Scans, random
// draws and snapshots are the table's. Time is the caller's: nothing expires by itself.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "server/data/element_table.h"
#include "server/data/expiry_tree.h"
#include "server/data/limits.h"
#include "server/data/value.h"

namespace redan {

// A field and its value:
//   [node of the ExpiryTree]                      kExpires: before the address of the field
//   flags (1)  length of the field (1)  of the value (1)
//   [length of the field (8)  of the value (8)]   kLong: the two above mean nothing
//   field value
class HashField {
 public:
  static constexpr int64_t kStays = 0;  // as an expiry

  std::string_view key() const {
    return {bytes() + offset_of_field(), is_long() ? load(kShortest) : field_length_};
  }
  std::string_view value() const {
    const std::string_view field = key();
    return {field.data() + field.size(), is_long() ? load(kShortest + 8) : value_length_};
  }
  bool expires() const { return (flags_ & kExpires) != 0; }
  int64_t expiry_ms() const { return expires() ? node()->at_ms : kStays; }
  size_t allocated_bytes() const { return size_class(head_bytes() + used_bytes()); }
  ValuePiece piece() const {
    return {.kind = ValuePiece::Kind::kField, .a = key(), .b = value(), .number = expiry_ms()};
  }

  static HashField* make(std::string_view field, std::string_view value,
                         int64_t expiry_ms = kStays);
  static HashField* copy(const HashField& other) {
    return make(other.key(), other.value(), other.expiry_ms());
  }
  static void free(HashField* field);
  // Another value of the same field, where it fits; false, and nothing done, where it does not.
  bool overwrite(std::string_view value);

  // Only of a field that expires.
  ExpiryNode* node() const {
    return reinterpret_cast<ExpiryNode*>(const_cast<HashField*>(this)) - 1;
  }
  static HashField* of_node(ExpiryNode* node) { return reinterpret_cast<HashField*>(node + 1); }

 private:
  enum Flags : uint8_t { kLong = 1, kExpires = 2 };
  static constexpr size_t kShortest = 3;
  static constexpr size_t kLongHead = kShortest + 16;
  static constexpr size_t kMostShort = 255;

  const char* bytes() const { return reinterpret_cast<const char*>(this); }
  bool is_long() const { return (flags_ & kLong) != 0; }
  size_t head_bytes() const { return expires() ? sizeof(ExpiryNode) : 0; }
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
static_assert(sizeof(ExpiryNode) % 8 == 0);  // So that a field's address is a multiple of 8.

// What becomes of a field's expiry when its value is set.
enum class FieldExpiry : uint8_t { kDiscard, kKeep };

class LargeHash final : public LargeValue {
 public:
  explicit LargeHash(const HashKey& hash_key) : table_(hash_key) {}

  void reserve(size_t fields) { table_.reserve(fields); }
  const HashField* find(std::string_view field) const { return table_.find(field); }
  // True: the field is new.
  bool set(std::string_view field, std::string_view value,
           FieldExpiry expiry = FieldExpiry::kDiscard);
  // HashField::kStays makes the field stay. False: there is no such field.
  bool set_expiry(std::string_view field, int64_t at_ms);
  // False: there was no such field.
  bool erase(std::string_view field);
  bool has_expiring() const { return !expiries_.empty(); }
  // The field whose time comes first; nullptr: none expires.
  const HashField* first_to_expire() const {
    return expiries_.empty() ? nullptr : HashField::of_node(expiries_.first());
  }
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

  LargeKind kind() const override {
    return has_expiring() ? LargeKind::kExpiringHash : LargeKind::kHash;
  }
  size_t size() const override { return table_.size(); }
  size_t memory_bytes() const override { return size_class(sizeof *this) + table_.memory_bytes(); }
  std::unique_ptr<LargeValue> clone() const override;
  std::string_view encoding_name() const override { return "hashtable"; }
  uint64_t prefetch_bucket(std::string_view name) const override {
    return table_.prefetch_bucket(name);
  }
  void prefetch_matches(uint64_t hash) const override { table_.prefetch_matches(hash); }
  void for_each_piece(PieceSink& sink) const override;
  int64_t piece_header() const override {
    return has_expiring() ? first_to_expire()->expiry_ms() : 0;
  }
  void begin_snapshot(PieceSink* sink) override { table_.begin_snapshot(sink); }
  bool in_snapshot() const override { return table_.in_snapshot(); }
  bool walk_snapshot(size_t pieces) override { return table_.walk_snapshot(pieces); }
  void end_snapshot() override { table_.end_snapshot(); }
  void check_invariants() const override;

 private:
  using Place = ElementTable<HashField>::Place;
  void replace(Place place, HashField* with);

  ElementTable<HashField> table_;
  ExpiryTree expiries_;
};

}  // namespace redan
