// One client of a quiet RESP port, from accept to close: reads requests, hands them to its handler
// one by one, and writes what was put into its output, asked for or not (replies, messages).
// For ports where requests are rare: a sentinel's, an admin port. The data node's client port has a
// loop of its own (architecture, section 2).
//
// Lives on one loop. Limits: a request that breaks RESP or RequestLimits, an unread output of more
// than max_output_bytes, or a half request of more than max_query_bytes ends the connection.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/net/endpoint.h"
#include "common/net/listener.h"
#include "common/resp/buffer.h"
#include "common/resp/request_parser.h"

namespace redan {

class RespConnection;

class RespHandler {
 public:
  virtual ~RespHandler() = default;
  // A request with at least one word. The reply goes to connection.out(); what is there afterwards
  // is written.
  virtual void on_request(RespConnection& connection, std::span<const std::string_view> args) = 0;
  // Once, whatever ended it; the connection ends its life soon after.
  virtual void on_closed(RespConnection& connection) = 0;
};

class RespConnection : public std::enable_shared_from_this<RespConnection> {
 public:
  struct Limits {
    RequestLimits requests;
    size_t max_query_bytes = 1024UL * 1024 * 1024;
    size_t max_output_bytes = 256UL * 1024 * 1024;
  };

  // Takes the socket and begins to read. The handler outlives the connection.
  static std::shared_ptr<RespConnection> start(boost::asio::io_context& io, AcceptedSocket socket,
                                               Limits limits, RespHandler& handler);
  ~RespConnection();
  RespConnection(const RespConnection&) = delete;
  RespConnection& operator=(const RespConnection&) = delete;

  const Endpoint& peer() const { return peer_; }
  const Endpoint& local() const { return local_; }
  int fd() const;
  Limits& limits() { return limits_; }

  // What is to be written; call flush() where it was added outside of on_request().
  ByteBuffer& out() { return out_; }
  void flush();
  size_t unread_bytes() const { return out_.size() + writing_.size(); }
  size_t query_bytes() const { return input_.size(); }

  // Executes no further request until release(): the answer to this one comes later, and answers
  // keep the order of requests.
  void hold() { held_ = true; }
  void release();

  // Ends the connection after what is in the output has been written; or at once.
  void close_after_reply();
  void close();
  bool is_closing() const { return closing_; }

 private:
  struct Socket;
  RespConnection(boost::asio::io_context& io, AcceptedSocket socket, Limits limits,
                 RespHandler& handler);
  void read();
  void execute_all();
  void write_more();

  std::unique_ptr<Socket> socket_;
  Endpoint peer_;
  Endpoint local_;
  Limits limits_;
  RespHandler& handler_;
  RequestParser parser_;
  std::string input_;  // Bytes of requests that are not complete.
  ByteBuffer out_;
  ByteBuffer writing_;  // On its way to the kernel.
  bool executing_ = false;
  bool held_ = false;
  bool closing_ = false;  // No further request is executed.
  bool closed_ = false;
};

}  // namespace redan
