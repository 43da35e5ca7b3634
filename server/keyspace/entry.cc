#include "server/keyspace/entry.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "common/base/check.h"
#include "common/base/decimal.h"
#include "common/base/parse.h"

namespace redan {

namespace {

constexpr size_t kMaxEmbstr = 44;
constexpr size_t kBigValueBytes = 64 * 1024;
constexpr size_t kBigValueElements = 64;

void* allocate_bytes(size_t bytes) {
  void* const memory = std::malloc(size_class(bytes));
  REDAN_CHECK(memory != nullptr);
  return memory;
}

std::optional<int64_t> as_integer(std::string_view text) {
  if (!EntryMaker::may_be_integer(text)) return std::nullopt;
  return parse_int64(text);
}

uint8_t type_byte(ValueType type, Encoding encoding) {
  return static_cast<uint8_t>(static_cast<uint8_t>(type) | static_cast<uint8_t>(encoding) << 4);
}

size_t digits_of(int64_t value) {
  char digits[24];
  return static_cast<size_t>(print_decimal(digits, value) - digits);
}

}  // namespace

HeapString* HeapString::make(size_t size, size_t capacity) {
  const size_t bytes = size_class(sizeof(HeapString) + capacity);
  auto* string = static_cast<HeapString*>(allocate_bytes(bytes));
  string->size = size;
  string->capacity = bytes - sizeof(HeapString);
  return string;
}

void FreeHeapString::operator()(HeapString* string) const {
  std::free(string);
}

std::string_view Entry::long_string(Scratch& scratch) const {
  if (encoding() == Encoding::kHeap) return heap()->view();
  const char* end = print_decimal(scratch.digits, integer());
  return {scratch.digits, static_cast<size_t>(end - scratch.digits)};
}

size_t Entry::string_length() const {
  switch (encoding()) {
    case Encoding::kInline:
      return value_length_;
    case Encoding::kInteger:
      return digits_of(integer());
    case Encoding::kHeap:
      return heap()->size;
    case Encoding::kLarge:
      break;
  }
  return 0;
}

ValueForm Entry::form() const {
  if (is_large()) return ValueForm::kLarge;
  if (is_integer()) return ValueForm::kInteger;
  if (is_string()) return ValueForm::kText;
  if (is_triples()) return ValueForm::kTriples;
  return (flags_ & kIntset) != 0 ? ValueForm::kIntset : ValueForm::kListpack;
}

std::string_view Entry::encoding_name() const {
  if (is_large()) return large().encoding_name();
  if (is_triples()) return "listpackex";
  if (!is_string()) return form() == ValueForm::kIntset ? "intset" : "listpack";
  if (is_integer()) return "int";
  return string_length() <= kMaxEmbstr && (flags_ & kModified) == 0 ? "embstr" : "raw";
}

size_t Entry::memory_bytes() const {
  size_t bytes = size_class(allocated_size());
  if (encoding() == Encoding::kHeap) bytes += sizeof(HeapString) + heap()->capacity;
  if (is_large()) bytes += large().memory_bytes();
  return bytes;
}

Entry* EntryMaker::allocate(std::string_view key, uint8_t type, uint8_t flags,
                            size_t inline_bytes) {
  REDAN_CHECK(key.size() <= UINT32_MAX);
  if (key.size() >= 255) flags |= Entry::kLongKey;
  static constexpr uint8_t kOffsets[8] = {8, 16, 16, 24, 12, 20, 20, 28};
  const size_t offset = kOffsets[flags & 7];
  Entry* const entry = static_cast<Entry*>(allocate_bytes(offset + key.size() + inline_bytes));
  entry->type_ = type;
  entry->flags_ = flags;
  entry->set_access(0);
  entry->key_length_ = static_cast<uint8_t>(key.size() >= 255 ? 255 : key.size());
  entry->value_length_ = static_cast<uint16_t>(inline_bytes);
  if (key.size() >= 255) entry->store(offset - 4, static_cast<uint32_t>(key.size()));
  if (!key.empty()) std::memcpy(reinterpret_cast<char*>(entry) + offset, key.data(), key.size());
  return entry;
}

void EntryMaker::free_value(Entry* entry) {
  if (entry->encoding() == Encoding::kHeap) std::free(entry->heap());
  if (entry->is_large()) take_large(entry).reset();
}

void EntryMaker::free(Entry* entry) {
  free_value(entry);
  std::free(entry);
}

bool EntryMaker::has_big_value(const Entry& entry) {
  if (entry.is_large()) return entry.large().size() > kBigValueElements;
  return entry.encoding() == Encoding::kHeap && entry.heap()->capacity >= kBigValueBytes;
}

Entry* EntryMaker::make_integer(std::string_view key, int64_t value, int64_t expiry_ms) {
  const bool expires = expiry_ms != Entry::kNoExpiry;
  Entry* const entry =
      allocate(key, type_byte(ValueType::kString, Encoding::kInteger),
               static_cast<uint8_t>(Entry::kWord | (expires ? Entry::kExpires : 0)), 0);
  if (expires) entry->store(8, expiry_ms);
  entry->store(entry->offset_of_word(), value);
  return entry;
}

Entry* EntryMaker::make_string(std::string_view key, std::string_view value, int64_t expiry_ms) {
  if (const std::optional<int64_t> number = as_integer(value)) {
    return make_integer(key, *number, expiry_ms);
  }
  return make_text(key, value, expiry_ms);
}

Entry* EntryMaker::make_text(std::string_view key, std::string_view value, int64_t expiry_ms) {
  const bool expires = expiry_ms != Entry::kNoExpiry;
  const bool is_inline = value.size() <= kMaxInline;
  const uint8_t flags =
      static_cast<uint8_t>((expires ? Entry::kExpires : 0) | (is_inline ? 0 : Entry::kWord));
  Entry* const entry =
      allocate(key, type_byte(ValueType::kString, is_inline ? Encoding::kInline : Encoding::kHeap),
               flags, is_inline ? value.size() : 0);
  if (expires) entry->store(8, expiry_ms);
  if (is_inline) {
    char* const to = reinterpret_cast<char*>(entry) + entry->offset_of_key() + key.size();
    if (!value.empty()) std::memcpy(to, value.data(), value.size());
  } else {
    HeapString* const heap = HeapString::make(value.size(), value.size());
    std::memcpy(heap->bytes(), value.data(), value.size());
    entry->store(entry->offset_of_word(), reinterpret_cast<uintptr_t>(heap));
  }
  return entry;
}

// The entry in another allocation, under `key`, with or without room for an expiry; the value
// moves.
Entry* EntryMaker::with_layout(Entry* entry, std::string_view key, bool expires) {
  const uint8_t kept = entry->flags_ & (Entry::kWord | Entry::kModified | Entry::kForms);
  Entry* const moved =
      allocate(key, entry->type_, static_cast<uint8_t>(kept | (expires ? Entry::kExpires : 0)),
               entry->value_length_);
  moved->set_access(entry->access());
  if (expires) moved->store(8, entry->expiry_ms());
  if ((kept & Entry::kWord) != 0) {
    moved->store(moved->offset_of_word(), entry->load<uint64_t>(entry->offset_of_word()));
  }
  const std::string_view old_key = entry->key();
  std::memcpy(reinterpret_cast<char*>(moved) + moved->offset_of_key() + key.size(),
              old_key.data() + old_key.size(), entry->value_length_);
  std::free(entry);
  return moved;
}

Entry* EntryMaker::rename(Entry* entry, std::string_view key) {
  return with_layout(entry, key, entry->expires());
}

Entry* EntryMaker::clone(const Entry& entry, std::string_view key, int64_t expiry_ms) {
  if (entry.is_integer()) {
    Entry* const copy = make_integer(key, entry.integer(), expiry_ms);
    copy->set_access(entry.access());
    return copy;
  }
  if (!entry.is_string()) {
    StoredValue value{entry.type(), entry.form(), 0, {}, nullptr};
    if (entry.is_large()) {
      value.large = entry.large().clone();
    } else {
      value.bytes = entry.packed();
    }
    Entry* const copy = make_value(key, std::move(value), expiry_ms);
    copy->set_access(entry.access());
    return copy;
  }
  Entry::Scratch scratch;
  Entry* const copy = make_text(key, entry.string(scratch), expiry_ms);
  copy->flags_ |= entry.flags_ & Entry::kModified;
  copy->set_access(entry.access());
  return copy;
}

Entry* EntryMaker::set_expiry(Entry* entry, int64_t expiry_ms) {
  const bool expires = expiry_ms != Entry::kNoExpiry;
  if (expires != entry->expires()) entry = with_layout(entry, entry->key(), expires);
  if (expires) entry->store(8, expiry_ms);
  return entry;
}

Entry* EntryMaker::set_integer(Entry* entry, int64_t value, int64_t expiry_ms) {
  const bool expires = expiry_ms != Entry::kNoExpiry;
  if (expires == entry->expires() && overwrite(entry, value)) {
    if (expires) entry->store(8, expiry_ms);
    return entry;
  }
  Entry* const changed = make_integer(entry->key(), value, expiry_ms);
  changed->set_access(entry->access());
  free(entry);
  return changed;
}

Entry* EntryMaker::set_string(Entry* entry, std::string_view value, int64_t expiry_ms) {
  if (const std::optional<int64_t> number = as_integer(value)) {
    return set_integer(entry, *number, expiry_ms);
  }
  const bool expires = expiry_ms != Entry::kNoExpiry;
  if (expires == entry->expires() && overwrite_text(entry, value)) {
    if (expires) entry->store(8, expiry_ms);
    return entry;
  }
  Entry* const changed = make_text(entry->key(), value, expiry_ms);
  changed->set_access(entry->access());
  free(entry);
  return changed;
}

Entry* EntryMaker::resize_string(Entry* entry, size_t size) {
  if (entry->encoding() == Encoding::kHeap) {
    HeapString* heap = entry->heap();
    if (size > heap->capacity) {
      // As much again in reserve, but not more than 1 MB, as Redis does.
      const size_t reserve = size < 1024 * 1024 ? size : 1024 * 1024;
      HeapString* const larger = HeapString::make(heap->size, size + reserve);
      std::memcpy(larger->bytes(), heap->bytes(), heap->size);
      std::free(heap);
      heap = larger;
      entry->store(entry->offset_of_word(), reinterpret_cast<uintptr_t>(heap));
    }
    if (size > heap->size) std::memset(heap->bytes() + heap->size, 0, size - heap->size);
    heap->size = size;
    entry->flags_ |= Entry::kModified;
    return entry;
  }
  Entry::Scratch scratch;
  const std::string_view old = entry->string(scratch);
  const size_t reserve = size < 1024 * 1024 ? size : 1024 * 1024;
  HeapString* const heap = HeapString::make(size, old.size() == size ? size : size + reserve);
  const size_t kept = old.size() < size ? old.size() : size;
  std::memcpy(heap->bytes(), old.data(), kept);
  std::memset(heap->bytes() + kept, 0, size - kept);

  const uint8_t flags =
      static_cast<uint8_t>((entry->flags_ & Entry::kExpires) | Entry::kWord | Entry::kModified);
  Entry* const changed =
      allocate(entry->key(), type_byte(ValueType::kString, Encoding::kHeap), flags, 0);
  changed->set_access(entry->access());
  if (entry->expires()) changed->store(8, entry->expiry_ms());
  changed->store(changed->offset_of_word(), reinterpret_cast<uintptr_t>(heap));
  std::free(entry);
  return changed;
}

Entry* EntryMaker::edit_string(Entry* entry, size_t size) {
  if (entry->is_integer() || size > entry->string_length()) {
    return resize_string(entry, std::max(size, entry->string_length()));
  }
  entry->flags_ |= Entry::kModified;
  return entry;
}

// --- collections ---

Entry* EntryMaker::make_value(std::string_view key, StoredValue value, int64_t expiry_ms) {
  if (value.form == ValueForm::kText) return make_string(key, value.bytes, expiry_ms);
  if (value.form == ValueForm::kInteger) return make_integer(key, value.integer, expiry_ms);
  const bool expires = expiry_ms != Entry::kNoExpiry;
  const bool is_inline = value.large == nullptr && value.bytes.size() <= kMaxInline;
  const Encoding encoding = is_inline                ? Encoding::kInline
                            : value.large == nullptr ? Encoding::kHeap
                                                     : Encoding::kLarge;
  const auto flags =
      static_cast<uint8_t>((expires ? Entry::kExpires : 0) | (is_inline ? 0 : Entry::kWord) |
                           Entry::flag_of(value.form));
  Entry* const entry =
      allocate(key, type_byte(value.type, encoding), flags, is_inline ? value.bytes.size() : 0);
  if (expires) entry->store(8, expiry_ms);
  if (encoding == Encoding::kLarge) {
    entry->store(entry->offset_of_word(), reinterpret_cast<uintptr_t>(value.large.release()));
    return entry;
  }
  char* to = reinterpret_cast<char*>(entry) + entry->offset_of_key() + key.size();
  if (encoding == Encoding::kHeap) {
    HeapString* const heap = HeapString::make(value.bytes.size(), value.bytes.size());
    entry->store(entry->offset_of_word(), reinterpret_cast<uintptr_t>(heap));
    to = heap->bytes();
  }
  std::memcpy(to, value.bytes.data(), value.bytes.size());
  return entry;
}

Entry* EntryMaker::set_value(Entry* entry, StoredValue value, int64_t expiry_ms) {
  Entry* const changed = make_value(entry->key(), std::move(value), expiry_ms);
  changed->set_access(entry->access());
  free(entry);
  return changed;
}

// The entry without the bytes that stand in it, with a word instead. What it was is freed; its
// value must have been taken care of.
Entry* EntryMaker::with_word(Entry* entry, Encoding encoding, uintptr_t word) {
  const auto flags =
      static_cast<uint8_t>((entry->flags_ & (Entry::kExpires | Entry::kForms)) | Entry::kWord);
  Entry* const changed = allocate(entry->key(), type_byte(entry->type(), encoding), flags, 0);
  changed->set_access(entry->access());
  if (entry->expires()) changed->store(8, entry->expiry_ms());
  changed->store(changed->offset_of_word(), word);
  std::free(entry);
  return changed;
}

namespace {

// `from` with a part replaced by room, at another address.
void copy_around(char* to, std::string_view from, size_t at, size_t removed, size_t added) {
  std::memcpy(to, from.data(), at);
  std::memcpy(to + at + added, from.data() + at + removed, from.size() - at - removed);
}

void move_tail(char* bytes, size_t size, size_t at, size_t removed, size_t added) {
  std::memmove(bytes + at + added, bytes + at + removed, size - at - removed);
}

}  // namespace

Entry* EntryMaker::splice(Entry* entry, size_t at, size_t removed, size_t added) {
  const std::string_view old = entry->packed();
  const size_t size = old.size() - removed + added;
  if (entry->encoding() == Encoding::kHeap) {
    HeapString* heap = entry->heap();
    const bool wasteful = heap->capacity > 2 * size + kMaxInline;
    if (size <= heap->capacity && !wasteful) {
      move_tail(heap->bytes(), heap->size, at, removed, added);
      heap->size = size;
      return entry;
    }
    HeapString* const other = HeapString::make(size, size + size / 8);
    copy_around(other->bytes(), old, at, removed, added);
    entry->store(entry->offset_of_word(), reinterpret_cast<uintptr_t>(other));
    std::free(heap);
    return entry;
  }
  if (size > kMaxInline) {
    HeapString* const heap = HeapString::make(size, size + size / 8);
    copy_around(heap->bytes(), old, at, removed, added);
    return with_word(entry, Encoding::kHeap, reinterpret_cast<uintptr_t>(heap));
  }
  const size_t head = entry->offset_of_key() + entry->key().size();
  if (size_class(head + size) == size_class(head + old.size())) {
    move_tail(const_cast<char*>(old.data()), old.size(), at, removed, added);
    entry->value_length_ = static_cast<uint16_t>(size);
    return entry;
  }
  auto* const changed = static_cast<Entry*>(allocate_bytes(head + size));
  char* const to = reinterpret_cast<char*>(changed);
  std::memcpy(to, entry, head);
  copy_around(to + head, old, at, removed, added);
  changed->value_length_ = static_cast<uint16_t>(size);
  std::free(entry);
  return changed;
}

Entry* EntryMaker::become_large(Entry* entry, std::unique_ptr<LargeValue> large) {
  REDAN_CHECK(!entry->is_large());
  if (entry->encoding() == Encoding::kHeap) std::free(entry->heap());
  entry->flags_ &= static_cast<uint8_t>(~Entry::kForms);
  return with_word(entry, Encoding::kLarge, reinterpret_cast<uintptr_t>(large.release()));
}

std::unique_ptr<LargeValue> EntryMaker::take_large(Entry* entry) {
  std::unique_ptr<LargeValue> large(
      reinterpret_cast<LargeValue*>(entry->load<uintptr_t>(entry->offset_of_word())));
  entry->store(entry->offset_of_word(), uintptr_t{0});
  return large;
}

char* EntryMaker::writable_bytes(Entry* entry) {
  if (entry->encoding() == Encoding::kHeap) return entry->heap()->bytes();
  const std::string_view key = entry->key();
  return const_cast<char*>(key.data()) + key.size();
}

Entry* EntryMaker::rewrite(Entry* entry, std::string_view value) {
  HeapString* const heap = entry->encoding() == Encoding::kHeap ? entry->heap() : nullptr;
  if (heap != nullptr && value.size() > kMaxInline && value.size() <= heap->capacity) {
    std::memcpy(heap->bytes(), value.data(), value.size());
    heap->size = value.size();
  } else if (!overwrite_text(entry, value)) {
    Entry* const changed = make_edited(entry->key(), value, entry->expiry_ms());
    changed->set_access(entry->access());
    free(entry);
    return changed;
  }
  entry->flags_ |= Entry::kModified;
  return entry;
}

Entry* EntryMaker::make_edited(std::string_view key, std::string_view value, int64_t expiry_ms) {
  Entry* const entry = make_text(key, value, expiry_ms);
  entry->flags_ |= Entry::kModified;
  return entry;
}

Entry* EntryMaker::make_edited(std::string_view key, OwnedHeapString value, int64_t expiry_ms) {
  const bool expires = expiry_ms != Entry::kNoExpiry;
  const uint8_t flags =
      static_cast<uint8_t>((expires ? Entry::kExpires : 0) | Entry::kWord | Entry::kModified);
  Entry* const entry = allocate(key, type_byte(ValueType::kString, Encoding::kHeap), flags, 0);
  if (expires) entry->store(8, expiry_ms);
  entry->store(entry->offset_of_word(), reinterpret_cast<uintptr_t>(value.release()));
  return entry;
}

}  // namespace redan
