#include "server/persistence/rdb_primitives.h"

#include <liblzf/lzf.h>

#include <bit>
#include <cstring>
#include <limits>

#include "common/base/decimal.h"
#include "common/base/parse.h"

namespace redan {

static_assert(std::endian::native == std::endian::little, "RDB's numbers are little endian");

namespace {

// Shorter strings never gain enough.
constexpr size_t kCompressFrom = 21;
constexpr size_t kLongestInt32 = 11;  // "-2147483648"

template <class T>
void append_tagged(ByteBuffer& out, uint8_t tag, T value) {
  char* to = out.reserve(1 + sizeof(T));
  *to = static_cast<char>(tag);
  std::memcpy(to + 1, &value, sizeof(T));
  out.advance(1 + sizeof(T));
}

template <class T>
bool fits(int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

// False where the number has no short form.
bool append_short_integer(ByteBuffer& out, int64_t value) {
  if (fits<int8_t>(value)) {
    append_tagged(out, kStringInt8, static_cast<int8_t>(value));
  } else if (fits<int16_t>(value)) {
    append_tagged(out, kStringInt16, static_cast<int16_t>(value));
  } else if (fits<int32_t>(value)) {
    append_tagged(out, kStringInt32, static_cast<int32_t>(value));
  } else {
    return false;
  }
  return true;
}

bool append_compressed(ByteBuffer& out, std::string_view bytes) {
  // The compressed form must save at least four bytes; LZF counts in 32 bits.
  if (bytes.size() > std::numeric_limits<uint32_t>::max()) return false;
  constexpr size_t kHeadRoom = 1 + 2 * 9;
  const size_t start = out.size();
  const size_t room = bytes.size() - 4;
  char* to = out.reserve(kHeadRoom + room) + kHeadRoom;
  const size_t size = lzf_compress(bytes.data(), static_cast<unsigned>(bytes.size()), to,
                                   static_cast<unsigned>(room));
  if (size == 0) return false;
  out.append(static_cast<char>(kStringLzf));
  append_rdb_length(out, size);
  append_rdb_length(out, bytes.size());
  char* behind_head = out.reserve(kHeadRoom + room);
  std::memmove(behind_head, out.data() + start + kHeadRoom, size);
  out.advance(size);
  return true;
}

}  // namespace

void append_le64(ByteBuffer& out, uint64_t value) {
  std::memcpy(out.reserve(8), &value, 8);
  out.advance(8);
}

void append_rdb_length(ByteBuffer& out, uint64_t value) {
  char* to = out.reserve(9);
  if (value < (1 << 6)) {
    to[0] = static_cast<char>(kLength6 | value);
    out.advance(1);
  } else if (value < (1 << 14)) {
    to[0] = static_cast<char>(kLength14 | value >> 8);
    to[1] = static_cast<char>(value);
    out.advance(2);
  } else if (value <= std::numeric_limits<uint32_t>::max()) {
    to[0] = static_cast<char>(kLength32);
    const uint32_t swapped = __builtin_bswap32(static_cast<uint32_t>(value));
    std::memcpy(to + 1, &swapped, 4);
    out.advance(5);
  } else {
    to[0] = static_cast<char>(kLength64);
    const uint64_t swapped = __builtin_bswap64(value);
    std::memcpy(to + 1, &swapped, 8);
    out.advance(9);
  }
}

void append_rdb_string(ByteBuffer& out, std::string_view bytes, bool compress) {
  if (!bytes.empty() && bytes.size() <= kLongestInt32 && (bytes[0] == '-' || bytes[0] <= '9')) {
    if (const auto number = parse_int64(bytes)) {
      if (append_short_integer(out, *number)) return;
    }
  } else if (compress && bytes.size() >= kCompressFrom) {
    if (append_compressed(out, bytes)) return;
  }
  append_rdb_length(out, bytes.size());
  out.append(bytes);
}

void append_rdb_integer(ByteBuffer& out, int64_t value) {
  if (append_short_integer(out, value)) return;
  char text[24];
  const auto end = print_decimal(text, value);
  append_rdb_length(out, static_cast<uint64_t>(end - text));
  out.append(std::string_view(text, static_cast<size_t>(end - text)));
}

bool RdbCursor::short_by(uint64_t count) {
  if (count > limit_ - at_) return corrupt("the data ends in the middle of a value");
  status_ = Status::kNeedMore;
  wanted_ = at_ + count;
  return false;
}

bool RdbCursor::byte(uint8_t& value) {
  if (!need(1)) return false;
  value = static_cast<uint8_t>(bytes_[at_++]);
  return true;
}

bool RdbCursor::le32(uint32_t& value) {
  if (!need(4)) return false;
  std::memcpy(&value, bytes_.data() + at_, 4);
  at_ += 4;
  return true;
}

bool RdbCursor::le64(uint64_t& value) {
  if (!need(8)) return false;
  std::memcpy(&value, bytes_.data() + at_, 8);
  at_ += 8;
  return true;
}

bool RdbCursor::skip(uint64_t count) {
  if (!need(count)) return false;
  at_ += count;
  return true;
}

uint64_t RdbCursor::big_endian(int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | static_cast<uint8_t>(bytes_[at_++]);
  return value;
}

bool RdbCursor::length(uint64_t& value) {
  if (!need(1)) return false;
  const auto first = static_cast<uint8_t>(bytes_[at_]);
  if (first < kLength14) {
    value = first;
    ++at_;
    return true;
  }
  if (first < kLength32) {
    if (!need(2)) return false;
    ++at_;
    value = uint64_t{first & 0x3fU} << 8 | static_cast<uint8_t>(bytes_[at_++]);
    return true;
  }
  if (first == kLength32 || first == kLength64) {
    const int size = first == kLength32 ? 4 : 8;
    if (!need(1 + static_cast<uint64_t>(size))) return false;
    ++at_;
    value = big_endian(size);
    return true;
  }
  return corrupt("a length was expected, found an unknown form of one");
}

bool RdbCursor::value(Value& value, std::string& scratch) {
  value.is_integer = false;
  if (!need(1)) return false;
  switch (static_cast<uint8_t>(bytes_[at_])) {
    case kStringInt8:
      if (!need(2)) return false;
      value.integer = static_cast<int8_t>(bytes_[at_ + 1]);
      at_ += 2;
      value.is_integer = true;
      return true;
    case kStringInt16: {
      if (!need(3)) return false;
      int16_t number;
      std::memcpy(&number, bytes_.data() + at_ + 1, 2);
      value.integer = number;
      at_ += 3;
      value.is_integer = true;
      return true;
    }
    case kStringInt32: {
      if (!need(5)) return false;
      int32_t number;
      std::memcpy(&number, bytes_.data() + at_ + 1, 4);
      value.integer = number;
      at_ += 5;
      value.is_integer = true;
      return true;
    }
    case kStringLzf:
      return compressed(value.bytes, scratch);
    default:
      break;
  }
  uint64_t size;
  if (!length(size)) return false;
  if (size > kRdbMaxString) return corrupt("a string claims to be longer than 4 GiB");
  if (!need(size)) return false;
  value.bytes = bytes_.substr(at_, size);
  at_ += size;
  return true;
}

bool RdbCursor::string(std::string_view& text, std::string& scratch) {
  Value found;
  if (!value(found, scratch)) return false;
  if (found.is_integer) {
    scratch = std::to_string(found.integer);
    text = scratch;
  } else {
    text = found.bytes;
  }
  return true;
}

bool RdbCursor::compressed(std::string_view& value, std::string& scratch) {
  ++at_;
  uint64_t packed, size;
  if (!length(packed) || !length(size)) return false;
  if (size > kRdbMaxString || packed > std::numeric_limits<uint32_t>::max()) {
    return corrupt("a compressed string claims to be longer than 4 GiB");
  }
  if (size == 0 || size > packed * kLzfMaxExpansion) {
    return corrupt("a compressed string's size does not fit its content");
  }
  if (!need(packed)) return false;
  if (size > std::numeric_limits<uint32_t>::max()) {
    return corrupt("a compressed string claims to be longer than 4 GiB");
  }
  scratch.resize(size);
  const size_t got = lzf_decompress(bytes_.data() + at_, static_cast<unsigned>(packed),
                                    scratch.data(), static_cast<unsigned>(size));
  if (got != size) return corrupt("a compressed string does not decompress");
  at_ += packed;
  value = scratch;
  return true;
}

}  // namespace redan
