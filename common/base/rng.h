// A small seeded generator (xoshiro256**, Blackman and Vigna 2018, public domain). Machines and
// simulations own one each, so that a seed replays everything.
#pragma once

#include <array>
#include <cstdint>

#include "common/base/ids.h"
#include "common/base/time.h"

namespace redan {

class Rng {
 public:
  explicit Rng(uint64_t seed);
  uint64_t next();
  // Uniform in [0, bound); bound > 0.
  uint64_t below(uint64_t bound);
  // Uniform in [low, high], both included.
  int64_t between(int64_t low, int64_t high);
  // Uniform in [0, 1).
  double unit();
  bool chance(double probability) { return unit() < probability; }
  Nanos span(Nanos low, Nanos high) { return Nanos(between(low.count(), high.count())); }
  NodeId node_id();

 private:
  std::array<uint64_t, 4> state_;
};

// A seed from the system; for drivers and start-up only.
uint64_t system_seed();

}  // namespace redan
