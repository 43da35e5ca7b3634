#include "server/data/ziplist.h"

#include <cstring>

namespace redan {

namespace {

constexpr uint8_t kEnd = 0xFF;
constexpr uint8_t kLongPrevious = 0xFE;
constexpr uint16_t kUnknownCount = 65535;

template <class T>
T load(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

uint8_t byte_at(std::string_view bytes, size_t at) {
  return static_cast<uint8_t>(bytes[at]);
}

// What an encoding's first byte says: how many bytes it takes itself, and how many an integer has
// behind it. `head` 0: there is no such encoding.
struct Encoding {
  uint8_t head = 0;
  bool is_integer = false;
  uint8_t integer_bytes = 0;
};

Encoding encoding_of(uint8_t lead) {
  switch (lead >> 6) {
    case 0:
      return {.head = 1};
    case 1:
      return {.head = 2};
    case 2:
      return {.head = 5};
    default:
      break;
  }
  switch (lead) {
    case 0xC0:
      return {.head = 1, .is_integer = true, .integer_bytes = 2};
    case 0xD0:
      return {.head = 1, .is_integer = true, .integer_bytes = 4};
    case 0xE0:
      return {.head = 1, .is_integer = true, .integer_bytes = 8};
    case 0xF0:
      return {.head = 1, .is_integer = true, .integer_bytes = 3};
    case 0xFE:
      return {.head = 1, .is_integer = true, .integer_bytes = 1};
    default:
      break;
  }
  if (lead >= 0xF1 && lead <= 0xFD) return {.head = 1, .is_integer = true};
  return {};
}

// Of a string, from its encoding's bytes.
size_t string_length(std::string_view bytes, size_t at) {
  const uint8_t lead = byte_at(bytes, at);
  if (lead < 0x40) return lead;
  if (lead < 0x80) return (lead & 63U) << 8 | byte_at(bytes, at + 1);
  return __builtin_bswap32(load<uint32_t>(bytes, at + 1));
}

int64_t integer_at(std::string_view bytes, size_t at, uint8_t lead, uint8_t size) {
  // The bytes stand at the upper end of the word, so that the shift brings the sign along.
  int64_t value = 0;
  if (size == 0) return (lead & 15) - 1;
  std::memcpy(reinterpret_cast<char*>(&value) + sizeof value - size, bytes.data() + at, size);
  return value >> (64 - 8 * size);
}

}  // namespace

bool Ziplist::validate(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes + 1 || load<uint32_t>(bytes, 0) != bytes.size()) return false;
  const size_t end = bytes.size() - 1;
  if (byte_at(bytes, end) != kEnd) return false;
  size_t count = 0;
  size_t last = kHeaderBytes;
  size_t previous_size = 0;
  size_t at = kHeaderBytes;
  while (at < end) {
    const size_t begin = at;
    const uint8_t mark = byte_at(bytes, at);
    if (mark == kEnd) return false;
    const size_t mark_bytes = mark == kLongPrevious ? 5 : 1;
    // The bytes that tell a size must be there before they are read; an encoding is at least one.
    if (mark_bytes + 1 > end - at) return false;
    const size_t told = mark == kLongPrevious ? load<uint32_t>(bytes, at + 1) : mark;
    if (told != previous_size) return false;
    at += mark_bytes;
    const Encoding encoding = encoding_of(byte_at(bytes, at));
    if (encoding.head == 0 || encoding.head > end - at) return false;
    const size_t data = encoding.is_integer ? encoding.integer_bytes : string_length(bytes, at);
    at += encoding.head;
    if (data > end - at) return false;
    at += data;
    last = begin;
    previous_size = at - begin;
    ++count;
  }
  const auto stored = load<uint16_t>(bytes, 8);
  return load<uint32_t>(bytes, 4) == last && (stored == kUnknownCount || stored == count);
}

Ziplist::Element Ziplist::take(size_t& at) const {
  at += byte_at(bytes_, at) == kLongPrevious ? 5 : 1;
  const uint8_t lead = byte_at(bytes_, at);
  const Encoding encoding = encoding_of(lead);
  Element element;
  element.is_integer = encoding.is_integer;
  if (encoding.is_integer) {
    element.integer = integer_at(bytes_, at + 1, lead, encoding.integer_bytes);
    at += 1 + size_t{encoding.integer_bytes};
    return element;
  }
  const size_t length = string_length(bytes_, at);
  element.text = bytes_.substr(at + encoding.head, length);
  at += encoding.head + length;
  return element;
}

size_t Ziplist::size() const {
  const auto stored = load<uint16_t>(bytes_, 8);
  if (stored != kUnknownCount) return stored;
  size_t count = 0;
  for_each([&](const Element&) { ++count; });
  return count;
}

std::string Ziplist::to_listpack() const {
  std::string bytes = Listpack::empty_bytes();
  StringBytes store(bytes);
  for_each([&](const Element& element) {
    ListpackEdit::append(
        store, element.is_integer ? PackedElement(element.integer) : PackedElement(element.text));
  });
  return bytes;
}

}  // namespace redan
