#include "server/session/server_stats.h"

#include <algorithm>

namespace redan {

double LatencyHistogram::percentile_us(double percent) const {
  const double wanted = static_cast<double>(total_) * percent / 100.0;
  uint64_t cumulative = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    cumulative += counts_[i];
    if (cumulative > 0 && static_cast<double>(cumulative) >= wanted) {
      return static_cast<double>(upper_ns(i)) / 1000.0;
    }
  }
  return 0;
}

void Rate::sample(Instant now, uint64_t total) {
  if (started_ && now > last_) {
    const int64_t ms = std::max<int64_t>(1, whole_ms(now - last_));
    samples_[filled_++ % samples_.size()] =
        static_cast<int64_t>(total >= last_total_ ? total - last_total_ : 0) * 1000 / ms;
  }
  started_ = true;
  last_ = now;
  last_total_ = total;
}

int64_t Rate::per_second() const {
  int64_t sum = 0;
  for (const int64_t sample : samples_) sum += sample;
  return sum / static_cast<int64_t>(samples_.size());
}

void ServerStats::reset() {
  for (CommandStats& command : commands) command = CommandStats();
  errors.clear();
  processed = error_replies = unexpected_error_replies = 0;
  forks = 0;
  expire_nanoseconds = expire_cut_short = 0;
  memory_exceeded_before = {};
  operations.reset(), input.reset(), output.reset();
  replication_input.reset(), replication_output.reset();
}

}  // namespace redan
