// A listpack: elements, strings or integers, one behind the other in one piece of memory. It is the
// form in which small collections are kept, and byte for byte what Redis' RDB files hold.
//
//   listpack = total bytes (4)  elements (2; 65535: not known, count them)  element*  0xFF
//   element  = encoding data back      back: length of `encoding data`, readable from behind
//   encoding = 0vvvvvvv                     0 to 127
//              10llllll                     string of up to 63 bytes
//              110vvvvv vvvvvvvv            -4096 to 4095
//              1110llll llllllll            string of up to 4095 bytes
//              11110000 length (4)          string
//              11110001 .. 11110100         integers of 2, 3, 4, 8 bytes
//   back     = 1 to 5 bytes of 7 bits, the lowest 7 last; all but the first have their high bit set
//   (numbers are little endian, except where bits are shared with the encoding's first byte)
//   Source: the description in Redis' listpack.md (antirez), checked against DUMP of redis-server.
//
// Text that is a canonical integer is kept as one, so that an element has one form only: "12" and
// 12 are the same element. Listpack reads; the edits below work on anything that has
//   std::string_view view() const
//   char* splice(size_t at, size_t removed, size_t added)    makes room (not initialised) or closes
//                                                            it, and answers where the bytes are
//                                                            now
// None of them checks the input: use validate() on bytes of other origin first.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace redan {

class Listpack {
 public:
  static constexpr size_t kHeaderBytes = 6;
  static constexpr size_t kNone = 0;  // as a position: behind the last, or before the first
  static constexpr uint16_t kUnknownCount = 65535;

  struct Scratch {
    char digits[24];
  };
  struct Element {
    bool is_integer = false;
    int64_t integer = 0;
    std::string_view text;  // of a string

    // The bytes, whatever the form; `scratch` holds an integer's digits.
    std::string_view view(Scratch& scratch) const { return is_integer ? print(scratch) : text; }
    size_t length() const;
    std::string str() const {
      Scratch scratch;
      return std::string(view(scratch));
    }
    bool operator==(std::string_view other) const;

   private:
    std::string_view print(Scratch& scratch) const;
  };

  explicit Listpack(std::string_view bytes) : bytes_(bytes) {}
  static const std::string& empty_bytes();  // header and end, no elements

  std::string_view bytes() const { return bytes_; }
  size_t size() const {
    const uint16_t count = stored_count();
    return count == kUnknownCount ? count_elements() : count;
  }
  bool empty() const { return bytes_.size() <= kHeaderBytes + 1; }

  // Positions are offsets of elements, kNone where there is none.
  size_t first() const { return empty() ? kNone : kHeaderBytes; }
  size_t last() const { return before(bytes_.size() - 1); }
  size_t next(size_t at) const {
    const size_t behind = at + encoded_size(at);
    const size_t to = behind + back_size(behind - at);
    return byte(to) == kEnd ? kNone : to;
  }
  size_t previous(size_t at) const { return before(at); }
  // From the nearer end; negative numbers count from the last.
  size_t nth(int64_t index) const;
  // Where the element's bytes end and the next one begins.
  size_t end_of(size_t at) const {
    const size_t size = encoded_size(at);
    return at + size + back_size(size);
  }

  Element at(size_t position) const;
  // The first element equal to `needle` from `from` on, looking at each (skip + 1)th.
  size_t find(std::string_view needle, size_t from, size_t skip = 0) const;

  // Whether the bytes are a listpack and nothing else: every element whole, lengths, count and end
  // as they should be. Anything may be in them.
  static bool validate(std::string_view bytes);

 private:
  friend struct ListpackEdit;
  friend class PackedElement;
  static constexpr uint8_t kEnd = 0xFF;

  uint8_t byte(size_t at) const { return static_cast<uint8_t>(bytes_[at]); }
  uint16_t stored_count() const {
    uint16_t count;
    std::memcpy(&count, bytes_.data() + 4, 2);
    return count;
  }
  size_t count_elements() const;
  size_t before(size_t at) const;
  size_t encoded_size(size_t at) const {
    const uint8_t lead = byte(at);
    if (lead < 0x80) return 1;
    if (lead < 0xC0) return 1 + (lead & 63U);
    return long_encoded_size(at);
  }
  size_t long_encoded_size(size_t at) const;
  static size_t back_size(size_t size) {
    if (size < 128) return 1;
    return size < 16384 ? 2 : size < 2097152 ? 3 : size < 268435456 ? 4 : 5;
  }

  std::string_view bytes_;
};

// An element on its way into a listpack: everything but a long string's bytes. The text must stay
// alive as long.
class PackedElement {
 public:
  explicit PackedElement(std::string_view text);
  explicit PackedElement(int64_t integer);
  size_t size() const { return head_size_ + tail_.size() + back_size_; }
  void write(char* to) const;

 private:
  void encode_integer(int64_t integer);
  void encode_back();

  char head_[9];
  char back_[5];
  uint8_t head_size_ = 0;
  uint8_t back_size_ = 0;
  std::string_view tail_;
};

struct ListpackEdit {
  // Puts an element before the one at `at`; kNone: behind the last. Answers the new one's position.
  template <class Bytes>
  static size_t insert(Bytes& bytes, size_t at, const PackedElement& element) {
    if (at == Listpack::kNone) at = bytes.view().size() - 1;
    char* const base = bytes.splice(at, 0, element.size());
    element.write(base + at);
    settle(base, bytes.view().size(), 1);
    return at;
  }
  template <class Bytes>
  static size_t append(Bytes& bytes, const PackedElement& element) {
    return insert(bytes, Listpack::kNone, element);
  }
  template <class Bytes>
  static size_t prepend(Bytes& bytes, const PackedElement& element) {
    return insert(bytes, Listpack::kHeaderBytes, element);
  }
  // Two elements behind the last: a field and its value, a member and its score.
  template <class Bytes>
  static size_t append_pair(Bytes& bytes, const PackedElement& a, const PackedElement& b) {
    return insert_pair(bytes, bytes.view().size() - 1, a, b);
  }
  template <class Bytes>
  static size_t insert_pair(Bytes& bytes, size_t at, const PackedElement& a,
                            const PackedElement& b) {
    if (at == Listpack::kNone) at = bytes.view().size() - 1;
    char* const base = bytes.splice(at, 0, a.size() + b.size());
    a.write(base + at);
    b.write(base + at + a.size());
    settle(base, bytes.view().size(), 2);
    return at;
  }
  template <class Bytes>
  static size_t insert_triple(Bytes& bytes, size_t at, const PackedElement& a,
                              const PackedElement& b, const PackedElement& c) {
    if (at == Listpack::kNone) at = bytes.view().size() - 1;
    char* const base = bytes.splice(at, 0, a.size() + b.size() + c.size());
    a.write(base + at);
    b.write(base + at + a.size());
    c.write(base + at + a.size() + b.size());
    settle(base, bytes.view().size(), 3);
    return at;
  }
  // Puts another element into the place of the one at `at`.
  template <class Bytes>
  static void replace(Bytes& bytes, size_t at, const PackedElement& element) {
    const size_t old = Listpack(bytes.view()).end_of(at) - at;
    char* const base = bytes.splice(at, old, element.size());
    element.write(base + at);
    settle(base, bytes.view().size(), 0);
  }
  // Takes out `count` elements from `at` on; all of them must be there. Answers the position of
  // what is behind them, kNone at the end.
  template <class Bytes>
  static size_t erase(Bytes& bytes, size_t at, size_t count = 1) {
    const Listpack pack(bytes.view());
    size_t end = at;
    for (size_t i = 0; i < count; ++i) end = pack.end_of(end);
    char* const base = bytes.splice(at, end - at, 0);
    settle(base, bytes.view().size(), -static_cast<int64_t>(count));
    return static_cast<uint8_t>(base[at]) == Listpack::kEnd ? Listpack::kNone : at;
  }

  // The header of `total` bytes, of which the rest is written elsewhere.
  static void set_head(char* base, size_t total, size_t elements);

 private:
  static void settle(char* base, size_t total, int64_t added) {
    const auto total32 = static_cast<uint32_t>(total);
    std::memcpy(base, &total32, 4);
    uint16_t count;
    std::memcpy(&count, base + 4, 2);
    if (added == 0) return;
    settle_count(base, count, added);
  }
  static void settle_count(char* base, uint16_t count, int64_t added);
};

// The bytes of a listpack in a string of their own.
class StringBytes {
 public:
  explicit StringBytes(std::string& bytes) : bytes_(bytes) {}
  std::string_view view() const { return bytes_; }
  char* splice(size_t at, size_t removed, size_t added) {
    if (added > removed) {
      bytes_.insert(at + removed, added - removed, '\0');
    } else {
      bytes_.erase(at + added, removed - added);
    }
    return bytes_.data();
  }

 private:
  std::string& bytes_;
};

}  // namespace redan
