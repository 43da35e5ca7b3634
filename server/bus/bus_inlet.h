// What all streams of the bus share, and the way of one stream's messages to the data thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "server/bus/bus_transport.h"
#include "server/cluster/liveness.h"

namespace redan {

// Any thread.
class BusHub {
 public:
  explicit BusHub(BusTransport::Events its_events) : events(std::move(its_events)) {}

  void set_card(const cluster::Card& card);
  cluster::Liveness::Verdict judge(const cluster::Envelope& envelope) const;
  // A ping was answered; the data thread is told soon.
  static void count_pong(const std::shared_ptr<BusHub>& hub);

  const BusTransport::Events events;
  // Handed to the data thread and not yet taken.
  std::atomic<size_t> waiting_bytes{0};

 private:
  mutable std::mutex mutex_;
  cluster::Liveness liveness_;
  std::atomic<uint64_t> pongs_{0};
};

// One stream's messages wait here for the data thread. When there are too many, the stream is not
// read on until some were taken: the rest waits at the sender.
class BusInlet : public std::enable_shared_from_this<BusInlet> {
 public:
  static constexpr size_t kMaxMessages = 4096;
  static constexpr size_t kMaxBytes = 4UL * 1024 * 1024;
  // Of all streams; one message of each is always taken.
  static constexpr size_t kMaxBytesOfAll = 64UL * 1024 * 1024;

  // `read_on` starts the next read; it is called under a lock, and not after close().
  BusInlet(std::shared_ptr<BusHub> hub, std::function<void()> read_on)
      : hub_(std::move(hub)), read_on_(std::move(read_on)) {}

  // Both read on, deliver() perhaps later.
  void deliver(BusSender from, cluster::BusMessage message, size_t bytes);
  void skip();
  void close();

 private:
  void taken(size_t bytes);
  bool is_full() const;

  const std::shared_ptr<BusHub> hub_;
  std::mutex mutex_;
  std::function<void()> read_on_;  // Null after close().
  size_t messages_ = 0;
  size_t bytes_ = 0;
  bool paused_ = false;
};

}  // namespace redan
