#include "server/drivers/client_io.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <vector>

#include "common/base/check.h"
#include "server/drivers/sockets.h"

namespace redan {

namespace {
constexpr size_t kArenaBytes = 64 * 1024;
constexpr size_t kPooledBuffers = 64;
constexpr size_t kPooledBytes = 64 * 1024;
// A client's replies are offered to the kernel early once they reach this size.
constexpr size_t kEarlyWriteBytes = 256 * 1024;
constexpr int kAcceptsPerWakeUp = 64;
constexpr int kMaxVectors = 64;

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

// Behind every epoll event stands one of these.
struct Pollable {
  explicit Pollable(bool is_listener) : listener(is_listener) {}
  const bool listener;
};

struct ClientIo::Listener : Pollable {
  Listener(int fd, bool unix_domain) : Pollable(true), descriptor(fd), unix_socket(unix_domain) {}
  ~Listener() { ::close(descriptor); }
  int descriptor;
  bool unix_socket;
};

struct ClientIo::State {
  State(DataLoop& data_loop, RequestHandler& request_handler)
      : loop(data_loop), handler(request_handler), epoll(data_loop.descriptor()) {}

  DataLoop& loop;
  RequestHandler& handler;
  ClientIoOptions options;
  const int epoll;  // the loop's
  std::vector<std::unique_ptr<Listener>> listeners;
  std::map<uint64_t, std::unique_ptr<Client>> clients;
  uint64_t next_id = 1;
  std::unique_ptr<char[]> arena{new char[kArenaBytes]};
  RequestParser parser;            // for requests that are whole in the arena
  std::vector<ByteBuffer> pool;    // buffers of clients that have nothing to say
  std::vector<Client*> to_write;   // have new output since the last flush
  std::vector<Client*> to_resume;  // may go on with input that waits
  std::vector<Client*> to_close;
  DataLoop::Timer housekeeping;
  bool flush_posted = false;
  bool in_batch = false;

  ByteBuffer take_buffer() {
    if (pool.empty()) return {};
    ByteBuffer buffer = std::move(pool.back());
    pool.pop_back();
    return buffer;
  }
  void give_buffer(ByteBuffer buffer) {
    buffer.clear(kPooledBytes);
    if (pool.size() < kPooledBuffers && buffer.capacity() > 0) pool.push_back(std::move(buffer));
  }
};

class ClientIo::Client final : public Connection, public Pollable {
 public:
  Client(ClientIo& io, int fd, uint64_t id, bool unix_socket)
      : Pollable(false), io_(io), descriptor_(fd) {
    session.id = id;
    session.connection = this;
    session.created = session.last_interaction = io.state_->loop.now();
    session.unix_socket = unix_socket;
  }
  ~Client() override {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  Session session;

  // Connection
  void send(std::string_view bytes) override {
    if (closing_) return;
    out().append(bytes);
    added_output();
  }
  void send_shared(std::shared_ptr<const std::string> block, size_t from) override {
    if (closing_) return;
    Waiting& waiting = need_waiting();
    if (!out_.empty()) seal_output(waiting);
    waiting.bytes += block->size() - from;
    waiting.blocks.push_back({std::move(block), {}, from});
    added_output();
  }
  size_t pending_bytes() const override {
    return out_.size() + (waiting_ == nullptr ? 0 : waiting_->bytes);
  }
  void when_drained(std::function<void()> callback) override {
    need_waiting().drained = std::move(callback);
    added_output();
  }
  void close_after_replies() override {
    close_after_replies_ = true;
    stop_reading();
    added_output();
  }
  void close_soon(std::string_view) override {
    if (closing_) return;
    closing_ = true;
    io_.state_->to_close.push_back(this);
    post_flush();
  }
  void stop_reading() override {
    if (!reading_) return;
    reading_ = false;
    update_interest();
  }
  void resume_reading() override {
    if (reading_ || close_after_replies_ || closing_) return;
    reading_ = true;
    update_interest();
    if (!resuming_) {
      resuming_ = true;
      io_.state_->to_resume.push_back(this);
      post_flush();
    }
  }
  std::string peer_address() const override {
    return session.unix_socket ? sockets::unix_path(descriptor_) + ":0"
                               : sockets::peer(descriptor_);
  }
  std::string local_address() const override {
    return session.unix_socket ? sockets::unix_path(descriptor_) + ":0"
                               : sockets::local(descriptor_);
  }
  int descriptor() const override { return descriptor_; }

  // Input that came with an adopted socket, or that waits for resume_reading().
  void keep_input(std::string_view bytes) {
    if (!bytes.empty()) need_input().append(bytes);
  }

  void readable() {
    if (closing_) return;
    if (input_ == nullptr) return read_into_arena();
    read_into_own_buffer();
  }

  // Executes what has been read already.
  void resume() {
    resuming_ = false;
    if (closing_ || !reading_ || input_ == nullptr) return;
    execute_own_buffer();
  }

  // Hands output to the kernel. Keeps what it does not take and waits for EPOLLOUT.
  void write() {
    write_listed_ = false;
    if (closing_) return;
    if (waiting_ == nullptr) {
      if (!write_directly()) return;
    } else if (!write_waiting()) {
      return;
    }
    if (pending_bytes() == 0) {
      if (close_after_replies_) return close_soon("");
      if (waiting_ != nullptr && waiting_->blocks.empty()) {
        std::function<void()> drained = std::move(waiting_->drained);
        waiting_.reset();
        if (drained) drained();
      }
    }
    update_interest();
  }

  ReplyWriter writer() { return ReplyWriter(out(), session.resp); }

  Buffers buffers() const {
    Buffers b;
    if (input_ != nullptr) {
      b.query = input_->bytes.size();
      b.query_free = input_->bytes.capacity() - input_->bytes.size();
    }
    b.output = out_.size();
    b.output_bytes = pending_bytes();
    if (waiting_ != nullptr) b.output_list = waiting_->blocks.size();
    b.memory = sizeof(Client) + b.query + b.query_free + out_.capacity() +
               (waiting_ == nullptr ? 0 : waiting_->bytes);
    return b;
  }

  // Seconds of the soft limit's clock and the idle clock; called now and then.
  void housekeeping(Instant now, const ClientIoOptions& options) {
    if (closing_) return;
    enforce_output_limit(now);
    const bool may_idle = session.kind == ClientKind::kNormal && session.subscription_count() == 0;
    if (options.idle_timeout_s > 0 && may_idle && reading_ &&
        now - session.last_interaction > Seconds(options.idle_timeout_s)) {
      close_soon("idle");
    }
  }

  void register_in_epoll() {
    interest_ = EPOLLIN;
    epoll_event event{.events = interest_, .data = {.ptr = static_cast<Pollable*>(this)}};
    REDAN_CHECK(::epoll_ctl(io_.state_->epoll, EPOLL_CTL_ADD, descriptor_, &event) == 0);
  }

 private:
  struct Block {
    std::shared_ptr<const std::string> shared;
    ByteBuffer own;
    size_t from = 0;
    std::string_view rest() const {
      return shared != nullptr ? std::string_view(*shared).substr(from) : own.view(from);
    }
  };
  // What the kernel would not take yet, oldest first; out_ stands behind it.
  struct Waiting {
    std::deque<Block> blocks;
    size_t bytes = 0;
    std::function<void()> drained;
    Instant over_soft_since{};
    bool over_soft = false;
  };
  struct Input {
    ByteBuffer bytes;
    size_t start = 0;  // consumed before this
    RequestParser parser;
    void append(std::string_view more) { bytes.append(more); }
  };

  ByteBuffer& out() {
    if (out_.capacity() == 0) out_ = io_.state_->take_buffer();
    return out_;
  }
  Waiting& need_waiting() {
    if (waiting_ == nullptr) waiting_ = std::make_unique<Waiting>();
    return *waiting_;
  }
  Input& need_input() {
    if (input_ == nullptr) input_ = std::make_unique<Input>();
    return *input_;
  }
  void seal_output(Waiting& waiting) {
    waiting.bytes += out_.size();
    waiting.blocks.push_back({nullptr, std::move(out_), 0});
    out_ = {};
  }
  void added_output() {
    if (!write_listed_) {
      write_listed_ = true;
      io_.state_->to_write.push_back(this);
      post_flush();
    }
    if (pending_bytes() > kEarlyWriteBytes) enforce_output_limit(io_.state_->loop.now());
  }
  // Outside a batch nobody would look at the lists: make the loop do it.
  void post_flush() {
    State& s = *io_.state_;
    if (s.in_batch || s.flush_posted) return;
    s.flush_posted = true;
    s.loop.post([&io = io_] { io.state_->flush_posted = false, io.finish_batch(); });
  }

  void read_into_arena() {
    State& s = *io_.state_;
    const ssize_t got = ::recv(descriptor_, s.arena.get(), kArenaBytes, 0);
    if (!received(got)) return;
    const std::string_view all(s.arena.get(), static_cast<size_t>(got));
    const size_t used = execute(all, s.parser);
    if (used < all.size() && !closing_) {
      keep_input(all.substr(used));
      s.parser.reset();
    }
  }

  void read_into_own_buffer() {
    Input& in = *input_;
    if (in.start > 0 && in.start == in.bytes.size()) in.bytes.clear(), in.start = 0;
    const size_t have = in.bytes.size() - in.start;
    const size_t known_need = in.parser.needed() > have ? in.parser.needed() - have : 0;
    // A large argument is read in place; its announced size is believed piece by piece only.
    const size_t room = std::clamp<size_t>(known_need, kArenaBytes / 4, 4 * 1024 * 1024);
    char* const to = in.bytes.reserve(room);
    const ssize_t got = ::recv(descriptor_, to, room, 0);
    if (!received(got)) return;
    in.bytes.advance(static_cast<size_t>(got));
    if (in.bytes.size() - in.start > io_.state_->options.query_buffer_limit) {
      ++io_.stats_.query_buffer_disconnections;
      return close_soon("query buffer limit");
    }
    execute_own_buffer();
  }

  void execute_own_buffer() {
    Input& in = *input_;
    in.start += execute(in.bytes.view(in.start), in.parser);
    if (in.start == in.bytes.size()) {
      input_.reset();
    } else if (in.start > kArenaBytes && in.start > in.bytes.size() / 2) {
      // Move the rest to the front now and then, so that a long pipeline does not keep growing.
      ByteBuffer rest;
      rest.append(in.bytes.view(in.start));
      in.bytes = std::move(rest);
      in.start = 0;
    }
  }

  bool received(ssize_t got) {
    ++io_.stats_.reads;
    if (got > 0) {
      io_.stats_.input_bytes += static_cast<uint64_t>(got);
      session.last_interaction = io_.state_->loop.now();
      return true;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    close_soon(got == 0 ? "end of stream" : std::strerror(errno));
    return false;
  }

  // Executes the whole requests in `input`; how many bytes they were. The parser keeps its state
  // of a half-read request behind them.
  size_t execute(std::string_view input, RequestParser& parser) {
    RequestHandler& handler = io_.state_->handler;
    size_t used = 0;
    handler.input_begins();
    RequestLimits limits = handler.limits(session);
    ReplyWriter reply(out(), session.resp);
    while (reading_ && !closing_ && used < input.size()) {
      const RequestParser::Status status = parser.parse(input.substr(used), limits);
      if (status == RequestParser::Status::kIncomplete) break;
      if (status == RequestParser::Status::kError) {
        reply.error_text("ERR", parser.error());
        handler.malformed(session, parser.error());
        close_after_replies();
        used = input.size();
        break;
      }
      if (!parser.args().empty()) {
        const Executed executed =
            handler.execute(session, parser.args(), input.substr(used, parser.consumed()), reply);
        if (executed == Executed::kLater) {
          parser.reset();
          stop_reading();
          break;
        }
        // The command may have changed what counts: HELLO the protocol, AUTH the limits.
        reply.set_version(session.resp);
        if (!limits.authenticated) limits = handler.limits(session);
      }
      used += parser.consumed();
      if (out_.size() > kEarlyWriteBytes) {
        write();
        out();
      }
    }
    if (!out_.empty()) added_output();
    return used;
  }

  bool failed_write(ssize_t sent) {
    if (sent >= 0) {
      ++io_.stats_.writes;
      io_.stats_.output_bytes += static_cast<uint64_t>(sent);
      return false;
    }
    if (errno == EAGAIN || errno == EINTR) return false;
    close_soon(std::strerror(errno));
    return true;
  }

  bool write_directly() {
    if (out_.empty()) {
      if (out_.capacity() > 0) io_.state_->give_buffer(std::move(out_)), out_ = {};
      return true;
    }
    const ssize_t sent = ::send(descriptor_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (failed_write(sent)) return false;
    const size_t taken = sent < 0 ? 0 : static_cast<size_t>(sent);
    if (taken == out_.size()) {
      io_.state_->give_buffer(std::move(out_));
      out_ = {};
      return true;
    }
    Waiting& waiting = need_waiting();
    seal_output(waiting);
    waiting.blocks.front().from = taken;
    waiting.bytes -= taken;
    return true;
  }

  bool write_waiting() {
    Waiting& waiting = *waiting_;
    if (!out_.empty()) seal_output(waiting);
    while (!waiting.blocks.empty()) {
      iovec vectors[kMaxVectors];
      int count = 0;
      size_t offered = 0;
      for (const Block& block : waiting.blocks) {
        if (count == kMaxVectors) break;
        const std::string_view rest = block.rest();
        vectors[count++] = {const_cast<char*>(rest.data()), rest.size()};
        offered += rest.size();
      }
      msghdr message{};
      message.msg_iov = vectors;
      message.msg_iovlen = static_cast<size_t>(count);
      const ssize_t sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
      if (failed_write(sent)) return false;
      if (sent < 0) return true;
      size_t taken = static_cast<size_t>(sent);
      waiting.bytes -= taken;
      while (!waiting.blocks.empty() && taken >= waiting.blocks.front().rest().size()) {
        taken -= waiting.blocks.front().rest().size();
        waiting.blocks.pop_front();
      }
      if (!waiting.blocks.empty()) waiting.blocks.front().from += taken;
      if (static_cast<size_t>(sent) < offered) return true;
    }
    return true;
  }

  void update_interest() {
    if (closing_) return;
    const bool blocked = waiting_ != nullptr && !waiting_->blocks.empty();
    const uint32_t wanted = (reading_ ? static_cast<uint32_t>(EPOLLIN) : 0U) |
                            (blocked ? static_cast<uint32_t>(EPOLLOUT) : 0U);
    if (wanted == interest_) return;
    interest_ = wanted;
    epoll_event event{.events = wanted, .data = {.ptr = static_cast<Pollable*>(this)}};
    ::epoll_ctl(io_.state_->epoll, EPOLL_CTL_MOD, descriptor_, &event);
  }

  void enforce_output_limit(Instant now) {
    if (session.kind == ClientKind::kPrimary) return;
    const size_t index = session.kind == ClientKind::kReplica ? 1
                         : session.subscription_count() > 0   ? 2
                                                              : 0;
    const OutputLimit& limit = io_.state_->options.output_limits[index];
    const size_t bytes = pending_bytes();
    const bool over_hard = limit.hard_bytes > 0 && bytes >= limit.hard_bytes;
    const bool over_soft = limit.soft_bytes > 0 && bytes >= limit.soft_bytes;
    bool too_long = false;
    if (over_soft) {
      Waiting& waiting = need_waiting();
      if (!waiting.over_soft) waiting.over_soft_since = now;
      waiting.over_soft = true;
      too_long = now - waiting.over_soft_since > Seconds(limit.soft_s);
    } else if (waiting_ != nullptr) {
      waiting_->over_soft = false;
    }
    if (over_hard || too_long) {
      ++io_.stats_.output_limit_disconnections;
      close_soon("output buffer limit");
    }
  }

  ClientIo& io_;
  int descriptor_;
  uint32_t interest_ = 0;
  bool reading_ = true;
  bool closing_ = false;
  bool close_after_replies_ = false;
  bool write_listed_ = false;
  bool resuming_ = false;
  ByteBuffer out_;
  std::unique_ptr<Waiting> waiting_;
  std::unique_ptr<Input> input_;
};

ClientIo::ClientIo(DataLoop& loop, RequestHandler& handler)
    : state_(std::make_unique<State>(loop, handler)) {
  loop.deliver_to(this);
  state_->housekeeping = loop.every(Millis(100), [this] {
    State& s = *state_;
    s.loop.refresh_now();
    for (auto& [id, client] : s.clients) client->housekeeping(s.loop.now(), s.options);
    finish_batch();
  });
}

ClientIo::~ClientIo() {
  state_->clients.clear();
  state_->listeners.clear();
}

void ClientIo::ready(epoll_event* events, int count) {
  State& s = *state_;
  ++stats_.wake_ups;
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
  }
  finish_batch();
}

void ClientIo::finish_batch() {
  State& s = *state_;
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
  State& s = *state_;
  while (!s.to_close.empty()) {
    Client* const client = s.to_close.back();
    s.to_close.pop_back();
    sessions_.erase(client->session.id);
    s.handler.closed(client->session);
    std::erase(s.to_write, client);
    std::erase(s.to_resume, client);
    s.clients.erase(client->session.id);
  }
}

void ClientIo::accept(Listener& listener) {
  State& s = *state_;
  for (int i = 0; i < kAcceptsPerWakeUp; ++i) {
    const int fd = ::accept4(listener.descriptor, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    std::string_view refusal;
    if (static_cast<int64_t>(sessions_.size()) >= s.options.max_clients) refusal = kTooManyClients;
    if (s.options.refuse_strangers && !listener.unix_socket && !sockets::is_loopback_peer(fd)) {
      refusal = kDenied;
    }
    if (!refusal.empty()) {
      ++stats_.rejected;
      (void)!::send(fd, refusal.data(), refusal.size(), MSG_NOSIGNAL);
      ::close(fd);
      continue;
    }
    if (!listener.unix_socket) sockets::tune(fd, s.options.keepalive_s);
    ++stats_.connections;
    add(fd, listener.unix_socket);
  }
}

ClientIo::Client& ClientIo::add(int descriptor, bool unix_socket) {
  State& s = *state_;
  const uint64_t id = s.next_id++;
  auto client = std::make_unique<Client>(*this, descriptor, id, unix_socket);
  Client& added = *client;
  s.clients.emplace(id, std::move(client));
  sessions_.emplace(id, &added.session);
  added.register_in_epoll();
  s.handler.opened(added.session);
  return added;
}

Session* ClientIo::adopt(int descriptor, ClientKind kind, std::string_view leftover) {
  sockets::make_non_blocking(descriptor);
  sockets::tune(descriptor, state_->options.keepalive_s);
  Client& client = add(descriptor, false);
  client.session.kind = kind;
  client.session.authenticated = true;
  if (!leftover.empty()) {
    client.stop_reading();
    client.keep_input(leftover);
    client.resume_reading();
  }
  return &client.session;
}

void ClientIo::configure(const ClientIoOptions& options) {
  state_->options = options;
}

Result<void> ClientIo::listen(std::span<const std::string> addresses, int port) {
  std::vector<std::unique_ptr<Listener>> opened;
  for (const std::string& address : addresses) {
    Result<int> fd = sockets::listen_tcp(address, port, static_cast<int>(state_->options.backlog));
    if (!fd && address.starts_with('-')) continue;  // An address that may be missing.
    if (!fd) return fd.error();
    opened.push_back(std::make_unique<Listener>(*fd, false));
  }
  if (opened.empty() && !addresses.empty()) {
    return Error("no address of 'bind' could be opened on port " + std::to_string(port));
  }
  for (auto& listener : opened) watch(std::move(listener));
  return kOk;
}

Result<void> ClientIo::listen_unix(const std::string& path, unsigned mode) {
  Result<int> fd = sockets::listen_unix(path, mode, static_cast<int>(state_->options.backlog));
  if (!fd) return fd.error();
  watch(std::make_unique<Listener>(*fd, true));
  return kOk;
}

void ClientIo::watch(std::unique_ptr<Listener> listener) {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = static_cast<Pollable*>(listener.get())}};
  REDAN_CHECK(::epoll_ctl(state_->epoll, EPOLL_CTL_ADD, listener->descriptor, &event) == 0);
  state_->listeners.push_back(std::move(listener));
}

void ClientIo::stop_listening() {
  state_->listeners.clear();
}

Session* ClientIo::find(uint64_t id) const {
  const auto it = sessions_.find(id);
  return it == sessions_.end() ? nullptr : it->second;
}

ClientIo::Buffers ClientIo::buffers(const Session& session) const {
  return static_cast<const Client*>(session.connection)->buffers();
}

void ClientIo::shut_down() {
  stop_listening();
  finish_batch();
  for (auto& [id, client] : state_->clients) client->close_soon("shutdown");
  close_listed();
}

}  // namespace redan
