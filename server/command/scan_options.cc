#include "server/command/scan_options.h"

#include <algorithm>

#include "common/base/parse.h"

namespace redan {

Result<uint64_t> scan_cursor(std::string_view word) {
  word = word.substr(0, word.find('\0'));
  if (word.empty()) return 0;
  const bool negative = word.front() == '-';
  if (negative || word.front() == '+') word.remove_prefix(1);
  word.remove_prefix(std::min(word.find_first_not_of('0'), word.size() - (word.empty() ? 0 : 1)));
  const auto number = parse_uint64(word);
  if (!number) return Error("invalid cursor");
  return negative ? ~*number + 1 : *number;
}

Result<ScanOptions> read_scan_options(ArgReader words, ScanOf of) {
  ScanOptions options;
  while (words.more()) {
    if (words.match_with("COUNT", 1)) {
      const Result<int64_t> count = words.integer();
      if (!count) return count.error();
      if (*count < 1) return syntax_error();
      options.count = *count;
    } else if (words.match_with("MATCH", 1)) {
      options.pattern = words.next();
    } else if (of == ScanOf::kKeys && words.match_with("TYPE", 1)) {
      options.type = words.next();
    } else if (of == ScanOf::kHash && words.match("NOVALUES")) {
      options.no_values = true;
    } else {
      return syntax_error();
    }
  }
  return options;
}

}  // namespace redan
