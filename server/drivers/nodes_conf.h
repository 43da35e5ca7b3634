// nodes.conf on disk (its format: server/cluster/nodes_file.h). Ours alone from open() on, and
// replaced whole: a crash at any moment leaves the old text or the new one.
//
// The file itself carries the lock, as redis-server's does, so that neither program starts on the
// other's file. Each new file is locked before it takes the name: the name always leads to a
// locked file. What a crash left beside it is overwritten by the next save.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "server/cluster/nodes_file.h"

namespace redan {

class NodesConf {
 public:
  // Locks the file, making an empty one where there is none, and reads it. A relative path starts
  // at the working folder of now. An error says what to do.
  static Result<NodesConf> open(const std::string& path);
  ~NodesConf();
  NodesConf(NodesConf&& other) noexcept;
  NodesConf& operator=(NodesConf&&) = delete;

  // What open() found; nullopt: nothing yet.
  const std::optional<NodesFile>& found() const { return found_; }
  const std::string& path() const { return path_; }
  // On disk when it returns. Nothing is written where the file holds this text already.
  Result<void> save(std::string_view text);

 private:
  NodesConf(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  bool holds(std::string_view text) const;

  std::string path_;
  int fd_;  // Holds the lock.
  std::string text_;
  std::optional<NodesFile> found_;
};

}  // namespace redan
