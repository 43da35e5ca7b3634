// Calls that stood out: SLOWLOG, and COMMANDLOG with which Valkey 8.1 asks for the same log and two
// more.
#include <algorithm>
#include <optional>

#include "common/base/parse.h"
#include "common/command/docs.h"
#include "server/command/families.h"
#include "server/session/command_logs.h"

namespace redan {
namespace {

Result<void> help(Call& call) {
  write_help(*call.entry().container, call.arg(0), call.reply());
  return kOk;
}

void write_entries(const SlowLog& log, int64_t wanted, ReplyWriter& reply) {
  const auto& entries = log.entries();
  size_t shown = entries.size();
  if (wanted >= 0) shown = std::min(shown, static_cast<size_t>(wanted));
  reply.array(shown);
  for (size_t i = 0; i < shown; ++i) {
    const SlowLog::Entry& entry = entries[i];
    reply.array(6);
    reply.integer(entry.id);
    reply.integer(entry.unix_s);
    reply.integer(entry.amount);
    reply.array(entry.args.size());
    for (const std::string& arg : entry.args) reply.bulk(arg);
    reply.bulk(entry.peer);
    reply.bulk(entry.client_name);
  }
}

Result<int64_t> count_arg(std::string_view word) {
  const std::optional<int64_t> asked = parse_int64(word);
  if (!asked || *asked < -1) return Error("count should be greater than or equal to -1");
  return *asked;
}

Result<void> slowlog_get(Call& call) {
  int64_t wanted = 10;
  if (call.arg_count() > 3) return wrong_arity("slowlog|get");
  if (call.arg_count() == 3) {
    const Result<int64_t> asked = count_arg(call.arg(2));
    if (!asked) return asked.error();
    wanted = *asked;
  }
  write_entries(call.server().logs.slow, wanted, call.reply());
  return kOk;
}

Result<void> slowlog_len(Call& call) {
  call.reply().integer(static_cast<int64_t>(call.server().logs.slow.entries().size()));
  return kOk;
}

Result<void> slowlog_reset(Call& call) {
  call.server().logs.slow.reset();
  call.reply().ok();
  return kOk;
}

// The log that the last word names.
Result<SlowLog*> named_log(Call& call) {
  CommandLogs& logs = call.server().logs;
  const std::string_view name = call.arg(call.arg_count() - 1);
  if (iequals(name, "slow")) return &logs.slow;
  if (iequals(name, "large-request")) return &logs.large_requests;
  if (iequals(name, "large-reply")) return &logs.large_replies;
  return Error("type should be one of the following: slow, large-request, large-reply");
}

Result<void> commandlog_get(Call& call) {
  const Result<int64_t> wanted = count_arg(call.arg(2));
  if (!wanted) return wanted.error();
  const Result<SlowLog*> log = named_log(call);
  if (!log) return log.error();
  write_entries(**log, *wanted, call.reply());
  return kOk;
}

Result<void> commandlog_len(Call& call) {
  const Result<SlowLog*> log = named_log(call);
  if (!log) return log.error();
  call.reply().integer(static_cast<int64_t>((*log)->entries().size()));
  return kOk;
}

Result<void> commandlog_reset(Call& call) {
  const Result<SlowLog*> log = named_log(call);
  if (!log) return log.error();
  (*log)->reset();
  call.reply().ok();
  return kOk;
}

constexpr Command<Call> kSlowlogSubcommands[] = {
    {{.name = "GET",
      .syntax = "[count:integer]",
      .flags = kAdmin | kLoading | kStale,
      .summary = "Get the slow log's entries",
      .since = "2.2.12",
      .complexity = "O(N) where N is the number of entries returned",
      .history = "4.0.0: Added client IP address, port and name to the reply.",
      .hints = "request_policy:all_nodes\nnondeterministic_output"},
     slowlog_get},
    {{.name = "HELP",
      .flags = kLoading | kStale,
      .summary = "Show helpful text about the different subcommands",
      .since = "6.2.0",
      .complexity = "O(1)"},
     help},
    {{.name = "LEN",
      .flags = kAdmin | kLoading | kStale,
      .summary = "Get the slow log's length",
      .since = "2.2.12",
      .complexity = "O(1)",
      .hints = "request_policy:all_nodes\nresponse_policy:agg_sum\nnondeterministic_output"},
     slowlog_len},
    {{.name = "RESET",
      .flags = kAdmin | kLoading | kStale,
      .summary = "Clear all entries from the slow log",
      .since = "2.2.12",
      .complexity = "O(N) where N is the number of entries in the slowlog",
      .hints = "request_policy:all_nodes\nresponse_policy:all_succeeded"},
     slowlog_reset},
};

constexpr Command<Call> kCommandlogSubcommands[] = {
    {{.name = "GET",
      .syntax = "count:integer type",
      .flags = kAdmin | kLoading | kStale,
      .summary = "Get entries of a log: type is slow, large-request or large-reply",
      .since = "8.1.0",
      .complexity = "O(N) where N is the number of entries returned",
      .hints = "request_policy:all_nodes\nnondeterministic_output"},
     commandlog_get},
    {{.name = "HELP",
      .flags = kLoading | kStale,
      .summary = "Show helpful text about the different subcommands",
      .since = "8.1.0",
      .complexity = "O(1)"},
     help},
    {{.name = "LEN",
      .syntax = "type",
      .flags = kAdmin | kLoading | kStale,
      .summary = "Get the number of a log's entries",
      .since = "8.1.0",
      .complexity = "O(1)",
      .hints = "request_policy:all_nodes\nresponse_policy:agg_sum\nnondeterministic_output"},
     commandlog_len},
    {{.name = "RESET",
      .syntax = "type",
      .flags = kAdmin | kLoading | kStale,
      .summary = "Clear a log",
      .since = "8.1.0",
      .complexity = "O(N) where N is the number of the log's entries",
      .hints = "request_policy:all_nodes\nresponse_policy:all_succeeded"},
     commandlog_reset},
};

constexpr Command<Call> kCommands[] = {
    {{.name = "COMMANDLOG",
      .summary = "A container for commands about calls that stood out",
      .since = "8.1.0",
      .complexity = "Depends on subcommand."},
     nullptr,
     kCommandlogSubcommands},
    {{.name = "SLOWLOG",
      .summary = "A container for slow log commands",
      .since = "2.2.12",
      .complexity = "Depends on subcommand."},
     nullptr,
     kSlowlogSubcommands},
};

}  // namespace

CommandFamily<Call> command_log_commands() {
  return {.group = Group::kServer, .commands = kCommands};
}

}  // namespace redan
