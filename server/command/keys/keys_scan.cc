// The commands that go over all keys, and OBJECT, which looks inside of one.
#include <string_view>
#include <vector>

#include "common/base/glob.h"
#include "common/command/args.h"
#include "common/command/docs.h"
#include "server/command/call.h"
#include "server/command/element_scan.h"
#include "server/command/families.h"
#include "server/command/key_effects.h"
#include "server/command/type_names.h"

namespace redan {
namespace {

Result<void> keys(Call& call) {
  const std::string_view pattern = call.arg(1);
  const bool all = pattern == "*";
  ReplyWriter& reply = call.reply();
  const size_t start = reply.begin_deferred();
  size_t count = 0;
  call.keyspace().for_each(call.db(), [&](const Entry& entry) {
    if (!all && !glob_match(pattern, entry.key())) return;
    reply.bulk(entry.key());
    ++count;
  });
  reply.end_array(start, count);
  return kOk;
}

Result<void> scan(Call& call) {
  const Result<uint64_t> start = scan_cursor(call.arg(1));
  if (!start) return start.error();
  const Result<ScanOptions> options = read_scan_options(ArgReader(call.args(), 2), ScanOf::kKeys);
  if (!options) return options.error();

  std::vector<std::string_view> found;
  const uint64_t cursor = scan_enough(*start, *options, [&](uint64_t at, int64_t& seen) {
    return call.keyspace().scan(call.db(), at, [&](const Entry& entry) {
      ++seen;
      if (options->type && !iequals(name_of(entry.type()), *options->type)) return;
      if (!options->all() && !glob_match(options->pattern, entry.key())) return;
      found.push_back(entry.key());
    });
  });

  reply_cursor(call.reply(), cursor);
  call.reply().array(found.size());
  for (std::string_view key : found) call.reply().bulk(key);
  return kOk;
}

// The key of OBJECT and DEBUG; nullptr after the null was written.
const Entry* object_of(Call& call) {
  const Entry* entry = call.keyspace().peek(call.db(), call.arg(2));
  if (entry == nullptr) call.reply().null();
  return entry;
}

bool counts_frequency(const ServerConfig& config) {
  return config.maxmemory_policy == MaxmemoryPolicy::kAllkeysLfu ||
         config.maxmemory_policy == MaxmemoryPolicy::kVolatileLfu;
}

constexpr std::string_view kSwitching =
    " Please note that when switching between policies at runtime LRU and LFU data will take some "
    "time to adjust.";

Result<void> object_encoding(Call& call) {
  if (const Entry* entry = object_of(call)) call.reply().bulk(entry->encoding_name());
  return kOk;
}

Result<void> object_freq(Call& call) {
  const Entry* entry = object_of(call);
  if (entry == nullptr) return kOk;
  if (!counts_frequency(call.config())) {
    return Error("An LFU maxmemory policy is not selected, access frequency not tracked." +
                 std::string(kSwitching));
  }
  call.reply().integer(call.keyspace().frequency(*entry));
  return kOk;
}

Result<void> object_idletime(Call& call) {
  const Entry* entry = object_of(call);
  if (entry == nullptr) return kOk;
  if (counts_frequency(call.config())) {
    return Error("An LFU maxmemory policy is selected, idle time not tracked." +
                 std::string(kSwitching));
  }
  call.reply().integer(call.keyspace().idle_s(*entry));
  return kOk;
}

Result<void> object_refcount(Call& call) {
  // Values are never shared here.
  if (object_of(call) != nullptr) call.reply().integer(1);
  return kOk;
}

Result<void> object_help(Call& call) {
  write_help(*call.entry().container, call.arg(0), call.reply());
  return kOk;
}

constexpr Command<Call> kObjectSubcommands[] = {
    {{.name = "ENCODING",
      .syntax = "key",
      .flags = kReadOnly,
      .keys = keys_at(2, 0, 1, kKeyRO),
      .summary = "Inspect the internal encoding of a Redis object",
      .since = "2.2.3",
      .complexity = "O(1)",
      .hints = "nondeterministic_output"},
     object_encoding},
    {{.name = "FREQ",
      .syntax = "key",
      .flags = kReadOnly,
      .keys = keys_at(2, 0, 1, kKeyRO),
      .summary = "Get the logarithmic access frequency counter of a Redis object",
      .since = "4.0.0",
      .complexity = "O(1)",
      .hints = "nondeterministic_output"},
     object_freq},
    {{.name = "HELP",
      .flags = kLoading | kStale,
      .summary = "Show helpful text about the different subcommands",
      .since = "6.2.0",
      .complexity = "O(1)"},
     object_help},
    {{.name = "IDLETIME",
      .syntax = "key",
      .flags = kReadOnly,
      .keys = keys_at(2, 0, 1, kKeyRO),
      .summary = "Get the time since a Redis object was last accessed",
      .since = "2.2.3",
      .complexity = "O(1)",
      .hints = "nondeterministic_output"},
     object_idletime},
    {{.name = "REFCOUNT",
      .syntax = "key",
      .flags = kReadOnly,
      .keys = keys_at(2, 0, 1, kKeyRO),
      .summary = "Get the number of references to the value of the key",
      .since = "2.2.3",
      .complexity = "O(1)",
      .hints = "nondeterministic_output"},
     object_refcount},
};

constexpr Command<Call> kCommands[] = {
    {{.name = "KEYS",
      .syntax = "pattern",
      .flags = kReadOnly,
      .summary = "Find all keys matching the given pattern",
      .since = "1.0.0",
      .complexity = "O(N) with N being the number of keys in the database, under the assumption "
                    "that the key names in the database and the given pattern have limited length.",
      .hints = "request_policy:all_shards\nnondeterministic_output_order",
      .extra_categories = "dangerous"},
     keys},
    {{.name = "SCAN",
      .syntax = "cursor:integer [MATCH pattern] [COUNT count:integer] [TYPE type]@6.0.0",
      .flags = kReadOnly,
      .summary = "Incrementally iterate the keys space",
      .since = "2.8.0",
      .complexity =
          "O(1) for every call. O(N) for a complete iteration, including enough command calls for "
          "the cursor to return back to 0. N is the number of elements inside the collection.",
      .history = "6.0.0: Added the `TYPE` subcommand.",
      .hints = "nondeterministic_output\nrequest_policy:special"},
     scan},
    {{.name = "OBJECT",
      .summary = "A container for object introspection commands",
      .since = "2.2.3",
      .complexity = "Depends on subcommand."},
     nullptr,
     kObjectSubcommands},
};

}  // namespace

CommandFamily<Call> scan_commands() {
  return {.group = Group::kGeneric, .commands = kCommands};
}

}  // namespace redan
