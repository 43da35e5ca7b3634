// The files of the configuration on a real disk.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/config/file.h"

namespace redan {

// Relative paths start where the process was when this was made, wherever `dir` takes it later.
class DiskFiles : public FileSource {
 public:
  DiskFiles();
  Result<std::string> read(const std::string& path) override;
  std::vector<std::string> match(const std::string& pattern) override;
  std::string absolute(const std::string& path) const;

 private:
  const std::string start_;
};

// All that standard input holds, for `redan-server -`.
Result<std::string> read_standard_input();

// Puts `text` in the place of the file, whole or not at all: written to a new file beside it,
// flushed, renamed over it. Readable by the owner only, for it may hold passwords. A symbolic link
// stays one. The error names the path.
Result<void> replace_file(const std::string& path, std::string_view text);

// CONFIG REWRITE for the file at `path`.
Result<void> rewrite_file(Registry& registry, const std::string& path, DiskFiles& files,
                          const OtherDirectives& others = {});

}  // namespace redan
