// The command line: verbs and options are declared once (verbs.cc); parsing, help and completion
// follow from the declaration. Pure.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clusterctl/access.h"

namespace redan {

enum ExitCode { kDone = 0, kFailed = 1, kWrongUsage = 2, kNotHealthy = 3 };

struct OptionSpec {
  std::string_view name;   // "replicas": --replicas and, as redis-cli has it, --cluster-replicas
  std::string_view value;  // what stands behind it, as help shows it; empty: nothing
  std::string_view help;
  std::string_view aliases;  // further names, separated by blanks; one letter: "-a"
  bool many = false;         // takes all following words that hold a '='
};

class CommandLine;

struct VerbSpec {
  std::string_view name;
  std::string_view arguments;  // as help shows them
  std::string_view summary;
  std::string_view text;  // more of it, for --help of the verb
  size_t at_least;        // words behind the verb
  size_t at_most;
  std::span<const OptionSpec> options;  // beside those that every verb has
  std::span<const std::string_view> examples;
  int (*run)(const CommandLine&);
  bool verbatim = false;  // words behind the address go to the nodes as they are
  int node_word = 0;      // which word --host and --port stand for; below 0: none
};

// One line as it was typed.
class CommandLine {
 public:
  static Result<CommandLine> parse(std::span<const VerbSpec> verbs,
                                   std::span<const OptionSpec> common, const Words& words);

  const VerbSpec& verb() const { return *verb_; }
  const Words& words() const { return words_; }  // without verb and options
  Endpoint address() const { return address_; }  // of the first words, where they are one
  bool has(std::string_view option) const { return options_.contains(std::string(option)); }
  std::string text(std::string_view option) const;  // the last value; empty without one
  Words all(std::string_view option) const;         // every value
  // A number within limits, or an error that tells them; `fallback` without the option.
  Result<int64_t> number(std::string_view option, int64_t fallback, int64_t low,
                         int64_t high) const;

  Access access;  // filled by main: the password may be asked for
 private:
  Result<void> take_address();
  Result<void> take_connection_options();

  const VerbSpec* verb_ = nullptr;
  Words words_;
  Endpoint address_;
  std::map<std::string, Words> options_;
};

std::string help(std::span<const VerbSpec> verbs, std::span<const OptionSpec> common);
std::string help(const VerbSpec& verb, std::span<const OptionSpec> common);
// For `shell` "bash" or "zsh"; an error for others.
Result<std::string> completion(const std::string& shell, std::span<const VerbSpec> verbs,
                               std::span<const OptionSpec> common);

}  // namespace redan
