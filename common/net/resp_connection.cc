#include "common/net/resp_connection.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "common/log/log.h"

namespace redan {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {
constexpr size_t kChunkBytes = 16 * 1024;
constexpr size_t kKeptBytes = 16 * 1024;  // Memory that an idle connection keeps for output.
}  // namespace

struct RespConnection::Socket {
  explicit Socket(asio::io_context& io) : stream(io) {}
  tcp::socket stream;
  std::array<char, kChunkBytes> chunk;
};

std::shared_ptr<RespConnection> RespConnection::start(asio::io_context& io, AcceptedSocket socket,
                                                      Limits limits, RespHandler& handler) {
  std::shared_ptr<RespConnection> connection(
      new RespConnection(io, std::move(socket), limits, handler));
  connection->read();
  return connection;
}

RespConnection::RespConnection(asio::io_context& io, AcceptedSocket socket, Limits limits,
                               RespHandler& handler)
    : socket_(std::make_unique<Socket>(io)),
      peer_(std::move(socket.peer)),
      local_(std::move(socket.local)),
      limits_(limits),
      handler_(handler) {
  error_code ignored;
  const bool v6 = local_.host.find(':') != std::string::npos;
  socket_->stream.assign(v6 ? tcp::v6() : tcp::v4(), socket.fd, ignored);
}

RespConnection::~RespConnection() = default;

int RespConnection::fd() const {
  return socket_->stream.native_handle();
}

void RespConnection::read() {
  socket_->stream.async_read_some(
      asio::buffer(socket_->chunk),
      [self = shared_from_this()](const error_code& error, size_t size) {
        if (error || self->closed_) return self->close();
        self->input_.append(self->socket_->chunk.data(), size);
        self->execute_all();
        if (self->closed_) return;
        if (self->input_.size() > self->limits_.max_query_bytes) {
          log_warning("Closing client that reached max query buffer length: addr={}",
                      to_text(self->peer_));
          return self->close();
        }
        self->read();
      });
}

void RespConnection::execute_all() {
  size_t done = 0;
  executing_ = true;
  while (!closing_ && !held_ && done < input_.size()) {
    const auto status = parser_.parse(std::string_view(input_).substr(done), limits_.requests);
    if (status == RequestParser::Status::kIncomplete) break;
    if (status == RequestParser::Status::kError) {
      out_.append("-ERR " + parser_.error() + "\r\n");
      close_after_reply();
      break;
    }
    if (!parser_.args().empty()) handler_.on_request(*this, parser_.args());
    if (closed_) break;
    done += parser_.consumed();
    parser_.reset();
  }
  executing_ = false;
  if (closing_) {
    input_.clear();
  } else {
    input_.erase(0, done);
  }
  flush();
}

void RespConnection::flush() {
  if (executing_ || closed_) return;  // The batch is written as one.
  if (unread_bytes() > limits_.max_output_bytes) {
    log_warning("Client addr={} closed for overcoming of output buffer limits.", to_text(peer_));
    return close();
  }
  if (writing_.empty()) write_more();
}

void RespConnection::release() {
  if (!held_) return;
  held_ = false;
  if (executing_) return;  // Answered at once: the loop goes on by itself.
  flush();
  if (!closed_ && !input_.empty()) execute_all();
}

void RespConnection::write_more() {
  if (out_.empty()) {
    if (closing_) close();
    return;
  }
  std::swap(writing_, out_);
  asio::async_write(socket_->stream, asio::buffer(writing_.data(), writing_.size()),
                    [self = shared_from_this()](const error_code& error, size_t) {
                      if (error || self->closed_) return self->close();
                      self->writing_.clear(kKeptBytes);
                      self->write_more();
                    });
}

void RespConnection::close_after_reply() {
  closing_ = true;
  flush();
}

void RespConnection::close() {
  if (closed_) return;
  closing_ = closed_ = true;
  const auto keep = shared_from_this();
  error_code ignored;
  socket_->stream.shutdown(tcp::socket::shutdown_both, ignored);
  socket_->stream.close(ignored);
  handler_.on_closed(*this);
}

}  // namespace redan
