#include "server/node_cluster.h"

#include <utility>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "server/drivers/client_io.h"
#include "server/drivers/replication_driver.h"
#include "server/front/dispatcher.h"
#include "server/session/server_stats.h"

namespace redan {

namespace {

class BusWire final : public ClusterWire {
 public:
  explicit BusWire(std::unique_ptr<ClusterBus> bus) : bus_(std::move(bus)) {}
  void configure(ClusterBus::Options options) override { bus_->configure(std::move(options)); }
  void set_card(const cluster::Card& card) override { bus_->set_card(card); }
  void send(const cluster::BusPeer& to, const cluster::BusMessage& message) override {
    bus_->send(to, message);
  }
  void close(NodeId link) override { bus_->close(link); }
  std::vector<ClusterLinkFacts> links() const override { return bus_->links(); }

 private:
  std::unique_ptr<ClusterBus> bus_;
};

Result<std::unique_ptr<ClusterWire>> open_bus(DataLoop& loop, ClusterBus::Options options,
                                              ClusterBus::Events events) {
  Result<std::unique_ptr<ClusterBus>> bus =
      ClusterBus::open(loop, std::move(options), std::move(events));
  if (!bus) return bus.error();
  return std::unique_ptr<ClusterWire>(std::make_unique<BusWire>(bus.take()));
}

// Of a replica that never was in sync, in this process: its data is as old as can be.
constexpr Nanos kNever = Seconds(int64_t{3600} * 24 * 365 * 100);

ReplicationFacts facts_of(const ReplicationDriver& replication) {
  const bool up = replication.is_replica() && replication.link_up();
  return {.offset = replication.offset(),
          .link_up = up,
          .contact = replication.contact().value_or(monotonic_now() - kNever),
          .refused = replication.is_replica() && replication.refuses_primary()};
}

}  // namespace

std::unique_ptr<ClusterDriver> make_cluster(const NodeClusterParts& parts) {
  if (!parts.config.cluster_enabled) return nullptr;
  ReplicationDriver& replication = parts.replication;
  Dispatcher& dispatcher = parts.dispatcher;
  const ServerConfig& config = parts.config;
  return std::make_unique<ClusterDriver>(ClusterDriver::Parts{
      .loop = parts.loop,
      .config = config,
      .keyspace = parts.keyspace,
      .pubsub = parts.pubsub,
      .replication = [&replication] { return facts_of(replication); },
      .follow =
          [&replication](const std::string& host, int port, NodeId primary) {
            if (Result<void> done = replication.follow_member(host, port, primary); !done) {
              log_warning("Can't follow {}:{}: {}", host, port, done.error().message());
            }
          },
      .hold_writes =
          [&replication, &dispatcher](std::optional<Instant> until) {
            constexpr auto kReason = Dispatcher::PauseReason::kClusterFailover;
            replication.keep_still(until.has_value());
            if (!until) return dispatcher.unpause(kReason);
            dispatcher.pause(kReason, PauseKind::kWrites, *until);
          },
      .feed_deletion =
          [&dispatcher, &config](std::string_view key) {
            dispatcher.feed_deletion(0, key, config.lazyfree_lazy_server_del);
          },
      // Whoever has the data of before must not go on from there.
      .emptied = [&replication] { replication.change_id(); },
      .open_wire = open_bus,
      .seed = parts.seed});
}

std::unique_ptr<MigrationDriver> make_migration(const NodeClusterParts& parts,
                                                ClusterDriver* cluster) {
  if (cluster == nullptr) return nullptr;
  ReplicationDriver& replication = parts.replication;
  Dispatcher& dispatcher = parts.dispatcher;
  ClientIo& clients = parts.clients;
  auto migration = std::make_unique<MigrationDriver>(MigrationDriver::Parts{
      .loop = parts.loop,
      .config = parts.config,
      .keyspace = parts.keyspace,
      .snapshots = parts.snapshots,
      .replication = replication,
      .cluster = *cluster,
      .replica_count = [&replication] { return replication.replica_count(); },
      .adopt =
          [&clients](int fd, std::string leftover) {
            return clients.adopt(fd, ClientKind::kMigration, leftover);
          },
      .pause_slots = [&dispatcher](const SlotSet& writes,
                                   const SlotSet& all) { dispatcher.pause_slots(writes, all); },
      .out_of_memory = [&dispatcher] { return dispatcher.out_of_memory(); },
      .requests = [&stats = parts.stats] { return stats.processed; },
      .seed = parts.seed});
  cluster->on_move(
      [driver = migration.get()](const cluster::BusEvent& event) { driver->on(event); });
  return migration;
}

void hook_cluster_options(Registry& options, ClusterDriver& cluster) {
  options.on_change(
      {"cluster-node-timeout", "cluster-replica-validity-factor", "cluster-migration-barrier",
       "cluster-allow-replica-migration", "cluster-require-full-coverage",
       "cluster-replica-no-failover", "cluster-link-sendbuf-limit", "cluster-announce-ip",
       "cluster-announce-port", "cluster-announce-tls-port", "cluster-announce-bus-port",
       "cluster-announce-hostname", "cluster-announce-human-nodename", "port", "masterauth",
       "requirepass", "protected-mode", "repl-ping-replica-period"},
      [&cluster]() -> Result<void> { return cluster.config_changed(), kOk; });
}

}  // namespace redan
