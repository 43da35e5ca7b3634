#include "server/drivers/client.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/check.h"
#include "common/log/log.h"
#include "server/drivers/sockets.h"

namespace redan {

namespace {
constexpr size_t kArenaBytes = ClientShared::kArenaBytes;
constexpr size_t kPooledBuffers = 64;
constexpr size_t kPooledBytes = 64 * 1024;
// A client's replies are offered to the kernel early once they reach this size.
constexpr size_t kEarlyWriteBytes = 256 * 1024;
constexpr int kMaxVectors = 64;
}  // namespace

ClientShared::ClientShared(DataLoop& data_loop, RequestHandler& request_handler,
                           std::function<void()> finish_batch)
    : loop(data_loop),
      handler(request_handler),
      epoll(data_loop.descriptor()),
      finish_batch_(std::move(finish_batch)) {}

void ClientShared::post_flush() {
  if (in_batch || flush_posted_) return;
  flush_posted_ = true;
  loop.post([this] { flush_posted_ = false, finish_batch_(); });
}

void ClientShared::evict_clients() {
  while (memory.total() >= limits.memory) {
    ClientMemory::Share* const largest = memory.largest();
    if (largest == nullptr) return;
    static_cast<Client*>(largest)->evict();
  }
}

ByteBuffer ClientShared::take_buffer() {
  if (pool_.empty()) return {};
  ByteBuffer buffer = std::move(pool_.back());
  pool_.pop_back();
  return buffer;
}

void ClientShared::give_buffer(ByteBuffer buffer) {
  buffer.clear(kPooledBytes);
  if (pool_.size() < kPooledBuffers && buffer.capacity() > 0) pool_.push_back(std::move(buffer));
}

// --- one connection ---

Client::Client(ClientShared& shared, int descriptor, uint64_t id, bool unix_socket)
    : Pollable(false), shared_(shared), descriptor_(descriptor) {
  session.id = id;
  session.connection = this;
  session.created = session.last_interaction = shared.loop.now();
  session.unix_socket = unix_socket;
  interest_ = EPOLLIN;
  epoll_event event{.events = interest_, .data = {.ptr = static_cast<Pollable*>(this)}};
  REDAN_CHECK(::epoll_ctl(shared.epoll, EPOLL_CTL_ADD, descriptor_, &event) == 0);
}

Client::~Client() {
  shared_.memory.forget(*this);
  ::close(descriptor_);
}

void Client::send(std::string_view bytes) {
  if (closing_) return;
  out().append(bytes);
  added_output();
}

void Client::send_shared(std::shared_ptr<const std::string> block, size_t from) {
  if (closing_) return;
  Waiting& waiting = need_waiting();
  if (!out_.empty()) seal_output(waiting);
  waiting.push({std::move(block), {}, from});
  added_output();
}

void Client::when_drained(std::function<void()> callback) {
  need_waiting().drained = std::move(callback);
  added_output();
}

void Client::close_after_replies() {
  close_after_replies_ = true;
  stop_reading();
  update_interest();
  added_output();
}

void Client::close_soon(std::string_view) {
  if (closing_) return;
  closing_ = true;
  shared_.to_close.push_back(this);
  shared_.post_flush();
}

void Client::stop_reading() {
  if (!reading_) return;
  reading_ = false;
  update_interest();
}

void Client::resume_reading() {
  if (reading_ || close_after_replies_ || closing_) return;
  reading_ = true;
  update_interest();
  if (!resuming_) {
    resuming_ = true;
    shared_.to_resume.push_back(this);
    shared_.post_flush();
  }
}

void Client::gather_packets() {
  sockets::gather_packets(descriptor_);
}

const Client::Addresses& Client::addresses() const {
  if (addresses_ == nullptr) {
    const std::string path = session.unix_socket ? sockets::unix_path(descriptor_) + ":0" : "";
    addresses_ = std::make_unique<const Addresses>(
        session.unix_socket
            ? Addresses{.peer = path, .local = path}
            : Addresses{.peer = sockets::peer(descriptor_), .local = sockets::local(descriptor_)});
  }
  return *addresses_;
}

std::string Client::peer_address() const {
  return addresses().peer;
}

std::string Client::local_address() const {
  return addresses().local;
}

// --- input ---

void Client::keep_input(std::string_view bytes) {
  if (bytes.empty()) return;
  if (input_ == nullptr) input_ = std::make_unique<Input>();
  input_->bytes.append(bytes);
}

void Client::readable() {
  if (closing_) return;
  in_turn_ = true;
  if (input_ == nullptr) {
    read_into_arena();
  } else {
    read_into_own_buffer();
  }
  end_turn();
}

void Client::end_turn() {
  in_turn_ = false;
  if (shared_.limits.memory == 0) [[likely]] {
    return;
  }
  count_memory();
  if (closing_) drop_buffers();
}

void Client::peer_gone() {
  if (!reading_ && !close_after_replies_) close_soon("end of stream");
}

void Client::resume() {
  resuming_ = false;
  if (closing_ || !reading_ || input_ == nullptr) return;
  in_turn_ = true;
  execute_own_buffer();
  end_turn();
}

void Client::read_into_arena() {
  const ssize_t got = ::recv(descriptor_, shared_.arena.get(), kArenaBytes, 0);
  if (!received(got)) return;
  const std::string_view all(shared_.arena.get(), static_cast<size_t>(got));
  const size_t used = execute(all, shared_.parser);
  if (used < all.size() && !closing_) {
    keep_input(all.substr(used));
    shared_.parser.reset();
  }
}

void Client::read_into_own_buffer() {
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
  if (in.bytes.size() - in.start > shared_.limits.query_buffer) {
    ++shared_.stats.query_buffer_disconnections;
    return close_soon("query buffer limit");
  }
  execute_own_buffer();
}

void Client::execute_own_buffer() {
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

bool Client::received(ssize_t got) {
  ++shared_.stats.reads;
  if (got > 0) {
    shared_.stats.input_bytes += static_cast<uint64_t>(got);
    session.last_interaction = shared_.loop.now();
    return true;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  close_soon(got == 0 ? "end of stream" : std::strerror(errno));
  return false;
}

// Executes the whole requests in `input`; how many bytes they were. The parser keeps its state
// of a half-read request behind them.
size_t Client::execute(std::string_view input, RequestParser& parser) {
  RequestHandler& handler = shared_.handler;
  RequestsAhead& ahead = shared_.ahead;
  size_t used = 0;
  size_t next = 0;   // of the requests ahead
  size_t found = 0;  // their number
  handler.input_begins();
  RequestLimits limits = handler.limits(session);
  ReplyWriter reply(out(), session.resp);
  while (reading_ && !closing_ && used < input.size()) {
    std::span<const std::string_view> args;
    std::string_view raw;
    if (next == found && !parser.half_read()) {
      ahead.find(input.substr(used), limits);
      next = 0;
      found = ahead.size();
      if (found > 1) handler.look_ahead(session, ahead);
    }
    if (next < found) [[likely]] {
      args = ahead.args(next);
      raw = ahead.raw(next++);
    } else {
      const RequestParser::Status status = parser.parse(input.substr(used), limits);
      if (status == RequestParser::Status::kIncomplete) break;
      if (status == RequestParser::Status::kError) {
        reply.error_text("ERR", parser.error());
        handler.malformed(session, parser.error());
        close_after_replies();
        used = input.size();
        break;
      }
      args = parser.args();
      raw = input.substr(used, parser.consumed());
    }
    if (!args.empty()) {
      if (handler.execute(session, args, raw, reply) == Executed::kLater) {
        parser.reset();
        stop_reading();
        break;
      }
      // The command may have changed what counts: HELLO the protocol, AUTH the limits.
      reply.set_version(session.resp);
      if (!limits.authenticated) limits = handler.limits(session);
    }
    used += raw.size();
    if (out_.size() > kEarlyWriteBytes) {
      write();
      out();
    }
  }
  handler.input_ends();
  if (!out_.empty()) added_output();
  return used;
}

// --- output ---

void Client::added_output() {
  if (!write_listed_) {
    write_listed_ = true;
    shared_.to_write.push_back(this);
    shared_.post_flush();
  }
  if (pending_bytes() > kEarlyWriteBytes) enforce_output_limit(shared_.loop.now());
  if (shared_.limits.memory != 0) [[unlikely]] {
    count_memory();
  }
}

void Client::Waiting::push(Block block) {
  bytes += block.rest().size();
  spare += block.spare();
  blocks.push_back(std::move(block));
}

void Client::Waiting::taken(size_t count) {
  bytes -= count;
  while (!blocks.empty() && count >= blocks.front().rest().size()) {
    count -= blocks.front().rest().size();
    spare -= blocks.front().spare();
    blocks.pop_front();
  }
  if (blocks.empty()) return;
  Block& front = blocks.front();
  front.from += count;
  if (front.shared == nullptr) spare += count;
}

void Client::seal_output(Waiting& waiting) {
  waiting.push({nullptr, std::move(out_), 0});
  out_ = {};
}

void Client::write() {
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
  if (shared_.limits.memory != 0) [[unlikely]] {
    count_memory();
  }
}

bool Client::write_directly() {
  if (out_.empty()) {
    if (out_.capacity() > 0) shared_.give_buffer(std::move(out_)), out_ = {};
    return true;
  }
  const ssize_t sent = ::send(descriptor_, out_.data(), out_.size(), MSG_NOSIGNAL);
  if (failed_write(sent)) return false;
  const size_t taken = sent < 0 ? 0 : static_cast<size_t>(sent);
  if (taken == out_.size()) {
    shared_.give_buffer(std::move(out_));
    out_ = {};
    return true;
  }
  Waiting& waiting = need_waiting();
  seal_output(waiting);
  waiting.taken(taken);
  return true;
}

bool Client::write_waiting() {
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
    waiting.taken(static_cast<size_t>(sent));
    if (static_cast<size_t>(sent) < offered) return true;
  }
  return true;
}

bool Client::failed_write(ssize_t sent) {
  if (sent >= 0) {
    ++shared_.stats.writes;
    shared_.stats.output_bytes += static_cast<uint64_t>(sent);
    return false;
  }
  if (errno == EAGAIN || errno == EINTR) return false;
  close_soon(std::strerror(errno));
  return true;
}

void Client::update_interest() {
  if (closing_) return;
  const bool blocked = waiting_ != nullptr && !waiting_->blocks.empty();
  // Whoever reads sees the end of the stream; a link that only holds back wants what comes before.
  const bool watches_end =
      !reading_ && !close_after_replies_ && session.kind == ClientKind::kNormal;
  const uint32_t wanted = (reading_ ? static_cast<uint32_t>(EPOLLIN) : 0U) |
                          (watches_end ? static_cast<uint32_t>(EPOLLRDHUP) : 0U) |
                          (blocked ? static_cast<uint32_t>(EPOLLOUT) : 0U);
  if (wanted == interest_) return;
  interest_ = wanted;
  epoll_event event{.events = wanted, .data = {.ptr = static_cast<Pollable*>(this)}};
  ::epoll_ctl(shared_.epoll, EPOLL_CTL_MOD, descriptor_, &event);
}

// --- limits ---

void Client::housekeeping(Instant now) {
  if (closing_) return;
  if (shared_.limits.memory != 0) count_memory();
  enforce_output_limit(now);
  const bool may_idle = session.kind == ClientKind::kNormal && session.subscription_count() == 0;
  const int64_t timeout_s = shared_.limits.idle_timeout_s;
  if (timeout_s > 0 && may_idle && reading_ &&
      now - session.last_interaction > Seconds(timeout_s)) {
    close_soon("idle");
  }
}

void Client::enforce_output_limit(Instant now) {
  if (session.kind == ClientKind::kPrimary) return;
  const size_t index = session.kind == ClientKind::kReplica ? 1
                       : session.subscription_count() > 0   ? 2
                                                            : 0;
  const OutputLimit& limit = shared_.limits.output[index];
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
    ++shared_.stats.output_limit_disconnections;
    close_soon("output buffer limit");
  }
}

ClientBuffers Client::buffers() const {
  ClientBuffers b;
  if (input_ != nullptr) {
    b.query = input_->bytes.size();
    b.query_free = input_->bytes.capacity() - input_->bytes.size();
  }
  b.output = out_.size();
  b.output_bytes = pending_bytes();
  if (waiting_ != nullptr) b.output_list = waiting_->blocks.size();
  b.memory = sizeof(Client) + b.query + b.query_free + out_.capacity() +
             (waiting_ == nullptr ? 0 : waiting_->bytes + waiting_->spare) + session.memory_bytes();
  return b;
}

void Client::count_memory() {
  if (closing_) return;
  // Servers are no clients here: neither counted nor closed.
  const ClientKind kind = session.kind;
  const bool counts =
      shared_.limits.memory != 0 &&
      (kind == ClientKind::kNormal || kind == ClientKind::kPubSub || kind == ClientKind::kMonitor);
  if (!counts) return shared_.memory.forget(*this);
  shared_.memory.set(*this, buffers().memory, !session.no_evict);
  shared_.evict_clients();
}

void Client::evict() {
  log_notice("Evicting client: id={} addr={} name={} tot-mem={}", session.id, peer_address(),
             session.name, bytes());
  ++shared_.stats.evicted;
  shared_.memory.forget(*this);
  close_soon("maxmemory-clients");
  if (!in_turn_) drop_buffers();
}

void Client::drop_buffers() {
  out_ = {};
  waiting_.reset();
  input_.reset();
}

}  // namespace redan
