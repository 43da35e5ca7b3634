#include "server/drivers/data_loop.h"

#include <dirent.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <set>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/base/clock.h"

namespace redan {

namespace asio = boost::asio;

namespace {
constexpr Nanos kSlice = Micros(70);
// Under load background work gets 3 parts of the thread for every 7 that requests took.
constexpr double kShare = 3.0 / 7.0;
// Requests that come faster than they are served would keep background work waiting for ever.
constexpr Nanos kTurn = Micros(500);
constexpr int kMaxEvents = 512;
// Asio does not always wake its own descriptor for what its helper threads finish (a name lookup);
// such work waits at most this long. The timers of a node wake it as often anyway.
constexpr int kIdleWaitMs = 100;

// The epoll descriptors of this process.
std::set<int> epoll_descriptors() {
  std::set<int> found;
  DIR* const folder = ::opendir("/proc/self/fd");
  REDAN_CHECK(folder != nullptr);
  while (const dirent* entry = ::readdir(folder)) {
    char target[64];
    const std::string path = std::string("/proc/self/fd/") + entry->d_name;
    const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
    if (size > 0 &&
        std::string_view(target, static_cast<size_t>(size)) == "anon_inode:[eventpoll]") {
      found.insert(std::stoi(entry->d_name));
    }
  }
  ::closedir(folder);
  return found;
}
}  // namespace

struct DataLoop::State {
  State() {
    // Asio's epoll descriptor is private; it is the one that its first timer brings to life.
    const std::set<int> before = epoll_descriptors();
    asio::steady_timer timer(io, Millis(0));
    timer.async_wait([](const boost::system::error_code&) {});
    io.poll();
    poll = ::epoll_create1(EPOLL_CLOEXEC);
    wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    REDAN_CHECK(poll >= 0);
    REDAN_CHECK(wake >= 0);
    for (const int fd : epoll_descriptors()) {
      if (fd != poll && !before.contains(fd)) watch(fd, &asio_ready);
    }
    watch(wake, &wake);
  }
  ~State() {
    ::close(poll);
    ::close(wake);
  }

  void watch(int fd, void* mark) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = mark}};
    REDAN_CHECK(::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0);
  }

  // One wake-up: the events of the sink's descriptors, then what Asio has. False: nothing came.
  bool turn(int timeout_ms) {
    epoll_event events[kMaxEvents];
    const int count = ::epoll_wait(poll, events, kMaxEvents, timeout_ms);
    now = monotonic_now();
    if (count <= 0) return io.poll() > 0;
    int others = 0;
    bool for_asio = false;
    for (int i = 0; i < count; ++i) {
      void* const mark = events[i].data.ptr;
      if (mark == &wake) {
        uint64_t ignored;
        (void)!::read(wake, &ignored, sizeof ignored);
      }
      if (mark == &wake || mark == &asio_ready) {
        for_asio = true;
      } else {
        events[others++] = events[i];
      }
    }
    if (others > 0) sink->ready(events, others);
    if (for_asio) io.poll();
    return true;
  }

  asio::io_context io{1};  // One thread runs it; others only post.
  int poll = -1;
  int wake = -1;        // other threads' (and our own) posts
  char asio_ready = 0;  // its address marks the events of Asio's descriptor
  EventSink* sink = nullptr;
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
      s.turn(kIdleWaitMs);
      continue;
    }
    // One slice when nobody waits; a share of what the requests took when somebody does.
    const Instant before = monotonic_now();
    bool handled = false;
    while (!s.stopped && s.turn(0)) {
      handled = true;
      if (s.now - before >= kTurn) break;
    }
    s.now = monotonic_now();
    const Nanos share(static_cast<int64_t>(static_cast<double>((s.now - before).count()) * kShare));
    s.work_for(handled ? std::max(kSlice, share) : kSlice);
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
  const uint64_t one = 1;
  (void)!::write(state_->wake, &one, sizeof one);
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

int DataLoop::descriptor() const {
  return state_->poll;
}

void DataLoop::deliver_to(EventSink* sink) {
  state_->sink = sink;
}

}  // namespace redan
