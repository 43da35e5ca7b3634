// A value before it has a place in the keyspace, and what values too large for one allocation have
// in common.
//
// A collection has one of two forms. Compact: its bytes in one piece, a listpack or an intset, kept
// in the key's entry like a short string. Large: an object behind a pointer (LargeValue), once it
// passed the thresholds of the configuration. Strings are text or an integer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace redan {

enum class ValueType : uint8_t {
  kString = 0,
  kList = 1,
  kSet = 2,
  kSortedSet = 3,
  kHash = 4,
  kStream = 5
};

enum class ValueForm : uint8_t {
  kText,
  kInteger,
  kListpack,
  kIntset,
  kTriples,  // a hash of which some fields expire (field_triples.h)
  kLarge,
};

// A part of a large value, as RDB stores it. Views are valid during the call that hands it over.
struct ValuePiece {
  enum class Kind : uint8_t {
    kMember,  // a: of a set
    kField,   // a: field, b: value; with number: when the field expires (unix ms), 0 where it stays
    kScored,  // a: member, number: the bits of its score (a double)
    kNode,    // a: bytes of a list's node; number: 1 one plain element, 2 a listpack
    // Of streams, whose counts stand between their pieces:
    kStreamNode,  // a: the 16 bytes of its id, b: its listpack
    kLengths,     // a: numbers, 8 bytes each (this machine's), that RDB writes as lengths
    kText,        // a: a string
    kPending,  // a: of pending entries each the 16 bytes of the id, time and deliveries (8 and 8)
    kRaw,      // a: bytes as they stand in RDB
  };
  Kind kind;
  std::string_view a;
  std::string_view b{};
  int64_t number = 0;
};

class PieceSink {
 public:
  virtual ~PieceSink() = default;
  virtual void piece(const ValuePiece& piece) = 0;
};

// How RDB stores a large value: the number of pieces is written before them, unless they say it
// themselves (kRaw).
enum class LargeKind : uint8_t { kList, kSet, kSortedSet, kHash, kExpiringHash, kStream };

// One thread changes it; others may read it while nobody does.
//
// Snapshot: begin_snapshot() is a mark. From then on the sink gets every piece exactly as it was at
// the mark, each once: those that are about to change before they do, the rest in slices of
// walk_snapshot(). A list's and a stream's pieces come in their order, all others in any. The owner
// does not free a value while it is in a snapshot.
class LargeValue {
 public:
  virtual ~LargeValue() = default;
  LargeValue() = default;
  LargeValue(const LargeValue&) = delete;
  LargeValue& operator=(const LargeValue&) = delete;

  virtual LargeKind kind() const = 0;
  // Elements: fields, members, items, entries of a stream.
  virtual size_t size() const = 0;
  // What it has allocated, itself included, as size classes, but for what a snapshot needs; O(1),
  // since it is asked for before and after each change and must not change otherwise.
  virtual size_t memory_bytes() const = 0;
  virtual std::unique_ptr<LargeValue> clone() const = 0;
  // OBJECT ENCODING's name for it.
  virtual std::string_view encoding_name() const = 0;

  // An element of this name is about to be looked for, among others: see Dict::prefetch_bucket().
  // The answer is for prefetch_matches(). Those without names do nothing.
  virtual uint64_t prefetch_bucket(std::string_view /*name*/) const { return 0; }
  virtual void prefetch_matches(uint64_t /*hash*/) const {}

  // All pieces at once, in RDB's order.
  virtual void for_each_piece(PieceSink& sink) const = 0;
  // How many there are (a list's nodes, otherwise elements), and what else RDB writes before them:
  // the earliest expiry of an expiring hash.
  virtual size_t piece_count() const { return size(); }
  virtual int64_t piece_header() const { return 0; }

  virtual void begin_snapshot(PieceSink* sink) = 0;
  virtual bool in_snapshot() const = 0;
  // Hands over about `pieces` more; false once all are.
  virtual bool walk_snapshot(size_t pieces) = 0;
  virtual void end_snapshot() = 0;  // complete or given up

  // Goes on with a growth or shrinkage inside; false when there is none.
  virtual bool rehash(size_t) { return false; }
  // Stops the process if the value is not what its header says.
  virtual void check_invariants() const = 0;
};

// A value of any type and form, without a key.
struct StoredValue {
  ValueType type = ValueType::kString;
  ValueForm form = ValueForm::kText;
  int64_t integer = 0;  // kInteger
  std::string bytes;    // kText, kListpack, kIntset, kTriples
  std::unique_ptr<LargeValue> large;

  static StoredValue text(std::string bytes) {
    return {ValueType::kString, ValueForm::kText, 0, std::move(bytes), nullptr};
  }
  static StoredValue of_integer(int64_t integer) {
    return {ValueType::kString, ValueForm::kInteger, integer, {}, nullptr};
  }
  static StoredValue packed(ValueType type, std::string listpack) {
    return {type, ValueForm::kListpack, 0, std::move(listpack), nullptr};
  }
  static StoredValue intset(std::string bytes) {
    return {ValueType::kSet, ValueForm::kIntset, 0, std::move(bytes), nullptr};
  }
  static StoredValue triples(std::string bytes) {
    return {ValueType::kHash, ValueForm::kTriples, 0, std::move(bytes), nullptr};
  }
  static StoredValue of_large(ValueType type, std::unique_ptr<LargeValue> value) {
    return {type, ValueForm::kLarge, 0, {}, std::move(value)};
  }
};

// What the allocator hands out for a request of `bytes`: jemalloc's classes, and at least the
// request with any other.
constexpr size_t size_class(size_t bytes) {
  if (bytes <= 128) return bytes == 0 ? 16 : (bytes + 15) & ~size_t{15};
  // Four classes between a power of two and the next.
  const int log = 63 - __builtin_clzll(bytes - 1);
  const size_t spacing = size_t{1} << (log - 2);
  return (bytes + spacing - 1) & ~(spacing - 1);
}

}  // namespace redan
