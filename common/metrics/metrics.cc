#include "common/metrics/metrics.h"

#include <bit>
#include <cmath>

namespace redan {

void Histogram::record_us(uint64_t us) {
  // Bucket i holds values in (2^(i-1), 2^i]; the first also holds 0.
  const size_t bucket = us <= 1 ? 0 : static_cast<size_t>(std::bit_width(us - 1));
  if (bucket < kBuckets) buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
  count_.fetch_add(1, std::memory_order_relaxed);
  sum_us_.fetch_add(us, std::memory_order_relaxed);
}

uint64_t Histogram::percentile_us(double percent) const {
  const uint64_t total = count();
  if (total == 0) return 0;
  const auto wanted = static_cast<uint64_t>(std::ceil(static_cast<double>(total) * percent / 100));
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += in_bucket(i);
    if (seen >= wanted) return bound_us(i);
  }
  return bound_us(kBuckets - 1);
}

void Histogram::reset() {
  for (auto& bucket : buckets_) bucket.store(0, std::memory_order_relaxed);
  count_.store(0, std::memory_order_relaxed);
  sum_us_.store(0, std::memory_order_relaxed);
}

}  // namespace redan
