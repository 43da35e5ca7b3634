#include "server/drivers/data_loop.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <vector>

#include "common/base/clock.h"

namespace redan {

namespace asio = boost::asio;

namespace {
constexpr Nanos kSlice = Micros(70);
// Under load background work gets 3 parts of the thread for every 7 that requests took.
constexpr double kShare = 3.0 / 7.0;
// Requests that come faster than they are served would keep background work waiting for ever.
constexpr Nanos kTurn = Micros(500);
}  // namespace

struct DataLoop::State {
  asio::io_context io{1};  // One thread runs it; others only post.
  asio::executor_work_guard<asio::io_context::executor_type> guard{io.get_executor()};
  std::vector<BackgroundWork*> works;
  Instant now = monotonic_now();
  bool stopped = false;

  // Slices for about `budget`, in turns; what has nothing left is taken off the list.
  void work_for(Nanos budget) {
    const Instant end = now + budget;
    for (size_t turn = 0; !works.empty() && now < end; ++turn) {
      BackgroundWork* const work = works[turn % works.size()];
      if (!work->run_slice(kSlice)) std::erase(works, work);
      now = monotonic_now();
    }
  }
};

DataLoop::DataLoop() : state_(std::make_unique<State>()) {}
DataLoop::~DataLoop() = default;

void DataLoop::run() {
  State& s = *state_;
  while (!s.stopped) {
    if (s.works.empty()) {
      s.io.run_one();
      continue;
    }
    // One slice when nobody waits; a share of what the requests took when somebody does.
    const Instant before = monotonic_now();
    size_t handled = 0;
    do {
      if (s.io.poll_one() == 0) break;
      ++handled;
      s.now = monotonic_now();
    } while (!s.stopped && s.now - before < kTurn);
    s.now = monotonic_now();
    const Nanos share(static_cast<int64_t>(static_cast<double>((s.now - before).count()) * kShare));
    s.work_for(handled == 0 ? kSlice : std::max(kSlice, share));
  }
  // It may be run again.
  s.stopped = false;
  s.io.restart();
}

void DataLoop::stop() {
  state_->stopped = true;
  state_->io.stop();
}

void DataLoop::post(std::function<void()> task) {
  asio::post(state_->io, std::move(task));
}

namespace {

struct TimerState {
  explicit TimerState(asio::io_context& io) : timer(io) {}
  asio::steady_timer timer;
  std::function<void()> task;
  Millis period{0};  // zero: once
};

void arm(const std::shared_ptr<TimerState>& state) {
  state->timer.async_wait([weak = std::weak_ptr(state)](const boost::system::error_code& error) {
    // The task may end its own timer: hold the state while it runs.
    const std::shared_ptr<TimerState> alive = weak.lock();
    if (error || alive == nullptr) return;
    alive->task();
    if (alive->period.count() == 0 || alive.use_count() == 1) return;
    alive->timer.expires_after(alive->period);
    arm(alive);
  });
}

}  // namespace

DataLoop::Timer DataLoop::after(Millis delay, std::function<void()> task) {
  auto timer = std::make_shared<TimerState>(state_->io);
  timer->task = std::move(task);
  timer->timer.expires_after(delay);
  arm(timer);
  return timer;
}

DataLoop::Timer DataLoop::every(Millis period, std::function<void()> task) {
  auto timer = std::make_shared<TimerState>(state_->io);
  timer->task = std::move(task);
  timer->period = period;
  timer->timer.expires_after(period);
  arm(timer);
  return timer;
}

void DataLoop::start(BackgroundWork& work) {
  auto& works = state_->works;
  if (std::find(works.begin(), works.end(), &work) == works.end()) works.push_back(&work);
}

void DataLoop::stop(BackgroundWork& work) {
  std::erase(state_->works, &work);
}

Instant DataLoop::now() const {
  return state_->now;
}
void DataLoop::refresh_now() {
  state_->now = monotonic_now();
}

asio::io_context& DataLoop::io() {
  return state_->io;
}

}  // namespace redan
