// What makes a data node a cluster's: the driver, and the parts of the node that it moves.
#pragma once

#include <memory>

#include "common/config/registry.h"
#include "server/drivers/cluster_driver.h"
#include "server/drivers/migration_driver.h"

namespace redan {

class ClientIo;
class Dispatcher;
class ReplicationDriver;
struct ServerStats;

struct NodeClusterParts {
  DataLoop& loop;
  const ServerConfig& config;
  Keyspace& keyspace;
  PubSub& pubsub;
  ReplicationDriver& replication;
  SnapshotDriver& snapshots;
  const ServerStats& stats;
  Dispatcher& dispatcher;  // Need not be made yet,
  ClientIo& clients;       // nor need this.
  uint64_t seed = 0;
};

// nullptr where cluster-enabled is not set.
std::unique_ptr<ClusterDriver> make_cluster(const NodeClusterParts& parts);

// Slots that move between this node and others; nullptr where there is no cluster.
std::unique_ptr<MigrationDriver> make_migration(const NodeClusterParts& parts,
                                                ClusterDriver* cluster);

// CONFIG SET reaches the driver.
void hook_cluster_options(Registry& options, ClusterDriver& cluster);

}  // namespace redan
