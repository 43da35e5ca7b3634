// The data thread's loop, as the other drivers see it: timers, work from other threads, and work in
// slices that fills idle time. Asio and epoll stay in the .cc file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "common/base/time.h"

namespace boost::asio {
class io_context;
}

struct epoll_event;

namespace redan {

// A long job cut into slices (a snapshot's walk, a rehash, an active expiry cycle).
class BackgroundWork {
 public:
  virtual ~BackgroundWork() = default;
  // Works for about `budget`; false once there is nothing left to do for now.
  virtual bool run_slice(Nanos budget) = 0;
};

// Takes the events of descriptors that somebody put into DataLoop::descriptor(), a wake-up's at
// once.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void ready(epoll_event* events, int count) = 0;
};

class DataLoop {
 public:
  DataLoop();
  ~DataLoop();
  DataLoop(const DataLoop&) = delete;
  DataLoop& operator=(const DataLoop&) = delete;

  // Runs until stop(). The calling thread is the data thread from here on.
  void run();
  void stop();

  // From any thread: runs `task` on the data thread, in the order of the posts.
  void post(std::function<void()> task);
  // On the data thread: once after `delay`, or again and again. The returned handle ends the timer
  // when it is destroyed.
  using Timer = std::shared_ptr<void>;
  [[nodiscard]] Timer after(Millis delay, std::function<void()> task);
  [[nodiscard]] Timer every(Millis period, std::function<void()> task);

  // Gives `work` slices of 0.05 to 0.1 ms between batches of requests until it says that nothing is
  // left: all idle time, and at least 30 % of the thread under load. Wake it again by start().
  void start(BackgroundWork& work);
  void stop(BackgroundWork& work);

  // Time of the current batch; refreshed once for each wake-up.
  Instant now() const;
  void refresh_now();

  boost::asio::io_context& io();

  // The epoll descriptor that the thread waits on. Whoever adds descriptors to it gets their events
  // through his sink, without a detour through Asio; data.ptr must not be null.
  int descriptor() const;
  void deliver_to(EventSink* sink);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace redan
