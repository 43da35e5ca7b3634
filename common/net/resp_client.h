// A connection to a RESP server on a loop: requests are pipelined, each answer goes to the callback
// of its request, in order. What no request asked for (messages of a subscription, RESP3 pushes)
// goes to on_push. Made for probes, replication handshakes and other quiet edges.
//
//   RespClient client(loop.io(), {.to = {"10.0.0.7", 6379}});
//   client.request({"PING"}, [](Result<Reply> reply) { ... });
//
// Connects at once; requests made before that are sent when it is connected. Whatever ends the
// connection (timeout, refusal, nonsense from the other end, silence of the peer's kernel) is told
// once: first to every request that waits, then to on_closed. It does not reconnect: the owner
// makes a new client. Destroying it closes without a word. Callbacks may destroy the client.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/net/endpoint.h"
#include "common/resp/reply_parser.h"

namespace boost::asio {
class io_context;
}

namespace redan {

class RespClient {
 public:
  struct Options {
    Endpoint to;                 // `host` is an IP address
    std::string source_address;  // to bind the local end to; empty: the system's choice
    Millis connect_timeout{15000};
    size_t max_reply_bytes = 64UL * 1024 * 1024;
    // Of requests that were not written yet; further ones fail at once.
    size_t max_unsent_bytes = 16UL * 1024 * 1024;
    // RESP2 has no mark for messages: where set, arrays that begin with "message", "pmessage",
    // "subscribe" ... are pushes.
    bool subscriber = false;
  };
  using OnReply = std::function<void(Result<Reply>)>;

  RespClient(boost::asio::io_context& io, Options options);
  ~RespClient();
  RespClient(const RespClient&) = delete;
  RespClient& operator=(const RespClient&) = delete;

  void on_connected(std::function<void()> task);
  void on_closed(std::function<void(const Error&)> task);
  void on_push(std::function<void(Reply)> task);

  void request(std::span<const std::string_view> args, OnReply on_reply);
  void request(std::initializer_list<std::string_view> args, OnReply on_reply) {
    request(std::span(args.begin(), args.size()), std::move(on_reply));
  }
  // A request whose answers come as pushes (SUBSCRIBE).
  void send(std::initializer_list<std::string_view> args);

  bool connected() const;
  bool closed() const;
  // Requests that were not answered yet.
  size_t pending() const;
  // Our own address as the connected socket has it; empty before.
  std::string local_ip() const;
  void close(const Error& why);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace redan
