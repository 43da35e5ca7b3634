// One key with its value: a single allocation.
//
//   offset 0  type | encoding << 4         1 byte
//          1  flags                        1 byte
//          2  LRU clock or LFU counter     3 bytes
//          5  length of the key            1 byte    (255: the real one stands below)
//          6  length of an inline value    2 bytes
//          8  [expiry, unix ms, 8 bytes]   kExpires
//             [word, 8 bytes]              kWord: an integer, or the address of the value
//             [length of the key, 4 bytes] kLongKey
//             key, then an inline value
//
// A 16-byte key with a 32-byte value takes 56 bytes, 64 with an expiry. Entries are made and
// changed through Keyspace; everything here works on one entry and knows no table. One thread, but
// a const Entry may be read from others while nobody changes it.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/data/value.h"

namespace redan {

// How an entry holds its value. A string's text and a collection's compact bytes are kept alike.
enum class Encoding : uint8_t {
  kInline,   // the bytes stand in the entry
  kInteger,  // the word is the number
  kHeap,     // the word is the address of a HeapString
  kLarge,    // the word is the address of a LargeValue
};

// A long string, or one that grows: an allocation of its own.
struct HeapString {
  size_t size;
  size_t capacity;
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  std::string_view view() const { return {bytes(), size}; }
  static HeapString* make(size_t size, size_t capacity);
};
// A string on its way into an entry: filled first, then given away without a copy.
struct FreeHeapString {
  void operator()(HeapString* string) const;
};
using OwnedHeapString = std::unique_ptr<HeapString, FreeHeapString>;

class Entry {
 public:
  static constexpr int64_t kNoExpiry = -1;

  std::string_view key() const {
    const char* const at = reinterpret_cast<const char*>(this) + offset_of_key();
    if ((flags_ & kLongKey) == 0) [[likely]] {
      return {at, key_length_};
    }
    uint32_t length;
    std::memcpy(&length, at - 4, 4);
    return {at, length};
  }
  ValueType type() const { return static_cast<ValueType>(type_ & 15); }
  Encoding encoding() const { return static_cast<Encoding>(type_ >> 4); }
  bool is_string() const { return type() == ValueType::kString; }

  bool expires() const { return (flags_ & kExpires) != 0; }
  int64_t expiry_ms() const { return expires() ? load<int64_t>(8) : kNoExpiry; }

  bool is_integer() const { return encoding() == Encoding::kInteger; }
  int64_t integer() const { return load<int64_t>(offset_of_word()); }
  // The bytes of a string value; `scratch` holds them where the value is an integer.
  struct Scratch {
    char digits[24];
  };
  std::string_view string(Scratch& scratch) const {
    if (encoding() == Encoding::kInline) [[likely]] {
      const std::string_view name = key();
      return {name.data() + name.size(), value_length_};
    }
    return long_string(scratch);
  }
  size_t string_length() const;
  // The bytes of a collection in compact form.
  std::string_view packed() const {
    if (encoding() == Encoding::kHeap) return heap()->view();
    const std::string_view name = key();
    return {name.data() + name.size(), value_length_};
  }
  ValueForm form() const;
  bool is_large() const { return encoding() == Encoding::kLarge; }
  // The compact bytes are FieldTriples.
  bool is_triples() const { return (flags_ & kTriples) != 0; }
  // A hash of which some fields expire. (Strings are asked as well, hence the type first.)
  bool has_expiring_fields() const {
    return type() == ValueType::kHash &&
           (is_triples() || (is_large() && large().kind() == LargeKind::kExpiringHash));
  }
  // The expiry cycle wants to see it.
  bool may_expire() const { return expires() || has_expiring_fields(); }
  LargeValue& large() const {
    return *reinterpret_cast<LargeValue*>(load<uintptr_t>(offset_of_word()));
  }
  // "int", "embstr", "raw", "listpack" ...: as OBJECT ENCODING says it.
  std::string_view encoding_name() const;

  // 24 bits that eviction keeps: seconds of the LRU clock, or minutes and LFU counter.
  uint32_t access() const {
    return static_cast<uint32_t>(access_[0] | access_[1] << 8 | access_[2] << 16);
  }
  void set_access(uint32_t bits) {
    access_[0] = static_cast<uint8_t>(bits);
    access_[1] = static_cast<uint8_t>(bits >> 8);
    access_[2] = static_cast<uint8_t>(bits >> 16);
  }

  // Bytes allocated for it, value included.
  size_t memory_bytes() const;

 private:
  friend class EntryMaker;
  enum Flags : uint8_t {
    kExpires = 1,
    kWord = 2,
    kLongKey = 4,
    kModified = 8,
    kIntset = 16,
    kTriples = 32,
    kForms = kIntset | kTriples,  // which compact form: neither is a listpack
  };
  static uint8_t flag_of(ValueForm form) {
    return form == ValueForm::kIntset ? kIntset : form == ValueForm::kTriples ? kTriples : 0;
  }

  size_t offset_of_word() const { return expires() ? 16 : 8; }
  size_t offset_of_key() const {
    static constexpr uint8_t kOffsets[8] = {8, 16, 16, 24, 12, 20, 20, 28};
    return kOffsets[flags_ & 7];
  }
  size_t allocated_size() const { return offset_of_key() + key().size() + value_length_; }
  template <class T>
  T load(size_t offset) const {
    T value;
    std::memcpy(&value, reinterpret_cast<const char*>(this) + offset, sizeof value);
    return value;
  }
  template <class T>
  void store(size_t offset, T value) {
    std::memcpy(reinterpret_cast<char*>(this) + offset, &value, sizeof value);
  }
  HeapString* heap() const {
    return reinterpret_cast<HeapString*>(load<uintptr_t>(offset_of_word()));
  }
  std::string_view long_string(Scratch& scratch) const;

  uint8_t type_;
  uint8_t flags_;
  uint8_t access_[3];
  uint8_t key_length_;
  uint16_t value_length_;
};
static_assert(sizeof(Entry) == 8);

// Makes, changes and frees entries. A function that may need another allocation returns the entry
// to be used from then on; the old one is gone then.
class EntryMaker {
 public:
  static constexpr size_t kMaxInline = 448;

  // A string value; text that is a canonical integer is kept as one.
  static bool may_be_integer(std::string_view value) {
    return !value.empty() && value.size() <= 20 &&
           (value[0] == '-' || (value[0] >= '0' && value[0] <= '9'));
  }
  static Entry* make_string(std::string_view key, std::string_view value, int64_t expiry_ms);
  static Entry* make_integer(std::string_view key, int64_t value, int64_t expiry_ms);
  // A string value that stays text, whatever it says.
  static Entry* make_text(std::string_view key, std::string_view value, int64_t expiry_ms);
  // The same value under another name and expiry; a copy.
  static Entry* clone(const Entry& entry, std::string_view key, int64_t expiry_ms);
  // The same, taking the value out of `entry`, which is freed.
  static Entry* rename(Entry* entry, std::string_view key);
  static void free(Entry* entry);
  static Entry* make_value(std::string_view key, StoredValue value, int64_t expiry_ms);

  // Replaces the value (of any type) by a string, in place where it fits. The LRU bits stay.
  static Entry* set_string(Entry* entry, std::string_view value, int64_t expiry_ms);
  static Entry* set_integer(Entry* entry, int64_t value, int64_t expiry_ms);
  // The usual case of the two above: the new value takes the old one's bytes, and the expiry stays
  // as it is. False, and nothing done, in every other case.
  static bool overwrite(Entry* entry, std::string_view value) {
    return !may_be_integer(value) && overwrite_text(entry, value);
  }
  static bool overwrite(Entry* entry, int64_t value) {
    if (!entry->is_integer()) return false;
    entry->store(entry->offset_of_word(), value);
    return true;
  }
  static Entry* set_expiry(Entry* entry, int64_t expiry_ms);  // kNoExpiry takes it away
  // Makes the value a HeapString of `size` bytes that begins with the old value, zeroes behind it,
  // with room to grow; its bytes may then be written.
  static Entry* resize_string(Entry* entry, size_t size);
  // Makes the bytes of a string value writable where they are, or with a longer `size` as
  // resize_string() does. From then on the value is text, whatever it says.
  static Entry* edit_string(Entry* entry, size_t size);
  static char* writable_bytes(Entry* entry);
  // The string becomes `value`, which stays text and counts as edited, in place where it fits.
  static Entry* rewrite(Entry* entry, std::string_view value);
  // A string value that stays text, and that counts as edited.
  static Entry* make_edited(std::string_view key, std::string_view value, int64_t expiry_ms);
  static Entry* make_edited(std::string_view key, OwnedHeapString value, int64_t expiry_ms);
  // Replaces the value (of any type) by another.
  static Entry* set_value(Entry* entry, StoredValue value, int64_t expiry_ms);
  // The compact bytes of a collection: `removed` of them at `at` make room for `added`, which are
  // not initialised. `writable_packed` is where they are then.
  static Entry* splice(Entry* entry, size_t at, size_t removed, size_t added);
  static char* writable_packed(Entry* entry) { return const_cast<char*>(entry->packed().data()); }
  // The collection goes on in its large form.
  static Entry* become_large(Entry* entry, std::unique_ptr<LargeValue> large);
  // Takes a large value out; the entry is only good for being freed, then.
  static std::unique_ptr<LargeValue> take_large(Entry* entry);
  // Worth being freed by somebody else.
  static bool has_big_value(const Entry& entry);

 private:
  static Entry* allocate(std::string_view key, uint8_t type, uint8_t flags, size_t inline_bytes);
  static constexpr uint8_t kInlineString =
      static_cast<uint8_t>(ValueType::kString) | static_cast<uint8_t>(Encoding::kInline) << 4;
  // Of a value that is known to be no integer.
  static bool overwrite_text(Entry* entry, std::string_view value) {
    if (entry->type_ != kInlineString || value.size() > kMaxInline) return false;
    const std::string_view key = entry->key();
    char* const to = const_cast<char*>(key.data()) + key.size();
    const auto offset = static_cast<size_t>(to - reinterpret_cast<char*>(entry));
    if (size_class(offset + value.size()) != size_class(offset + entry->value_length_)) {
      return false;
    }
    entry->value_length_ = static_cast<uint16_t>(value.size());
    entry->flags_ &= static_cast<uint8_t>(~Entry::kModified);
    if (!value.empty()) std::memcpy(to, value.data(), value.size());
    return true;
  }
  static void free_value(Entry* entry);
  static Entry* with_word(Entry* entry, Encoding encoding, uintptr_t word);
  static Entry* with_layout(Entry* entry, std::string_view key, bool expires);
};

}  // namespace redan
