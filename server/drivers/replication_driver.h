// Both roles of replication, connected to the world: the stream that this node gives to its
// replicas and the link over which it follows a primary. The decisions are in server/replication;
// here are sockets, snapshots and timers. Used on the data thread only.
//
// As a source: a replica is a client session that sent PSYNC. It gets a snapshot (SnapshotDriver;
// several replicas share one) or goes on from the backlog; what it gets afterwards are the bytes of
// the backlog's blocks. A replica that reads slowly keeps its place there; it costs no copy.
// As a replica: handshake and snapshot arrive on a socket of ours. The snapshot is parsed, in
// slices between requests, into a keyspace off to the side, and takes the place of the old data
// when its end and checksum have arrived. Then the socket is handed to client_io, whose dispatcher
// executes the stream and reports each request through applied().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/ids.h"
#include "server/config/server_config.h"
#include "server/drivers/data_loop.h"
#include "server/drivers/snapshot_driver.h"
#include "server/session/services.h"

namespace redan {

class Keyspace;

class ReplicationDriver final : public ReplicationService {
 public:
  struct Parts {
    DataLoop& loop;
    const ServerConfig& config;
    SnapshotDriver& snapshots;
    // A keyspace like the node's own, empty, to load a snapshot into; and its way into service:
    // the node's data is replaced, watched keys and key counts follow.
    std::function<std::unique_ptr<Keyspace>()> fresh_keyspace;
    std::function<void(std::unique_ptr<Keyspace>)> install_keyspace;
    // Gives the stream of a primary to client_io: a session of kind kPrimary, authenticated, whose
    // first input is `leftover`. The session's connection stays valid until session_closed().
    std::function<Session*(int fd, std::string leftover)> adopt_primary;
    // The role changed, or the primary did. The keyspace stops or starts to expire keys by itself,
    // blocked clients are answered, and CONFIG REWRITE learns of it. Empty host: a primary.
    std::function<void(std::string_view host, int port)> role_changed;
    // FAILOVER holds writes back (true) and lets them go on (false).
    std::function<void(bool)> pause_writes;
    // Keys in all databases, for the log.
    std::function<uint64_t()> key_count;
    uint64_t seed = 0;
  };
  explicit ReplicationDriver(Parts parts);
  ~ReplicationDriver() override;

  // Once, before the first request: takes over id and offset that the loaded RDB file carried (an
  // empty id: none), and follows config.replicaof if that is set; in a cluster only if `member` is
  // what answers there.
  void start(const SnapshotOrigin& loaded, NodeId member = {});
  // A cluster's REPLICAOF: follows this member, and nobody else who answers at its address. Often
  // said again where nothing changed.
  Result<void> follow_member(std::string_view host, int port, NodeId member);
  // SHUTDOWN: links are closed without a word.
  void stop();

  // For SnapshotDriver::Parts::origin: what a snapshot of now says about the stream.
  SnapshotOrigin origin() const;
  // How far the slowest connected replica is behind, and how many are at the end (SHUTDOWN waits).
  int replica_count() const;
  int replicas_behind() const;
  // CONFIG SET changed repl-backlog-size, masterauth, ...
  void config_changed();
  // CONFIG RESETSTAT
  void reset_stats();
  // For a cluster: when our data was our primary's the last time; none: never, in this process.
  std::optional<Instant> contact() const;
  // For a cluster: our primary came back without its data, and ours was kept.
  bool refuses_primary() const;
  // While true the stream gets nothing of ours (pings, questions for acknowledgements): its offset
  // stands still as long as nobody writes.
  void keep_still(bool still);
  // DEBUG CHANGE-REPL-ID: as if another history began here; replicas have to resync.
  void change_id();

  // ReplicationService
  int64_t feed(int db, std::span<const std::string_view> args) override;
  bool listened_to() const override;
  void flush() override;
  bool is_replica() const override;
  bool link_up() const override;
  int good_replicas() const override;
  bool loading() const override;
  Result<void> replicate_from(std::string_view host, int port) override;
  std::string primary_host() const override;
  int primary_port() const override;
  void psync(Session& session, std::span<const std::string_view> args, ReplyWriter& reply) override;
  void replconf(Session& session, std::span<const std::string_view> args,
                ReplyWriter& reply) override;
  void session_closed(Session& session) override;
  void applied(Session& link, std::string_view raw) override;
  Result<void> failover(std::span<const std::string_view> args) override;
  int64_t offset() const override;
  int replicas_at(int64_t offset) const override;
  void request_acks() override;
  void write_role(ReplyWriter& reply) const override;
  void write_info(InfoWriter& info) const override;
  void write_stats(InfoWriter& info) const override;
  ReplicationTraffic traffic() const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace redan
