#include "common/net/resp_client.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "common/resp/writer.h"

namespace redan {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

bool is_message(const Reply& reply) {
  if (reply.kind == Reply::Kind::kPush) return true;
  if (reply.kind != Reply::Kind::kArray || reply.elements.empty()) return false;
  const std::string& what = reply.elements[0].text;
  return what == "message" || what == "pmessage" || what == "subscribe" || what == "psubscribe" ||
         what == "unsubscribe" || what == "punsubscribe";
}

}  // namespace

// Kept alive by the client and by the operations under way; without a client it only winds down.
struct RespClient::State : std::enable_shared_from_this<RespClient::State> {
  State(asio::io_context& io, Options given)
      : options(std::move(given)),
        socket(io),
        timer(io),
        parser({.max_bulk_bytes = options.max_reply_bytes,
                .max_elements = options.max_reply_bytes / 16}) {}

  void connect() {
    error_code error;
    const auto address = asio::ip::make_address(options.to.host, error);
    if (error) return fail_later("not an IP address");
    const tcp::endpoint target(address, static_cast<uint16_t>(options.to.port));
    socket.open(target.protocol(), error);
    if (error) return fail_later(error.message());
    if (!options.source_address.empty()) {
      const auto source = asio::ip::make_address(options.source_address, error);
      if (!error) socket.bind({source, 0}, error);
      if (error) {
        return fail_later("cannot bind to " + options.source_address + ": " + error.message());
      }
    }
    timer.expires_after(options.connect_timeout);
    timer.async_wait([self = shared_from_this()](const error_code& cancelled) {
      if (!cancelled && !self->is_connected) self->fail("Connection timed out");
    });
    socket.async_connect(target, [self = shared_from_this()](const error_code& failed) {
      if (self->is_closed) return;
      if (failed) return self->fail(failed.message());
      self->timer.cancel();
      self->is_connected = true;
      error_code ignored;
      self->socket.set_option(tcp::no_delay(true), ignored);
      self->socket.set_option(tcp::socket::keep_alive(true), ignored);
      if (const auto task = self->when_connected) task();
      self->write_more();
      self->read();
    });
  }

  void read() {
    if (is_closed) return;
    socket.async_read_some(
        asio::buffer(chunk), [self = shared_from_this()](const error_code& error, size_t size) {
          if (self->is_closed) return;
          if (error) {
            return self->fail(error == asio::error::eof ? "Server closed the connection"
                                                        : error.message());
          }
          self->parser.feed({self->chunk.data(), size});
          self->take_replies();
          self->read();
        });
  }

  void take_replies() {
    while (!is_closed) {
      auto next = parser.next();
      if (!next) return fail("Protocol error: " + next.error().message());
      if (!next->has_value()) return;
      Reply reply = std::move(**next);
      if (reply.kind == Reply::Kind::kPush || (options.subscriber && is_message(reply))) {
        if (const auto task = when_pushed) task(std::move(reply));
        continue;
      }
      if (waiting.empty()) return fail("Protocol error: a reply that no request asked for");
      const OnReply answer = std::move(waiting.front());
      waiting.pop_front();
      answer(std::move(reply));
    }
  }

  void write_more() {
    if (!is_connected || is_closed || !writing.empty() || unsent.empty()) return;
    std::swap(writing, unsent);
    asio::async_write(socket, asio::buffer(writing.data(), writing.size()),
                      [self = shared_from_this()](const error_code& error, size_t) {
                        if (self->is_closed) return;
                        if (error) return self->fail(error.message());
                        self->writing.clear(16 * 1024);
                        self->write_more();
                      });
  }

  // Not from within the constructor: the owner has not set its callbacks yet.
  void fail_later(std::string why) {
    asio::post(socket.get_executor(), [self = shared_from_this(), why = std::move(why)] {
      if (!self->is_closed) self->fail(why);
    });
  }

  void fail(const std::string& why) { close(Error("IOERR", to_text(options.to) + ": " + why)); }

  void close(const Error& why) {
    if (is_closed) return;
    shut();
    const auto keep = shared_from_this();
    while (!waiting.empty()) {  // An answer may destroy the client, which clears the rest.
      const OnReply answer = std::move(waiting.front());
      waiting.pop_front();
      answer(why);
    }
    if (const auto task = std::exchange(when_closed, nullptr)) task(why);
  }

  void shut() {
    is_closed = true;
    is_connected = false;
    error_code ignored;
    socket.close(ignored);
    timer.cancel();
  }

  const Options options;
  tcp::socket socket;
  asio::steady_timer timer;
  ReplyParser parser;
  std::array<char, 16 * 1024> chunk;
  ByteBuffer unsent;
  ByteBuffer writing;
  std::deque<OnReply> waiting;
  std::function<void()> when_connected;
  std::function<void(const Error&)> when_closed;
  std::function<void(Reply)> when_pushed;
  bool is_connected = false;
  bool is_closed = false;
};

RespClient::RespClient(asio::io_context& io, Options options)
    : state_(std::make_shared<State>(io, std::move(options))) {
  state_->connect();
}

RespClient::~RespClient() {
  state_->when_connected = nullptr;
  state_->when_closed = nullptr;
  state_->when_pushed = nullptr;
  state_->waiting.clear();
  if (!state_->is_closed) state_->shut();
}

void RespClient::on_connected(std::function<void()> task) {
  state_->when_connected = std::move(task);
}
void RespClient::on_closed(std::function<void(const Error&)> task) {
  state_->when_closed = std::move(task);
}
void RespClient::on_push(std::function<void(Reply)> task) {
  state_->when_pushed = std::move(task);
}

void RespClient::request(std::span<const std::string_view> args, OnReply on_reply) {
  State& state = *state_;
  if (state.is_closed || state.unsent.size() > state.options.max_unsent_bytes) {
    on_reply(
        Error("IOERR", to_text(state.options.to) +
                           (state.is_closed ? ": not connected" : ": too many unsent requests")));
    return;
  }
  append_request(state.unsent, args);
  state.waiting.push_back(std::move(on_reply));
  state.write_more();
}

void RespClient::send(std::initializer_list<std::string_view> args) {
  if (state_->is_closed) return;
  append_request(state_->unsent, std::span(args.begin(), args.size()));
  state_->write_more();
}

bool RespClient::connected() const {
  return state_->is_connected;
}
bool RespClient::closed() const {
  return state_->is_closed;
}
size_t RespClient::pending() const {
  return state_->waiting.size();
}

std::string RespClient::local_ip() const {
  error_code error;
  const tcp::endpoint local = state_->socket.local_endpoint(error);
  return error ? "" : local.address().to_string();
}

void RespClient::close(const Error& why) {
  state_->close(why);
}

}  // namespace redan
