// The command line of the servers, as Redis reads it:
//   redan-server [file] [-] [--directive value ...] [-]      "-": standard input too
//   redan-server --help | --version | --check-system | --check-config FILE | ...
// First the file counts, then standard input, then the directives; the last word wins. A directive
// takes at least one value, even one that begins with "--"; "--port 6380" may be one argument.
// Boost.Program_options knows the switches and prints the help; a style parser of ours gives it
// Redis' way of telling directives from values.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/file.h"
#include "common/config/registry.h"

namespace redan {

struct CommandLine {
  enum class Action : uint8_t {
    kRun,
    kHelp,
    kVersion,
    kCheckSystem,
    kCheckConfig,  // `config_file` is the file
    kPrintSampleConfig,
  };
  struct Directive {
    Words words;        // the name and its values
    std::string shown;  // as an error shows it: port "6380"
  };

  Action action = Action::kRun;
  bool sentinel = false;  // --sentinel, or called by a name that says so
  std::string config_file;
  bool standard_input = false;
  std::vector<Directive> directives;
};

// argv[0] is the program's name. Bad quoting inside a directive is an error in Redis' form.
Result<CommandLine> parse_command_line(std::span<const std::string> argv);

// What --help prints.
std::string usage(std::string_view program);

// Everything that the command line names, into the registry.
Result<void> load_configuration(Registry& registry, const CommandLine& line,
                                const std::string& standard_input, FileSource& files,
                                const OtherDirectives& others = {});

}  // namespace redan
