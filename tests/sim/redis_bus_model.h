// What Redis 7's cluster bus costs at rest, computed from its rules: the measure for ours.
// - Every packet, ping or pong, is a header of 2256 bytes (2 KB of it the bitmap of slots) and 104
//   bytes for each of a tenth of all nodes, at least three, drawn at random.
// - Ten times a second a node pings everybody whose last pong is older than half the node timeout;
//   once a second also the one of five random nodes that was silent longest.
// - A pong's time is also learned from the packets of others, in whole seconds, which spares pings.
// Left out in Redis' favour: the extensions of 7.2, reconnections, all that happens when nodes
// fail.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/time.h"

namespace redan::sim {

struct BusCost {
  double bytes_per_second = 0;  // Sent, for each node.
  double messages_per_second = 0;
};

// Of `nodes` nodes, measured over `span` after as long a time of settling.
BusCost redis_bus_at_rest(size_t nodes, Nanos node_timeout, Nanos span, uint64_t seed);

}  // namespace redan::sim
