#include "server/drivers/client_io.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "server/drivers/sockets.h"

namespace redan {

namespace {
constexpr std::string_view kTooManyClients = "-ERR max number of clients reached\r\n";
constexpr std::string_view kDenied =
    "-DENIED Redis is running in protected mode because protected mode is enabled and no password "
    "is set for the default user. In this mode connections are only accepted from the loopback "
    "interface. If you want to connect from external computers to Redis you may adopt one of the "
    "following solutions: 1) Just disable protected mode sending the command 'CONFIG SET "
    "protected-mode no' from the loopback interface by connecting to Redis from the same host the "
    "server is running, however MAKE SURE Redis is not publicly accessible from internet if you do "
    "so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable "
    "the protected mode by editing the Redis configuration file, and setting the protected mode "
    "option to 'no', and then restarting the server. 3) If you started the server manually just "
    "for testing, restart it with the '--protected-mode no' option. 4) Set up an authentication "
    "password for the default user. NOTE: You only need to do one of the above things in order for "
    "the server to start accepting connections from the outside.\r\n";
}  // namespace

struct ClientIo::Listener : Pollable {
  Listener(int fd, bool unix_domain) : Pollable(true), descriptor(fd), unix_socket(unix_domain) {}
  ~Listener() { ::close(descriptor); }
  int descriptor;
  bool unix_socket;
};

ClientIo::ClientIo(DataLoop& loop, RequestHandler& handler)
    : shared_(loop, handler, [this] { finish_batch(); }) {
  loop.deliver_to(this);
  housekeeping_ = loop.every(Millis(100), [this] {
    shared_.loop.refresh_now();
    for (auto& [id, client] : clients_) client->housekeeping(shared_.loop.now());
    finish_batch();
  });
}

ClientIo::~ClientIo() = default;

void ClientIo::ready(epoll_event* events, int count) {
  ClientShared& s = shared_;
  ++s.stats.wake_ups;
  s.in_batch = true;
  s.handler.batch_begins();
  for (int i = 0; i < count; ++i) {
    Pollable* const pollable = static_cast<Pollable*>(events[i].data.ptr);
    if (pollable->listener) {
      accept(*static_cast<Listener*>(pollable));
      continue;
    }
    // Clients are freed at the end of a batch only, so that the pointer still lives.
    Client* const client = static_cast<Client*>(pollable);
    if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) client->readable();
    if ((events[i].events & EPOLLOUT) != 0) client->write();
    if ((events[i].events & EPOLLRDHUP) != 0) client->peer_gone();
  }
  finish_batch();
}

void ClientIo::finish_batch() {
  ClientShared& s = shared_;
  if (!s.in_batch && !s.to_resume.empty()) s.handler.batch_begins();
  s.in_batch = true;
  // Executing, writing and closing can each make more of the others; it ends because each of them
  // needs input that is there already.
  do {
    while (!s.to_resume.empty()) {
      Client* const client = s.to_resume.back();
      s.to_resume.pop_back();
      client->resume();
    }
    s.handler.batch_ends();
    // What batch_done() sends is the stream to the replicas. It leaves before the replies, so that
    // a process killed in between has acknowledged nothing that only it knew.
    const auto replies = static_cast<std::ptrdiff_t>(s.to_write.size());
    s.handler.batch_done();
    std::rotate(s.to_write.begin(), s.to_write.begin() + replies, s.to_write.end());
    for (size_t i = 0; i < s.to_write.size(); ++i) s.to_write[i]->write();
    s.to_write.clear();
    close_listed();
  } while (!s.to_resume.empty() || !s.to_write.empty() || !s.to_close.empty());
  s.in_batch = false;
}

void ClientIo::close_listed() {
  ClientShared& s = shared_;
  while (!s.to_close.empty()) {
    Client* const client = s.to_close.back();
    s.to_close.pop_back();
    sessions_.erase(client->session.id);
    s.handler.closed(client->session);
    std::erase(s.to_write, client);
    std::erase(s.to_resume, client);
    clients_.erase(client->session.id);
  }
}

void ClientIo::accept(Listener& listener) {
  for (int64_t i = 0; i < options_.accepts_per_turn; ++i) {
    const int fd = ::accept4(listener.descriptor, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    std::string_view refusal;
    if (static_cast<int64_t>(sessions_.size()) >= options_.max_clients) refusal = kTooManyClients;
    if (options_.refuse_strangers && !listener.unix_socket && !sockets::is_loopback_peer(fd)) {
      refusal = kDenied;
    }
    if (!refusal.empty()) {
      ++shared_.stats.rejected;
      (void)!::send(fd, refusal.data(), refusal.size(), MSG_NOSIGNAL);
      ::close(fd);
      continue;
    }
    if (!listener.unix_socket) sockets::tune(fd, options_.keepalive_s);
    ++shared_.stats.connections;
    add(fd, listener.unix_socket);
  }
}

Client& ClientIo::add(int descriptor, bool unix_socket) {
  const uint64_t id = next_id_++;
  auto client = std::make_unique<Client>(shared_, descriptor, id, unix_socket);
  Client& added = *client;
  clients_.emplace(id, std::move(client));
  sessions_.emplace(id, &added.session);
  shared_.handler.opened(added.session);
  if (shared_.limits.memory != 0) added.count_memory();
  return added;
}

Session* ClientIo::adopt(int descriptor, ClientKind kind, std::string_view leftover) {
  sockets::make_non_blocking(descriptor);
  sockets::tune(descriptor, options_.keepalive_s);
  Client& client = add(descriptor, false);
  client.session.kind = kind;
  client.session.authenticated = true;
  client.session.user = nullptr;
  if (!leftover.empty()) {
    client.stop_reading();
    client.keep_input(leftover);
    client.resume_reading();
  }
  return &client.session;
}

void ClientIo::configure(const ClientIoOptions& options) {
  options_ = options;
  shared_.limits = options.limits;
  for (auto& [id, client] : clients_) client->count_memory();
}

Result<void> ClientIo::listen(std::span<const std::string> addresses, int port) {
  std::vector<std::unique_ptr<Listener>> opened;
  for (const std::string& address : addresses) {
    Result<int> fd = sockets::listen_tcp(address, port, static_cast<int>(options_.backlog));
    if (!fd && address.starts_with('-')) continue;  // An address that may be missing.
    if (!fd) return fd.error();
    if (options_.socket_mark != 0) sockets::mark(*fd, options_.socket_mark);
    opened.push_back(std::make_unique<Listener>(*fd, false));
  }
  if (opened.empty() && !addresses.empty()) {
    return Error("no address of 'bind' could be opened on port " + std::to_string(port));
  }
  for (auto& listener : opened) watch(std::move(listener));
  return kOk;
}

Result<void> ClientIo::listen_unix(const std::string& path, unsigned mode) {
  Result<int> fd = sockets::listen_unix(path, mode, static_cast<int>(options_.backlog));
  if (!fd) return fd.error();
  watch(std::make_unique<Listener>(*fd, true));
  return kOk;
}

void ClientIo::watch(std::unique_ptr<Listener> listener) {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = static_cast<Pollable*>(listener.get())}};
  REDAN_CHECK(::epoll_ctl(shared_.epoll, EPOLL_CTL_ADD, listener->descriptor, &event) == 0);
  listeners_.push_back(std::move(listener));
}

void ClientIo::stop_listening() {
  listeners_.clear();
}

Session* ClientIo::find(uint64_t id) const {
  const auto it = sessions_.find(id);
  return it == sessions_.end() ? nullptr : it->second;
}

ClientBuffers ClientIo::buffers(const Session& session) const {
  return static_cast<const Client*>(session.connection)->buffers();
}

void ClientIo::shut_down() {
  stop_listening();
  finish_batch();
  for (auto& [id, client] : clients_) client->close_soon("shutdown");
  close_listed();
}

}  // namespace redan
