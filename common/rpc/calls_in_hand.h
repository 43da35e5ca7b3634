// Calls of ours that gRPC still has in hand, so that an owner can wait for them before its server
// goes. gRPC's threads end with the last channel or server, and must not do so on one of themselves
// (1.51 frees their queue under them). A call's last reference, and with it a channel, may die
// there: so who opens channels has a server, too, lets go of it last, and waits here before.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "common/base/time.h"

namespace redan {

// Any thread.
class CallsInHand : public std::enable_shared_from_this<CallsInHand> {
 public:
  // The call is in gRPC's hands until the last copy is gone. In what a callback holds it comes
  // first, so that it goes last.
  [[nodiscard]] std::shared_ptr<void> hold() {
    const std::lock_guard lock(mutex_);
    ++count_;
    return {this, [self = shared_from_this()](void*) { self->release(); }};
  }
  // False: some are still there, which gRPC did not end although they were cancelled.
  bool wait(Nanos at_most = Seconds(5)) {
    std::unique_lock lock(mutex_);
    return none_.wait_for(lock, at_most, [this] { return count_ == 0; });
  }

 private:
  void release() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable none_;
  size_t count_ = 0;
};

}  // namespace redan
