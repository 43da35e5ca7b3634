// MEMORY: what a key takes, what all of it is used for, and whether something looks wrong.
#include <algorithm>
#include <string>

#include "common/command/args.h"
#include "common/command/docs.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/node/memory_report.h"
#include "server/session/server_stats.h"

namespace redan {
namespace {

double ratio(int64_t a, int64_t b) {
  return b > 0 ? static_cast<double>(a) / static_cast<double>(b) : 0.0;
}

// The count is kept exactly as values change, so that nothing has to be sampled; the option is
// checked all the same.
Result<void> usage(Call& call) {
  ArgReader words(call.args(), 3);
  while (words.more()) {
    if (!words.match_with("SAMPLES", 1)) return syntax_error();
    const Result<int64_t> samples = words.integer();
    if (!samples) return samples.error();
    if (*samples < 0) return syntax_error();
  }
  const Entry* entry = call.keyspace().peek(call.db(), call.arg(2));
  if (entry == nullptr) {
    call.reply().null();
  } else {
    call.reply().integer(static_cast<int64_t>(entry->memory_bytes()));
  }
  return kOk;
}

// One line of MEMORY STATS after another.
class StatsWriter {
 public:
  explicit StatsWriter(ReplyWriter& reply) : reply_(reply), start_(reply.begin_deferred()) {}
  void number(std::string_view name, int64_t value) {
    reply_.bulk(name);
    reply_.integer(value);
    ++fields_;
  }
  void fraction(std::string_view name, double value) {
    reply_.bulk(name);
    reply_.number_double(value);
    ++fields_;
  }
  // Of one database; a cluster's node keeps a table for each slot, which are told together.
  void database(int db, size_t table_bytes) {
    reply_.bulk("db." + std::to_string(db));
    reply_.map(3);
    reply_.bulk("overhead.hashtable.main");
    reply_.integer(static_cast<int64_t>(table_bytes));
    reply_.bulk("overhead.hashtable.expires");
    reply_.integer(0);  // Deadlines stand in the keys, without a table of their own.
    reply_.bulk("overhead.hashtable.slot-to-keys");
    reply_.integer(0);
    ++fields_;
  }
  void finish() { reply_.end_map(start_, fields_); }

 private:
  ReplyWriter& reply_;
  size_t start_;
  size_t fields_ = 0;
};

Result<void> stats(Call& call) {
  const MemoryReport report = memory_report(call.server());
  const MemoryUse& use = report.use;
  const Keyspace& keyspace = call.keyspace();
  const auto keys = static_cast<int64_t>(keyspace.total_size());
  const int64_t grown = std::max<int64_t>(0, use.used - report.startup);
  StatsWriter out(call.reply());
  out.number("peak.allocated", report.peak);
  out.number("total.allocated", use.used);
  out.number("startup.allocated", report.startup);
  out.number("replication.backlog", report.replication.backlog_bytes);
  out.number("clients.slaves", report.replicas);
  out.number("clients.normal", report.clients);
  out.number("cluster.links", report.links);
  out.number("aof.buffer", 0);
  out.number("lua.caches", 0);
  out.number("functions.caches", 0);
  for (int db = 0; db < keyspace.databases(); ++db) {
    if (keyspace.size(db) > 0) out.database(db, keyspace.table_bytes(db));
  }
  out.number("overhead.total", report.overhead());
  out.number("keys.count", keys);
  out.number("keys.bytes-per-key", keys > 0 ? grown / keys : 0);
  out.number("dataset.bytes", report.dataset());
  out.fraction("dataset.percentage", 100 * ratio(report.dataset(), grown));
  out.fraction("peak.percentage", 100 * ratio(use.used, report.peak));
  out.number("allocator.allocated", use.used);
  out.number("allocator.active", use.active);
  out.number("allocator.resident", use.resident);
  out.fraction("allocator-fragmentation.ratio", ratio(use.active, use.used));
  out.number("allocator-fragmentation.bytes", use.active - use.used);
  out.fraction("allocator-rss.ratio", ratio(use.resident, use.active));
  out.number("allocator-rss.bytes", use.resident - use.active);
  out.fraction("rss-overhead.ratio", ratio(use.rss, use.resident));
  out.number("rss-overhead.bytes", use.rss - use.resident);
  out.fraction("fragmentation", ratio(use.rss, use.used));
  out.number("fragmentation.bytes", use.rss - use.used);
  out.finish();
  return kOk;
}

// Each finding with what to do about it; where a bound comes from Redis' doctor, it is the same.
std::string findings(const MemoryReport& report) {
  constexpr int64_t kMegabyte = 1024 * 1024;
  const MemoryUse& use = report.use;
  if (use.used < 5 * kMegabyte) {
    return "There is next to no data here, so that nothing can be said about its memory.";
  }
  std::string text;
  const auto found = [&](std::string_view what) { text.append(" * ").append(what).append("\n"); };
  if (ratio(report.peak, use.used) > 1.5) {
    found(
        "Peak: more than half as much again was in use once. The allocator may keep that memory; "
        "it comes to use when the data grows, MEMORY PURGE gives part of it back.");
  }
  if (ratio(use.active, use.used) > 1.1 && use.active - use.used > 10 * kMegabyte) {
    found(
        "Fragmentation: pages hold holes that no value fits into. It falls as keys are written; "
        "a restart, or a failover to a replica that was synchronized anew, ends it.");
  }
  if (ratio(use.resident, use.active) > 1.1 && use.resident - use.active > 10 * kMegabyte) {
    found("Unused pages: the allocator has not given them back yet. MEMORY PURGE does.");
  }
  if (ratio(use.rss, use.resident) > 1.1 && use.rss - use.resident > 10 * kMegabyte) {
    found(
        "Outside of the allocator: the process has more memory than its values explain, such as "
        "buffers of threads or of modules.");
  }
  if (report.replica_count > 0 && report.replicas / report.replica_count > 10 * kMegabyte) {
    found(
        "Replicas: more than 10 MB wait for each. A replica or its network is too slow for the "
        "writes; see client-output-buffer-limit.");
  }
  if (report.client_count > 0 && report.clients / report.client_count > 200 * 1024) {
    found(
        "Clients: more than 200 KB of buffers for each. One of them sends or asks for very large "
        "values, or does not read its replies; CLIENT LIST names it (qbuf, omem).");
  }
  if (text.empty()) return "No problem was found in the memory of this instance.";
  return "Found in the memory of this instance:\n\n" + text;
}

Result<void> doctor(Call& call) {
  call.reply().verbatim("txt", findings(memory_report(call.server())));
  return kOk;
}

Result<void> malloc_stats(Call& call) {
  call.reply().verbatim("txt", allocator_report());
  return kOk;
}

Result<void> purge(Call& call) {
  purge_memory();
  call.server().stats.memory_sample.reset();
  call.reply().ok();
  return kOk;
}

Result<void> help(Call& call) {
  write_help(*call.entry().container, call.arg(0), call.reply());
  return kOk;
}

constexpr std::string_view kToAllShards =
    "nondeterministic_output\nrequest_policy:all_shards\nresponse_policy:special";

constexpr Command<Call> kSubcommands[] = {
    {{.name = "DOCTOR",
      .summary = "Outputs a memory problems report.",
      .since = "4.0.0",
      .complexity = "O(1)",
      .hints = kToAllShards},
     doctor},
    {{.name = "HELP",
      .flags = kLoading | kStale,
      .summary = "Returns helpful text about the different subcommands.",
      .since = "4.0.0",
      .complexity = "O(1)"},
     help},
    {{.name = "MALLOC-STATS",
      .summary = "Returns the allocator statistics.",
      .since = "4.0.0",
      .complexity = "Depends on how much memory is allocated, could be slow",
      .hints = kToAllShards},
     malloc_stats},
    {{.name = "PURGE",
      .summary = "Asks the allocator to release memory.",
      .since = "4.0.0",
      .complexity = "Depends on how much memory is allocated, could be slow",
      .hints = "request_policy:all_shards\nresponse_policy:all_succeeded"},
     purge},
    {{.name = "STATS",
      .summary = "Returns details about memory usage.",
      .since = "4.0.0",
      .complexity = "O(1)",
      .hints = kToAllShards},
     stats},
    {{.name = "USAGE",
      .syntax = "key [SAMPLES count:integer]",
      .flags = kReadOnly,
      .keys = keys_at(2, 0, 1, kKeyRO),
      .summary = "Estimates the memory usage of a key.",
      .since = "4.0.0",
      .complexity = "O(N) where N is the number of samples."},
     usage},
};

constexpr Command<Call> kCommands[] = {
    {{.name = "MEMORY",
      .summary = "A container for memory diagnostics commands.",
      .since = "4.0.0",
      .complexity = "Depends on subcommand."},
     nullptr,
     kSubcommands},
};

}  // namespace

CommandFamily<Call> memory_commands() {
  return {.group = Group::kServer, .commands = kCommands};
}

}  // namespace redan
