#include "server/data/bit_fields.h"

#include <limits>

#include "common/base/parse.h"

namespace redan {
namespace {

__extension__ using Wide = __int128;

struct Bounds {
  int64_t low;
  int64_t high;
};

Bounds bounds_of(FieldType type) {
  if (!type.is_signed) return {0, static_cast<int64_t>((uint64_t{1} << type.bits) - 1)};
  const auto high = static_cast<int64_t>((uint64_t{1} << (type.bits - 1)) - 1);
  return {-high - 1, high};
}

int64_t extend(FieldType type, uint64_t raw) {
  const int unused = 64 - type.bits;
  if (!type.is_signed) return static_cast<int64_t>(raw << unused >> unused);
  return static_cast<int64_t>(raw << unused) >> unused;
}

}  // namespace

std::optional<FieldType> parse_field_type(std::string_view text) {
  if (text.empty() || (text[0] != 'i' && text[0] != 'u')) return std::nullopt;
  const bool is_signed = text[0] == 'i';
  const auto bits = parse_int64(text.substr(1));
  if (!bits || *bits < 1 || *bits > (is_signed ? 64 : 63)) return std::nullopt;
  return FieldType{.is_signed = is_signed, .bits = static_cast<int>(*bits)};
}

int64_t read_field(std::string_view bytes, uint64_t offset, FieldType type) {
  // A field touches at most nine bytes.
  const uint64_t first = offset >> 3;
  const uint64_t last = (offset + static_cast<uint64_t>(type.bits) - 1) >> 3;
  unsigned __int128 raw = 0;
  for (uint64_t byte = first; byte <= last; ++byte) {
    raw = raw << 8 | (byte < bytes.size() ? static_cast<uint8_t>(bytes[byte]) : 0U);
  }
  const uint64_t behind = (last + 1) * 8 - (offset + static_cast<uint64_t>(type.bits));
  return extend(type, static_cast<uint64_t>(raw >> behind));
}

void write_field(char* bytes, uint64_t offset, FieldType type, int64_t value) {
  const uint64_t first = offset >> 3;
  const uint64_t end = offset + static_cast<uint64_t>(type.bits);
  const uint64_t last = (end - 1) >> 3;
  const uint64_t behind = (last + 1) * 8 - end;
  const unsigned __int128 ones = (static_cast<unsigned __int128>(1) << type.bits) - 1;
  unsigned __int128 mask = ones << behind;
  unsigned __int128 field = (static_cast<unsigned __int128>(static_cast<uint64_t>(value)) & ones)
                            << behind;
  for (uint64_t byte = last + 1; byte-- > first; mask >>= 8, field >>= 8) {
    const auto kept = static_cast<uint8_t>(bytes[byte]) & ~static_cast<uint8_t>(mask);
    bytes[byte] = static_cast<char>(kept | static_cast<uint8_t>(field));
  }
}

std::optional<int64_t> fit_field(FieldType type, int64_t value, int64_t increment, Overflow how) {
  const Bounds bounds = bounds_of(type);
  const Wide sum = static_cast<Wide>(value) + increment;
  if (sum >= bounds.low && sum <= bounds.high) return static_cast<int64_t>(sum);
  switch (how) {
    case Overflow::kFail:
      return std::nullopt;
    case Overflow::kWrap:
      return extend(type, static_cast<uint64_t>(value) + static_cast<uint64_t>(increment));
    case Overflow::kSaturate:
      break;
  }
  // Two ends that one would not expect, but a replica of either kind must come to the same: a
  // negative value for an unsigned field is read as a large one, and one so far below a signed
  // field's upper bound that 64 bits cannot tell the distance counts as above it.
  const bool wraps_up = type.is_signed ? type.bits < 64 && static_cast<Wide>(bounds.high) - value >
                                                               std::numeric_limits<int64_t>::max()
                                       : value < 0;
  return sum > bounds.high || wraps_up ? bounds.high : bounds.low;
}

}  // namespace redan
