// A thread that frees what the data thread does not want to wait for.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/keyspace/keyspace.h"

namespace redan {

class LazyFree {
 public:
  // `cpus`: bio-cpulist.
  explicit LazyFree(std::string_view cpus);
  ~LazyFree();  // waits until all is freed
  // From the data thread.
  void take(Keyspace::Garbage garbage);
  void destroy(std::unique_ptr<Keyspace> keyspace);
  // Of what was taken and is not free yet, as far as it is known.
  size_t pending_bytes() const { return pending_bytes_.load(std::memory_order_relaxed); }

 private:
  void run();

  const std::string cpus_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Keyspace::Garbage> waiting_;
  std::vector<std::unique_ptr<Keyspace>> waiting_keyspaces_;
  bool stopped_ = false;
  std::atomic<size_t> pending_bytes_ = 0;
  std::thread thread_;
};

}  // namespace redan
