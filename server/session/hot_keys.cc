#include "server/session/hot_keys.h"

#include <algorithm>

namespace redan {

void HeavyHitters::add(std::string_view name, uint64_t amount) {
  if (const auto found = sums_.find(name); found != sums_.end()) {
    found->second += amount;
    return;
  }
  if (sums_.size() >= 2 * kTracked) forget_the_light();
  sums_.emplace(name, amount);
}

void HeavyHitters::forget_the_light() {
  std::vector<uint64_t> amounts;
  amounts.reserve(sums_.size());
  for (const auto& [name, amount] : sums_) amounts.push_back(amount);
  const auto middle = amounts.begin() + static_cast<ptrdiff_t>(amounts.size() / 2);
  std::nth_element(amounts.begin(), middle, amounts.end());
  const uint64_t limit = *middle;
  std::erase_if(sums_, [&](const auto& sum) { return sum.second < limit; });
  // All alike: any half will do.
  for (auto at = sums_.begin(); at != sums_.end() && sums_.size() > kTracked;) {
    at = at->second == limit ? sums_.erase(at) : std::next(at);
  }
}

std::vector<HeavyHitters::Sum> HeavyHitters::top(size_t count) const {
  std::vector<Sum> all(sums_.begin(), sums_.end());
  std::sort(all.begin(), all.end(), [](const Sum& a, const Sum& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (all.size() > count) all.resize(count);
  return all;
}

void HotKeys::start(Options options, int64_t now_ms, uint64_t seed) {
  options_ = std::move(options);
  active_ = started_ = true;
  started_ms_ = now_ms;
  rng_ = Rng(seed);
  totals_ = {};
  time_ns_.clear();
  bytes_.clear();
}

void HotKeys::stop(int64_t now_ms) {
  active_ = false;
  stopped_ms_ = now_ms;
}

void HotKeys::reset() {
  *this = HotKeys();
}

void HotKeys::call(uint64_t time_ns, uint64_t bytes) {
  totals_.calls += options_.sample;
  totals_.time_ns += time_ns * options_.sample;
  totals_.bytes += bytes * options_.sample;
}

void HotKeys::key(std::string_view name, uint64_t time_ns, uint64_t bytes) {
  if (options_.time) time_ns_.add(name, time_ns);
  if (options_.bytes) bytes_.add(name, bytes);
}

}  // namespace redan
