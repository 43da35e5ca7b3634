// Numbers that a part publishes. A part's metrics are one struct whose visit() names each of them;
// INFO and Prometheus both read them there:
//   struct LinkMetrics {
//     Counter drops{"redan_link_drops_total", "Links dropped for silence."};
//     Gauge lag_bytes{"redan_link_lag_bytes", "Bytes the slowest replica is behind."};
//     template <class Visit> void visit(Visit&& each) const { each(drops), each(lag_bytes); }
//   };
// Updates and reads may come from different threads; each number is consistent in itself.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace redan {

// Only grows, until reset() (CONFIG RESETSTAT).
class Counter {
 public:
  constexpr Counter(std::string_view its_name, std::string_view its_help)
      : name(its_name), help(its_help) {}
  void add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }
  void reset() { value_.store(0, std::memory_order_relaxed); }

  const std::string_view name;
  const std::string_view help;

 private:
  std::atomic<uint64_t> value_{0};
};

// Goes up and down.
class Gauge {
 public:
  constexpr Gauge(std::string_view its_name, std::string_view its_help)
      : name(its_name), help(its_help) {}
  void set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(int64_t delta) { value_.fetch_add(delta, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

  const std::string_view name;
  const std::string_view help;

 private:
  std::atomic<int64_t> value_{0};
};

// Durations in microseconds, counted in buckets that double from 1 µs to about 34 s; a percentile
// is exact to its bucket.
class Histogram {
 public:
  static constexpr size_t kBuckets = 26;
  // The largest value of bucket i; what is above the last bound is counted without a bucket.
  static constexpr uint64_t bound_us(size_t bucket) { return uint64_t{1} << bucket; }

  constexpr Histogram(std::string_view its_name, std::string_view its_help)
      : name(its_name), help(its_help) {}
  void record_us(uint64_t us);
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  uint64_t sum_us() const { return sum_us_.load(std::memory_order_relaxed); }
  uint64_t in_bucket(size_t bucket) const {
    return buckets_[bucket].load(std::memory_order_relaxed);
  }
  // The bound below which `percent` of the values lie; 0 without values.
  uint64_t percentile_us(double percent) const;
  void reset();

  const std::string_view name;
  const std::string_view help;

 private:
  std::array<std::atomic<uint64_t>, kBuckets> buckets_{};
  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> sum_us_{0};
};

}  // namespace redan
