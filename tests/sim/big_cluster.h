// A cluster of hundreds of nodes on a calm network of 0.5 ms: what its bus costs at rest, and how
// long news needs to reach everybody. Deterministic: the same options give the same report.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "server/cluster/bus_messages.h"
#include "tests/sim/redis_bus_model.h"

namespace redan::sim {

struct BigCluster {
  int primaries = 100;
  int replicas = 100;
  Nanos node_timeout = Seconds(1);
  Nanos rest = Seconds(10);  // Measured for so long, after as long a time of settling.
  int failures = 3;          // Primaries that die with their machines, one after the other.
  uint64_t seed = 1;
};

struct BigReport {
  std::string failure;  // Empty: everything came to agree.
  BusCost at_rest, of_redis;
  // Messages sent at rest for each node and second, by the place in BusMessage.
  std::array<double, std::variant_size_v<cluster::BusMessage>> by_kind{};
  std::vector<Nanos> failed;      // From a death until all call it failed,
  std::vector<Nanos> taken_over;  // until its replica owns the slots for itself,
  std::vector<Nanos> agreed;      // and for everybody.
  Nanos slot_agreed{};            // From SETSLOT NODE at the target until all agree.
  Nanos joined{};                 // From MEET until the new node and all others know each other.
  std::string text() const;
};

BigReport measure(const BigCluster& options);

}  // namespace redan::sim
