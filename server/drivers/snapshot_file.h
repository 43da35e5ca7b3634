// A file that is replaced in one step: written beside its place as temp-<pid>.rdb, synced, renamed
// over, and the folder synced. A crash at any point leaves the old content or the new, whole.
// Used by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace redan {

class SnapshotFile {
 public:
  // Called before each step; a test ends the process in it.
  enum class Step : uint8_t { kCreate, kWrite, kSyncFile, kRename, kSyncFolder, kDone };
  using StepHook = std::function<void(Step)>;

  struct Place {
    std::string dir;
    std::string name;
  };
  explicit SnapshotFile(Place place, StepHook hook = {});
  // Removes the temporary file unless commit() succeeded.
  ~SnapshotFile();
  SnapshotFile(const SnapshotFile&) = delete;
  SnapshotFile& operator=(const SnapshotFile&) = delete;

  Result<void> create();
  Result<void> write(std::string_view bytes);
  // The new content is in place and survives a power cut.
  Result<void> commit();

 private:
  Error failed(std::string_view doing) const;
  void step(Step step) const {
    if (hook_) hook_(step);
  }

  Place place_;
  StepHook hook_;
  std::string temp_path_;
  int fd_ = -1;
  bool temp_exists_ = false;
  uint64_t written_ = 0;
  uint64_t flushing_from_ = 0;
};

// Removes temp-<pid>.rdb files that a crash left in `dir`. Answers how many.
int remove_snapshot_leftovers(const std::string& dir);

}  // namespace redan
