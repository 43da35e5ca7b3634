#include "server/drivers/replication_link.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <deque>
#include <utility>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "server/drivers/replication_note.h"
#include "server/drivers/snapshot_loader.h"
#include "server/keyspace/keyspace.h"
#include "server/session/session.h"

namespace redan {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using namespace link_effect;

namespace {
constexpr size_t kReadBytes = 64 * 1024;
// What may wait to be parsed; beyond that the socket is not read, and the primary waits.
constexpr size_t kMostUnparsed = 4 * 1024 * 1024;
// Parsed between two looks at the clock.
constexpr size_t kParseStep = 8 * 1024;

// bind-source-addr: binds the socket to that address; where to connect to is the first of the
// primary's addresses that is of its kind.
Result<tcp::endpoint> leave_from(const std::string& source, tcp::socket& socket,
                                 const tcp::resolver::results_type& at) {
  error_code error;
  const asio::ip::address from = asio::ip::make_address(source, error);
  if (error) return Error("bind-source-addr '" + source + "' is no address: " + error.message());
  for (const auto& entry : at) {
    const tcp::endpoint to = entry.endpoint();
    if (to.address().is_v4() != from.is_v4()) continue;
    socket.open(to.protocol(), error);
    if (!error) socket.bind({from, 0}, error);
    if (error) return Error("Can't bind to bind-source-addr " + source + ": " + error.message());
    return to;
  }
  return Error("The primary has no address of the kind of bind-source-addr " + source);
}

}  // namespace

// One connection attempt and what follows; callbacks hold it, so that it outlives being dropped.
struct ReplicationLink::Socket {
  explicit Socket(asio::io_context& io) : resolver(io), socket(io) {}
  tcp::resolver resolver;
  tcp::socket socket;
  std::string outbox;
  std::string buffer = std::string(kReadBytes, '\0');
  bool open = true;      // false: callbacks mean nothing any more
  bool reading = false;  // a read is under way
  bool writing = false;
};

// A snapshot on its way into a keyspace aside.
class ReplicationLink::Incoming final : public BackgroundWork {
 public:
  Incoming(ReplicationLink& link, std::string id, int64_t offset, int64_t size)
      : link_(link),
        id_(std::move(id)),
        offset_(offset),
        fresh_(link.parts_.fresh_keyspace()),
        loader_(*fresh_, {.now = wall_now(),
                          .drop_expired = false,
                          .databases = link.parts_.config.databases,
                          .verify_checksum = link.parts_.config.rdbchecksum,
                          .total_bytes = size < 0 ? UINT64_MAX : static_cast<uint64_t>(size)}) {
    fresh_->set_now(wall_now());
  }
  ~Incoming() override { link_.parts_.loop.stop(*this); }

  void add(std::string bytes) {
    waiting_bytes_ += bytes.size();
    pieces_.push_back(std::move(bytes));
    link_.parts_.loop.start(*this);
  }
  void end() {
    ended_ = true;
    link_.parts_.loop.start(*this);
  }
  bool full() const { return waiting_bytes_ >= kMostUnparsed; }

  // Never destroys this object while it runs: what follows the end is posted.
  bool run_slice(Nanos budget) override {
    if (finished_) return false;
    const Instant until = monotonic_now() + budget;
    const bool was_full = full();
    while (!pieces_.empty() && outcome_) {
      const std::string_view rest = std::string_view(pieces_.front()).substr(at_);
      const std::string_view step = rest.substr(0, kParseStep);
      const Result<size_t> used = loader_.feed(step);
      if (!used) {
        outcome_ = used.error();
      } else if (*used != step.size()) {
        outcome_ = Error("bytes follow the end of the snapshot");
      }
      at_ += step.size();
      waiting_bytes_ -= step.size();
      if (at_ == pieces_.front().size()) {
        pieces_.pop_front();
        at_ = 0;
      }
      if (monotonic_now() >= until) break;
    }
    const bool over = !outcome_ || (ended_ && pieces_.empty());
    if (over || (was_full && !full())) {
      finished_ = over;
      if (over && outcome_) outcome_ = loader_.finish();
      link_.parts_.loop.post([socket = std::weak_ptr(link_.socket_), &link = link_, over] {
        const std::shared_ptr<Socket> alive = socket.lock();
        if (alive == nullptr || !alive->open) return;
        over ? link.incoming_ended() : link.read_some();
      });
    }
    return !finished_ && !pieces_.empty();
  }

  Result<void> outcome() const { return outcome_; }
  std::unique_ptr<Keyspace> take() { return std::move(fresh_); }
  const std::string& id() const { return id_; }
  int64_t offset() const { return offset_; }
  int stream_db() const { return loader_.facts().origin.stream_db; }
  uint64_t keys() const { return loader_.facts().keys_loaded; }

 private:
  ReplicationLink& link_;
  std::string id_;
  int64_t offset_;
  std::unique_ptr<Keyspace> fresh_;
  SnapshotLoader loader_;
  std::deque<std::string> pieces_;
  size_t at_ = 0;  // in the first piece
  size_t waiting_bytes_ = 0;
  bool ended_ = false;
  bool finished_ = false;
  Result<void> outcome_ = kOk;
};

ReplicationLink::ReplicationLink(const ReplicationDriver::Parts& parts, Standing& standing,
                                 Events events)
    : parts_(parts), standing_(standing), events_(std::move(events)) {}

ReplicationLink::~ReplicationLink() {
  if (socket_ != nullptr) hang_up("");
}

LinkSettings ReplicationLink::settings(const std::string& host, int port,
                                       const std::string& member) const {
  const ServerConfig& config = parts_.config;
  const int64_t announced =
      config.replica_announce_port > 0 ? config.replica_announce_port : config.port;
  return {.host = host,
          .port = port,
          .listening_port = static_cast<int>(announced),
          .announce_ip = config.replica_announce_ip,
          .user = config.masteruser,
          .password = config.masterauth,
          .member = member,
          .version = REDAN_VERSION,
          .timeout = Seconds(config.repl_timeout),
          .refuse_wipe = config.replica_refuse_wipe};
}

void ReplicationLink::follow(const std::string& host, int port, const std::string& member,
                             bool take_over) {
  uncommitted_.clear();
  ever_online_ = false;
  attempts_since_online_ = 0;
  time_down_ = {};
  down_since_ = monotonic_now();
  LinkOut out;
  machine_.follow(monotonic_now(), settings(host, port, member), standing_.position(), take_over,
                  out);
  perform(out);
}

void ReplicationLink::stop() {
  LinkOut out;
  machine_.stop(out);
  perform(out);
  uncommitted_.clear();
}

void ReplicationLink::configure() {
  const LinkSettings& now = machine_.settings();
  machine_.configure(settings(now.host, now.port, now.member));
}

void ReplicationLink::tick(Instant now) {
  machine_.heard(heard_at());
  LinkOut out;
  machine_.tick(now, standing_.backlog().offset(), -1, out);
  perform(out);
}

Instant ReplicationLink::heard_at() const {
  if (session_ == nullptr) return machine_.heard_at();
  return std::max(machine_.heard_at(), session_->last_interaction);
}

int64_t ReplicationLink::read_offset() const {
  return standing_.backlog().offset() + static_cast<int64_t>(uncommitted_.size());
}

void ReplicationLink::perform(LinkOut& effects) {
  LinkOut out = std::exchange(effects, {});
  for (LinkEffect& effect : out) {
    if (auto* note = std::get_if<Note>(&effect)) {
      log_note(*note);
    } else if (auto* to = std::get_if<Dial>(&effect)) {
      dial(to->host, to->port);
    } else if (auto* bytes = std::get_if<Send>(&effect)) {
      send(bytes->bytes);
    } else if (auto* end = std::get_if<HangUp>(&effect)) {
      hang_up(end->why);
    } else if (auto* begin = std::get_if<BeginTransfer>(&effect)) {
      incoming_ =
          std::make_unique<Incoming>(*this, std::move(begin->id), begin->offset, begin->size);
    } else if (auto* snapshot = std::get_if<Snapshot>(&effect)) {
      if (incoming_ != nullptr) incoming_->add(std::move(snapshot->bytes));
    } else if (std::get_if<EndTransfer>(&effect) != nullptr) {
      if (incoming_ != nullptr) incoming_->end();
    } else if (auto* resume = std::get_if<Resume>(&effect)) {
      if (standing_.resumed(resume->id)) events_.history_changed();
      if (events_.resumed) events_.resumed();
    } else if (auto* start = std::get_if<HandOver>(&effect)) {
      hand_over(std::move(start->leftover));
    } else if (auto* refusal = std::get_if<TakeOverRefused>(&effect)) {
      // It ends this link: nothing may follow.
      return events_.refused(refusal->why);
    }
  }
}

void ReplicationLink::dial(const std::string& host, int port) {
  ++attempts_;
  ++attempts_since_online_;
  socket_ = std::make_shared<Socket>(parts_.loop.io());
  const auto connected = [this, s = socket_](const error_code& error) {
    if (!s->open) return;
    if (error) return lost(error.message());
    error_code ignored;
    s->socket.set_option(tcp::no_delay(true), ignored);
    s->socket.non_blocking(true, ignored);
    LinkOut out;
    machine_.connected(monotonic_now(), out);
    perform(out);
    if (s->open) read_some();
  };
  socket_->resolver.async_resolve(
      host, std::to_string(port),
      [this, s = socket_, connected](const error_code& error,
                                     const tcp::resolver::results_type& at) {
        if (!s->open) return;
        if (error) return lost("Unable to resolve the host: " + error.message());
        if (const std::string& source = parts_.config.bind_source_addr; !source.empty()) {
          const Result<tcp::endpoint> to = leave_from(source, s->socket, at);
          return to ? s->socket.async_connect(*to, connected) : lost(to.error().message());
        }
        asio::async_connect(s->socket, at, [connected](const error_code& e, const tcp::endpoint&) {
          connected(e);
        });
      });
}

void ReplicationLink::hang_up(std::string_view why) {
  incoming_.reset();
  uncommitted_.clear();
  if (socket_ != nullptr) {
    socket_->open = false;
    error_code ignored;
    socket_->resolver.cancel();
    socket_->socket.close(ignored);
    socket_.reset();
  }
  if (session_ != nullptr) {
    last_contact_ = heard_at();
    Session* const session = std::exchange(session_, nullptr);
    // What it has read already must not be executed any more.
    session->connection->stop_reading();
    session->connection->close_soon(why);
  }
}

void ReplicationLink::lost(std::string_view why) {
  hang_up(why);
  LinkOut out;
  machine_.set_position(standing_.position());
  machine_.disconnected(monotonic_now(), why, out);
  perform(out);
}

// The handshake's few bytes fit into the kernel's buffer; what does not, leaves later.
void ReplicationLink::send(std::string_view bytes) {
  if (session_ != nullptr) return session_->connection->send(bytes);
  if (socket_ == nullptr) return;
  const std::shared_ptr<Socket> s = socket_;
  s->outbox.append(bytes);
  error_code error;
  const size_t sent = s->socket.write_some(asio::buffer(s->outbox), error);
  s->outbox.erase(0, sent);
  if (error && error != asio::error::would_block) return;  // The read will tell.
  if (s->outbox.empty() || s->writing) return;
  s->writing = true;
  s->socket.async_wait(tcp::socket::wait_write, [this, s](const error_code& failed) {
    s->writing = false;
    if (!failed && s->open) send({});
  });
}

void ReplicationLink::read_some() {
  const std::shared_ptr<Socket> s = socket_;
  if (s == nullptr || s->reading) return;
  if (machine_.state() == LinkMachine::State::kLoading) return;
  if (incoming_ != nullptr && incoming_->full()) {
    machine_.heard(monotonic_now());  // It is us who are slow.
    return;
  }
  s->reading = true;
  s->socket.async_read_some(asio::buffer(s->buffer),
                            [this, s](const error_code& error, size_t size) {
                              s->reading = false;
                              if (!s->open) return;
                              if (error) return lost(error.message());
                              own_socket_bytes_ += size;
                              LinkOut out;
                              machine_.holds(parts_.key_count());
                              machine_.receive(monotonic_now(), {s->buffer.data(), size}, out);
                              perform(out);
                              if (s->open) read_some();
                            });
}

void ReplicationLink::incoming_ended() {
  if (incoming_ == nullptr) return;
  LinkOut out;
  if (const Result<void> outcome = incoming_->outcome(); !outcome) {
    incoming_.reset();
    machine_.load_failed(monotonic_now(), outcome.error().message(), out);
    return perform(out);
  }
  machine_.holds(parts_.key_count());
  if (!machine_.may_replace(monotonic_now(), incoming_->keys(), out)) return perform(out);
  log_notice("MASTER <-> REPLICA sync: Replacing {} old keys by {} new ones", parts_.key_count(),
             incoming_->keys());
  parts_.snapshots.give_up_for_new_data();
  // They hold our old data: each has to get the new in full.
  events_.history_changed();
  stream_db_ = std::max(0, incoming_->stream_db());
  standing_.replaced(incoming_->id(), incoming_->offset());
  parts_.snapshots.loaded_from_primary(incoming_->keys());
  parts_.install_keyspace(incoming_->take());
  incoming_.reset();
  machine_.loaded(monotonic_now(), out);
  perform(out);
}

void ReplicationLink::hand_over(std::string leftover) {
  const std::shared_ptr<Socket> s = std::exchange(socket_, nullptr);
  if (s == nullptr) return;
  s->open = false;
  error_code error;
  const int descriptor = s->socket.release(error);
  if (error) return lost(error.message());
  uncommitted_.clear();
  attempts_since_online_ = 0;
  online_since_ = monotonic_now();
  time_down_ += online_since_ - down_since_;
  ever_online_ = true;
  session_ = parts_.adopt_primary(descriptor, std::move(leftover));
  session_->db = stream_db_;
  if (!s->outbox.empty()) session_->connection->send(s->outbox);
}

void ReplicationLink::closed(Session& session) {
  if (&session != session_) return;
  session_ = nullptr;
  down_since_ = monotonic_now();
  last_contact_ = down_since_;
  lost("the connection ended");
}

void ReplicationLink::applied(Session& session, std::string_view raw) {
  if (&session != session_) return;
  machine_.heard(parts_.loop.now());
  stream_bytes_ += raw.size();
  if (session.in_multi()) {
    uncommitted_.append(raw);
    return;
  }
  if (!uncommitted_.empty()) {
    standing_.stream().feed_verbatim(uncommitted_);
    uncommitted_.clear();
  }
  standing_.stream().feed_verbatim(raw);
  stream_db_ = session.db;
}

// GETACK is answered with the offset before it.
void ReplicationLink::acknowledge() {
  send(LinkMachine::ack(standing_.backlog().offset(), -1));
}

}  // namespace redan
