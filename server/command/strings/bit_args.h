// What the bitmap commands have in common: bit offsets in requests.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "common/command/args.h"
#include "server/command/call.h"

namespace redan {

inline Error bad_bit_offset() {
  return Error("bit offset is not an integer or out of range");
}

// A bit's position, inside of what a string may hold. With `field_bits`, "#3" is the place of the
// fourth field of that width.
inline Result<uint64_t> bit_offset_arg(Call& call, std::string_view word, int field_bits = 0) {
  const bool counts_fields = field_bits > 0 && word.starts_with('#');
  const auto number = parse_int64(counts_fields ? word.substr(1) : word);
  if (!number) return bad_bit_offset();
  int64_t offset = *number;
  if (counts_fields && __builtin_mul_overflow(offset, field_bits, &offset)) return bad_bit_offset();
  if (offset < 0 || offset >> 3 >= call.config().proto_max_bulk_len) return bad_bit_offset();
  return static_cast<uint64_t>(offset);
}

}  // namespace redan
