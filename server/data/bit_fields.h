// Integers of 1 to 64 bits at any bit of a string, high bits first: what BITFIELD reads and writes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace redan {

// "u8", "i64": an unsigned field has at most 63 bits, so that its value fits a reply.
struct FieldType {
  bool is_signed = false;
  int bits = 0;
};
std::optional<FieldType> parse_field_type(std::string_view text);

// The bits at `offset`; beyond the end all are 0.
int64_t read_field(std::string_view bytes, uint64_t offset, FieldType type);
// The field must lie inside; of the value its lowest bits are taken.
void write_field(char* bytes, uint64_t offset, FieldType type, int64_t value);

enum class Overflow { kWrap, kSaturate, kFail };

// `value` + `increment` as the field can hold it; nullopt where it cannot and should fail. To set a
// field to a value the increment is 0.
std::optional<int64_t> fit_field(FieldType type, int64_t value, int64_t increment, Overflow how);

}  // namespace redan
