#include "common/config/disk.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <glob.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace redan {
namespace {

constexpr size_t kMaxFileBytes = 64 << 20;

// A descriptor that closes itself.
struct Descriptor {
  explicit Descriptor(int its_fd) : fd(its_fd) {}
  ~Descriptor() {
    if (fd > STDERR_FILENO) ::close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  const int fd;
};

Error failed(std::string_view what, const std::string& path) {
  return Error(fmt::format("{} {}: {}", what, path, std::strerror(errno)));
}

Result<std::string> read_all(int fd, const std::string& path) {
  std::string text;
  char chunk[16384];
  for (;;) {
    const ssize_t size = ::read(fd, chunk, sizeof chunk);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return failed("can't read", path);
    if (size == 0) return text;
    text.append(chunk, static_cast<size_t>(size));
    if (text.size() > kMaxFileBytes) {
      return Error(
          fmt::format("{} is larger than {} bytes: not a configuration", path, kMaxFileBytes));
    }
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

// A rename is durable once its directory is.
void flush_directory(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  const Descriptor dir(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY));
  if (dir.fd >= 0) ::fsync(dir.fd);
}

}  // namespace

DiskFiles::DiskFiles()
    : start_([] {
        std::error_code gone;
        return std::filesystem::current_path(gone).string();
      }()) {}

std::string DiskFiles::absolute(const std::string& path) const {
  return path.starts_with('/') || start_.empty() ? path : start_ + "/" + path;
}

Result<std::string> DiskFiles::read(const std::string& path) {
  const Descriptor file(::open(absolute(path).c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) return failed("can't open config file", "'" + path + "'");
  return read_all(file.fd, path);
}

std::vector<std::string> DiskFiles::match(const std::string& pattern) {
  if (pattern.find_first_of("*?[") == std::string::npos) return {pattern};
  glob_t found{};
  std::vector<std::string> paths;
  if (::glob(absolute(pattern).c_str(), 0, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  ::globfree(&found);
  return paths;
}

Result<std::string> read_standard_input() {
  return read_all(STDIN_FILENO, "standard input");
}

Result<void> replace_file(const std::string& path, std::string_view text) {
  std::error_code unresolved;
  const std::string real = std::filesystem::weakly_canonical(path, unresolved).string();
  const std::string target = unresolved ? path : real;
  std::string temporary = target + ".XXXXXX";
  const Descriptor file(::mkostemp(temporary.data(), O_CLOEXEC));  // mode 0600
  if (file.fd < 0) return failed("can't create", temporary);
  if (!write_all(file.fd, text) || ::fsync(file.fd) != 0) {
    const Error error = failed("can't write", temporary);
    ::unlink(temporary.c_str());
    return error;
  }
  if (::rename(temporary.c_str(), target.c_str()) != 0) {
    const Error error = failed("can't replace", target);
    ::unlink(temporary.c_str());
    return error;
  }
  flush_directory(target);
  return kOk;
}

Result<void> rewrite_file(Registry& registry, const std::string& path, DiskFiles& files,
                          const OtherDirectives& others) {
  const std::string place = files.absolute(path);
  std::error_code unknown;
  const bool there = std::filesystem::exists(place, unknown);
  // A file that is gone is written anew.
  Result<std::string> old = there ? files.read(place) : Result<std::string>(std::string());
  if (!old) return old.error();
  const ConfigText text{"the configuration file " + path, old.take()};
  Result<std::string> fresh = rewrite_text(registry, text, files, others);
  if (!fresh) return fresh.error();
  if (there && *fresh == text.text) return kOk;
  return replace_file(place, *fresh);
}

}  // namespace redan
