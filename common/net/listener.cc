#include "common/net/listener.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/log/log.h"

namespace redan {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

Endpoint describe(const tcp::endpoint& endpoint) {
  asio::ip::address address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return {address.to_string(), endpoint.port()};
}

}  // namespace

struct Listener::State : std::enable_shared_from_this<Listener::State> {
  explicit State(asio::io_context& context) : io(context), pause(context) {}

  error_code listen(const tcp::endpoint& where, int backlog) {
    error_code error;
    tcp::acceptor acceptor(io);
    acceptor.open(where.protocol(), error);
    if (error) return error;
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (where.protocol() == tcp::v6()) acceptor.set_option(asio::ip::v6_only(true), error);
    acceptor.bind(where, error);
    if (!error) acceptor.listen(backlog, error);
    if (error) return error;
    endpoints.push_back(describe(acceptor.local_endpoint()));
    acceptors.push_back(std::move(acceptor));
    return {};
  }

  void accept(size_t index) {
    acceptors[index].async_accept(
        [self = shared_from_this(), index](const error_code& error, tcp::socket socket) {
          if (self->closed) return;
          if (error) return self->rest(index, error);
          error_code ignored;
          const tcp::endpoint peer = socket.remote_endpoint(ignored);
          const tcp::endpoint local = socket.local_endpoint(ignored);
          socket.non_blocking(true, ignored);
          socket.set_option(tcp::no_delay(true), ignored);
          const int fd = socket.release(ignored);
          if (fd >= 0) self->on_accept({fd, describe(peer), describe(local)});
          if (!self->closed) self->accept(index);
        });
  }

  // Out of descriptors, most likely: trying again at once would only burn CPU.
  void rest(size_t index, const error_code& error) {
    log_warning("Accepting client connection: {}", error.message());
    pause.expires_after(std::chrono::milliseconds(100));
    pause.async_wait([self = shared_from_this(), index](const error_code&) {
      if (!self->closed) self->accept(index);
    });
  }

  asio::io_context& io;
  asio::steady_timer pause;
  std::vector<tcp::acceptor> acceptors;
  std::vector<Endpoint> endpoints;
  OnAccept on_accept;
  bool closed = false;
};

Result<std::unique_ptr<Listener>> Listener::open(asio::io_context& io, const Options& options,
                                                 OnAccept on_accept) {
  auto state = std::make_shared<State>(io);
  state->on_accept = std::move(on_accept);
  for (std::string name : options.bind) {
    const bool optional = !name.empty() && name.front() == '-';
    if (optional) name.erase(0, 1);
    error_code error;
    const asio::ip::address address = name == "*" ? asio::ip::address(asio::ip::address_v4::any())
                                      : name == "::*"
                                          ? asio::ip::address(asio::ip::address_v6::any())
                                          : asio::ip::make_address(name, error);
    if (!error) {
      error = state->listen({address, static_cast<uint16_t>(options.port)}, options.backlog);
    }
    if (!error) continue;
    const bool missing = error == asio::error::address_family_not_supported ||
                         error == boost::system::errc::address_not_available;
    if (optional && missing) continue;
    return Error("Could not create server TCP listening socket " + name + ":" +
                 std::to_string(options.port) + ": bind: " + error.message());
  }
  if (state->acceptors.empty()) {
    return Error("No address of 'bind' is available on this machine");
  }
  for (size_t i = 0; i < state->acceptors.size(); ++i) state->accept(i);
  return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

Listener::~Listener() {
  state_->closed = true;
  error_code ignored;
  for (tcp::acceptor& acceptor : state_->acceptors) acceptor.close(ignored);
  state_->pause.cancel();
}

const std::vector<Endpoint>& Listener::endpoints() const {
  return state_->endpoints;
}

}  // namespace redan
