// What the dispatcher counts, for INFO stats, commandstats, errorstats and latencystats.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"

namespace redan {

// Durations in buckets of an eighth of a power of two: a percentile is exact to 12 %.
class LatencyHistogram {
 public:
  void record(uint64_t nanoseconds, uint32_t times = 1) {
    counts_[bucket(nanoseconds)] += times;
    total_ += times;
  }
  uint64_t total() const { return total_; }
  // The duration that `percent` of the calls did not exceed, in microseconds.
  double percentile_us(double percent) const;
  // Calls each(upper bound in us, calls up to it) for bounds that are powers of two.
  template <class Each>
  void for_each_power(Each&& each) const {
    uint64_t cumulative = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      cumulative += counts_[i];
      if (i % 8 != 7 || cumulative == 0) continue;
      each(upper_ns(i) / 1000, cumulative);
      if (cumulative == total_) return;
    }
  }

 private:
  static constexpr size_t kBuckets = 8 * 40;
  static size_t bucket(uint64_t ns) {
    if (ns < 8) return static_cast<size_t>(ns);
    const int log = 63 - __builtin_clzll(ns);
    const size_t index = static_cast<size_t>(log - 2) * 8 + (ns >> (log - 3) & 7);
    return index < kBuckets ? index : kBuckets - 1;
  }
  static uint64_t upper_ns(size_t index) {
    if (index < 8) return index;
    return ((8 + index % 8 + 1) << (index / 8 - 1)) - 1;
  }
  std::array<uint32_t, kBuckets> counts_{};
  uint64_t total_ = 0;
};

struct CommandStats {
  uint64_t calls = 0;
  uint64_t nanoseconds = 0;
  uint64_t rejected = 0;
  uint64_t failed = 0;
  std::unique_ptr<LatencyHistogram> latency;
};

// A rate per second over the last 16 samples, taken ten times a second.
class Rate {
 public:
  void sample(Instant now, uint64_t total);
  int64_t per_second() const;
  void reset() { samples_ = {}, filled_ = 0; }

 private:
  std::array<int64_t, 16> samples_{};
  size_t filled_ = 0;
  Instant last_{};
  uint64_t last_total_ = 0;
  bool started_ = false;
};

struct ServerStats {
  std::vector<CommandStats> commands;  // by CommandEntry::id
  std::map<std::string, uint64_t, std::less<>> errors;
  uint64_t processed = 0;
  uint64_t error_replies = 0;
  uint64_t unexpected_error_replies = 0;
  uint64_t forks = 0;
  Rate operations;
  Rate input;
  Rate output;
  Rate replication_input;
  Rate replication_output;
  uint64_t expire_nanoseconds = 0;  // of looking for keys whose time has come
  uint64_t expire_cut_short = 0;    // times that looking ended by its share of time
  // What the allocator and the kernel said last: they take 20 us to answer.
  struct MemorySample {
    int64_t used = 0;      // as MemoryUse
    int64_t keyspace = 0;  // at the same moment, by the keyspace's own count
    int64_t active = 0;    // the allocator's pages that hold something
    int64_t resident = 0;  // by the allocator's count
    int64_t rss = 0;       // by the kernel's
    int64_t total_system = 0;
    Instant taken{};
  };
  std::optional<MemorySample> memory_sample;
  uint64_t startup_memory = 0;
  uint64_t peak_memory = 0;
  uint64_t used_memory = 0;      // at the last tick, by the allocator
  uint64_t keyspace_memory = 0;  // at the same moment, by the keyspace's own count
  // How long more was in use than maxmemory allows, though keys were evicted.
  std::optional<Instant> memory_exceeded_since;
  Nanos memory_exceeded_before{};
  uint64_t uncounted_memory = 0;  // part of it that maxmemory does not mean

  void count_error(std::string_view code) {
    ++error_replies;
    const auto it = errors.find(code);
    if (it != errors.end()) {
      ++it->second;
    } else if (errors.size() < kMaxErrorKinds) {
      errors.emplace(code, 1);
    }
  }
  void reset();

 private:
  static constexpr size_t kMaxErrorKinds = 128;
};

}  // namespace redan
