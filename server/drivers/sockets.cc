#include "server/drivers/sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "common/log/log.h"

namespace redan::sockets {

namespace {

std::string reason(int error) {
  return std::strerror(error);
}

Result<int> failed(int descriptor, const std::string& what) {
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  std::string hint;
  if (error == EADDRINUSE) {
    hint = " (another process listens there: stop it, or choose another port)";
  } else if (error == EACCES) {
    hint = " (ports below 1024 need root or CAP_NET_BIND_SERVICE)";
  } else if (error == EADDRNOTAVAIL) {
    hint = " (this host has no such address: check 'bind')";
  }
  return Error(what + ": " + reason(error) + hint);
}

std::string show(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  return "?:0";
}

}  // namespace

Result<int> listen_tcp(std::string address, int port, int backlog) {
  if (address.starts_with('-')) address.erase(0, 1);
  const std::string where = address + ":" + std::to_string(port);
  if (address == "*") address = "0.0.0.0";
  if (address == "::*") address = "::";
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return Error("cannot listen on " + where + ": " + ::gai_strerror(error));

  const int fd =
      ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  const int on = 1;
  if (fd >= 0) {
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (found->ai_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  const bool opened =
      fd >= 0 && ::bind(fd, found->ai_addr, found->ai_addrlen) == 0 && ::listen(fd, backlog) == 0;
  ::freeaddrinfo(found);
  if (!opened) return failed(fd, "cannot listen on " + where);
  return fd;
}

Result<int> listen_unix(const std::string& path, unsigned mode, int backlog) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error("cannot listen on " + path + ": a unix socket's path has at most " +
                 std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  ::unlink(path.c_str());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  // The socket is born with no more rights than asked for, so that nobody slips in before chmod.
  const mode_t before = ::umask(mode != 0 ? static_cast<mode_t>(~mode & 0777) : 0077);
  if (mode == 0) ::umask(before);
  const bool opened =
      fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::umask(before);
  if (!opened || ::listen(fd, backlog) != 0) return failed(fd, "cannot listen on " + path);
  if (mode != 0) ::chmod(path.c_str(), static_cast<mode_t>(mode));
  return fd;
}

void make_non_blocking(int descriptor) {
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
}

void tune(int descriptor, int64_t keepalive_s) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (keepalive_s <= 0) return;
  const int idle = static_cast<int>(keepalive_s);
  const int interval = idle / 3 > 0 ? idle / 3 : 1;
  const int probes = 3;
  ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

void mark(int descriptor, uint32_t id) {
  if (::setsockopt(descriptor, SOL_SOCKET, SO_MARK, &id, sizeof id) == 0) return;
  log_warning("socket-mark-id {} cannot be set (it takes CAP_NET_ADMIN): {}", id,
              std::strerror(errno));
}

void gather_packets(int descriptor) {
  const int off = 0;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &off, sizeof off);
}

bool is_loopback_peer(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  if (address.ss_family == AF_INET6) {
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr) != 0;
  }
  return false;
}

std::string peer(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  return show(address);
}

std::string local(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  return show(address);
}

std::string unix_path(int descriptor) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  return size > offsetof(sockaddr_un, sun_path) ? address.sun_path : "";
}

}  // namespace redan::sockets
