#include "tests/sim/redis_bus_model.h"

#include <algorithm>
#include <vector>

#include "common/base/rng.h"

namespace redan::sim {
namespace {

constexpr int64_t kHeader = 2256, kGossipEntry = 104;
constexpr int64_t kCronMs = 100;

class RedisBus {
 public:
  RedisBus(size_t nodes, int64_t timeout_ms, uint64_t seed)
      : nodes_(nodes), timeout_ms_(timeout_ms), rng_(seed), pong_ms_(nodes * nodes), phase_(nodes) {
    entries_ = std::min(std::max<size_t>(3, nodes / 10), nodes - 2);
    for (int64_t& phase : phase_) phase = rng_.between(0, kCronMs - 1);
    // They met in the past, at different times.
    for (int64_t& pong : pong_ms_) pong = kStartMs - rng_.between(0, timeout_ms_ / 2);
  }

  // Runs every node's cron for so long; the world's clock goes by milliseconds.
  void run(int64_t span_ms) {
    for (const int64_t end = now_ms_ + span_ms; now_ms_ < end; ++now_ms_) {
      for (size_t node = 0; node < nodes_; ++node) {
        if (now_ms_ % kCronMs == phase_[node]) cron(node);
      }
    }
  }
  void reset_count() { packets_ = 0; }
  uint64_t packets() const { return packets_; }
  int64_t packet_bytes() const { return kHeader + kGossipEntry * static_cast<int64_t>(entries_); }

 private:
  static constexpr int64_t kStartMs = 1'000'000;

  int64_t& pong_ms(size_t of, size_t at) { return pong_ms_[at * nodes_ + of]; }
  size_t other_than(size_t node) {
    const size_t drawn = rng_.below(nodes_ - 1);
    return drawn + (drawn >= node);
  }

  void cron(size_t node) {
    if (now_ms_ / kCronMs % 10 == 0) {
      size_t oldest = other_than(node);
      for (int i = 1; i < 5; ++i) {
        const size_t other = other_than(node);
        if (pong_ms(other, node) < pong_ms(oldest, node)) oldest = other;
      }
      ping(node, oldest);
    }
    for (size_t other = 0; other < nodes_; ++other) {
      if (other != node && now_ms_ - pong_ms(other, node) > timeout_ms_ / 2) ping(node, other);
    }
  }

  // The network is fast: the pong is there before the next cron.
  void ping(size_t from, size_t to) {
    packet(from, to);
    packet(to, from);
    pong_ms(to, from) = now_ms_;
  }

  void packet(size_t from, size_t to) {
    ++packets_;
    for (size_t i = 0; i < entries_; ++i) {
      const size_t about = other_than(from);
      if (about == to) continue;
      const int64_t told = pong_ms(about, from) / 1000 * 1000;
      int64_t& known = pong_ms(about, to);
      known = std::max(known, told);
    }
  }

  size_t nodes_, entries_;
  int64_t timeout_ms_;
  Rng rng_;
  std::vector<int64_t> pong_ms_;  // What each node believes of each other.
  std::vector<int64_t> phase_;
  int64_t now_ms_ = kStartMs;
  uint64_t packets_ = 0;
};

}  // namespace

BusCost redis_bus_at_rest(size_t nodes, Nanos node_timeout, Nanos span, uint64_t seed) {
  const int64_t span_ms = whole_ms(span);
  RedisBus bus(nodes, whole_ms(node_timeout), seed);
  bus.run(span_ms);
  bus.reset_count();
  bus.run(span_ms);
  const double seconds = static_cast<double>(span_ms) / 1000;
  const double packets = static_cast<double>(bus.packets()) / static_cast<double>(nodes) / seconds;
  return {.bytes_per_second = packets * static_cast<double>(bus.packet_bytes()),
          .messages_per_second = packets};
}

}  // namespace redan::sim
