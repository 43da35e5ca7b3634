#include "common/config/cli.h"

#include <fmt/core.h>

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <sstream>

#include "common/base/parse.h"

namespace redan {
namespace po = boost::program_options;
namespace {

constexpr const char* kFile = "config-file";
constexpr const char* kStandardInput = "standard-input";

po::options_description switches() {
  po::options_description own("Switches");
  own.add_options()                                                                      //
      ("help,h", "print this text")                                                      //
      ("version,v", "print the version")                                                 //
      ("check-system", "check the host's limits and settings, with a remedy for each")   //
      ("check-config", po::value<std::string>()->value_name("FILE"),                     //
       "read a configuration, say what is wrong with it or not yet effective")           //
      ("print-sample-config", "print every directive with its default and its meaning")  //
      ("sentinel", "run as a sentinel");
  return own;
}

bool is_switch(std::string_view arg) {
  return arg == "--help" || arg == "-h" || arg == "--version" || arg == "-v" ||
         arg == "--check-system" || arg == "--print-sample-config";
}

bool is_option(const std::string& arg) {
  return arg.starts_with("--");
}

// A part of the command line, as Program_options passes it on.
po::option part(std::string key, std::vector<std::string> tokens, size_t values_from) {
  po::option out;
  out.string_key = std::move(key);
  out.value.assign(tokens.begin() + static_cast<ptrdiff_t>(values_from), tokens.end());
  out.original_tokens = std::move(tokens);
  return out;
}

// Redis' grammar of the command line as a style parser: takes one part from the front each time.
class RedisStyle {
 public:
  std::vector<po::option> operator()(std::vector<std::string>& args) {
    const bool first = std::exchange(at_start_, false);
    if (first && is_switch(args[0])) {
      const std::string name = args[0] == "-h"   ? "help"
                               : args[0] == "-v" ? "version"
                                                 : args[0].substr(2);
      return {taken(args, 1, name, 1)};
    }
    if (first && args[0] == "--check-config") {
      return {taken(args, std::min<size_t>(2, args.size()), "check-config", 1)};
    }
    if (first && !args[0].starts_with('-')) return {taken(args, 1, kFile, 0)};
    const bool may_be_stdin = first || args.size() == 1 || std::exchange(after_file_, false);
    if (args[0] == "-" && may_be_stdin) return {taken(args, 1, kStandardInput, 1)};
    if (args[0] == "--sentinel" && (args.size() == 1 || is_option(args[1]))) {
      return {taken(args, 1, "sentinel", 1)};
    }
    return {directive(args)};
  }

 private:
  po::option taken(std::vector<std::string>& args, size_t count, const std::string& key,
                   size_t values_from) {
    const auto end = args.begin() + static_cast<ptrdiff_t>(count);
    std::vector<std::string> tokens(args.begin(), end);
    args.erase(args.begin(), end);
    after_file_ = key == kFile;
    return part(key, std::move(tokens), values_from);
  }

  // A name and what belongs to it: at least one value, then all up to the next "--".
  po::option directive(std::vector<std::string>& args) {
    size_t count = 1;
    const auto inside = split_words(args[0]);
    const bool bare_name = is_option(args[0]) && inside && inside->size() == 1;
    // `--save --port 1` means an empty save, as an array with an empty value would print it.
    const bool empty_save = iequals(args[0], "--save") && (args.size() == 1 || is_option(args[1]));
    if (bare_name && !empty_save && args.size() > 1) count = 2;
    while (count < args.size() && !is_option(args[count]) &&
           !(args[count] == "-" && count + 1 == args.size())) {
      ++count;
    }
    po::option out = taken(args, count, "directive:", 1);
    if (empty_save) out.value.emplace_back();
    return out;
  }

  bool at_start_ = true;
  bool after_file_ = false;
};

Result<CommandLine::Directive> read_directive(const po::option& option, size_t number) {
  CommandLine::Directive out;
  std::string name = option.original_tokens[0];
  if (is_option(name)) name = name.substr(2);
  out.shown = is_option(option.original_tokens[0]) ? name : quote_word(name);
  for (const std::string& value : option.value) out.shown += " " + quote_word(value);
  auto words = is_option(option.original_tokens[0]) ? split_words(name) : Words{name};
  if (!words || words->empty()) {
    return Error("CONFIG",
                 fmt::format("\n*** FATAL CONFIG FILE ERROR (Redan {}) ***\nReading the command "
                             "line, at line {}\n>>> '{}'\n{}\n",
                             REDAN_VERSION, number, out.shown,
                             words ? "Bad directive or wrong number of arguments"
                                   : "Unbalanced quotes in configuration line"));
  }
  out.words = std::move(*words);
  out.words.insert(out.words.end(), option.value.begin(), option.value.end());
  return out;
}

}  // namespace

Result<CommandLine> parse_command_line(std::span<const std::string> argv) {
  CommandLine line;
  const std::string_view program = argv.empty() ? std::string_view() : argv[0];
  line.sentinel = program.substr(program.rfind('/') + 1).find("sentinel") != std::string_view::npos;
  std::vector<std::string> args;
  if (!argv.empty()) args.assign(argv.begin() + 1, argv.end());

  const po::options_description own = switches();
  std::vector<po::option> parts;
  try {
    RedisStyle style;
    po::command_line_parser parser(args);
    parts =
        parser.options(own)
            .extra_style_parser([&style](std::vector<std::string>& rest) { return style(rest); })
            .allow_unregistered()
            .run()
            .options;
  } catch (const po::error& error) {
    return Error("CONFIG", fmt::format("{}\n", error.what()));
  }
  for (const po::option& option : parts) {
    const std::string& key = option.string_key;
    if (key == kFile) {
      line.config_file = option.value[0];
    } else if (key == kStandardInput) {
      line.standard_input = true;
    } else if (key == "help") {
      line.action = CommandLine::Action::kHelp;
    } else if (key == "version") {
      line.action = CommandLine::Action::kVersion;
    } else if (key == "check-system") {
      line.action = CommandLine::Action::kCheckSystem;
    } else if (key == "print-sample-config") {
      line.action = CommandLine::Action::kPrintSampleConfig;
    } else if (key == "check-config") {
      line.action = CommandLine::Action::kCheckConfig;
      line.config_file = option.value.at(0);
    } else if (key == "sentinel") {
      line.sentinel = true;
    } else {
      Result<CommandLine::Directive> directive = read_directive(option, line.directives.size() + 1);
      if (!directive) return directive.error();
      line.directives.push_back(directive.take());
    }
  }
  return line;
}

std::string usage(std::string_view program) {
  std::ostringstream own;
  own << switches();
  return fmt::format(
      "Usage: {0} [/path/to/redan.conf] [options] [-]\n"
      "       {0} -                 (read the configuration from standard input)\n\n"
      "Every directive of the configuration file is an option: --port 7000, --save 60 1.\n"
      "The file counts first, then standard input, then the options; the last word wins.\n\n"
      "{1}\n"
      "Examples:\n"
      "       {0}                   (run with the defaults)\n"
      "       echo 'maxmemory 128mb' | {0} -\n"
      "       {0} /etc/redan/redan.conf --port 7777 --replicaof 127.0.0.1 8888\n"
      "       {0} /etc/redan/sentinel.conf --sentinel\n",
      program, own.str());
}

Result<void> load_configuration(Registry& registry, const CommandLine& line,
                                const std::string& standard_input, FileSource& files,
                                const OtherDirectives& others) {
  registry.begin_load();
  if (!line.config_file.empty()) {
    if (Result<void> read = load_file(registry, line.config_file, files, others); !read)
      return read;
  }
  if (line.standard_input) {
    const ConfigText text{"standard input", standard_input};
    if (Result<void> read = load_text(registry, text, files, others); !read) return read;
  }
  size_t number = 0;
  for (const CommandLine::Directive& directive : line.directives) {
    ++number;
    // `--include FILE` reads a file here too.
    if (iequals(directive.words[0], "include") && directive.words.size() == 2) {
      const ConfigText text{"the command line", "include " + quote_word(directive.words[1])};
      if (Result<void> read = load_text(registry, text, files, others); !read) return read;
      continue;
    }
    Result<void> read = load_directive(registry, directive.words, directive.shown, number, others);
    if (!read) return read;
  }
  return kOk;
}

}  // namespace redan
