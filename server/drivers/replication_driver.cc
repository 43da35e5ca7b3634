#include "server/drivers/replication_driver.h"

#include <algorithm>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/rng.h"
#include "common/log/log.h"
#include "common/metrics/info_writer.h"
#include "common/resp/writer.h"
#include "server/drivers/replication_failover.h"
#include "server/drivers/replication_link.h"
#include "server/drivers/replication_sources.h"
#include "server/session/session.h"

namespace redan {

namespace {
constexpr Millis kTick = Millis(100);

int64_t whole_s(Nanos span) {
  return std::chrono::duration_cast<Seconds>(span).count();
}
}  // namespace

struct ReplicationDriver::State {
  explicit State(Parts p);

  Parts parts;
  Rng rng;
  Standing standing;
  ReplicationSources sources;
  ReplicationLink link;
  FailoverPlan failover;
  std::string primary_host;  // empty: we are a primary
  int primary_port = 0;
  NodeId member;  // In a cluster: who is followed.
  Instant last_ping{};
  bool still = false;        // See keep_still();
  bool acks_wanted = false;  // asked for meanwhile.
  DataLoop::Timer timer;

  bool is_replica() const { return !primary_host.empty(); }
  bool link_broken() const { return is_replica() && !link.online(); }
  void tick();
  void ping(Instant now);
  void expire_backlog(Instant now);
  void history_changed() { sources.drop_all("the replication history changed"); }
  void promote(std::string_view why);
  void follow(const std::string& host, int port, bool take_over);
  void failover_step(Instant now);
  void end_failover(const char* how);
  void ask_for_acks();
  int64_t ack_lag_limit() const;
};

ReplicationDriver::State::State(Parts p)
    : parts(std::move(p)),
      rng(parts.seed != 0 ? parts.seed : system_seed()),
      standing(rng.node_id().hex(), parts.config.repl_backlog_size),
      sources(parts, standing, rng,
              {.is_replica = [this] { return is_replica(); },
               .link_broken = [this] { return link_broken(); }}),
      link(parts, standing,
           {.history_changed = [this] { history_changed(); },
            .resumed =
                [this] {
                  if (failover.stage() == FailoverPlan::Stage::kHandingOver) {
                    end_failover("Failover completed: the replica took over");
                  }
                },
            .refused =
                [this](std::string_view why) {
                  log_warning("Failover target rejected psync request: {}", quote_word(why));
                  promote("failover aborted");
                  end_failover("Failover aborted: the target refused to take over");
                }}) {}

ReplicationDriver::ReplicationDriver(Parts parts)
    : state_(std::make_unique<State>(std::move(parts))) {}
ReplicationDriver::~ReplicationDriver() = default;

void ReplicationDriver::start(const SnapshotOrigin& loaded, NodeId member) {
  State& s = *state_;
  s.member = member;
  const PrimaryAddress& primary = s.parts.config.replicaof;
  const bool known = History::well_formed(loaded.replication_id) && loaded.offset >= 0;
  if (known && primary.host.empty()) {
    s.standing.restored_as_primary(loaded.replication_id, loaded.offset);
  } else if (known) {
    s.standing.restored_as_replica(loaded.replication_id, loaded.offset);
  }
  s.timer = s.parts.loop.every(kTick, [&s] { s.tick(); });
  if (primary.host.empty()) return;
  // Copied: role_changed may write the very field.
  s.follow(std::string(primary.host), static_cast<int>(primary.port), false);
  if (known) s.link.set_stream_db(std::max(0, loaded.stream_db));
}

void ReplicationDriver::stop() {
  State& s = *state_;
  s.timer.reset();
  s.link.stop();
}

void ReplicationDriver::reset_stats() {
  state_->sources.reset_counters();
  state_->link.reset_counters();
}

void ReplicationDriver::change_id() {
  state_->standing.rename(state_->rng.node_id().hex());
  state_->history_changed();
}

std::optional<Instant> ReplicationDriver::contact() const {
  return state_->link.contact();
}

bool ReplicationDriver::refuses_primary() const {
  return state_->link.machine().refuses();
}

void ReplicationDriver::keep_still(bool still) {
  state_->still = still;
  if (!still && std::exchange(state_->acks_wanted, false)) state_->ask_for_acks();
}

SnapshotOrigin ReplicationDriver::origin() const {
  const State& s = *state_;
  const Backlog& backlog = s.standing.backlog();
  if (!backlog.active()) return {};  // Writes were not counted: nothing to go on from.
  const int db = s.is_replica() ? s.link.stream_db() : backlog.stream_db();
  return {s.standing.history().id(), backlog.offset(), std::max(0, db)};
}

int ReplicationDriver::replica_count() const {
  return static_cast<int>(state_->sources.count());
}

int ReplicationDriver::replicas_behind() const {
  return replica_count() - state_->sources.acknowledged(offset());
}

void ReplicationDriver::config_changed() {
  State& s = *state_;
  s.standing.stream().resize(s.parts.config.repl_backlog_size);
  if (s.is_replica()) s.link.configure();
}

// --- time ---

void ReplicationDriver::State::tick() {
  const Instant now = monotonic_now();
  if (is_replica()) link.tick(now);
  ping(now);
  sources.tick(now);
  failover_step(now);
  expire_backlog(now);
  sources.flush();
}

// Only the top of a chain speaks: below it the stream is passed on as it is.
void ReplicationDriver::State::ping(Instant now) {
  if (is_replica() || sources.count() == 0) return;
  if (still || failover.stage() != FailoverPlan::Stage::kNone) return;
  if (now - last_ping < Seconds(parts.config.repl_ping_replica_period)) return;
  last_ping = now;
  const std::string_view ping[] = {"PING"};
  standing.stream().feed_anywhere(ping);
}

void ReplicationDriver::State::expire_backlog(Instant now) {
  const int64_t ttl = parts.config.repl_backlog_ttl;
  if (is_replica() || ttl == 0 || !standing.backlog().active()) return;
  if (sources.count() > 0) return;
  if (now - sources.last_left() <= Seconds(ttl)) return;
  standing.end_backlog(rng.node_id().hex());
  log_notice("Replication backlog freed after {} seconds without connected replicas.", ttl);
}

// --- the write path ---

int64_t ReplicationDriver::feed(int db, std::span<const std::string_view> args) {
  State& s = *state_;
  // Local writes of a writable replica stay local.
  if (!s.is_replica()) s.standing.stream().feed(db, args);
  return s.standing.backlog().offset();
}

bool ReplicationDriver::listened_to() const {
  return state_->is_replica() || state_->standing.backlog().active();
}

void ReplicationDriver::flush() {
  state_->sources.flush();
}

void ReplicationDriver::applied(Session& link, std::string_view raw) {
  state_->link.applied(link, raw);
}

// --- roles ---

bool ReplicationDriver::is_replica() const {
  return state_->is_replica();
}
bool ReplicationDriver::link_up() const {
  return state_->link.online();
}
bool ReplicationDriver::loading() const {
  return false;  // The old data is served until the new is complete.
}
std::string ReplicationDriver::primary_host() const {
  return state_->primary_host;
}
int ReplicationDriver::primary_port() const {
  return state_->primary_port;
}

void ReplicationDriver::State::promote(std::string_view why) {
  primary_host.clear();
  primary_port = 0;
  member = {};
  link.stop();
  const std::string before = standing.history().id();
  standing.promote(rng.node_id().hex());
  log_notice(
      "Setting secondary replication ID to {}, valid up to offset: {}. New replication ID is {}",
      before, standing.history().previous_until(), standing.history().id());
  // They learn the new name when they come back, and go on where they are.
  history_changed();
  sources.restart_idle_clock(monotonic_now());
  set_log_role(LogRole::kPrimary);
  log_notice("MASTER MODE enabled ({})", why);
  parts.role_changed("", 0);
}

void ReplicationDriver::State::follow(const std::string& host, int port, bool take_over) {
  if (!is_replica()) {
    standing.follow();
    // A promoted replica begins its stream with a SELECT.
    link.set_stream_db(0);
    set_log_role(LogRole::kReplica);
    log_notice(
        "Before turning into a replica, using my own master parameters to synthesize a cached "
        "master: I may be able to synchronize with the new master with just a partial transfer.");
  }
  primary_host = host;
  primary_port = port;
  log_notice("REPLICAOF {}:{} enabled", host, port);
  parts.role_changed(host, port);
  link.follow(host, port, member.empty() ? std::string() : member.hex(), take_over);
}

Result<void> ReplicationDriver::replicate_from(std::string_view host, int port) {
  return follow_member(host, port, {});
}

Result<void> ReplicationDriver::follow_member(std::string_view host, int port, NodeId member) {
  State& s = *state_;
  if (s.failover.stage() != FailoverPlan::Stage::kNone) {
    return Error("REPLICAOF not allowed while failing over.");
  }
  if (host.empty()) {
    if (s.is_replica()) s.promote("user request");
    return kOk;
  }
  if (host == s.primary_host && port == s.primary_port && member == s.member) {
    if (!member.empty()) return kOk;
    log_notice(
        "REPLICAOF would result into synchronization with the master we are already connected "
        "with. No operation performed.");
    return kOk;
  }
  s.member = member;
  s.follow(std::string(host), port, false);
  return kOk;
}

// --- replicas ---

void ReplicationDriver::psync(Session& session, std::span<const std::string_view> args,
                              ReplyWriter& reply) {
  State& s = *state_;
  if (args.size() >= 4 && iequals(args[3], "failover")) {
    log_warning("Failover request received for replid {}.", quote_word(args[1].substr(0, 64)));
    if (!s.is_replica()) {
      return reply.error_text("ERR", "PSYNC FAILOVER can't be sent to a master.");
    }
    if (!iequals(args[1], s.standing.history().id())) {
      return reply.error_text("ERR", "PSYNC FAILOVER replid must match my replid.");
    }
    s.promote("failover request from the primary");
  }
  s.sources.psync(session, args, reply);
}

void ReplicationDriver::replconf(Session& session, std::span<const std::string_view> args,
                                 ReplyWriter& reply) {
  State& s = *state_;
  if (args.size() >= 2 && iequals(args[1], "getack")) {
    if (&session == s.link.session()) s.link.acknowledge();
    return;
  }
  s.sources.replconf(session, args, reply);
  if (s.failover.stage() == FailoverPlan::Stage::kCatchingUp) s.failover_step(monotonic_now());
}

void ReplicationDriver::session_closed(Session& session) {
  State& s = *state_;
  if (&session == s.link.session()) return s.link.closed(session);
  s.sources.closed(session);
}

int64_t ReplicationDriver::State::ack_lag_limit() const {
  return parts.config.min_replicas_max_lag;
}

int ReplicationDriver::good_replicas() const {
  const State& s = *state_;
  return s.sources.good(monotonic_now(), s.ack_lag_limit());
}

int64_t ReplicationDriver::offset() const {
  return state_->standing.backlog().offset();
}

int ReplicationDriver::replicas_at(int64_t offset) const {
  return state_->sources.acknowledged(offset);
}

void ReplicationDriver::State::ask_for_acks() {
  if (is_replica() || sources.count() == 0) return;
  if (still) return void(acks_wanted = true);
  const std::string_view getack[] = {"REPLCONF", "GETACK", "*"};
  standing.stream().feed_anywhere(getack);
}

void ReplicationDriver::request_acks() {
  state_->ask_for_acks();
}

// --- FAILOVER ---

Result<void> ReplicationDriver::failover(std::span<const std::string_view> args) {
  State& s = *state_;
  const Result<FailoverRequest> request = FailoverRequest::parse(args);
  if (!request) return request.error();
  if (request->abort) {
    if (s.failover.stage() == FailoverPlan::Stage::kNone) return Error("No failover in progress.");
    if (s.failover.stage() == FailoverPlan::Stage::kHandingOver) s.promote("failover aborted");
    s.end_failover("Failover manually aborted");
    return kOk;
  }
  if (s.failover.stage() != FailoverPlan::Stage::kNone) {
    return Error("FAILOVER already in progress.");
  }
  if (s.is_replica()) return Error("FAILOVER is not valid when server is a replica.");
  if (s.sources.count() == 0) return Error("FAILOVER requires connected replicas.");
  if (request->force && (request->timeout_ms == 0 || request->host.empty())) {
    return Error("FAILOVER with force option requires both a timeout and target HOST and IP.");
  }
  const Instant now = monotonic_now();
  if (Result<void> begun = s.failover.begin(now, *request, s.sources.seen(now)); !begun) {
    return begun;
  }
  log_notice("FAILOVER requested{}.",
             request->host.empty() ? std::string()
                                   : " to " + request->host + ":" + std::to_string(request->port));
  s.parts.pause_writes(true);
  s.ask_for_acks();
  s.failover_step(now);
  return kOk;
}

void ReplicationDriver::State::failover_step(Instant now) {
  if (failover.stage() == FailoverPlan::Stage::kNone) return;
  const FailoverPlan::Step step =
      failover.next(now, standing.backlog().offset(), sources.seen(now));
  switch (step.kind) {
    case FailoverPlan::Step::kWait:
      return;
    case FailoverPlan::Step::kHandOver:
      log_notice("Failover target {}:{} {}, failing over.", step.host, step.port,
                 step.forced ? "time out exceeded" : "is synced");
      // Posted: we may be inside the replica's own ACK.
      return parts.loop.post([this, step] {
        if (failover.stage() == FailoverPlan::Stage::kHandingOver && !is_replica()) {
          follow(step.host, step.port, true);
        }
      });
    case FailoverPlan::Step::kGiveUp:
      if (is_replica()) promote("failover aborted");
      return end_failover("Failover aborted: the replica never caught up before timeout");
  }
}

void ReplicationDriver::State::end_failover(const char* how) {
  log_notice("{}", how);
  failover.end();
  parts.pause_writes(false);
}

// --- what is shown ---

void ReplicationDriver::write_role(ReplyWriter& reply) const {
  const State& s = *state_;
  if (!s.is_replica()) {
    const auto replicas = s.sources.seen(monotonic_now());
    reply.array(3);
    reply.bulk("master");
    reply.integer(offset());
    const auto online = std::count_if(replicas.begin(), replicas.end(),
                                      [](const auto& replica) { return replica.online; });
    reply.array(static_cast<size_t>(online));
    for (const auto& replica : replicas) {
      if (!replica.online) continue;
      reply.array(3);
      reply.bulk(replica.ip);
      reply.bulk(std::to_string(replica.port));
      reply.bulk(std::to_string(replica.acked));
    }
    return;
  }
  const char* state = "handshake";
  switch (s.link.machine().state()) {
    case LinkMachine::State::kOff:
    case LinkMachine::State::kIdle:
      state = "connect";
      break;
    case LinkMachine::State::kDialling:
      state = "connecting";
      break;
    case LinkMachine::State::kOnline:
      state = "connected";
      break;
    default:
      if (s.link.machine().in_transfer()) state = "sync";
  }
  reply.array(5);
  reply.bulk("slave");
  reply.bulk(s.primary_host);
  reply.integer(s.primary_port);
  reply.bulk(state);
  reply.integer(s.link.online() ? offset() : -1);
}

void ReplicationDriver::write_info(InfoWriter& info) const {
  const State& s = *state_;
  const Instant now = monotonic_now();
  const LinkMachine& machine = s.link.machine();
  info.field("role", s.is_replica() ? "slave" : "master");
  if (s.is_replica()) {
    const bool up = s.link.online();
    info.field("master_host", s.primary_host);
    info.field("master_port", s.primary_port);
    info.field("master_link_status", up ? "up" : "down");
    info.field("master_last_io_seconds_ago", up ? whole_s(now - s.link.heard_at()) : int64_t{-1});
    info.field("master_sync_in_progress", machine.in_transfer());
    info.field("slave_read_repl_offset", s.link.read_offset());
    info.field("slave_repl_offset", offset());
    if (machine.in_transfer()) {
      const int64_t total = std::max<int64_t>(0, machine.transfer_total());
      const int64_t read = machine.transfer_read();
      info.field("master_sync_total_bytes", total);
      info.field("master_sync_read_bytes", read);
      info.field("master_sync_left_bytes", total > 0 ? total - read : int64_t{-1});
      info.field("master_sync_perc",
                 total > 0 ? 100.0 * static_cast<double>(read) / static_cast<double>(total) : 0.0,
                 2);
      info.field("master_sync_last_io_seconds_ago", whole_s(now - machine.heard_at()));
    }
    if (!up) {
      // Never connected: down since ever.
      info.field("master_link_down_since_seconds",
                 s.link.ever_online() ? whole_s(now - machine.down_since()) : int64_t{-1});
    } else {
      info.field("master_link_up_since_seconds", whole_s(now - s.link.online_since()));
    }
    info.field("master_current_sync_attempts", s.link.attempts_since_online());
    info.field("master_total_sync_attempts", s.link.attempts());
    info.field("total_disconnect_time_sec", whole_s(s.link.time_down()));
    // Ours alone, and only while it says something.
    if (machine.refuses()) info.field("master_full_sync_refused", 1);
    info.field("slave_priority", s.parts.config.replica_priority);
    info.field("slave_read_only", s.parts.config.replica_read_only);
    info.field("replica_announced", s.parts.config.replica_announced);
  }
  const auto replicas = s.sources.seen(now);
  info.field("connected_slaves", replicas.size());
  if (s.parts.config.min_replicas_to_write > 0 && s.ack_lag_limit() > 0) {
    info.field("min_slaves_good_slaves", good_replicas());
  }
  for (size_t i = 0; i < replicas.size(); ++i) {
    const auto& replica = replicas[i];
    info.field("slave" + std::to_string(i),
               "ip=" + replica.ip + ",port=" + std::to_string(replica.port) +
                   ",state=" + replica.state + ",offset=" + std::to_string(replica.acked) +
                   ",lag=" + std::to_string(replica.lag_s) + ",type=replica");
  }
  info.field("replicas_waiting_psync", s.sources.waiting());
  const Backlog& backlog = s.standing.backlog();
  info.field("master_failover_state", s.failover.name());
  info.field("master_replid", s.standing.history().id());
  info.field("master_replid2", s.standing.history().previous_id());
  info.field("master_repl_offset", backlog.offset());
  info.field("second_repl_offset", s.standing.history().previous_until());
  info.field("repl_backlog_active", backlog.active());
  info.field("repl_backlog_size", backlog.size());
  info.field("repl_backlog_first_byte_offset",
             backlog.active() ? backlog.first_byte() : int64_t{0});
  info.field("repl_backlog_histlen", backlog.held_bytes());
}

ReplicationTraffic ReplicationDriver::traffic() const {
  const State& s = *state_;
  const Backlog& backlog = s.standing.backlog();
  const auto held = static_cast<int64_t>(backlog.memory_bytes());
  const int64_t beyond = std::max<int64_t>(0, backlog.held_bytes() - backlog.size());
  return {.input_bytes = s.link.own_socket_bytes() + s.link.stream_bytes(),
          .output_bytes = s.sources.counters().bytes_sent,
          .own_socket_bytes = s.link.own_socket_bytes(),
          .backlog_bytes = std::max<int64_t>(0, held - beyond),
          .buffer_bytes = held};
}

void ReplicationDriver::write_stats(InfoWriter& info) const {
  const ReplicationSources::Counters& counters = state_->sources.counters();
  info.field("sync_full", counters.full);
  info.field("sync_partial_ok", counters.partial_ok);
  info.field("sync_partial_err", counters.partial_refused);
}

}  // namespace redan
