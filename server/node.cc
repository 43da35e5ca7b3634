#include "server/node.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "common/base/clock.h"
#include "common/base/rng.h"
#include "common/log/log.h"
#include "server/command/encoding_limits.h"
#include "server/command/node/user_sessions.h"
#include "server/config/config_report.h"
#include "server/config/host_rules.h"
#include "server/drivers/client_io.h"
#include "server/drivers/data_loop.h"
#include "server/drivers/host_checks.h"
#include "server/drivers/lazy_free.h"
#include "server/drivers/memory_use.h"
#include "server/drivers/replication_driver.h"
#include "server/drivers/signals.h"
#include "server/drivers/snapshot_driver.h"
#include "server/front/dispatcher.h"
#include "server/front/info.h"
#include "server/node_cluster.h"
#include "server/node_cron.h"
#include "server/node_process.h"
#include "server/node_shutdown.h"
#include "server/session/access.h"
#include "server/session/blocked_keys.h"
#include "server/session/client_memory.h"
#include "server/session/command_logs.h"
#include "server/session/pubsub.h"
#include "server/session/server_stats.h"
#include "server/session/tracking.h"
#include "server/session/waits.h"
#include "server/session/watched_keys.h"

namespace redan {

namespace {

EvictionClock clock_of(MaxmemoryPolicy policy) {
  const bool lfu =
      policy == MaxmemoryPolicy::kAllkeysLfu || policy == MaxmemoryPolicy::kVolatileLfu;
  return lfu ? EvictionClock::kLfu : EvictionClock::kLru;
}

constexpr Millis kForever = Millis(int64_t{3600} * 24 * 365 * 100 * 1000);

}  // namespace

struct Node::Parts final : NodeControl {
  explicit Parts(Start start);

  // --- NodeControl ---
  Result<void> shut_down(const ShutdownRequest& request) override;
  Result<void> abort_shutdown() override;
  void pause_clients(PauseKind kind, Instant until) override {
    dispatcher.pause(Dispatcher::PauseReason::kClient, kind, until);
  }
  void unpause_clients() override { dispatcher.unpause(Dispatcher::PauseReason::kClient); }
  Instant now() const override { return loop.now(); }
  WallTime wall_now() const override { return redan::wall_now(); }
  int64_t wall_now_us() const override { return redan::wall_now_us(); }
  std::string info(std::span<const std::string_view> sections) override;
  Result<void> rewrite_config() override;
  void reset_stats() override;
  void memory_is_short() override { cron.evict_in_idle_time(); }
  void sample_memory() override { cron.sample_memory(); }
  void waits_changed() override;
  const Collation& collation() const override { return process.collation(); }
  void set_active_expiry(bool on) override { cron.set_active_expiry(on); }
  void change_replication_id() override { replication.change_id(); }

  // --- start and stop ---
  Result<void> open_port();
  Result<void> open_unix_socket();
  void configure_clients();
  void hook_options();
  Result<void> load_users();
  void load_some();
  void start_cron();
  void serve();
  void role_changed(std::string_view host, int port);
  void install(std::unique_ptr<Keyspace> fresh);
  // A node of a cluster has one database, whatever `databases` says.
  KeyspaceOptions keyspace_options() {
    const bool slots = config.cluster_enabled;
    return {.databases = slots ? 1 : static_cast<int>(config.databases),
            .seed = rng.next(),
            .slots = slots};
  }

  NodeClusterParts cluster_parts() {
    return {.loop = loop,
            .config = config,
            .keyspace = keyspace,
            .pubsub = pubsub,
            .replication = replication,
            .snapshots = snapshots,
            .stats = stats,
            .dispatcher = dispatcher,
            .clients = clients,
            .seed = rng.next()};
  }

  ServerConfig& config;
  Registry& options;
  DiskFiles& files;
  NodeProcess process;
  NodeFacts facts;
  int exit_code = 0;

  Rng rng{system_seed()};
  DataLoop loop;
  Keyspace keyspace;
  LazyFree lazy_free{config.bio_cpulist};
  ServerCommands& commands;
  PubSub pubsub;
  Tracking tracking{pubsub, rng.next()};
  WatchedKeys watched;
  CommandLogs logs;
  Waits waits;
  BlockedKeys blocked;
  Access access;
  ServerStats stats;
  SnapshotDriver snapshots;
  ReplicationDriver replication;
  std::unique_ptr<ClusterDriver> cluster;      // null: a node by itself
  std::unique_ptr<MigrationDriver> migration;  // as `cluster`
  ServerParts shared;
  Dispatcher dispatcher;
  ClientIo clients;
  NodeCron cron;
  NodeShutdown shutdown;
  Signals signals;
  DataLoop::Timer cron_timer;
  DataLoop::Timer wait_timer;
  std::optional<Instant> wait_timer_at;  // none: it is not set
};

Node::Parts::Parts(Start start)
    : config(start.config),
      options(start.options),
      files(start.files),
      process(start.config, start.title, start.supervisor, start.config_file),
      keyspace(keyspace_options()),
      commands(start.commands),
      access(start.commands),
      snapshots({.loop = loop,
                 .keyspace = keyspace,
                 .config = config,
                 .origin = [this] { return replication.origin(); },
                 .park_writes =
                     [this](bool hold) {
                       constexpr auto kReason = Dispatcher::PauseReason::kSnapshot;
                       if (!hold) return dispatcher.unpause(kReason);
                       dispatcher.pause(kReason, PauseKind::kWrites, loop.now() + kForever);
                     },
                 .used_memory = [] { return used_memory(); }}),
      replication(
          {.loop = loop,
           .config = config,
           .snapshots = snapshots,
           .fresh_keyspace =
               [this] {
                 auto fresh = std::make_unique<Keyspace>(keyspace_options());
                 fresh->set_limits(keyspace.limits());
                 return fresh;
               },
           .install_keyspace =
               [this](std::unique_ptr<Keyspace> fresh) { install(std::move(fresh)); },
           .adopt_primary =
               [this](int fd, std::string leftover) {
                 return clients.adopt(fd, ClientKind::kPrimary, leftover);
               },
           .role_changed = [this](std::string_view host, int port) { role_changed(host, port); },
           .pause_writes =
               [this](bool hold) {
                 constexpr auto kReason = Dispatcher::PauseReason::kFailover;
                 if (!hold) return dispatcher.unpause(kReason);
                 dispatcher.pause(kReason, PauseKind::kWrites, loop.now() + kForever);
               },
           .key_count = [this] { return keyspace.total_size(); },
           .seed = rng.next()}),
      cluster(make_cluster(cluster_parts())),
      migration(make_migration(cluster_parts(), cluster.get())),
      shared{.keyspace = keyspace,
             .config = config,
             .options = options,
             .commands = commands,
             .clients = clients,
             .pubsub = pubsub,
             .tracking = tracking,
             .watched = watched,
             .logs = logs,
             .waits = waits,
             .blocked = blocked,
             .access = access,
             .stats = stats,
             .snapshots = snapshots,
             .replication = replication,
             .control = *this,
             .dispatching = dispatcher,
             .rng = rng,
             .cluster = cluster.get(),
             .migration = migration.get()},
      dispatcher(shared),
      clients(loop, dispatcher),
      cron(shared, loop, dispatcher, lazy_free),
      shutdown({.config = config,
                .loop = loop,
                .process = process,
                .snapshots = snapshots,
                .replication = replication,
                .cluster = cluster.get(),
                .dispatcher = dispatcher,
                .clients = clients}),
      signals(loop, [this](int signal) { shutdown.on_signal(signal); }) {
  facts.run_id = rng.node_id().hex();
  facts.config_file = start.config_file;
  facts.executable = start.executable;
  facts.supervised = process.supervised();
  facts.started = monotonic_now();
  stats.startup_memory = static_cast<uint64_t>(used_memory());
  stats.commands.resize(commands.size());
  keyspace.observe(&dispatcher);
  keyspace.set_now(redan::wall_now());
  keyspace.set_clock(clock_of(config.maxmemory_policy), config.lfu_log_factor,
                     config.lfu_decay_time);
  keyspace.set_limits(encoding_limits(config));
}

// --- configuration ---

void Node::Parts::configure_clients() {
  ClientIoOptions io;
  io.max_clients = config.maxclients;
  io.keepalive_s = config.tcp_keepalive;
  io.limits.idle_timeout_s = config.timeout;
  io.backlog = config.tcp_backlog;
  io.accepts_per_turn = config.max_new_connections_per_cycle;
  io.socket_mark = static_cast<uint32_t>(config.socket_mark_id);
  io.refuse_strangers = config.protected_mode && access.users.default_user().needs_no_password();
  io.limits.memory = client_memory_limit(config.maxmemory_clients, config.maxmemory);
  io.limits.query_buffer = static_cast<size_t>(config.client_query_buffer_limit);
  const auto limit = [](const OutputBufferLimit& from) {
    return OutputLimit{static_cast<uint64_t>(from.hard_bytes),
                       static_cast<uint64_t>(from.soft_bytes), from.soft_seconds};
  };
  io.limits.output = {limit(config.client_output_buffer_limit.normal),
                      limit(config.client_output_buffer_limit.replica),
                      limit(config.client_output_buffer_limit.pubsub)};
  clients.configure(io);
}

void Node::Parts::hook_options() {
  options.on_change({"tcp-keepalive", "timeout", "protected-mode", "client-query-buffer-limit",
                     "client-output-buffer-limit", "max-new-connections-per-cycle",
                     "maxmemory-clients", "maxmemory"},
                    [this]() -> Result<void> { return configure_clients(), kOk; });
  options.on_change({"requirepass"}, [this]() -> Result<void> {
    return access.users.set_default_password(config.requirepass), kOk;
  });
  options.on_change({"maxclients"}, [this]() -> Result<void> {
    const DescriptorPlan plan = secure_descriptors(config.maxclients);
    if (plan.maxclients < config.maxclients) {
      return Error(
          "The operating system is not able to handle the specified number of clients, try with " +
          std::to_string(plan.maxclients));
    }
    return configure_clients(), kOk;
  });
  options.on_change({"port", "bind"}, [this]() -> Result<void> {
    clients.stop_listening();
    if (Result<void> opened = open_port(); !opened) return opened;
    return open_unix_socket();
  });
  options.on_change({"maxmemory-policy", "lfu-log-factor", "lfu-decay-time"},
                    [this]() -> Result<void> {
                      keyspace.set_clock(clock_of(config.maxmemory_policy), config.lfu_log_factor,
                                         config.lfu_decay_time);
                      return kOk;
                    });
  options.on_change(kEncodingLimitOptions, [this]() -> Result<void> {
    return keyspace.set_limits(encoding_limits(config)), kOk;
  });
  process.hook(options);
  if (cluster != nullptr) hook_cluster_options(options, *cluster);
  options.on_change({"hz"}, [this]() -> Result<void> { return start_cron(), kOk; });
  options.on_change({"loglevel"},
                    [this]() -> Result<void> { return set_log_level(config.loglevel), kOk; });
  options.on_change(
      {"slowlog-max-len", "commandlog-large-request-max-len", "commandlog-large-reply-max-len"},
      [this]() -> Result<void> {
        logs.slow.trim(static_cast<size_t>(config.slowlog_max_len));
        logs.large_requests.trim(static_cast<size_t>(config.commandlog_large_request_max_len));
        logs.large_replies.trim(static_cast<size_t>(config.commandlog_large_reply_max_len));
        return kOk;
      });
  options.on_change({"dir"}, [this]() -> Result<void> {
    if (::chdir(config.dir.c_str()) != 0) {
      return Error(std::string("Can't chdir to '") + config.dir + "': " + std::strerror(errno));
    }
    std::error_code unknown;
    const std::string absolute = std::filesystem::current_path(unknown).string();
    if (!unknown) config.dir = absolute;
    return kOk;
  });
  options.on_change(
      {"repl-backlog-size", "repl-backlog-ttl", "masterauth", "masteruser", "replica-refuse-wipe",
       "repl-timeout", "repl-ping-replica-period", "repl-diskless-sync-delay",
       "repl-disable-tcp-nodelay", "min-replicas-to-write", "min-replicas-max-lag"},
      [this]() -> Result<void> { return replication.config_changed(), kOk; });
}

Result<void> Node::Parts::load_users() {
  // Whoever acts as a user hears of its change; protected mode looks at the default one's password.
  access.users.on_change([this](const acl::User* before, const acl::User* after) {
    user_changed(shared, before, after);
    configure_clients();
  });
  access.users.set_default_password(config.requirepass);
  const bool all_channels = config.acl_pubsub_default == AclPubsubDefault::kAllChannels;
  for (const Words& words : config.user.lines) {
    if (Result<void> added = access.users.add_declared(words, all_channels); !added) return added;
  }
  if (config.aclfile.empty()) return kOk;
  access.file = (std::filesystem::current_path() / config.aclfile).string();
  return load_users_file(shared);
}

Result<void> Node::Parts::rewrite_config() {
  if (facts.config_file.empty()) return Error("The server is running without a config file");
  if (access.file.empty()) config.user.lines = declarations(shared);
  // Whom a cluster's node follows is in nodes.conf; the directive would end its next start.
  PrimaryAddress followed = config.replicaof;
  if (cluster != nullptr) config.replicaof = {};
  Result<void> result = rewrite_file(options, facts.config_file, files, server_other_directives());
  config.replicaof = std::move(followed);
  if (!result) {
    log_warning("CONFIG REWRITE failed: {}", result.error().message());
    return Error("Rewriting config file: " + result.error().message());
  }
  log_notice("CONFIG REWRITE executed with success.");
  return kOk;
}

void Node::Parts::reset_stats() {
  stats.reset();
  access.denied = {};
  keyspace.reset_stats();
  clients.reset_stats();
  replication.reset_stats();
}

std::string Node::Parts::info(std::span<const std::string_view> sections) {
  facts.now = loop.now();
  facts.wall_us = redan::wall_now_us();
  facts.lazy_pending = keyspace.lazy_pending();
  facts.loading = dispatcher.loading();
  facts.shutdown_in_ms = shutdown.left_ms(facts.now);
  return info_text(shared, facts, sections);
}

// --- start ---

Result<void> Node::Parts::open_port() {
  if (config.port != 0) {
    std::vector<std::string> addresses;
    for (const std::string& address : config.bind) {
      addresses.push_back(address == "-::*" ? "-::*" : address);
    }
    if (Result<void> result = clients.listen(addresses, static_cast<int>(config.port)); !result) {
      return result.error();
    }
  }
  return kOk;
}

Result<void> Node::Parts::open_unix_socket() {
  if (config.unixsocket.empty()) return kOk;
  return clients.listen_unix(config.unixsocket, static_cast<unsigned>(config.unixsocketperm));
}

void Node::Parts::load_some() {
  Result<bool> more = snapshots.load_some();
  if (!more) {
    log_warning("Fatal error loading the DB, check server logs. Exiting. {}",
                more.error().message());
    exit_code = 1;
    loop.stop();
    return;
  }
  facts.loading_total_bytes = snapshots.loading_total_bytes();
  facts.loading_loaded_bytes = snapshots.loading_loaded_bytes();
  if (*more) return loop.post([this] { load_some(); });
  dispatcher.set_loading(false);
  serve();
}

void Node::Parts::start_cron() {
  config.hz = std::clamp<int64_t>(config.hz, 1, 500);  // As CONFIG GET then says, too.
  cron_timer = loop.every(Millis(1000 / config.hz), [this] {
    cron.tick();
    shutdown.tick();
  });
}

void Node::Parts::serve() {
  keyspace.set_now(redan::wall_now());
  const auto* member = cluster == nullptr ? nullptr : cluster->primary();
  replication.start(snapshots.loaded().origin, member == nullptr ? NodeId() : member->id);
  if (cluster != nullptr) cluster->start();
  log_notice("Ready to accept connections tcp");
  process.ready(replication.is_replica());
}

int Node::run() {
  Parts& p = *parts_;
  p.hook_options();
  if (Result<void> loaded = p.load_users(); !loaded) {
    log_warning("Aborting Redis startup because of ACL errors: {}", loaded.error().message());
    return 1;
  }
  p.configure_clients();
  if (Result<void> applied = p.process.apply(); !applied) {
    log_warning("{}", applied.error().message());
    return 1;
  }
  if (Result<void> opened = p.open_port(); !opened) {
    log_warning("Failed listening on port {}, aborting. {}", p.config.port,
                opened.error().message());
    return 1;
  }
  if (Result<void> opened = p.open_unix_socket(); !opened) {
    log_warning(
        "Failed opening Unix socket, aborting. {}; set 'unixsocket' to a path in a folder "
        "that exists and can be written",
        opened.error().message());
    return 1;
  }
  if (p.cluster != nullptr) {
    if (Result<void> opened = p.cluster->open(); !opened) {
      log_warning("{}", opened.error().message());
      return 1;
    }
    // It goes on as what it was.
    if (const auto* primary = p.cluster->primary()) {
      p.config.replicaof = {primary->address.ip, primary->address.port};
    }
  }
  log_notice("Server initialized");
  p.dispatcher.set_loading(true);
  const bool replica = !p.config.replicaof.host.empty();
  if (replica) set_log_role(LogRole::kReplica);
  if (Result<void> loading = p.snapshots.begin_loading(replica); !loading) {
    log_warning("Fatal error loading the DB, check server logs. Exiting. {}",
                loading.error().message());
    return 1;
  }
  p.facts.loading_started_unix_s = unix_ms(p.wall_now()) / 1000;
  p.loop.post([&p] { p.load_some(); });
  p.start_cron();
  p.loop.run();
  if (p.migration != nullptr) p.migration->stop();
  return p.exit_code;
}

// --- role and data ---

void Node::Parts::role_changed(std::string_view host, int port) {
  const bool replica = !host.empty();
  config.replicaof = {std::string(host), port};
  keyspace.set_replica(replica);
  set_log_role(replica ? LogRole::kReplica : LogRole::kPrimary);
  if (replica) dispatcher.abandon_waits();
  process.role_changed(replica);
}

void Node::Parts::install(std::unique_ptr<Keyspace> fresh) {
  snapshots.give_up_for_new_data();
  keyspace.swap_data(*fresh);
  if (migration != nullptr) {
    migration->data_replaced();
    // And once the link stands: only a step of the cluster's machine in which it does tells it that
    // this replica has data to stand for election with, and the primary may die before the next.
    loop.post([this] { migration->data_replaced(); });
  }
  lazy_free.destroy(std::move(fresh));
  process.synchronized();
}

// --- waits ---

void Node::Parts::waits_changed() {
  std::optional<Instant> next = waits.next_deadline();
  if (const auto of_blocked = blocked.next_deadline();
      of_blocked && (!next || *of_blocked < *next)) {
    next = of_blocked;
  }
  if (!next || (wait_timer_at && *wait_timer_at <= *next)) return;
  wait_timer_at = next;
  const int64_t ms = std::max<int64_t>(1, whole_ms(*next - monotonic_now()) + 1);
  wait_timer = loop.after(Millis(ms), [this] {
    loop.refresh_now();
    wait_timer_at.reset();
    dispatcher.check_waits(loop.now());
    waits_changed();
  });
}

// --- stop ---

Result<void> Node::Parts::shut_down(const ShutdownRequest& request) {
  return shutdown.request(request);
}

Result<void> Node::Parts::abort_shutdown() {
  return shutdown.abort();
}

Node::Node(Start start) : parts_(std::make_unique<Parts>(start)) {}
Node::~Node() = default;

}  // namespace redan
