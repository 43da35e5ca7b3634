// MODULE: Redan loads none, and says so in the way in which Redis says that it could not.
#include "common/command/docs.h"
#include "common/log/log.h"
#include "server/command/families.h"

namespace redan {
namespace {

Result<void> help(Call& call) {
  write_help(*call.entry().container, call.arg(0), call.reply());
  return kOk;
}

Result<void> list(Call& call) {
  call.reply().array(0);
  return kOk;
}

Result<void> load(Call& call) {
  log_warning("Module {} was not loaded: Redan loads no modules.", call.arg(2));
  return Error("Error loading the extension: Redan loads no modules.");
}

Result<void> unload(Call&) {
  return Error("Error unloading module: no such module with that name (Redan loads no modules)");
}

constexpr uint32_t kLoadFlags = kAdmin | kNoScript | kNoAsyncLoading | kProtected;

constexpr Command<Call> kModuleSubcommands[] = {
    {{.name = "HELP",
      .flags = kLoading | kStale,
      .summary = "Returns helpful text about the different subcommands.",
      .since = "5.0.0",
      .complexity = "O(1)"},
     help},
    {{.name = "LIST",
      .flags = kAdmin | kNoScript,
      .summary = "Returns all loaded modules.",
      .since = "4.0.0",
      .complexity = "O(N) where N is the number of loaded modules.",
      .hints = "nondeterministic_output_order"},
     list},
    {{.name = "LOAD",
      .syntax = "path [arg ...]",
      .flags = kLoadFlags,
      .summary = "Loads a module.",
      .since = "4.0.0",
      .complexity = "O(1)"},
     load},
    {{.name = "LOADEX",
      .syntax =
          "path [CONFIG (configs: name value) [CONFIG (configs: name value) ...]] [ARGS (args: "
          "arg) [(args: arg) ...]]",
      .flags = kLoadFlags,
      .summary = "Loads a module using extended parameters.",
      .since = "7.0.0",
      .complexity = "O(1)"},
     load},
    {{.name = "UNLOAD",
      .syntax = "name",
      .flags = kLoadFlags,
      .summary = "Unloads a module.",
      .since = "4.0.0",
      .complexity = "O(1)"},
     unload},
};

constexpr Command<Call> kCommands[] = {
    {{.name = "MODULE",
      .summary = "A container for module commands.",
      .since = "4.0.0",
      .complexity = "Depends on subcommand."},
     nullptr,
     kModuleSubcommands},
};

}  // namespace

CommandFamily<Call> module_commands() {
  return {.group = Group::kServer, .commands = kCommands};
}

}  // namespace redan
