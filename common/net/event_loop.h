// One thread's loop: timers, signals, work from other threads, and slow work handed to a helper
// thread. Everything on a loop runs one after another, so what lives on it needs no locks.
//
//   EventLoop loop;
//   auto timer = loop.every(Millis(100), [] { ... });
//   loop.run();
//
// Asio stays in .cc files; those reach it by io().
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>

#include "common/base/time.h"

namespace boost::asio {
class io_context;
}

namespace redan {

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs until stop(); the calling thread is the loop's thread from here on.
  void run();
  // From any thread.
  void stop();

  // From any thread: runs `task` on the loop, in the order of the posts.
  void post(std::function<void()> task);
  // Runs `work` on the helper thread, in the order of the calls, then `done` on the loop.
  void in_background(std::function<void()> work, std::function<void()> done);

  // Once after `delay`, or again and again. The handle ends the timer when it is destroyed.
  using Timer = std::shared_ptr<void>;
  [[nodiscard]] Timer after(Nanos delay, std::function<void()> task);
  [[nodiscard]] Timer every(Nanos period, std::function<void()> task);

  // `task` runs on the loop for each of the signals that arrives.
  void on_signals(std::initializer_list<int> signals, std::function<void(int signal)> task);

  boost::asio::io_context& io();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace redan
