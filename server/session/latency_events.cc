#include "server/session/latency_events.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace redan {

namespace {

constexpr size_t kRows = 4;
constexpr size_t kMostColumns = 80;

// "7s", "12m", "3h", "20d": two or three characters.
std::string age(int64_t seconds) {
  if (seconds < 60) return std::to_string(std::max<int64_t>(seconds, 0)) + "s";
  if (seconds < 3600) return std::to_string(seconds / 60) + "m";
  if (seconds < 86400) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

}  // namespace

void LatencyEvents::add(std::string_view name, int64_t unix_s, int64_t ms) {
  auto found = events_.find(name);
  if (found == events_.end()) found = events_.emplace(name, Event{}).first;
  Event& event = found->second;
  event.worst_ms = std::max(event.worst_ms, ms);
  if (!event.samples.empty() && event.samples.back().unix_s == unix_s) {
    event.samples.back().ms = std::max(event.samples.back().ms, ms);
    return;
  }
  event.samples.push_back({unix_s, ms});
  if (event.samples.size() > kMostSamples) event.samples.pop_front();
}

bool LatencyEvents::forget(std::string_view name) {
  const auto found = events_.find(name);
  if (found == events_.end()) return false;
  events_.erase(found);
  return true;
}

size_t LatencyEvents::forget_all() {
  const size_t count = events_.size();
  events_.clear();
  return count;
}

LatencyEvents::Summary LatencyEvents::summary(const Event& event) {
  Summary summary;
  if (event.samples.empty()) return summary;
  const auto count = static_cast<int64_t>(event.samples.size());
  int64_t sum = 0;
  summary.low_ms = event.samples.front().ms;
  for (const Sample& sample : event.samples) {
    sum += sample.ms;
    summary.low_ms = std::min(summary.low_ms, sample.ms);
    summary.high_ms = std::max(summary.high_ms, sample.ms);
  }
  summary.average_ms = sum / count;
  int64_t off = 0;
  for (const Sample& sample : event.samples) off += std::abs(sample.ms - summary.average_ms);
  summary.deviation_ms = off / count;
  const int64_t span_s = event.samples.back().unix_s - event.samples.front().unix_s;
  summary.period_s = count < 2 ? 0 : static_cast<double>(span_s) / static_cast<double>(count - 1);
  return summary;
}

std::string LatencyEvents::graph(const Event& event, int64_t now_unix_s) {
  const Summary facts = summary(event);
  const size_t columns = std::min(event.samples.size(), kMostColumns);
  const size_t first = event.samples.size() - columns;
  std::vector<std::string> ages;
  size_t longest = 0;
  for (size_t i = first; i < event.samples.size(); ++i) {
    ages.push_back(age(now_unix_s - event.samples[i].unix_s));
    longest = std::max(longest, ages.back().size());
  }
  // A level for each sample: 1 to kRows.
  const int64_t range = std::max<int64_t>(facts.high_ms - facts.low_ms, 1);
  std::string text;
  for (size_t row = kRows; row > 0; --row) {
    for (size_t i = first; i < event.samples.size(); ++i) {
      const int64_t above = event.samples[i].ms - facts.low_ms;
      const auto level = 1 + static_cast<size_t>(above * static_cast<int64_t>(kRows - 1) / range);
      text += level > row ? '|' : level == row ? '_' : ' ';
    }
    text += '\n';
  }
  text += '\n';
  for (size_t line = 0; line < longest; ++line) {
    for (const std::string& each : ages) text += line < each.size() ? each[line] : ' ';
    text += '\n';
  }
  return text;
}

}  // namespace redan
