// The hash commands that go over the fields: all of them, some by chance, a part of a scan.
#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "common/base/glob.h"
#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/element_scan.h"
#include "server/command/families.h"
#include "server/command/hashes/hash_access.h"

namespace redan {
namespace {

using Text = HashView::Text;

// How many fields there are to be seen.
size_t visible_size(const HashView& hash) {
  if (!hash.hides_some()) return hash.size();
  size_t fields = 0;
  hash.for_each([&](const Text&, const Text&) { ++fields; });
  return fields;
}

Result<void> hgetall(Call& call) {
  const Result<const Entry*> entry = read_hash(call);
  if (!entry) return entry.error();
  ReplyWriter& reply = call.reply();
  if (*entry == nullptr) {
    reply.map(0);
    return kOk;
  }
  const HashView hash = view_of(call, **entry);
  reply.map(visible_size(hash));
  hash.for_each([&](const Text& name, const Text& value) {
    reply_element(reply, name);
    reply_element(reply, value);
  });
  return kOk;
}

// An array of what `part` chooses of each field.
template <class Part>
Result<void> reply_parts(Call& call, Part part) {
  const Result<const Entry*> entry = read_hash(call);
  if (!entry) return entry.error();
  ReplyWriter& reply = call.reply();
  if (*entry == nullptr) {
    reply.array(0);
    return kOk;
  }
  const HashView hash = view_of(call, **entry);
  reply.array(visible_size(hash));
  hash.for_each(
      [&](const Text& name, const Text& value) { reply_element(reply, part(name, value)); });
  return kOk;
}

Result<void> hkeys(Call& call) {
  return reply_parts(call, [](const Text& name, const Text&) { return name; });
}

Result<void> hvals(Call& call) {
  return reply_parts(call, [](const Text&, const Text& value) { return value; });
}

// Pairs of RESP3 are arrays of their own.
void reply_drawn(ReplyWriter& reply, const Text& name, const Text& value, bool with_values) {
  if (with_values && reply.version() == Resp::k3) reply.array(2);
  reply_element(reply, name);
  if (with_values) reply_element(reply, value);
}

Result<void> hrandfield_many(Call& call) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const Result<int64_t> count = integer_arg(call.arg(2), -kMost, kMost);
  if (!count) return count.error();
  const bool with_values = call.arg_count() > 3;
  if (call.arg_count() > 4 || (with_values && !iequals(call.arg(3), "WITHVALUES"))) {
    return syntax_error();
  }
  if (with_values && (*count < -kMost / 2 || *count > kMost / 2)) {
    return Error("value is out of range");
  }
  const Result<const Entry*> entry = read_hash(call);
  if (!entry) return entry.error();
  ReplyWriter& reply = call.reply();
  if (*entry == nullptr || *count == 0) {
    reply.array(0);
    return kOk;
  }
  if (const Result<void> fits = can_draw(*count); !fits) return fits;
  const HashView hash = view_of(call, **entry);
  const bool repeats = *count < 0;
  const uint64_t wanted = repeats ? -static_cast<uint64_t>(*count) : static_cast<uint64_t>(*count);
  const size_t fields = visible_size(hash);
  const size_t drawn = repeats ? (fields == 0 ? 0 : wanted) : std::min<uint64_t>(wanted, fields);
  reply.array(with_values && reply.version() == Resp::k2 ? drawn * 2 : drawn);
  const auto each = [&](const Text& name, const Text& value) {
    reply_drawn(reply, name, value, with_values);
  };
  Rng& rng = call.server().rng;
  if (!repeats && drawn == fields) {
    hash.for_each(each);
  } else if (hash.hides_some()) {
    std::vector<HashView::Field> visible = hash.visible();
    for (size_t i = 0; i < drawn; ++i) {
      const size_t first = repeats ? 0 : i;
      std::swap(visible[first], visible[first + rng.below(visible.size() - first)]);
      each(visible[first].name, visible[first].value);
    }
  } else if (repeats) {
    hash.draw(drawn, rng, each);
  } else {
    for (const HashView::Field& field : hash.sample(drawn, rng)) each(field.name, field.value);
  }
  return kOk;
}

Result<void> hrandfield(Call& call) {
  if (call.arg_count() > 2) return hrandfield_many(call);
  const Result<const Entry*> entry = read_hash(call);
  if (!entry) return entry.error();
  if (*entry == nullptr) {
    call.reply().null();
    return kOk;
  }
  const HashView hash = view_of(call, **entry);
  Rng& rng = call.server().rng;
  if (!hash.hides_some()) {
    reply_element(call.reply(), hash.random(rng).name);
    return kOk;
  }
  const std::vector<HashView::Field> visible = hash.visible();
  if (visible.empty()) {
    call.reply().null();
  } else {
    reply_element(call.reply(), visible[rng.below(visible.size())].name);
  }
  return kOk;
}

Result<void> hscan(Call& call) {
  const Result<std::optional<ElementScan>> begun =
      begin_element_scan(call, ScanOf::kHash, read_hash);
  if (!begun) return begun.error();
  if (!*begun) return kOk;
  const Entry& entry = (*begun)->entry;
  const ScanOptions& options = (*begun)->options;

  const HashView hash = view_of(call, entry);
  std::vector<HashView::Field> found;
  const uint64_t cursor = scan_enough((*begun)->cursor, options, [&](uint64_t at, int64_t& seen) {
    return hash.scan(at, [&](const Text& name, const Text& value) {
      ++seen;
      Listpack::Scratch scratch;
      if (!options.all() && !glob_match(options.pattern, name.view(scratch))) return;
      found.push_back({name, value});
    });
  });

  ReplyWriter& reply = call.reply();
  reply_cursor(reply, cursor);
  reply.array(options.no_values ? found.size() : found.size() * 2);
  for (const HashView::Field& field : found) {
    reply_element(reply, field.name);
    if (!options.no_values) reply_element(reply, field.value);
  }
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "HGETALL",
      .syntax = "key",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get all the fields and values in a hash",
      .since = "2.0.0",
      .complexity = "O(N) where N is the size of the hash.",
      .hints = "nondeterministic_output_order"},
     hgetall},
    {{.name = "HKEYS",
      .syntax = "key",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get all the fields in a hash",
      .since = "2.0.0",
      .complexity = "O(N) where N is the size of the hash.",
      .hints = "nondeterministic_output_order"},
     hkeys},
    {{.name = "HVALS",
      .syntax = "key",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get all the values in a hash",
      .since = "2.0.0",
      .complexity = "O(N) where N is the size of the hash.",
      .hints = "nondeterministic_output_order"},
     hvals},
    {{.name = "HRANDFIELD",
      .syntax = "key [options: count:integer [WITHVALUES]]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get one or multiple random fields from a hash",
      .since = "6.2.0",
      .complexity = "O(N) where N is the number of fields returned",
      .hints = "nondeterministic_output"},
     hrandfield},
    {{.name = "HSCAN",
      .syntax = "key cursor:integer [MATCH pattern] [COUNT count:integer]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Incrementally iterate hash fields and associated values",
      .since = "2.8.0",
      .complexity =
          "O(1) for every call. O(N) for a complete iteration, including enough command calls for "
          "the cursor to return back to 0. N is the number of elements inside the collection.",
      .hints = "nondeterministic_output"},
     hscan},
};

}  // namespace

CommandFamily<Call> hash_all_commands() {
  return {.group = Group::kHash, .commands = kCommands};
}

}  // namespace redan
