#include "sentinel/drivers/host_resolver.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "common/rpc/owner_loop.h"

namespace redan {

// Shared with the thread, which may outlive the resolver while a lookup lasts.
struct HostResolver::State {
  std::shared_ptr<OwnerLoop> owner;
  Lookup lookup;
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::pair<std::string, Answer>> waiting;
  bool started = false;
  bool ended = false;

  void answer(const Answer& to, Result<std::string> ip) {
    owner->post([to, ip = std::move(ip)] { to(ip); });
  }

  void run() {
    for (;;) {
      std::unique_lock lock(mutex);
      wake.wait(lock, [this] { return ended || !waiting.empty(); });
      if (ended) return;
      const auto [host, to] = std::move(waiting.front());
      waiting.pop_front();
      lock.unlock();
      answer(to, lookup(host));
    }
  }
};

HostResolver::HostResolver(std::shared_ptr<OwnerLoop> owner, Lookup lookup)
    : state_(std::make_shared<State>()) {
  state_->owner = std::move(owner);
  state_->lookup = std::move(lookup);
}

HostResolver::~HostResolver() {
  const std::lock_guard lock(state_->mutex);
  state_->ended = true;
  state_->waiting.clear();
  state_->wake.notify_all();
}

void HostResolver::resolve(std::string host, Answer answer) {
  const std::lock_guard lock(state_->mutex);
  if (state_->waiting.size() >= kMaxWaiting) {
    return state_->answer(answer, Error("Too many hostnames wait to be resolved"));
  }
  state_->waiting.emplace_back(std::move(host), std::move(answer));
  if (!std::exchange(state_->started, true)) {
    std::thread([state = state_] { state->run(); }).detach();
  }
  state_->wake.notify_one();
}

}  // namespace redan
