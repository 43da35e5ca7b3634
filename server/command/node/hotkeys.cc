// HOTKEYS: which keys the node spends its time and its network on. Source: Redis 8.6.
#include "common/base/slot_set.h"
#include "common/command/args.h"
#include "common/command/docs.h"
#include "server/command/families.h"
#include "server/session/command_logs.h"

namespace redan {
namespace {

constexpr int64_t kMostKeys = 64;
constexpr int64_t kMostSeconds = 1'000'000;

Result<void> help(Call& call) {
  write_help(*call.entry().container, call.arg(0), call.reply());
  return kOk;
}

// METRICS count [CPU] [NET]
Result<void> read_metrics(ArgReader& words, HotKeys::Options& options) {
  const Result<int64_t> count = words.integer(1, 2);
  if (!count) return count.error();
  for (int64_t i = 0; i < *count; ++i) {
    if (!options.time && words.match("CPU")) {
      options.time = true;
    } else if (!options.bytes && words.match("NET")) {
      options.bytes = true;
    } else {
      return Error("METRICS wants so many different ones of CPU and NET");
    }
  }
  return kOk;
}

// SLOTS count slot [slot ...]
Result<void> read_slots(Call& call, ArgReader& words, HotKeys::Options& options) {
  if (call.server().cluster == nullptr) return Error("SLOTS can only be used in cluster mode");
  const Result<int64_t> count = words.integer(1, kSlotCount);
  if (!count) return count.error();
  SlotSet slots;
  for (int64_t i = 0; i < *count; ++i) {
    const Result<int64_t> slot = words.integer(0, kSlotCount - 1);
    if (!slot) return slot.error();
    slots.add(Slot(static_cast<uint16_t>(*slot)));
  }
  options.slots = slots;
  return kOk;
}

Result<void> start(Call& call) {
  HotKeys& hot = call.server().logs.hot_keys;
  if (hot.active()) return Error("hotkeys tracking is already running: HOTKEYS STOP ends it");
  HotKeys::Options options;
  ArgReader words(call.args(), 2);
  while (words.more()) {
    Result<void> read = kOk;
    if (words.match("METRICS")) {
      read = read_metrics(words, options);
    } else if (words.match("COUNT")) {
      const Result<int64_t> count = words.integer(1, kMostKeys);
      if (!count) return count.error();
      options.count = static_cast<size_t>(*count);
    } else if (words.match("DURATION")) {
      const Result<int64_t> seconds = words.integer(1, kMostSeconds);
      if (!seconds) return seconds.error();
      options.duration_ms = *seconds * 1000;
    } else if (words.match("SAMPLE")) {
      const Result<int64_t> ratio = words.integer(1, INT32_MAX);
      if (!ratio) return ratio.error();
      options.sample = static_cast<uint64_t>(*ratio);
    } else if (words.match("SLOTS")) {
      read = read_slots(call, words, options);
    } else {
      return syntax_error();
    }
    if (!read) return read;
  }
  if (!options.time && !options.bytes) {
    return Error("METRICS is missing: HOTKEYS START METRICS 2 CPU NET asks for all there is");
  }
  hot.start(std::move(options), call.keyspace().now_ms(), call.server().rng.next());
  call.reply().ok();
  return kOk;
}

Result<void> stop(Call& call) {
  HotKeys& hot = call.server().logs.hot_keys;
  if (!hot.active()) {
    call.reply().null();
    return kOk;
  }
  hot.stop(call.keyspace().now_ms());
  call.reply().ok();
  return kOk;
}

Result<void> reset(Call& call) {
  HotKeys& hot = call.server().logs.hot_keys;
  if (hot.active()) return Error("hotkeys tracking is running: HOTKEYS STOP ends it first");
  hot.reset();
  call.reply().ok();
  return kOk;
}

void write_number(ReplyWriter& reply, std::string_view name, uint64_t value) {
  reply.bulk(name);
  reply.integer(static_cast<int64_t>(value));
}

void write_keys(ReplyWriter& reply, std::string_view name,
                const std::vector<HeavyHitters::Sum>& keys, uint64_t unit) {
  reply.bulk(name);
  reply.array(keys.size() * 2);
  for (const auto& [key, amount] : keys) {
    reply.bulk(key);
    reply.integer(static_cast<int64_t>(amount / unit));
  }
}

void write_slots(ReplyWriter& reply, const HotKeys::Options& options) {
  reply.bulk("selected-slots");
  reply.array(options.slots ? options.slots->size() : 0);
  if (!options.slots) return;
  options.slots->for_each([&](Slot slot) { reply.integer(slot.value); });
}

Result<void> get(Call& call) {
  const HotKeys& hot = call.server().logs.hot_keys;
  ReplyWriter& reply = call.reply();
  if (!hot.started()) {
    reply.null();
    return kOk;
  }
  const HotKeys::Options& options = hot.options();
  reply.map(7 + (options.time ? 1 : 0) + (options.bytes ? 1 : 0));
  write_number(reply, "tracking-active", hot.active() ? 1 : 0);
  write_number(reply, "sample-ratio", options.sample);
  write_slots(reply, options);
  write_number(reply, "all-commands-all-slots-us", hot.totals().time_ns / 1000);
  write_number(reply, "net-bytes-all-commands-all-slots", hot.totals().bytes);
  write_number(reply, "collection-start-time-unix-ms", static_cast<uint64_t>(hot.started_ms()));
  write_number(reply, "collection-duration-ms",
               static_cast<uint64_t>(hot.duration_ms(call.keyspace().now_ms())));
  if (options.time) write_keys(reply, "by-cpu-time-us", hot.by_time_ns(), 1000);
  if (options.bytes) write_keys(reply, "by-net-bytes", hot.by_bytes(), 1);
  return kOk;
}

constexpr uint32_t kFlags = kAdmin | kNoScript;

constexpr Command<Call> kSubcommands[] = {
    {{.name = "GET",
      .flags = kFlags,
      .summary = "Answers the hottest keys, and what was measured",
      .since = "8.6.0",
      .complexity = "O(N log N) where N is the number of keys that are kept, at most 8192",
      .hints = "nondeterministic_output"},
     get},
    {{.name = "HELP",
      .flags = kLoading | kStale,
      .summary = "Show helpful text about the different subcommands",
      .since = "8.6.1",
      .complexity = "O(1)"},
     help},
    {{.name = "RESET",
      .flags = kFlags,
      .summary = "Forgets what was measured",
      .since = "8.6.0",
      .complexity = "O(N) where N is the number of keys that are kept"},
     reset},
    {{.name = "START",
      .syntax = "METRICS (count:integer [CPU] [NET]) [COUNT k:integer] [DURATION seconds:integer] "
                "[SAMPLE ratio:integer] [SLOTS (count:integer slot:integer [slot:integer ...])]",
      .flags = kFlags,
      .summary = "Begins to measure which keys take time (CPU) and network (NET)",
      .since = "8.6.0",
      .complexity = "O(1); sampled calls cost about twice as much until HOTKEYS STOP"},
     start},
    {{.name = "STOP",
      .flags = kFlags,
      .summary = "Ends the measurement; its result stays",
      .since = "8.6.0",
      .complexity = "O(1)"},
     stop},
};

constexpr Command<Call> kCommands[] = {
    {{.name = "HOTKEYS",
      .summary = "A container for commands about keys that take much time or network",
      .since = "8.6.0",
      .complexity = "Depends on subcommand."},
     nullptr,
     kSubcommands},
};

}  // namespace

CommandFamily<Call> hotkeys_commands() {
  return {.group = Group::kServer, .commands = kCommands};
}

}  // namespace redan
