#include "server/drivers/process.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/log/log.h"

namespace redan {

Result<void> go_to_background() {
  const pid_t child = ::fork();
  if (child < 0) return Error(std::string("can't fork: ") + std::strerror(errno));
  if (child > 0) ::_exit(0);
  ::setsid();
  const int null = ::open("/dev/null", O_RDWR);
  if (null >= 0) {
    ::dup2(null, STDIN_FILENO);
    ::dup2(null, STDOUT_FILENO);
    ::dup2(null, STDERR_FILENO);
    if (null > STDERR_FILENO) ::close(null);
  }
  return kOk;
}

void write_pid_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) {
    log_warning("Failed to write PID file {}: {}", path, std::strerror(errno));
    return;
  }
  std::fprintf(file, "%d\n", ::getpid());
  std::fclose(file);
}

// --- title ---

ProcessTitle::ProcessTitle(int argc, char** argv)
    : original_(argc > 0 ? argv[0] : ""), begin_(argc > 0 ? argv[0] : nullptr), size_(0) {
  if (begin_ == nullptr) return;
  // The kernel lays arguments and environment out one behind the other.
  char* end = begin_;
  const auto extend = [&end](char* text) {
    if (text == end) end += std::strlen(text) + 1;
  };
  for (int i = 0; i < argc; ++i) extend(argv[i]);
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) extend(*entry);
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (*entry < begin_ || *entry >= end) continue;
    char* const copy = ::strdup(*entry);
    if (copy == nullptr) return;  // The title stays as it is.
    *entry = copy;
  }
  size_ = static_cast<size_t>(end - begin_);
}

void ProcessTitle::set(std::string_view title) {
  if (size_ == 0) return;
  const size_t size = std::min(title.size(), size_ - 1);
  std::memcpy(begin_, title.data(), size);
  std::memset(begin_ + size, 0, size_ - size);
}

// --- supervisor ---

bool Supervisor::present(Supervised wanted) {
  const bool upstart = std::getenv("UPSTART_JOB") != nullptr;
  const bool systemd = std::getenv("NOTIFY_SOCKET") != nullptr;
  return (upstart && (wanted == Supervised::kUpstart || wanted == Supervised::kAuto)) ||
         (systemd && (wanted == Supervised::kSystemd || wanted == Supervised::kAuto));
}

Supervisor::Supervisor(Supervised wanted) : kind_(wanted) {
  const char* const job = std::getenv("UPSTART_JOB");
  const char* const socket = std::getenv("NOTIFY_SOCKET");
  if (kind_ == Supervised::kAuto) {
    kind_ = job != nullptr      ? Supervised::kUpstart
            : socket != nullptr ? Supervised::kSystemd
                                : Supervised::kNo;
  }
  if (kind_ == Supervised::kUpstart && job == nullptr) {
    log_warning("upstart supervision requested, but UPSTART_JOB not found!");
    kind_ = Supervised::kNo;
  }
  if (kind_ == Supervised::kSystemd) {
    const bool usable = socket != nullptr && std::strchr("@/", socket[0]) != nullptr &&
                        socket[1] != '\0' && std::strlen(socket) < sizeof sockaddr_un{}.sun_path;
    if (usable) {
      socket_ = socket;
      log_notice(
          "Supervised by systemd. Please make sure you set appropriate values for "
          "TimeoutStartSec and TimeoutStopSec in your service unit.");
    } else {
      log_warning("systemd supervision requested, but NOTIFY_SOCKET is {}!",
                  socket == nullptr ? "not found" : "no path of a socket");
      kind_ = Supervised::kNo;
    }
  }
}

const char* Supervisor::name() const {
  switch (kind_) {
    case Supervised::kUpstart:
      return "upstart";
    case Supervised::kSystemd:
      return "systemd";
    default:
      return "no";
  }
}

void Supervisor::stop_for_upstart() {
  if (kind_ != Supervised::kUpstart) return;
  log_notice("supervised by upstart, will stop to signal readiness");
  ::raise(SIGSTOP);
  ::unsetenv("UPSTART_JOB");
}

void Supervisor::notify(std::string_view lines) {
  if (socket_.empty()) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_[0] == '@') address.sun_path[0] = '\0';  // Of the abstract name space.
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool sent = fd >= 0 && ::sendto(fd, lines.data(), lines.size(), MSG_NOSIGNAL,
                                        reinterpret_cast<const sockaddr*>(&address),
                                        size) == static_cast<ssize_t>(lines.size());
  if (!sent) log_warning("Can't notify systemd at {}: {}", socket_, std::strerror(errno));
  if (fd >= 0) ::close(fd);
}

}  // namespace redan
