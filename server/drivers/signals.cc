#include "server/drivers/signals.h"

#include <signal.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace redan {

struct Signals::State {
  State(DataLoop& loop, std::function<void(int)> callback)
      : set(loop.io(), SIGINT, SIGTERM), on_stop(std::move(callback)) {}
  void wait() {
    set.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      on_stop(signal);
      wait();
    });
  }
  boost::asio::signal_set set;
  std::function<void(int)> on_stop;
};

Signals::Signals(DataLoop& loop, std::function<void(int)> on_stop)
    : state_(std::make_unique<State>(loop, std::move(on_stop))) {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  state_->wait();
}

Signals::~Signals() = default;

}  // namespace redan
