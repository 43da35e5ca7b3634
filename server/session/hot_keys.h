// HOTKEYS: which keys a node spends its time and its network on, while somebody asks for it.
//
// Every sampled call adds its time and its bytes to each of its keys. At most kTracked keys are
// kept beside the ones asked for: when twice as many are there, the lighter half is forgotten, so
// that a key which takes a share of 1/kTracked or more of all is found. Pure; the data thread's.
// While it is off it costs nothing. While it is on, a call that is sampled is measured by itself
// and its keys are looked up: SET at pipeline 16 took 0.26 us of CPU without, 0.34 with SAMPLE 1,
// 0.26 with SAMPLE 100 (medians of 5 rounds, on a busy machine).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/rng.h"
#include "common/base/slot_set.h"

namespace redan {

// Sums by name, the heaviest of them.
class HeavyHitters {
 public:
  static constexpr size_t kTracked = 4096;
  using Sum = std::pair<std::string, uint64_t>;

  void add(std::string_view name, uint64_t amount);
  std::vector<Sum> top(size_t count) const;  // heaviest first
  size_t size() const { return sums_.size(); }
  void clear() { sums_.clear(); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };
  void forget_the_light();
  std::unordered_map<std::string, uint64_t, Hash, std::equal_to<>> sums_;
};

class HotKeys {
 public:
  struct Options {
    bool time = false;
    bool bytes = false;
    size_t count = 10;
    int64_t duration_ms = 0;         // 0: until stop()
    uint64_t sample = 1;             // one call in so many
    std::optional<SlotSet> slots{};  // only keys of these
  };
  // Of all calls; estimated from the sample where that is not all.
  struct Totals {
    uint64_t calls = 0;
    uint64_t time_ns = 0;
    uint64_t bytes = 0;
  };

  bool active() const { return active_; }
  bool started() const { return started_; }  // at some time, and not reset since
  const Options& options() const { return options_; }
  void start(Options options, int64_t now_ms, uint64_t seed);
  void stop(int64_t now_ms);
  void reset();  // only while it is not active
  // Its time may be over.
  void tick(int64_t now_ms) {
    if (active_ && options_.duration_ms > 0 && now_ms - started_ms_ >= options_.duration_ms) {
      stop(started_ms_ + options_.duration_ms);
    }
  }

  // Whether the next call is one of the sample; then it is told, and each of its keys.
  bool takes_call() { return options_.sample <= 1 || rng_.below(options_.sample) == 0; }
  void call(uint64_t time_ns, uint64_t bytes);
  bool wants_slot(Slot slot) const { return !options_.slots || options_.slots->contains(slot); }
  void key(std::string_view name, uint64_t time_ns, uint64_t bytes);

  const Totals& totals() const { return totals_; }
  int64_t started_ms() const { return started_ms_; }
  int64_t duration_ms(int64_t now_ms) const {
    return (active_ ? now_ms : stopped_ms_) - started_ms_;
  }
  std::vector<HeavyHitters::Sum> by_time_ns() const { return time_ns_.top(options_.count); }
  std::vector<HeavyHitters::Sum> by_bytes() const { return bytes_.top(options_.count); }

 private:
  Options options_;
  bool active_ = false;
  bool started_ = false;
  int64_t started_ms_ = 0;
  int64_t stopped_ms_ = 0;
  Rng rng_{0};
  Totals totals_;
  HeavyHitters time_ns_;
  HeavyHitters bytes_;
};

}  // namespace redan
