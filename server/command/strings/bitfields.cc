// BITFIELD and BITFIELD_RO: integers of any width inside a string.
#include <algorithm>
#include <optional>
#include <vector>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/strings/bit_args.h"
#include "server/command/strings/string_values.h"
#include "server/data/bit_fields.h"

namespace redan {
namespace {

struct FieldStep {
  enum class Kind { kGet, kSet, kIncrement };
  Kind kind = Kind::kGet;
  FieldType type;
  uint64_t offset = 0;
  int64_t operand = 0;  // the new value, or what is added
  Overflow overflow = Overflow::kWrap;

  uint64_t end_bit() const { return offset + static_cast<uint64_t>(type.bits); }
};

struct FieldSteps {
  std::vector<FieldStep> steps;
  uint64_t written_bits = 0;  // the end of the furthest field that is written; 0: none is
};

Result<Overflow> overflow_arg(std::string_view word) {
  if (iequals(word, "WRAP")) return Overflow::kWrap;
  if (iequals(word, "SAT")) return Overflow::kSaturate;
  if (iequals(word, "FAIL")) return Overflow::kFail;
  return Error("Invalid OVERFLOW type specified");
}

// All of the request is read before anything is done.
Result<FieldSteps> read_steps(Call& call) {
  FieldSteps result;
  Overflow overflow = Overflow::kWrap;
  ArgReader words(call.args(), 2);
  while (words.more()) {
    if (words.match_with("OVERFLOW", 1)) {
      const Result<Overflow> how = overflow_arg(words.next());
      if (!how) return how.error();
      overflow = *how;
      continue;
    }
    FieldStep step{.overflow = overflow};
    if (words.match_with("SET", 3)) {
      step.kind = FieldStep::Kind::kSet;
    } else if (words.match_with("INCRBY", 3)) {
      step.kind = FieldStep::Kind::kIncrement;
    } else if (!words.match_with("GET", 2)) {
      return syntax_error();
    }
    const std::optional<FieldType> type = parse_field_type(words.next());
    if (!type) {
      return Error(
          "Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but "
          "i64 is.");
    }
    step.type = *type;
    const Result<uint64_t> offset = bit_offset_arg(call, words.next(), type->bits);
    if (!offset) return offset.error();
    step.offset = *offset;
    if (step.kind != FieldStep::Kind::kGet) {
      const Result<int64_t> operand = words.integer();
      if (!operand) return operand.error();
      step.operand = *operand;
      result.written_bits = std::max(result.written_bits, step.end_bit());
    }
    result.steps.push_back(step);
  }
  return result;
}

void get_fields(Call& call, const FieldSteps& steps, std::string_view bytes) {
  call.reply().array(steps.steps.size());
  for (const FieldStep& step : steps.steps) {
    call.reply().integer(read_field(bytes, step.offset, step.type));
  }
}

// Does one step, writes its reply, and says whether that changed the string: its bytes, or that it
// `grows`, which is the doing of each step that writes.
bool perform(const FieldStep& step, char* bytes, size_t size, bool grows, ReplyWriter& reply) {
  const int64_t before = read_field({bytes, size}, step.offset, step.type);
  if (step.kind == FieldStep::Kind::kGet) {
    reply.integer(before);
    return false;
  }
  const bool sets = step.kind == FieldStep::Kind::kSet;
  const std::optional<int64_t> after =
      sets ? fit_field(step.type, step.operand, 0, step.overflow)
           : fit_field(step.type, before, step.operand, step.overflow);
  if (!after) {
    reply.null();
    return false;
  }
  write_field(bytes, step.offset, step.type, *after);
  reply.integer(sets ? before : *after);
  return grows || *after != before;
}

Result<void> run_steps(Call& call, const FieldSteps& steps) {
  const std::string_view key = call.arg(1);
  if (steps.written_bits == 0) {
    const Result<const Entry*> entry = read_string(call, key);
    if (!entry) return entry.error();
    Entry::Scratch scratch;
    get_fields(call, steps, *entry == nullptr ? "" : (*entry)->string(scratch));
    return kOk;
  }
  const Result<Keyspace::Ref> ref = change_string(call, key);
  if (!ref) return ref.error();
  const size_t old_size = *ref ? (**ref).string_length() : 0;
  const size_t size = std::max<size_t>(old_size, (steps.written_bits + 7) / 8);
  const bool grows = !*ref || size != old_size;
  char* const bytes = call.keyspace().edit_string(call.db(), key, *ref, size);
  call.reply().array(steps.steps.size());
  uint64_t changes = 0;
  for (const FieldStep& step : steps.steps) {
    changes += perform(step, bytes, size, grows, call.reply()) ? 1 : 0;
  }
  if (changes > 0) call.notify(KeyspaceEvents::kString, "setbit", key);
  // The string has grown even where every step then failed, and replicas must hear of it.
  if (changes == 0 && grows) changes = 1;
  if (changes > 0) call.keyspace().string_edited(call.db(), key, changes);
  return kOk;
}

Result<void> bitfield(Call& call) {
  const Result<FieldSteps> steps = read_steps(call);
  if (!steps) return steps.error();
  return run_steps(call, *steps);
}

Result<void> bitfield_ro(Call& call) {
  const Result<FieldSteps> steps = read_steps(call);
  if (!steps) return steps.error();
  if (steps->written_bits != 0) return Error("BITFIELD_RO only supports the GET subcommand");
  return run_steps(call, *steps);
}

// It only reads as long as it says nothing but GET.
void bitfield_keys(std::span<const std::string_view> args, std::vector<KeyRef>& keys) {
  bool reads = true;
  for (size_t i = 2; reads && i < args.size();) {
    const size_t left = args.size() - i - 1;
    if (iequals(args[i], "GET") && left >= 2) {
      i += 3;
    } else if (iequals(args[i], "OVERFLOW") && left >= 1) {
      i += 2;
    } else {
      reads = false;
    }
  }
  const auto flags =
      static_cast<uint16_t>(reads ? kKeyRO | kKeyAccess : kKeyRW | kKeyAccess | kKeyUpdate);
  keys.push_back({.position = 1, .flags = flags});
}

constexpr Command<Call> kCommands[] = {
    {{.name = "BITFIELD",
      .syntax = "key [operation: GET (encoding offset:integer)|(write: [OVERFLOW "
                "(WRAP|SAT|FAIL)] (write_operation: SET (encoding offset:integer "
                "value:integer)|INCRBY (encoding offset:integer increment:integer))) ...]",
      .flags = kWrite | kDenyOom,
      .keys = {KeySpec{.flags = kKeyRW | kKeyAccess | kKeyUpdate | kKeyVariable,
                       .begin = KeySpec::Begin::kIndex,
                       .index = 1,
                       .notes = "This command allows both access and modification of the key"}},
      .summary = "Perform arbitrary bitfield integer operations on strings",
      .since = "3.2.0",
      .complexity = "O(1) for each subcommand specified",
      .key_finder = bitfield_keys},
     bitfield},
    {{.name = "BITFIELD_RO",
      .syntax = "key [GET (encoding offset:integer) [GET (encoding offset:integer) ...]]",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary =
          "Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD",
      .since = "6.0.0",
      .complexity = "O(1) for each subcommand specified"},
     bitfield_ro},
};

}  // namespace

CommandFamily<Call> bitfield_commands() {
  return {.group = Group::kBitmap, .commands = kCommands};
}

}  // namespace redan
