// LATENCY: what held the data thread up, by kind of event ("command", "fast-command",
// "expire-cycle", "eviction-cycle" ...): the last 160 seconds in which there was one, and the worst
// of all time. Who adds an event has compared it with latency-monitor-threshold. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace redan {

class LatencyEvents {
 public:
  static constexpr size_t kMostSamples = 160;
  struct Sample {
    int64_t unix_s;
    int64_t ms;
  };
  struct Event {
    std::deque<Sample> samples;  // the worst of each second, oldest first
    int64_t worst_ms = 0;
  };
  // What a list of samples amounts to, in milliseconds and seconds.
  struct Summary {
    int64_t low_ms = 0, high_ms = 0, average_ms = 0, deviation_ms = 0;
    double period_s = 0;  // between two of them
  };

  void add(std::string_view name, int64_t unix_s, int64_t ms);
  const Event* find(std::string_view name) const {
    const auto found = events_.find(name);
    return found == events_.end() ? nullptr : &found->second;
  }
  const std::map<std::string, Event, std::less<>>& events() const { return events_; }
  bool forget(std::string_view name);
  size_t forget_all();

  static Summary summary(const Event& event);
  // Columns of `rows` levels with the age of each below, the newest at the right.
  static std::string graph(const Event& event, int64_t now_unix_s);

 private:
  std::map<std::string, Event, std::less<>> events_;
};

}  // namespace redan
