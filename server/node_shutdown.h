// How a node ends: SHUTDOWN and signals. Replicas get what they have not received yet, for as long
// as shutdown-timeout allows; then the last snapshot is written, and everything is closed.
#pragma once

#include "common/base/result.h"
#include "common/base/time.h"
#include "server/config/server_config.h"
#include "server/session/node_control.h"

namespace redan {

class ClientIo;
class ClusterDriver;
class DataLoop;
class Dispatcher;
class NodeProcess;
class ReplicationDriver;
class SnapshotDriver;

class NodeShutdown {
 public:
  // Only kept: they need not be made yet.
  struct Parts {
    const ServerConfig& config;
    DataLoop& loop;
    NodeProcess& process;
    SnapshotDriver& snapshots;
    ReplicationDriver& replication;
    ClusterDriver* cluster;  // null: a node by itself
    Dispatcher& dispatcher;
    ClientIo& clients;
  };
  explicit NodeShutdown(const Parts& parts) : parts_(parts) {}

  void on_signal(int signal);
  Result<void> request(const ShutdownRequest& request);
  Result<void> abort();
  // Ten times a second and more: perhaps it is time.
  void tick() {
    if (wanted_) try_to_finish();
  }
  // Until the replicas are waited for no longer; -1: no shutdown is under way.
  int64_t left_ms(Instant now) const;

 private:
  void try_to_finish();

  Parts parts_;
  bool wanted_ = false;
  ShutdownRequest request_;
  Instant deadline_{};
  int last_reported_behind_ = -1;
};

}  // namespace redan
