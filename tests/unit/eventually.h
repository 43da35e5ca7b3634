// Waits for what other threads and processes do. The one place of the unit tests that sleeps.
#pragma once

#include <chrono>
#include <thread>

namespace redan {

// Asks again until `holds` says yes or the deadline is over; the deadline is for failures only.
template <class F>
bool eventually(F&& holds, std::chrono::seconds deadline = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace redan
