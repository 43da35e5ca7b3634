// A port that accepts connections, on one or several addresses.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/net/endpoint.h"

namespace boost::asio {
class io_context;
}

namespace redan {

// A connection just accepted: a non-blocking descriptor that the receiver owns.
struct AcceptedSocket {
  int fd = -1;
  Endpoint peer;
  Endpoint local;
};

class Listener {
 public:
  struct Options {
    // As in redis.conf: "*" and "::*" are all addresses; a leading '-' marks an address that may be
    // missing on this machine.
    std::vector<std::string> bind = {"*", "-::*"};
    int port = 0;
    int backlog = 511;
  };
  using OnAccept = std::function<void(AcceptedSocket)>;

  // Listens at once. The error has Redis' words, for the log line before giving up.
  static Result<std::unique_ptr<Listener>> open(boost::asio::io_context& io, const Options& options,
                                                OnAccept on_accept);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // The addresses that are listened on. With port 0 the system chose the port.
  const std::vector<Endpoint>& endpoints() const;

 private:
  struct State;
  explicit Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace redan
