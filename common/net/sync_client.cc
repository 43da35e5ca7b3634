#include "common/net/sync_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/clock.h"
#include "common/resp/writer.h"

namespace redan {

namespace {

// Waits for `events`; false when the deadline passed.
bool wait_for(int fd, short events, Instant deadline) {
  for (;;) {
    const int64_t left = whole_ms(deadline - monotonic_now());
    pollfd watched{fd, events, 0};
    const int ready = poll(&watched, 1, static_cast<int>(left < 0 ? 0 : left));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return true;  // The call that follows tells what is wrong.
  }
}

Result<int> open_socket(const std::string& ip, int port, Instant deadline) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failure = getaddrinfo(ip.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failure != 0) return Error("IOERR", gai_strerror(failure));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> guard(found, freeaddrinfo);
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Error("IOERR", std::strerror(errno));
  int error = connect(fd, found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    socklen_t size = sizeof error;
    if (!wait_for(fd, POLLOUT, deadline)) {
      error = ETIMEDOUT;
    } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
      error = errno;
    }
  }
  if (error != 0) {
    close(fd);
    return Error("IOERR", std::strerror(error));
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

}  // namespace

Result<SyncClient> SyncClient::connect(const Endpoint& to, Millis timeout) {
  const std::string context = "Could not connect to " + to_text(to);
  Result<std::string> ip = resolve_now(to.host);
  if (!ip) return ip.error().with_context(context);
  Result<int> fd = open_socket(*ip, to.port, monotonic_now() + timeout);
  if (!fd) return fd.error().with_context(context);
  return SyncClient(*fd, to, timeout);
}

SyncClient::SyncClient(int fd, Endpoint peer, Millis timeout)
    : fd_(fd),
      peer_(std::move(peer)),
      timeout_(timeout),
      parser_(std::make_unique<ReplyParser>()) {}

SyncClient::SyncClient(SyncClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      peer_(std::move(other.peer_)),
      timeout_(other.timeout_),
      parser_(std::move(other.parser_)) {}

SyncClient& SyncClient::operator=(SyncClient&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(peer_, other.peer_);
  std::swap(timeout_, other.timeout_);
  std::swap(parser_, other.parser_);
  return *this;
}

SyncClient::~SyncClient() {
  if (fd_ >= 0) close(fd_);
}

Error SyncClient::lost(std::string_view why) const {
  return Error("IOERR", to_text(peer_) + ": " + std::string(why));
}

Result<void> SyncClient::send(std::string_view bytes) {
  const Instant deadline = monotonic_now() + timeout_;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!wait_for(fd_, POLLOUT, deadline)) return lost("no progress while sending a request");
    } else if (errno != EINTR) {
      return lost(std::strerror(errno));
    }
  }
  return kOk;
}

Result<Reply> SyncClient::call(std::span<const std::string_view> args) {
  ByteBuffer request;
  append_request(request, args);
  if (auto sent = send(request.view()); !sent) return sent.error();
  return read();
}

Result<Reply> SyncClient::read() {
  Result<Reply> reply = next(timeout_);
  // A reply that comes after its deadline would be taken for the answer to the next request.
  if (!reply && reply.error().code() == "TIMEOUT") {
    close(std::exchange(fd_, -1));
    return lost("no reply within " + std::to_string(timeout_.count()) + " ms");
  }
  return reply;
}

Result<Reply> SyncClient::next(Millis timeout) {
  const Instant deadline = monotonic_now() + timeout;
  char chunk[16 * 1024];
  for (;;) {
    Result<std::optional<Reply>> ready = parser_->next();
    if (!ready) return ready.error().with_context(to_text(peer_) + ": not a RESP reply");
    if (ready->has_value()) return std::move(**ready);
    if (!wait_for(fd_, POLLIN, deadline)) return Error("TIMEOUT", "nothing came in time");
    const ssize_t size = recv(fd_, chunk, sizeof chunk, 0);
    if (size > 0) {
      parser_->feed({chunk, static_cast<size_t>(size)});
    } else if (size == 0) {
      return lost("the server closed the connection");
    } else if (errno != EAGAIN && errno != EINTR) {
      return lost(std::strerror(errno));
    }
  }
}

Result<std::string> SyncClient::read_bytes(Millis timeout) {
  const Instant deadline = monotonic_now() + timeout;
  char chunk[64 * 1024];
  for (;;) {
    if (!wait_for(fd_, POLLIN, deadline)) {
      return lost("nothing came within " + std::to_string(timeout.count()) + " ms");
    }
    const ssize_t size = recv(fd_, chunk, sizeof chunk, 0);
    if (size > 0) return std::string(chunk, static_cast<size_t>(size));
    if (size == 0) return lost("the server closed the connection");
    if (errno != EAGAIN && errno != EINTR) return lost(std::strerror(errno));
  }
}

}  // namespace redan
