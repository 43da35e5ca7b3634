// gRPC calls back on threads of its own. What they bring is posted to the loop that owns the state,
// for as long as that loop takes it: afterwards posts are refused, and the caller winds down.
// Shared by all callbacks under way; any thread.
#pragma once

#include <functional>
#include <mutex>
#include <utility>

namespace redan {

class OwnerLoop {
 public:
  using Task = std::function<void()>;
  explicit OwnerLoop(std::function<void(Task)> post) : post_(std::move(post)) {}

  // False: the owner is gone, the task is dropped.
  bool post(Task task) {
    const std::lock_guard lock(mutex_);
    if (!post_) return false;
    post_(std::move(task));
    return true;
  }
  // After this returns no further task reaches the owner.
  void close() {
    const std::lock_guard lock(mutex_);
    post_ = nullptr;
  }

 private:
  std::mutex mutex_;
  std::function<void(Task)> post_;
};

}  // namespace redan
