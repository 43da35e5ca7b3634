#include "server/drivers/nodes_conf.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace redan {

namespace {

Error failed(std::string_view what, const std::string& path, std::string_view remedy) {
  return Error("Can't " + std::string(what) + " " + path + ": " + std::strerror(errno) + ". " +
               std::string(remedy));
}

constexpr std::string_view kOpenRemedy =
    "Set 'dir' or 'cluster-config-file' to a file that this user may write.";
constexpr std::string_view kSaveRemedy =
    "A cluster node that cannot remember its promises must not make any; free space in that folder "
    "or let this user write there, and start again.";

bool same_file(int fd, const std::string& path) {
  struct stat open {
  }, named{};
  return ::fstat(fd, &open) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

Result<std::string> read_all(int fd, const std::string& path) {
  std::string text;
  char chunk[16384];
  for (;;) {
    const ssize_t size = ::read(fd, chunk, sizeof chunk);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return failed("read", path, kOpenRemedy);
    if (size == 0) return text;
    text.append(chunk, static_cast<size_t>(size));
  }
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = ::write(fd, text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return false;
    text.remove_prefix(static_cast<size_t>(size));
  }
  return true;
}

// A rename is durable once its folder is.
bool flush_folder(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  // There are file systems that flush no folders.
  const bool flushed = ::fsync(fd) == 0 || errno == EINVAL;
  const int error = errno;
  ::close(fd);
  errno = error;
  return flushed;
}

}  // namespace

NodesConf::NodesConf(NodesConf&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      text_(std::move(other.text_)),
      found_(std::move(other.found_)) {}

NodesConf::~NodesConf() {
  if (fd_ >= 0) ::close(fd_);
}

Result<NodesConf> NodesConf::open(const std::string& path) {
  for (;;) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return failed("open the cluster configuration file", path, kOpenRemedy);
    // Where a symbolic link leads: the link stays one.
    std::error_code gone;
    const std::string real = std::filesystem::canonical(path, gone).string();
    NodesConf file(real, fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return failed("lock", real, kOpenRemedy);
      return Error("Sorry, the cluster configuration file " + real +
                   " is already used by a different Redis Cluster node. Please make sure that "
                   "different nodes use different cluster configuration files: give this one its "
                   "own 'dir' or 'cluster-config-file'.");
    }
    // Its owner may have put a new file in the place of the one that we opened.
    if (!same_file(fd, real)) continue;
    Result<std::string> text = read_all(fd, real);
    if (!text) return text.error();
    file.text_ = text.take();
    if (file.text_.empty()) return file;
    Result<NodesFile> parsed = NodesFile::parse(file.text_);
    if (!parsed) {
      return Error("Unrecoverable error: corrupted cluster config file " + real + ": " +
                   parsed.error().message() +
                   ". Mend that line, or move the file away to start as a node that knows nobody.");
    }
    file.found_ = parsed.take();
    return file;
  }
}

bool NodesConf::holds(std::string_view text) const {
  return text == text_ && same_file(fd_, path_);
}

Result<void> NodesConf::save(std::string_view text) {
  if (holds(text)) return kOk;
  const std::string beside = path_ + ".tmp";
  // A new file, never the old one emptied: an old one may still be open somewhere.
  ::unlink(beside.c_str());
  const int fd = ::open(beside.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return failed("create", beside, kSaveRemedy);
  const bool written =
      ::flock(fd, LOCK_EX | LOCK_NB) == 0 && write_all(fd, text) && ::fsync(fd) == 0;
  if (!written || ::rename(beside.c_str(), path_.c_str()) != 0) {
    const Error error =
        failed(written ? "replace" : "write", written ? path_ : beside, kSaveRemedy);
    ::close(fd);
    ::unlink(beside.c_str());
    return error;
  }
  ::close(std::exchange(fd_, fd));
  text_ = text;
  if (!flush_folder(path_)) return failed("flush the folder of", path_, kSaveRemedy);
  return kOk;
}

}  // namespace redan
