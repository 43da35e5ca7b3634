#include "server/drivers/snapshot_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace redan {

namespace {

// The kernel is asked to write this much at a time, so that the fsync at the end is short.
constexpr uint64_t kFlushEveryBytes = 4 << 20;
constexpr std::string_view kTempPrefix = "temp-";
constexpr std::string_view kTempSuffix = ".rdb";

std::string temp_name() {
  static std::atomic<int> serial{0};
  const int n = serial++;
  return std::string(kTempPrefix) + std::to_string(getpid()) +
         (n == 0 ? "" : "-" + std::to_string(n)) + std::string(kTempSuffix);
}

std::string_view remedy(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "; free space there or set 'dir' to a larger disk";
    case EACCES:
    case EPERM:
    case EROFS:
      return "; let the server's user write there or set 'dir' to another folder";
    case ENOENT:
    case ENOTDIR:
      return "; create the folder or set 'dir' to an existing one";
    default:
      return "";
  }
}

}  // namespace

SnapshotFile::SnapshotFile(Place place, StepHook hook)
    : place_(std::move(place)),
      hook_(std::move(hook)),
      temp_path_(place_.dir + "/" + temp_name()) {}

SnapshotFile::~SnapshotFile() {
  if (fd_ >= 0) close(fd_);
  if (temp_exists_) unlink(temp_path_.c_str());
}

Error SnapshotFile::failed(std::string_view doing) const {
  const int error = errno;
  return Error(std::string(doing) + " " + place_.dir + "/" + place_.name + ": " +
               std::strerror(error) + std::string(remedy(error)));
}

Result<void> SnapshotFile::create() {
  step(Step::kCreate);
  fd_ = open(temp_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) return failed("cannot create a temporary file for");
  temp_exists_ = true;
  return kOk;
}

Result<void> SnapshotFile::write(std::string_view bytes) {
  step(Step::kWrite);
  while (!bytes.empty()) {
    const ssize_t size = ::write(fd_, bytes.data(), bytes.size());
    if (size < 0) {
      if (errno == EINTR) continue;
      return failed("cannot write");
    }
    bytes.remove_prefix(static_cast<size_t>(size));
    written_ += static_cast<uint64_t>(size);
  }
  if (written_ - flushing_from_ >= kFlushEveryBytes) {
    // Only a hint: what matters is the fsync of commit().
    sync_file_range(fd_, static_cast<off_t>(flushing_from_),
                    static_cast<off_t>(written_ - flushing_from_), SYNC_FILE_RANGE_WRITE);
    flushing_from_ = written_;
  }
  return kOk;
}

Result<void> SnapshotFile::commit() {
  step(Step::kSyncFile);
  if (fsync(fd_) != 0) return failed("cannot sync");
  if (close(std::exchange(fd_, -1)) != 0) return failed("cannot close");
  step(Step::kRename);
  const std::string path = place_.dir + "/" + place_.name;
  if (rename(temp_path_.c_str(), path.c_str()) != 0) return failed("cannot replace");
  temp_exists_ = false;
  step(Step::kSyncFolder);
  const int folder = open(place_.dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return failed("cannot sync the folder of");
  const int synced = fsync(folder);
  // EINVAL: a file system that cannot sync folders.
  const bool bad = synced != 0 && errno != EINVAL;
  const Error error = bad ? failed("cannot sync the folder of") : Error("");
  close(folder);
  if (bad) return error;
  step(Step::kDone);
  return kOk;
}

int remove_snapshot_leftovers(const std::string& dir) {
  int removed = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(dir, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.size() <= kTempPrefix.size() + kTempSuffix.size()) continue;
    if (!name.starts_with(kTempPrefix) || !name.ends_with(kTempSuffix)) continue;
    const std::string_view middle = std::string_view(name).substr(
        kTempPrefix.size(), name.size() - kTempPrefix.size() - kTempSuffix.size());
    const bool ours = std::all_of(middle.begin(), middle.end(),
                                  [](char c) { return (c >= '0' && c <= '9') || c == '-'; });
    if (ours && std::filesystem::remove(entry.path(), ignored)) ++removed;
  }
  return removed;
}

}  // namespace redan
