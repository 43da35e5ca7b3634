// The bitmap commands: single bits, counts and searches over ranges, and combinations of strings.
#include <algorithm>
#include <optional>
#include <vector>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/key_effects.h"
#include "server/command/strings/bit_args.h"
#include "server/command/strings/string_values.h"
#include "server/data/bits.h"

namespace redan {
namespace {

Result<void> setbit(Call& call) {
  const std::string_view key = call.arg(1);
  const Result<uint64_t> offset = bit_offset_arg(call, call.arg(2));
  if (!offset) return offset.error();
  const auto bit = parse_int64(call.arg(3));
  if (!bit || (*bit & ~int64_t{1}) != 0) return Error("bit is not an integer or out of range");
  const Result<Keyspace::Ref> ref = change_string(call, key);
  if (!ref) return ref.error();
  const size_t old_size = *ref ? (**ref).string_length() : 0;
  const size_t size = std::max<size_t>(old_size, (*offset >> 3) + 1);
  char* const bytes = call.keyspace().edit_string(call.db(), key, *ref, size);
  const bool before = bit_at({bytes, size}, *offset);
  // A bit that is so already in a string that is long enough changes nothing.
  if (before != (*bit != 0) || size != old_size || !*ref) {
    write_bit(bytes, *offset, *bit != 0);
    call.keyspace().string_edited(call.db(), key);
    call.notify(KeyspaceEvents::kString, "setbit", key);
  }
  call.reply().integer(before ? 1 : 0);
  return kOk;
}

Result<void> getbit(Call& call) {
  const Result<uint64_t> offset = bit_offset_arg(call, call.arg(2));
  if (!offset) return offset.error();
  const Result<const Entry*> entry = read_string(call, call.arg(1));
  if (!entry) return entry.error();
  Entry::Scratch scratch;
  const bool on = *entry != nullptr && bit_at((*entry)->string(scratch), *offset);
  call.reply().integer(on ? 1 : 0);
  return kOk;
}

enum class Unit { kByte, kBit };

Result<Unit> unit_arg(std::string_view word) {
  if (iequals(word, "BIT")) return Unit::kBit;
  if (iequals(word, "BYTE")) return Unit::kByte;
  return syntax_error();
}

// Positions as a request gives them: negative ones count from the end.
struct Positions {
  int64_t first = 0;
  int64_t last = -1;
  Unit unit = Unit::kByte;
};

// The bits that positions mean in a string of `size` bytes; none where they are empty.
std::optional<BitRange> bits_between(const Positions& positions, size_t size) {
  const auto units = static_cast<int64_t>(positions.unit == Unit::kBit ? size * 8 : size);
  const auto from_start = [&](int64_t at) {
    return at < 0 ? std::max<int64_t>(at + units, 0) : at;
  };
  const int64_t first = from_start(positions.first);
  const int64_t last = std::min(from_start(positions.last), units - 1);
  if (first > last) return std::nullopt;
  if (positions.unit == Unit::kBit) {
    return BitRange{static_cast<uint64_t>(first), static_cast<uint64_t>(last)};
  }
  return BitRange{static_cast<uint64_t>(first) * 8, static_cast<uint64_t>(last) * 8 + 7};
}

Result<void> bitcount(Call& call) {
  Positions positions;
  if (call.arg_count() > 2) {
    if (call.arg_count() != 4 && call.arg_count() != 5) return syntax_error();
    const Result<int64_t> first = integer_arg(call.arg(2));
    if (!first) return first.error();
    const Result<int64_t> last = integer_arg(call.arg(3));
    if (!last) return last.error();
    const Result<Unit> unit = call.arg_count() == 5 ? unit_arg(call.arg(4)) : Unit::kByte;
    if (!unit) return unit.error();
    positions = {.first = *first, .last = *last, .unit = *unit};
  }
  const Result<const Entry*> entry = read_string(call, call.arg(1));
  if (!entry) return entry.error();
  Entry::Scratch scratch;
  const std::string_view bytes = *entry == nullptr ? "" : (*entry)->string(scratch);
  // Two positions from the end in the wrong order stay so, even where both lie before the start.
  const bool backwards =
      positions.first < 0 && positions.last < 0 && positions.first > positions.last;
  const std::optional<BitRange> range =
      backwards ? std::nullopt : bits_between(positions, bytes.size());
  call.reply().integer(range ? static_cast<int64_t>(count_ones(bytes, *range)) : 0);
  return kOk;
}

Result<void> bitpos(Call& call) {
  const Result<int64_t> wanted = integer_arg(call.arg(2));
  if (!wanted) return wanted.error();
  if (*wanted != 0 && *wanted != 1) return Error("The bit argument must be 1 or 0.");
  if (call.arg_count() > 6) return syntax_error();
  Positions positions;
  const bool has_end = call.arg_count() > 4;
  if (call.arg_count() > 3) {
    const Result<int64_t> first = integer_arg(call.arg(3));
    if (!first) return first.error();
    const Result<Unit> unit = call.arg_count() == 6 ? unit_arg(call.arg(5)) : Unit::kByte;
    if (!unit) return unit.error();
    const Result<int64_t> last = has_end ? integer_arg(call.arg(4)) : int64_t{-1};
    if (!last) return last.error();
    positions = {.first = *first, .last = *last, .unit = *unit};
  }
  const Result<const Entry*> entry = read_string(call, call.arg(1));
  if (!entry) return entry.error();
  const bool on = *wanted == 1;
  if (*entry == nullptr) {
    call.reply().integer(on ? -1 : 0);  // A string without an end, all zeroes.
    return kOk;
  }
  Entry::Scratch scratch;
  const std::string_view bytes = (*entry)->string(scratch);
  const std::optional<BitRange> range = bits_between(positions, bytes.size());
  const std::optional<uint64_t> found = range ? find_bit(bytes, *range, on) : std::nullopt;
  int64_t reply = found ? static_cast<int64_t>(*found) : -1;
  // Without an end the zeroes behind the string count, too.
  if (!found && range && !on && !has_end) reply = static_cast<int64_t>(bytes.size() * 8);
  call.reply().integer(reply);
  return kOk;
}

std::optional<BitOp> bit_op(std::string_view name) {
  if (iequals(name, "AND")) return BitOp::kAnd;
  if (iequals(name, "OR")) return BitOp::kOr;
  if (iequals(name, "XOR")) return BitOp::kXor;
  if (iequals(name, "NOT")) return BitOp::kNot;
  return std::nullopt;
}

// The strings at the keys from argument 3 on; an integer's digits lie in `digits`.
struct Sources {
  std::vector<Entry::Scratch> digits;
  std::vector<std::string_view> bytes;
  size_t longest = 0;
};

Result<Sources> read_sources(Call& call) {
  constexpr size_t kFirst = 3;
  Sources sources;
  sources.digits.resize(call.arg_count() - kFirst);
  sources.bytes.reserve(call.arg_count() - kFirst);
  // All are looked up before any is read: a lookup may delete a key that has expired.
  for (size_t i = kFirst; i < call.arg_count(); ++i) {
    const Result<const Entry*> entry = read_string(call, call.arg(i));
    if (!entry) return entry.error();
    sources.bytes.push_back(*entry == nullptr ? "" : (*entry)->string(sources.digits[i - kFirst]));
    sources.longest = std::max(sources.longest, sources.bytes.back().size());
  }
  return sources;
}

Result<void> bitop(Call& call) {
  const std::optional<BitOp> op = bit_op(call.arg(1));
  if (!op) return syntax_error();
  if (*op == BitOp::kNot && call.arg_count() != 4) {
    return Error("BITOP NOT must be called with a single source key.");
  }
  const Result<Sources> sources = read_sources(call);
  if (!sources) return sources.error();
  const std::string_view target = call.arg(2);
  const size_t size = sources->longest;
  if (size == 0) {
    if (call.keyspace().peek(call.db(), target) != nullptr) {
      call.keyspace().erase(call.db(), target, free_by(call.config().lazyfree_lazy_server_del));
      call.notify(KeyspaceEvents::kGeneric, "del", target);
    }
  } else if (size <= EntryMaker::kMaxInline) {
    char result[EntryMaker::kMaxInline];
    combine_bits(*op, sources->bytes, std::span(result, size));
    call.keyspace().set_text(call.db(), target, {result, size});
  } else {
    OwnedHeapString result(HeapString::make(size, size));
    combine_bits(*op, sources->bytes, std::span(result->bytes(), size));
    call.keyspace().set_text(call.db(), target, std::move(result));
  }
  if (size > 0) call.notify(KeyspaceEvents::kString, "set", target);
  call.reply().integer(static_cast<int64_t>(size));
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "SETBIT",
      .syntax = "key offset:integer value:integer",
      .flags = kWrite | kDenyOom,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyUpdate),
      .summary = "Sets or clears the bit at offset in the string value stored at key",
      .since = "2.2.0",
      .complexity = "O(1)"},
     setbit},
    {{.name = "GETBIT",
      .syntax = "key offset:integer",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Returns the bit value at offset in the string value stored at key",
      .since = "2.2.0",
      .complexity = "O(1)"},
     getbit},
    {{.name = "BITCOUNT",
      .syntax = "key [index: start:integer end:integer [index_unit: BYTE|BIT]@7.0.0]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Count set bits in a string",
      .since = "2.6.0",
      .complexity = "O(N)",
      .history = "7.0.0: Added the `BYTE|BIT` option."},
     bitcount},
    {{.name = "BITPOS",
      .syntax = "key bit:integer [index: start:integer [end_index: end:integer [index_unit: "
                "BYTE|BIT]@7.0.0]]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Find first bit set or clear in a string",
      .since = "2.8.7",
      .complexity = "O(N)",
      .history = "7.0.0: Added the `BYTE|BIT` option."},
     bitpos},
    {{.name = "BITOP",
      .syntax = "operation destkey:key key [key ...]",
      .flags = kWrite | kDenyOom,
      .keys = {KeySpec{.flags = kKeyOW | kKeyUpdate, .begin = KeySpec::Begin::kIndex, .index = 2},
               KeySpec{.flags = kKeyRO | kKeyAccess,
                       .begin = KeySpec::Begin::kIndex,
                       .index = 3,
                       .last = -1}},
      .summary = "Perform bitwise operations between strings",
      .since = "2.6.0",
      .complexity = "O(N)"},
     bitop},
};

}  // namespace

CommandFamily<Call> bitmap_commands() {
  return {.group = Group::kBitmap, .commands = kCommands};
}

}  // namespace redan
