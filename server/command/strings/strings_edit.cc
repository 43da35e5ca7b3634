// The string commands that change or read a part of a value: counters, ranges, LCS.
#include <algorithm>
#include <cmath>
#include <limits>

#include "common/base/double_text.h"
#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/strings/lcs.h"
#include "server/command/strings/string_values.h"

namespace redan {
namespace {

Result<void> append(Call& call) {
  const std::string_view tail = call.arg(2);
  const Result<Keyspace::Ref> ref = change_string(call, call.arg(1));
  if (!ref) return ref.error();
  if (!*ref) {
    call.keyspace().set_string(call.db(), call.arg(1), tail);
    call.notify(KeyspaceEvents::kString, "append", call.arg(1));
    call.reply().integer(static_cast<int64_t>(tail.size()));
    return kOk;
  }
  const size_t size = (**ref).string_length();
  const Result<void> fits = check_string_size(call, size, tail.size());
  if (!fits) return fits;
  char* bytes = call.keyspace().resize_string(call.db(), *ref, size + tail.size());
  std::copy(tail.begin(), tail.end(), bytes + size);
  call.notify(KeyspaceEvents::kString, "append", call.arg(1));
  call.reply().integer(static_cast<int64_t>(size + tail.size()));
  return kOk;
}

Result<void> setrange(Call& call) {
  const std::string_view key = call.arg(1);
  const std::string_view part = call.arg(3);
  const Result<int64_t> offset = integer_arg(call.arg(2));
  if (!offset) return offset.error();
  if (*offset < 0) return Error("offset is out of range");
  const Result<Keyspace::Ref> ref = change_string(call, key);
  if (!ref) return ref.error();
  const size_t size = *ref ? (**ref).string_length() : 0;
  if (part.empty()) {
    call.reply().integer(static_cast<int64_t>(size));
    return kOk;
  }
  const auto begin = static_cast<size_t>(*offset);
  const Result<void> fits = check_string_size(call, begin, part.size());
  if (!fits) return fits;
  Keyspace::Ref target = *ref;
  if (!target) {
    call.keyspace().set_string(call.db(), key, {});
    target = call.keyspace().change(call.db(), key);
  }
  const size_t new_size = std::max(size, begin + part.size());
  char* bytes = call.keyspace().resize_string(call.db(), target, new_size);
  std::copy(part.begin(), part.end(), bytes + begin);
  call.notify(KeyspaceEvents::kString, "setrange", key);
  call.reply().integer(static_cast<int64_t>(new_size));
  return kOk;
}

Result<void> getrange(Call& call) {
  const Result<int64_t> first = integer_arg(call.arg(2));
  if (!first) return first.error();
  const Result<int64_t> last = integer_arg(call.arg(3));
  if (!last) return last.error();
  const Result<const Entry*> entry = read_string(call, call.arg(1));
  if (!entry) return entry.error();
  Entry::Scratch scratch;
  const std::string_view value = *entry == nullptr ? "" : (*entry)->string(scratch);
  const auto size = static_cast<int64_t>(value.size());
  // Negative positions count from the end; what lies outside is cut off.
  int64_t begin = *first;
  int64_t end = *last;
  const bool backwards = begin < 0 && end < 0 && begin > end;
  if (begin < 0) begin = std::max<int64_t>(begin + size, 0);
  if (end < 0) end = std::max<int64_t>(end + size, 0);
  end = std::min(end, size - 1);
  if (backwards || begin > end || size == 0) {
    call.reply().bulk("");
  } else {
    call.reply().bulk(
        value.substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin + 1)));
  }
  return kOk;
}

Result<void> add(Call& call, int64_t delta) {
  const std::string_view key = call.arg(1);
  const Result<Keyspace::Ref> ref = change_string(call, key);
  if (!ref) return ref.error();
  int64_t value = 0;
  if (*ref) {
    const Entry& entry = **ref;
    if (entry.is_integer()) {
      value = entry.integer();
    } else {
      Entry::Scratch scratch;
      const Result<int64_t> number = integer_arg(entry.string(scratch));
      if (!number) return number.error();
      value = *number;
    }
  }
  if (__builtin_add_overflow(value, delta, &value)) {
    return Error("increment or decrement would overflow");
  }
  if (*ref) {
    call.keyspace().set_integer(call.db(), *ref, value, SetExpiry::keep());
  } else {
    call.keyspace().set_integer(call.db(), key, value);
  }
  call.notify(KeyspaceEvents::kString, "incrby", key);
  call.reply().integer(value);
  return kOk;
}

Result<void> incr(Call& call) {
  return add(call, 1);
}

Result<void> decr(Call& call) {
  return add(call, -1);
}

Result<void> incrby(Call& call) {
  const Result<int64_t> delta = integer_arg(call.arg(2));
  if (!delta) return delta.error();
  return add(call, *delta);
}

Result<void> decrby(Call& call) {
  const Result<int64_t> delta = integer_arg(call.arg(2));
  if (!delta) return delta.error();
  // Its negative would not be a number.
  if (*delta == std::numeric_limits<int64_t>::min()) return Error("decrement would overflow");
  return add(call, -*delta);
}

Result<void> incrbyfloat(Call& call) {
  const std::string_view key = call.arg(1);
  const Result<Keyspace::Ref> ref = change_string(call, key);
  if (!ref) return ref.error();
  long double value = 0;
  if (*ref) {
    Entry::Scratch scratch;
    const auto number = parse_long_double((**ref).string(scratch));
    if (!number) return not_a_float();
    value = *number;
  }
  const auto delta = parse_long_double(call.arg(2));
  if (!delta) return not_a_float();
  value += *delta;
  if (std::isnan(value) || std::isinf(value)) {
    return Error("increment would produce NaN or Infinity");
  }
  const std::string text = format_long_double_human(value);
  if (*ref) {
    call.keyspace().set_string(call.db(), *ref, text, SetExpiry::keep());
  } else {
    call.keyspace().set_string(call.db(), key, text);
  }
  call.notify(KeyspaceEvents::kString, "incrbyfloat", key);
  call.reply().bulk(text);
  // The sum, not the summand: another machine may round differently.
  call.propagate_as({"SET", key, text, "KEEPTTL"});
  return kOk;
}

struct LcsOptions {
  bool length = false;
  bool indexes = false;
  bool match_lengths = false;
  int64_t least = 0;  // of a match's length
};

Result<LcsOptions> read_lcs_options(ArgReader words) {
  LcsOptions options;
  while (words.more()) {
    if (words.match("IDX")) {
      options.indexes = true;
    } else if (words.match("LEN")) {
      options.length = true;
    } else if (words.match("WITHMATCHLEN")) {
      options.match_lengths = true;
    } else if (words.match_with("MINMATCHLEN", 1)) {
      const Result<int64_t> least = words.integer();
      if (!least) return least.error();
      options.least = std::max<int64_t>(*least, 0);
    } else {
      return syntax_error();
    }
  }
  if (options.length && options.indexes) {
    return Error("If you want both the length and indexes, please just use IDX.");
  }
  return options;
}

void reply_matches(ReplyWriter& reply, const LcsResult& result, const LcsOptions& options) {
  const auto range = [&](size_t first, size_t last) {
    reply.array(2);
    reply.integer(static_cast<int64_t>(first));
    reply.integer(static_cast<int64_t>(last));
  };
  reply.map(2);
  reply.bulk("matches");
  const size_t start = reply.begin_deferred();
  size_t count = 0;
  for (const LcsMatch& match : result.matches) {
    const auto length = static_cast<int64_t>(match.length());
    if (length < options.least) continue;
    reply.array(options.match_lengths ? 3 : 2);
    range(match.a_first, match.a_last);
    range(match.b_first, match.b_last);
    if (options.match_lengths) reply.integer(length);
    ++count;
  }
  reply.end_array(start, count);
  reply.bulk("len");
  reply.integer(static_cast<int64_t>(result.common.size()));
}

Result<void> lcs(Call& call) {
  const Entry* first = call.keyspace().read(call.db(), call.arg(1));
  const Entry* second = call.keyspace().read(call.db(), call.arg(2));
  if ((first != nullptr && !first->is_string()) || (second != nullptr && !second->is_string())) {
    return Error("The specified keys must contain string values");
  }
  const Result<LcsOptions> options = read_lcs_options(ArgReader(call.args(), 3));
  if (!options) return options.error();
  Entry::Scratch scratch_a;
  Entry::Scratch scratch_b;
  const std::string_view a = first == nullptr ? "" : first->string(scratch_a);
  const std::string_view b = second == nullptr ? "" : second->string(scratch_b);
  constexpr size_t kTooLong = std::numeric_limits<uint32_t>::max() - 1;
  if (a.size() >= kTooLong || b.size() >= kTooLong) return Error("String too long for LCS");
  if (lcs_memory_bytes(a.size(), b.size()) >
      static_cast<uint64_t>(call.config().proto_max_bulk_len)) {
    return Error("Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  }
  const LcsResult result = longest_common_subsequence(a, b);
  if (options->indexes) {
    reply_matches(call.reply(), result, *options);
  } else if (options->length) {
    call.reply().integer(static_cast<int64_t>(result.common.size()));
  } else {
    call.reply().bulk(result.common);
  }
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "APPEND",
      .syntax = "key value",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyInsert),
      .summary = "Append a value to a key",
      .since = "2.0.0",
      .complexity =
          "O(1). The amortized time complexity is O(1) assuming the appended value is small and "
          "the already present value is of any size, since the dynamic string library used by "
          "Redis will double the free space available on every reallocation."},
     append},
    {{.name = "SETRANGE",
      .syntax = "key offset:integer value",
      .flags = kWrite | kDenyOom,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Overwrite part of a string at key starting at the specified offset",
      .since = "2.2.0",
      .complexity = "O(1), not counting the time taken to copy the new string in place. Usually, "
                    "this string is very small so the amortized complexity is O(1). Otherwise, "
                    "complexity is O(M) with M being the length of the value argument."},
     setrange},
    {{.name = "GETRANGE",
      .syntax = "key start:integer end:integer",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get a substring of the string stored at a key",
      .since = "2.4.0",
      .complexity =
          "O(N) where N is the length of the returned string. The complexity is ultimately "
          "determined by the returned length, but because creating a substring from an existing "
          "string is very cheap, it can be considered O(1) for small strings."},
     getrange},
    {{.name = "SUBSTR",
      .syntax = "key start:integer end:integer",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get a substring of the string stored at a key",
      .since = "1.0.0",
      .complexity =
          "O(N) where N is the length of the returned string. The complexity is ultimately "
          "determined by the returned length, but because creating a substring from an existing "
          "string is very cheap, it can be considered O(1) for small strings.",
      .deprecated_since = "2.0.0",
      .replaced_by = "`GETRANGE`"},
     getrange},
    {{.name = "INCR",
      .syntax = "key",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyUpdate),
      .summary = "Increment the integer value of a key by one",
      .since = "1.0.0",
      .complexity = "O(1)"},
     incr},
    {{.name = "DECR",
      .syntax = "key",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyUpdate),
      .summary = "Decrement the integer value of a key by one",
      .since = "1.0.0",
      .complexity = "O(1)"},
     decr},
    {{.name = "INCRBY",
      .syntax = "key increment:integer",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyUpdate),
      .summary = "Increment the integer value of a key by the given amount",
      .since = "1.0.0",
      .complexity = "O(1)"},
     incrby},
    {{.name = "DECRBY",
      .syntax = "key decrement:integer",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyUpdate),
      .summary = "Decrement the integer value of a key by the given number",
      .since = "1.0.0",
      .complexity = "O(1)"},
     decrby},
    {{.name = "INCRBYFLOAT",
      .syntax = "key increment:double",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyUpdate),
      .summary = "Increment the float value of a key by the given amount",
      .since = "2.6.0",
      .complexity = "O(1)"},
     incrbyfloat},
    {{.name = "LCS",
      .syntax = "key1:key key2:key#0 [LEN] [IDX] [MINMATCHLEN len:integer] [WITHMATCHLEN]",
      .flags = kReadOnly,
      .keys = keys_at(1, 1, 1, kKeyRO | kKeyAccess),
      .summary = "Find longest common substring",
      .since = "7.0.0",
      .complexity = "O(N*M) where N and M are the lengths of s1 and s2, respectively"},
     lcs},
};

}  // namespace

CommandFamily<Call> string_edit_commands() {
  return {.group = Group::kString, .commands = kCommands};
}

}  // namespace redan
