// LATENCY: what held the data thread up, and how long commands take.
#include <fmt/core.h>

#include "common/command/docs.h"
#include "server/command/families.h"
#include "server/session/command_logs.h"
#include "server/session/server_stats.h"

namespace redan {
namespace {

Result<void> help(Call& call) {
  write_help(*call.entry().container, call.arg(0), call.reply());
  return kOk;
}

Result<void> latest(Call& call) {
  const auto& events = call.server().logs.latency.events();
  call.reply().array(events.size());
  for (const auto& [name, event] : events) {
    call.reply().array(4);
    call.reply().bulk(name);
    call.reply().integer(event.samples.back().unix_s);
    call.reply().integer(event.samples.back().ms);
    call.reply().integer(event.worst_ms);
  }
  return kOk;
}

Result<void> history(Call& call) {
  const LatencyEvents::Event* event = call.server().logs.latency.find(call.arg(2));
  call.reply().array(event == nullptr ? 0 : event->samples.size());
  if (event == nullptr) return kOk;
  for (const LatencyEvents::Sample& sample : event->samples) {
    call.reply().array(2);
    call.reply().integer(sample.unix_s);
    call.reply().integer(sample.ms);
  }
  return kOk;
}

Result<void> graph(Call& call) {
  const std::string_view name = call.arg(2);
  const LatencyEvents::Event* event = call.server().logs.latency.find(name);
  if (event == nullptr) return Error(fmt::format("No samples available for event '{}'", name));
  const LatencyEvents::Summary facts = LatencyEvents::summary(*event);
  std::string text = fmt::format("{} - high {} ms, low {} ms (all time high {} ms)\n{:->80}\n",
                                 name, facts.high_ms, facts.low_ms, event->worst_ms, "");
  text += LatencyEvents::graph(*event, call.keyspace().now_ms() / 1000);
  call.reply().verbatim("txt", text);
  return kOk;
}

Result<void> reset(Call& call) {
  LatencyEvents& latency = call.server().logs.latency;
  size_t forgotten = 0;
  if (call.arg_count() == 2) forgotten = latency.forget_all();
  for (size_t i = 2; i < call.arg_count(); ++i) forgotten += latency.forget(call.arg(i)) ? 1 : 0;
  call.reply().integer(static_cast<int64_t>(forgotten));
  return kOk;
}

// What an operator can do about a kind of event.
std::string_view advice(std::string_view event) {
  if (event == "command" || event == "fast-command") {
    return "SLOWLOG GET shows the calls (slowlog-log-slower-than must not be above the threshold). "
           "Large collections are better read in parts (HSCAN, SSCAN, ZSCAN, ranges), and deleted "
           "with UNLINK. If even quick commands were slow, another process had the processor: see "
           "'steal' and load of the machine.";
  }
  if (event == "expire-cycle") {
    return "Many keys expire at the same moment: spread their deadlines, or lower "
           "active-expire-effort.";
  }
  if (event.starts_with("eviction")) {
    return "Memory is at maxmemory and large values were evicted: set lazyfree-lazy-eviction yes, "
           "or give the node more memory.";
  }
  if (event.starts_with("aof")) {
    return "The disk is slow: see appendfsync, and what else writes to it.";
  }
  return "No advice is known for this kind of event.";
}

Result<void> doctor(Call& call) {
  const int64_t threshold_ms = call.config().latency_monitor_threshold;
  const auto& events = call.server().logs.latency.events();
  std::string text;
  if (threshold_ms <= 0 && events.empty()) {
    text =
        "Latency monitoring is off. CONFIG SET latency-monitor-threshold MILLISECONDS turns it on: "
        "what holds the node up for longer is kept from then on.\n";
  } else if (events.empty()) {
    text = fmt::format("Nothing has held this node up for {} ms or more.\n", threshold_ms);
  }
  int number = 0;
  for (const auto& [name, event] : events) {
    const LatencyEvents::Summary facts = LatencyEvents::summary(event);
    text += fmt::format(
        "{}. {}: {} spikes (average {} ms, mean deviation {} ms, every {:.1f} s). Worst of all "
        "time "
        "{} ms.\n   {}\n",
        ++number, name, event.samples.size(), facts.average_ms, facts.deviation_ms, facts.period_s,
        event.worst_ms, advice(name));
  }
  call.reply().verbatim("txt", text);
  return kOk;
}

const LatencyHistogram* histogram_of(Call& call, const CommandEntry& entry) {
  const CommandStats& stats = call.server().stats.commands[static_cast<size_t>(entry.id)];
  return stats.latency != nullptr && stats.latency->total() > 0 ? stats.latency.get() : nullptr;
}

void write_histogram(ReplyWriter& reply, const CommandEntry& entry,
                     const LatencyHistogram& histogram) {
  reply.bulk(entry.full_name);
  reply.map(2);
  reply.bulk("calls");
  reply.integer(static_cast<int64_t>(histogram.total()));
  reply.bulk("histogram_usec");
  const size_t start = reply.begin_deferred();
  size_t bounds = 0;
  histogram.for_each_power([&](uint64_t upper_us, uint64_t calls) {
    reply.integer(static_cast<int64_t>(upper_us));
    reply.integer(static_cast<int64_t>(calls));
    ++bounds;
  });
  reply.end_map(start, bounds);
}

// Of the commands that are named (a container stands for all of its), or of all.
Result<void> histogram(Call& call) {
  const auto is_wanted = [&](const CommandEntry& entry) {
    if (call.arg_count() == 2) return true;
    for (size_t i = 2; i < call.arg_count(); ++i) {
      const std::string_view name = call.arg(i);
      if (iequals(name, entry.full_name)) return true;
      const bool inside = entry.full_name.size() > name.size() &&
                          entry.full_name[name.size()] == '|' &&
                          iequals(std::string_view(entry.full_name).substr(0, name.size()), name);
      if (inside) return true;
    }
    return false;
  };
  const size_t start = call.reply().begin_deferred();
  size_t shown = 0;
  for (const CommandEntry* entry : call.server().commands.entries()) {
    const LatencyHistogram* found = is_wanted(*entry) ? histogram_of(call, *entry) : nullptr;
    if (found == nullptr) continue;
    write_histogram(call.reply(), *entry, *found);
    ++shown;
  }
  call.reply().end_map(start, shown);
  return kOk;
}

constexpr uint32_t kFlags = kAdmin | kNoScript | kLoading | kStale;
constexpr std::string_view kHints =
    "nondeterministic_output\nrequest_policy:all_nodes\nresponse_policy:special";

constexpr Command<Call> kSubcommands[] = {
    {{.name = "DOCTOR",
      .flags = kFlags,
      .summary = "Return a human readable latency analysis report",
      .since = "2.8.13",
      .complexity = "O(1)",
      .hints = kHints},
     doctor},
    {{.name = "GRAPH",
      .syntax = "event",
      .flags = kFlags,
      .summary = "Return a latency graph for the event",
      .since = "2.8.13",
      .complexity = "O(1)",
      .hints = kHints},
     graph},
    {{.name = "HELP",
      .flags = kLoading | kStale,
      .summary = "Show helpful text about the different subcommands",
      .since = "2.8.13",
      .complexity = "O(1)"},
     help},
    {{.name = "HISTOGRAM",
      .syntax = "[command ...]",
      .flags = kFlags,
      .summary = "Return the cumulative distribution of latencies of a subset of commands or all",
      .since = "7.0.0",
      .complexity =
          "O(N) where N is the number of commands with latency information being retrieved.",
      .hints = kHints},
     histogram},
    {{.name = "HISTORY",
      .syntax = "event",
      .flags = kFlags,
      .summary = "Return timestamp-latency samples for the event",
      .since = "2.8.13",
      .complexity = "O(1)",
      .hints = kHints},
     history},
    {{.name = "LATEST",
      .flags = kFlags,
      .summary = "Return the latest latency samples for all events",
      .since = "2.8.13",
      .complexity = "O(1)",
      .hints = kHints},
     latest},
    {{.name = "RESET",
      .syntax = "[event ...]",
      .flags = kFlags,
      .summary = "Reset latency data for one or more events",
      .since = "2.8.13",
      .complexity = "O(1)",
      .hints = "request_policy:all_nodes\nresponse_policy:all_succeeded"},
     reset},
};

constexpr Command<Call> kCommands[] = {
    {{.name = "LATENCY",
      .summary = "A container for latency diagnostics commands",
      .since = "2.8.13",
      .complexity = "Depends on subcommand."},
     nullptr,
     kSubcommands},
};

}  // namespace

CommandFamily<Call> latency_commands() {
  return {.group = Group::kServer, .commands = kCommands};
}

}  // namespace redan
