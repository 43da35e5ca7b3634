// What the configuration says about the cluster (server/config/options_cluster.cc); CONFIG SET
// hands a new one to ClusterMachine::configure().
#pragma once

#include <cstdint>

#include "server/cluster/node.h"

namespace redan {

struct ClusterOptions {
  // Our own ports, and what is announced instead of what the network shows (ip empty: unknown).
  NodeAddress announce;
  Millis node_timeout{15'000};
  int replica_validity_factor = 10;
  Millis repl_ping_period{10'000};
  int migration_barrier = 1;
  bool allow_replica_migration = true;
  bool require_full_coverage = true;
  bool replica_no_failover = false;
  // unix time in ms of Instant(0) of our clock, for the times in nodes.conf, which only people
  // read.
  int64_t unix_ms_at_zero = 0;
};

}  // namespace redan
