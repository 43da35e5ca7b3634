#include "server/drivers/lazy_free.h"

#include <pthread.h>

#include "server/drivers/cpu_list.h"
#include "server/drivers/memory_use.h"

namespace redan {

LazyFree::LazyFree(std::string_view cpus) : cpus_(cpus), thread_([this] { run(); }) {
  ::pthread_setname_np(thread_.native_handle(), "lazy_free");
}

LazyFree::~LazyFree() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void LazyFree::take(Keyspace::Garbage garbage) {
  size_t bytes = 0;
  for (const auto& item : garbage) bytes += item->bytes;
  pending_bytes_ += bytes;
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(garbage));
  }
  wake_.notify_one();
}

void LazyFree::destroy(std::unique_ptr<Keyspace> keyspace) {
  {
    const std::lock_guard lock(mutex_);
    waiting_keyspaces_.push_back(std::move(keyspace));
  }
  wake_.notify_one();
}

void LazyFree::run() {
  bind_this_thread("bio-cpulist", cpus_);
  keep_freed_memory();
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock,
               [this] { return stopped_ || !waiting_.empty() || !waiting_keyspaces_.empty(); });
    if (waiting_.empty() && waiting_keyspaces_.empty()) return;
    std::vector<Keyspace::Garbage> mine = std::exchange(waiting_, {});
    std::vector<std::unique_ptr<Keyspace>> keyspaces = std::exchange(waiting_keyspaces_, {});
    lock.unlock();
    for (Keyspace::Garbage& garbage : mine) {
      for (auto& item : garbage) {
        const size_t bytes = item->bytes;
        item.reset();
        pending_bytes_ -= bytes;
      }
    }
    mine.clear();
    keyspaces.clear();
    lock.lock();
  }
}

}  // namespace redan
