#include "common/net/event_loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <optional>

namespace redan {
namespace asio = boost::asio;

namespace {

struct TimerState : std::enable_shared_from_this<TimerState> {
  TimerState(asio::io_context& io, Nanos repeat, std::function<void()> task_)
      : timer(io), period(repeat), task(std::move(task_)) {}

  void arm(asio::steady_timer::time_point at) {
    timer.expires_at(at);
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (error || !self) return;
      // A late loop does not make up for ticks that it missed.
      if (self->period > Nanos(0)) {
        self->arm(
            std::max(self->timer.expiry() + self->period, asio::steady_timer::clock_type::now()));
      }
      self->task();
    });
  }

  asio::steady_timer timer;
  Nanos period;
  std::function<void()> task;
};

}  // namespace

struct EventLoop::State {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::optional<asio::signal_set> signals;
  std::function<void(int)> on_signal;
  asio::thread_pool helper{1};

  void wait_for_signal() {
    signals->async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      on_signal(signal);
      wait_for_signal();
    });
  }
};

EventLoop::EventLoop() : state_(std::make_unique<State>()) {}

EventLoop::~EventLoop() {
  state_->helper.join();
}

void EventLoop::run() {
  state_->io.run();
}

void EventLoop::stop() {
  state_->io.stop();
}

void EventLoop::post(std::function<void()> task) {
  asio::post(state_->io, std::move(task));
}

void EventLoop::in_background(std::function<void()> work, std::function<void()> done) {
  asio::post(state_->helper, [this, work = std::move(work), done = std::move(done)]() mutable {
    work();
    post(std::move(done));
  });
}

EventLoop::Timer EventLoop::after(Nanos delay, std::function<void()> task) {
  auto timer = std::make_shared<TimerState>(state_->io, Nanos(0), std::move(task));
  timer->arm(asio::steady_timer::clock_type::now() + delay);
  return timer;
}

EventLoop::Timer EventLoop::every(Nanos period, std::function<void()> task) {
  auto timer = std::make_shared<TimerState>(state_->io, period, std::move(task));
  timer->arm(asio::steady_timer::clock_type::now() + period);
  return timer;
}

void EventLoop::on_signals(std::initializer_list<int> signals, std::function<void(int)> task) {
  state_->signals.emplace(state_->io);
  for (const int signal : signals) state_->signals->add(signal);
  state_->on_signal = std::move(task);
  state_->wait_for_signal();
}

boost::asio::io_context& EventLoop::io() {
  return state_->io;
}

}  // namespace redan
