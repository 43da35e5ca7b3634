// What operators ask of a node: INFO, CONFIG, COMMAND, TIME, saving, SHUTDOWN.

#include "common/base/glob.h"
#include "common/base/parse.h"
#include "common/command/docs.h"
#include "server/command/families.h"
#include "server/session/node_control.h"

namespace redan {

namespace {

Result<void> info(Call& call) {
  call.reply().verbatim("txt", call.server().control.info(call.args().subspan(1)));
  return kOk;
}

Result<void> time(Call& call) {
  const int64_t us = call.server().control.wall_now_us();
  call.reply().array(2);
  call.reply().bulk_integer(us / 1'000'000);
  call.reply().bulk_integer(us % 1'000'000);
  return kOk;
}

Result<void> config_get(Call& call) {
  const auto values = call.server().options.get(call.args().subspan(2));
  call.reply().map(values.size());
  for (const auto& [name, value] : values) {
    call.reply().bulk(name);
    call.reply().bulk(value);
  }
  return kOk;
}

bool allowed(LocalAllowed rule, const Session& session) {
  if (rule != LocalAllowed::kLocal) return rule == LocalAllowed::kYes;
  if (session.connection == nullptr || session.unix_socket) return true;
  const std::string peer = session.connection->peer_address();
  return peer.starts_with("127.") || peer.starts_with("[::1]");
}

Result<void> config_set(Call& call) {
  const Registry::Rights rights{
      .may_set_protected = allowed(call.config().enable_protected_configs, call.session()),
      .loading = call.server().replication.loading()};
  if (call.arg_count() % 2 != 0) return wrong_arity("config|set");
  if (Result<void> result = call.server().options.set(call.args().subspan(2), rights); !result) {
    return result.error();
  }
  call.reply().ok();
  return kOk;
}

Result<void> config_resetstat(Call& call) {
  call.server().control.reset_stats();
  call.reply().ok();
  return kOk;
}

Result<void> config_rewrite(Call& call) {
  if (Result<void> result = call.server().control.rewrite_config(); !result) return result.error();
  call.reply().ok();
  return kOk;
}

Result<void> help(Call& call) {
  write_help(*call.entry().container, call.arg(0), call.reply());
  return kOk;
}

Result<void> command(Call& call) {
  command_all(call.server().commands, call.reply());
  return kOk;
}
Result<void> count(Call& call) {
  command_count(call.server().commands, call.reply());
  return kOk;
}
Result<void> list(Call& call) {
  return command_list(call.server().commands, call.args(), call.reply());
}
Result<void> details(Call& call) {
  command_info(call.server().commands, call.args(), call.reply());
  return kOk;
}
Result<void> docs(Call& call) {
  command_docs(call.server().commands, call.args(), call.reply());
  return kOk;
}
Result<void> getkeys(Call& call) {
  return command_getkeys(call.server().commands, call.args(), call.reply());
}
Result<void> getkeysandflags(Call& call) {
  return command_getkeysandflags(call.server().commands, call.args(), call.reply());
}

Result<void> save(Call& call) {
  if (Result<void> result = call.server().snapshots.save(); !result) return result.error();
  call.reply().ok();
  return kOk;
}

Result<void> bgsave(Call& call) {
  const bool schedule = call.arg_count() == 2 && iequals(call.arg(1), "schedule");
  if (call.arg_count() > 1 && !schedule) return syntax_error();
  SnapshotService& snapshots = call.server().snapshots;
  if (schedule && snapshots.in_progress()) {
    snapshots.schedule_background_save();
    call.reply().simple("Background saving scheduled");
    return kOk;
  }
  if (Result<void> result = snapshots.begin_background_save(); !result) return result.error();
  call.reply().simple("Background saving started");
  return kOk;
}

Result<void> lastsave(Call& call) {
  call.reply().integer(call.server().snapshots.last_save_unix_s());
  return kOk;
}

Result<void> shutdown(Call& call) {
  ShutdownRequest request;
  bool abort = false;
  for (size_t i = 1; i < call.arg_count(); ++i) {
    if (iequals(call.arg(i), "nosave")) {
      request.nosave = true;
    } else if (iequals(call.arg(i), "save")) {
      request.save = true;
    } else if (iequals(call.arg(i), "now")) {
      request.now = true;
    } else if (iequals(call.arg(i), "force")) {
      request.force = true;
    } else if (iequals(call.arg(i), "abort")) {
      abort = true;
    } else {
      return syntax_error();
    }
  }
  const bool any = request.nosave || request.save || request.now || request.force;
  if ((abort && any) || (request.nosave && request.save)) return syntax_error();
  if (abort) {
    if (Result<void> result = call.server().control.abort_shutdown(); !result) {
      return result.error();
    }
    call.reply().ok();
    return kOk;
  }
  return call.server().control.shut_down(request);
}

constexpr Command<Call> kCommandSubcommands[] = {
    {{.name = "COUNT",
      .flags = kLoading | kStale,
      .summary = "Get total number of Redis commands",
      .since = "2.8.13",
      .complexity = "O(1)",
      .extra_categories = "connection"},
     count},
    {{.name = "DOCS",
      .syntax = "[command-name [command-name ...]]",
      .flags = kLoading | kStale,
      .summary = "Get array of specific Redis command documentation",
      .since = "7.0.0",
      .complexity = "O(N) where N is the number of commands to look up",
      .hints = "nondeterministic_output_order",
      .extra_categories = "connection"},
     docs},
    {{.name = "GETKEYS",
      .flags = kLoading | kStale,
      .summary = "Extract keys given a full Redis command",
      .since = "2.8.13",
      .complexity = "O(N) where N is the number of arguments to the command",
      .arity = -4,
      .extra_categories = "connection"},
     getkeys},
    {{.name = "GETKEYSANDFLAGS",
      .flags = kLoading | kStale,
      .summary = "Extract keys and access flags given a full Redis command",
      .since = "7.0.0",
      .complexity = "O(N) where N is the number of arguments to the command",
      .arity = -4,
      .extra_categories = "connection"},
     getkeysandflags},
    {{.name = "HELP",
      .flags = kLoading | kStale,
      .summary = "Show helpful text about the different subcommands",
      .since = "5.0.0",
      .complexity = "O(1)",
      .extra_categories = "connection"},
     help},
    {{.name = "INFO",
      .syntax = "[command-name [command-name ...]]",
      .flags = kLoading | kStale,
      .summary = "Get array of specific Redis command details, or all when no argument is given.",
      .since = "2.8.13",
      .complexity = "O(N) where N is the number of commands to look up",
      .history = "7.0.0: Allowed to be called with no argument to get info on all commands.",
      .hints = "nondeterministic_output_order",
      .extra_categories = "connection"},
     details},
    {{.name = "LIST",
      .syntax = "[FILTERBY (filterby: MODULE module-name|ACLCAT category|PATTERN pattern)]",
      .flags = kLoading | kStale,
      .summary = "Get an array of Redis command names",
      .since = "7.0.0",
      .complexity = "O(N) where N is the total number of Redis commands",
      .hints = "nondeterministic_output_order",
      .extra_categories = "connection"},
     list},
};

constexpr Command<Call> kConfigSubcommands[] = {
    {{.name = "GET",
      .syntax = "parameter [parameter: parameter ...]",
      .flags = kAdmin | kNoScript | kLoading | kStale,
      .summary = "Get the values of configuration parameters",
      .since = "2.0.0",
      .complexity = "O(N) when N is the number of configuration parameters provided",
      .history = "7.0.0: Added the ability to pass multiple pattern parameters in one call"},
     config_get},
    {{.name = "HELP",
      .flags = kLoading | kStale,
      .summary = "Show helpful text about the different subcommands",
      .since = "5.0.0",
      .complexity = "O(1)"},
     help},
    {{.name = "RESETSTAT",
      .flags = kAdmin | kNoScript | kLoading | kStale,
      .summary = "Reset the stats returned by INFO",
      .since = "2.0.0",
      .complexity = "O(1)"},
     config_resetstat},
    {{.name = "REWRITE",
      .flags = kAdmin | kNoScript | kLoading | kStale,
      .summary = "Rewrite the configuration file with the in memory configuration",
      .since = "2.8.0",
      .complexity = "O(1)"},
     config_rewrite},
    {{.name = "SET",
      .syntax = "parameter value [parameter value ...]",
      .flags = kAdmin | kNoScript | kLoading | kStale,
      .summary = "Set configuration parameters to the given values",
      .since = "2.0.0",
      .complexity = "O(N) when N is the number of configuration parameters provided",
      .history = "7.0.0: Added the ability to set multiple parameters in one call.",
      .hints = "request_policy:all_nodes\nresponse_policy:all_succeeded"},
     config_set},
};

constexpr Command<Call> kCommands[] = {
    {{.name = "BGSAVE",
      .syntax = "[SCHEDULE]@3.2.2",
      .flags = kAdmin | kNoScript | kNoAsyncLoading,
      .summary = "Asynchronously save the dataset to disk",
      .since = "1.0.0",
      .complexity = "O(1)",
      .history = "3.2.2: Added the `SCHEDULE` option."},
     bgsave},
    {{.name = "COMMAND",
      .flags = kLoading | kStale,
      .summary = "Get array of Redis command details",
      .since = "2.8.13",
      .complexity = "O(N) where N is the total number of Redis commands",
      .arity = -1,
      .hints = "nondeterministic_output_order",
      .extra_categories = "connection"},
     command,
     kCommandSubcommands},
    {{.name = "CONFIG",
      .summary = "A container for server configuration commands",
      .since = "2.0.0",
      .complexity = "Depends on subcommand."},
     nullptr,
     kConfigSubcommands},
    {{.name = "INFO",
      .syntax = "[section [section ...]]",
      .flags = kLoading | kStale,
      .summary = "Get information and statistics about the server",
      .since = "1.0.0",
      .complexity = "O(1)",
      .history = "7.0.0: Added support for taking multiple section arguments.",
      .hints = "nondeterministic_output\nrequest_policy:all_shards\nresponse_policy:special",
      .extra_categories = "dangerous"},
     info},
    {{.name = "LASTSAVE",
      .flags = kLoading | kStale | kFast,
      .summary = "Get the UNIX time stamp of the last successful save to disk",
      .since = "1.0.0",
      .complexity = "O(1)",
      .hints = "nondeterministic_output",
      .extra_categories = "admin dangerous"},
     lastsave},
    {{.name = "SAVE",
      .flags = kAdmin | kNoScript | kNoAsyncLoading | kNoMulti,
      .summary = "Synchronously save the dataset to disk",
      .since = "1.0.0",
      .complexity = "O(N) where N is the total number of keys in all databases"},
     save},
    {{.name = "SHUTDOWN",
      .syntax = "[nosave_save: NOSAVE|SAVE] [NOW]@7.0.0 [FORCE]@7.0.0 [ABORT]@7.0.0",
      .flags = kAdmin | kNoScript | kLoading | kStale | kNoMulti | kAllowBusy,
      .summary = "Synchronously save the dataset to disk and then shut down the server",
      .since = "1.0.0",
      .complexity = "O(N) when saving, where N is the total number of keys in all databases when "
                    "saving data, otherwise O(1)",
      .history = "7.0.0: Added the `NOW`, `FORCE` and `ABORT` modifiers."},
     shutdown},
    {{.name = "TIME",
      .flags = kLoading | kStale | kFast,
      .summary = "Return the current server time",
      .since = "2.6.0",
      .complexity = "O(1)",
      .hints = "nondeterministic_output"},
     time},
};

}  // namespace

CommandFamily<Call> admin_commands() {
  return {.group = Group::kServer, .commands = kCommands};
}

}  // namespace redan
