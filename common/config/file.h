// The configuration file: one directive per line, as Redis writes it.
//   line      = blank | '#' comment | directive
//   directive = name { word }              words as split_words() reads them: "..." '...' \x
//   include   = "include" path-or-pattern  read in place; a later line wins over an earlier one
// Reading and rewriting are pure; files come in through FileSource (disk.h has the real one).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/registry.h"

namespace redan {

class FileSource {
 public:
  virtual ~FileSource() = default;
  virtual Result<std::string> read(const std::string& path) = 0;
  // The files that a pattern names, sorted; a path without wildcards is its own match.
  virtual std::vector<std::string> match(const std::string& pattern) = 0;
};

// Where a text came from: "the configuration file /etc/redan.conf", "standard input".
struct ConfigText {
  std::string origin;
  std::string text;
};

// Directives that no option stands for, by lower-case name: what to do with their words.
using OtherDirectives =
    std::map<std::string, std::function<Result<void>(std::span<const std::string>)>, std::less<>>;

// Reads the lines of `text` into the registry. The error's message is the whole report in Redis'
// form: origin, line number, the line, the reason, and a near match for an unknown directive.
Result<void> load_text(Registry& registry, const ConfigText& text, FileSource& files,
                       const OtherDirectives& others = {});
Result<void> load_file(Registry& registry, const std::string& path, FileSource& files,
                       const OtherDirectives& others = {});
// One directive as `shown` (the command line); `number` counts them.
Result<void> load_directive(Registry& registry, std::span<const std::string> words,
                            std::string_view shown, size_t number,
                            const OtherDirectives& others = {});

// CONFIG REWRITE: the old text, changed so that reading it gives the registry's values. Comments
// and order stay, a changed directive is written where it stood, new ones go behind a heading at
// the end. The result was read back and compared.
Result<std::string> rewrite_text(Registry& registry, const ConfigText& old, FileSource& files,
                                 const OtherDirectives& others = {});

}  // namespace redan
