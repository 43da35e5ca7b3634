#include "server/data/listpack.h"

#include "common/base/decimal.h"
#include "common/base/parse.h"

namespace redan {

namespace {

// The digits of an integer, or nothing where the text is none in canonical form.
std::optional<int64_t> as_integer(std::string_view text) {
  if (text.empty() || text.size() > 20) return std::nullopt;
  if (text[0] != '-' && (text[0] < '0' || text[0] > '9')) return std::nullopt;
  return parse_int64(text);
}

template <class T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

int64_t load_24(const char* from) {
  const auto* const bytes = reinterpret_cast<const uint8_t*>(from);
  const uint32_t value = static_cast<uint32_t>(bytes[0]) << 8 |
                         static_cast<uint32_t>(bytes[1]) << 16 |
                         static_cast<uint32_t>(bytes[2]) << 24;
  return static_cast<int32_t>(value) >> 8;
}

}  // namespace

const std::string& Listpack::empty_bytes() {
  static const std::string kEmpty("\x07\x00\x00\x00\x00\x00\xFF", 7);
  return kEmpty;
}

std::string_view Listpack::Element::print(Scratch& scratch) const {
  const char* const end = print_decimal(scratch.digits, integer);
  return {scratch.digits, static_cast<size_t>(end - scratch.digits)};
}

size_t Listpack::Element::length() const {
  if (!is_integer) return text.size();
  Scratch scratch;
  return print(scratch).size();
}

bool Listpack::Element::operator==(std::string_view other) const {
  if (!is_integer) return text == other;
  const std::optional<int64_t> number = as_integer(other);
  return number && *number == integer;
}

size_t Listpack::long_encoded_size(size_t at) const {
  const uint8_t lead = byte(at);
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 2 + ((lead & 15U) << 8 | byte(at + 1));
  switch (lead) {
    case 0xF0:
      return 5 + size_t{load<uint32_t>(bytes_.data() + at + 1)};
    case 0xF1:
      return 3;
    case 0xF2:
      return 4;
    case 0xF3:
      return 5;
    case 0xF4:
      return 9;
    default:
      return 1;  // The end.
  }
}

Listpack::Element Listpack::at(size_t position) const {
  const char* const from = bytes_.data() + position;
  const uint8_t lead = byte(position);
  Element element;
  if (lead < 0x80) {
    element.is_integer = true;
    element.integer = lead;
    return element;
  }
  if (lead < 0xC0) {
    element.text = {from + 1, lead & 63U};
    return element;
  }
  if (lead >= 0xE0 && lead < 0xF0) {
    element.text = {from + 2, (lead & 15U) << 8 | byte(position + 1)};
    return element;
  }
  if (lead == 0xF0) {
    element.text = {from + 5, load<uint32_t>(from + 1)};
    return element;
  }
  element.is_integer = true;
  if (lead < 0xE0) {
    const uint32_t bits = (lead & 31U) << 8 | byte(position + 1);
    element.integer = static_cast<int32_t>(bits << 19) >> 19;
  } else if (lead == 0xF1) {
    element.integer = load<int16_t>(from + 1);
  } else if (lead == 0xF2) {
    element.integer = load_24(from + 1);
  } else if (lead == 0xF3) {
    element.integer = load<int32_t>(from + 1);
  } else {
    element.integer = load<int64_t>(from + 1);
  }
  return element;
}

size_t Listpack::before(size_t at) const {
  if (at <= kHeaderBytes) return kNone;
  size_t size = 0;
  size_t back = at - 1;
  for (int shift = 0;; shift += 7, --back) {
    size |= static_cast<size_t>(byte(back) & 127U) << shift;
    if ((byte(back) & 128) == 0) break;
  }
  return back - size;
}

size_t Listpack::count_elements() const {
  size_t count = 0;
  for (size_t at = first(); at != kNone; at = next(at)) ++count;
  return count;
}

size_t Listpack::nth(int64_t index) const {
  if (index == 0) return first();
  const uint16_t stored = stored_count();
  if (stored != kUnknownCount) {
    const int64_t count = stored;
    if (index < -count || index >= count) return kNone;
    // The nearer end is a shorter way.
    if (index >= 0 && index > count / 2) index -= count;
    if (index < 0 && -index > count / 2 + 1) index += count;
  }
  size_t at;
  if (index >= 0) {
    at = first();
    for (; index > 0 && at != kNone; --index) at = next(at);
  } else {
    at = last();
    for (; index < -1 && at != kNone; ++index) at = previous(at);
  }
  return at;
}

size_t Listpack::find(std::string_view needle, size_t from, size_t skip) const {
  if (from == kNone) return kNone;
  const std::optional<int64_t> number = as_integer(needle);
  size_t skipping = 0;
  for (size_t at_byte = from; byte(at_byte) != kEnd;) {
    const size_t size = encoded_size(at_byte);
    if (skipping == 0) {
      const uint8_t lead = byte(at_byte);
      bool equal;
      if (lead >= 0x80 && lead < 0xC0) {
        equal = (lead & 63U) == needle.size() &&
                std::memcmp(bytes_.data() + at_byte + 1, needle.data(), needle.size()) == 0;
      } else {
        const Element element = at(at_byte);
        equal = element.is_integer ? number && *number == element.integer : element.text == needle;
      }
      if (equal) return at_byte;
      skipping = skip;
    } else {
      --skipping;
    }
    at_byte += size + back_size(size);
  }
  return kNone;
}

bool Listpack::validate(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes + 1 || load<uint32_t>(bytes.data()) != bytes.size()) return false;
  if (static_cast<uint8_t>(bytes.back()) != kEnd) return false;
  const Listpack pack(bytes);
  const size_t end = bytes.size() - 1;
  size_t count = 0;
  size_t at = kHeaderBytes;
  for (; at < end; ++count) {
    const uint8_t lead = pack.byte(at);
    if (lead > 0xF4) return false;
    // The bytes that tell the size must be there before they are read.
    const size_t head = lead == 0xF0 ? 5 : lead >= 0xE0 && lead < 0xF0 ? 2 : 1;
    if (head > end - at) return false;
    const size_t size = pack.encoded_size(at);
    if (size > end - at) return false;
    const size_t back = back_size(size);
    if (back > end - at - size) return false;
    size_t told = 0;
    for (size_t i = 0; i < back; ++i) {
      const uint8_t part = pack.byte(at + size + i);
      if (((part & 128) != 0) != (i != 0)) return false;
      told = told << 7 | (part & 127U);
    }
    if (told != size) return false;
    at += size + back;
  }
  const uint16_t stored = pack.stored_count();
  return at == end && (stored == kUnknownCount || stored == count);
}

PackedElement::PackedElement(std::string_view text) {
  if (const std::optional<int64_t> number = as_integer(text)) {
    encode_integer(*number);
    encode_back();
    return;
  }
  tail_ = text;
  if (text.size() < 64) {
    head_[0] = static_cast<char>(0x80 | text.size());
    head_size_ = 1;
  } else if (text.size() < 4096) {
    head_[0] = static_cast<char>(0xE0 | text.size() >> 8);
    head_[1] = static_cast<char>(text.size() & 255);
    head_size_ = 2;
  } else {
    head_[0] = static_cast<char>(0xF0);
    const auto size = static_cast<uint32_t>(text.size());
    std::memcpy(head_ + 1, &size, 4);
    head_size_ = 5;
  }
  encode_back();
}

PackedElement::PackedElement(int64_t integer) {
  encode_integer(integer);
  encode_back();
}

void PackedElement::encode_integer(int64_t integer) {
  const auto fits = [&](int bits) {
    return integer >= -(int64_t{1} << (bits - 1)) && integer < int64_t{1} << (bits - 1);
  };
  if (integer >= 0 && integer <= 127) {
    head_[0] = static_cast<char>(integer);
    head_size_ = 1;
    return;
  }
  if (fits(13)) {
    const auto bits = static_cast<uint32_t>(integer) & 0x1FFF;
    head_[0] = static_cast<char>(0xC0 | bits >> 8);
    head_[1] = static_cast<char>(bits & 255);
    head_size_ = 2;
    return;
  }
  const int width = fits(16) ? 2 : fits(24) ? 3 : fits(32) ? 4 : 8;
  static constexpr uint8_t kLeads[] = {0, 0, 0xF1, 0xF2, 0xF3, 0, 0, 0, 0xF4};
  head_[0] = static_cast<char>(kLeads[width]);
  std::memcpy(head_ + 1, &integer, static_cast<size_t>(width));
  head_size_ = static_cast<uint8_t>(1 + width);
}

void PackedElement::encode_back() {
  const size_t size = head_size_ + tail_.size();
  if (size < 128) {
    back_size_ = 1;
    back_[0] = static_cast<char>(size);
    return;
  }
  back_size_ = static_cast<uint8_t>(Listpack::back_size(size));
  for (int i = 0; i < back_size_; ++i) {
    const int shift = 7 * (back_size_ - 1 - i);
    back_[i] = static_cast<char>((size >> shift & 127) | (i == 0 ? 0 : 128));
  }
}

void PackedElement::write(char* to) const {
  // Of small elements a byte each is all there is in front and behind.
  if (head_size_ == 1) {
    *to = head_[0];
  } else {
    std::memcpy(to, head_, head_size_);
  }
  to += head_size_;
  if (!tail_.empty()) std::memcpy(to, tail_.data(), tail_.size());
  to += tail_.size();
  if (back_size_ == 1) {
    *to = back_[0];
  } else {
    std::memcpy(to, back_, back_size_);
  }
}

void ListpackEdit::set_head(char* base, size_t total, size_t elements) {
  const auto total32 = static_cast<uint32_t>(total);
  const auto count = static_cast<uint16_t>(
      elements < Listpack::kUnknownCount ? elements : Listpack::kUnknownCount);
  std::memcpy(base, &total32, sizeof total32);
  std::memcpy(base + 4, &count, sizeof count);
}

void ListpackEdit::settle_count(char* base, uint16_t count, int64_t added) {
  if (count == Listpack::kUnknownCount) {
    // Counted again only where it may have come into range.
    if (added > 0) return;
    uint32_t total;
    std::memcpy(&total, base, 4);
    const size_t elements = Listpack({base, total}).count_elements();
    if (elements >= Listpack::kUnknownCount) return;
    count = static_cast<uint16_t>(elements);
  } else {
    const int64_t sum = count + added;
    count = static_cast<uint16_t>(sum < Listpack::kUnknownCount ? sum : Listpack::kUnknownCount);
  }
  std::memcpy(base + 4, &count, 2);
}

}  // namespace redan
