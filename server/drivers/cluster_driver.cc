#include "server/drivers/cluster_driver.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/base/clock.h"
#include "common/base/rng.h"
#include "common/log/log.h"
#include "server/cluster/verb.h"
#include "server/keyspace/keyspace.h"
#include "server/session/pubsub.h"

namespace redan {

using namespace cluster;

namespace {

constexpr int kBusPortOffset = 10'000;
// A timeout beyond a year is none. Bounded, so that its multiples are times, too.
constexpr int64_t kLongestTimeoutMs = int64_t{365} * 24 * 3600 * 1000;
constexpr int64_t kMostTimeouts = 100 * kLongestTimeoutMs;
bool is_persist(const BusEffects::Effect& effect) {
  return std::holds_alternative<BusEffects::Persist>(effect);
}

// Changes nothing in this node but what it remembers and tells.
bool waits_for_the_batch(const BusEffects::Effect& effect) {
  const auto* event = std::get_if<BusEvent>(&effect);
  return event == nullptr || std::holds_alternative<Card>(*event) ||
         std::holds_alternative<Log>(*event) || std::holds_alternative<StateChanged>(*event);
}

constexpr Nanos kLongestSleep = Seconds(3600);

int bus_port(const ServerConfig& config) {
  const int64_t port = config.cluster_port;
  return static_cast<int>(port != 0 ? port : config.port + kBusPortOffset);
}

}  // namespace

ClusterDriver::ClusterDriver(Parts parts)
    : parts_(std::move(parts)),
      unix_ms_at_zero_(unix_ms(wall_now()) - whole_ms(monotonic_now().time_since_epoch())),
      dropper_({.loop = parts_.loop,
                .keyspace = parts_.keyspace,
                .feed_deletion = [this](std::string_view key) { parts_.feed_deletion(key); },
                .done = [this] { hold_slots(); }}) {}

ClusterDriver::~ClusterDriver() = default;

// --- configuration ---

ClusterOptions ClusterDriver::options() const {
  const ServerConfig& config = parts_.config;
  const auto announced = [](int64_t told, int64_t own) {
    return static_cast<uint16_t>(told != 0 ? told : own);
  };
  const int64_t timeout_ms = std::clamp<int64_t>(config.cluster_node_timeout, 1, kLongestTimeoutMs);
  return {.announce = {.ip = config.cluster_announce_ip,
                       .port = announced(config.cluster_announce_port, config.port),
                       .tls_port = announced(config.cluster_announce_tls_port, 0),
                       .bus_port = announced(config.cluster_announce_bus_port, bus_port_),
                       .hostname = config.cluster_announce_hostname,
                       .human_name = config.cluster_announce_human_nodename},
          .node_timeout = Millis(timeout_ms),
          .replica_validity_factor = static_cast<int>(
              std::min(config.cluster_replica_validity_factor, kMostTimeouts / timeout_ms)),
          .repl_ping_period = Seconds(config.repl_ping_replica_period),
          .migration_barrier = static_cast<int>(config.cluster_migration_barrier),
          .allow_replica_migration = config.cluster_allow_replica_migration,
          .require_full_coverage = config.cluster_require_full_coverage,
          .replica_no_failover = config.cluster_replica_no_failover,
          .unix_ms_at_zero = unix_ms_at_zero_};
}

ClusterBus::Options ClusterDriver::wire_options() const {
  const ServerConfig& config = parts_.config;
  ClusterBus::Options options{
      .bind = config.bind,
      .port = bus_port_,
      .protected_mode = config.protected_mode,
      .max_queued_bytes = static_cast<size_t>(config.cluster_link_sendbuf_limit),
      .cpus = config.bio_cpulist};
  for (const std::string& secret : {config.masterauth, config.requirepass}) {
    if (!secret.empty()) options.secrets.push_back(secret);
  }
  return options;
}

void ClusterDriver::config_changed() {
  config_is_newer_ = !started_;
  if (wire_ != nullptr) wire_->configure(wire_options());
  step([&](Instant now, BusEffects& out) { machine_->configure(now, options(), out); });
}

// --- start and stop ---

Result<void> ClusterDriver::open() {
  const ServerConfig& config = parts_.config;
  bus_port_ = bus_port(config);
  if (bus_port_ > 65535) {
    return Error(
        "Redis port number too high. Cluster communication port is 10,000 port numbers higher than "
        "your Redis port. Your Redis port number must be 55535 or less, or set 'cluster-port'.");
  }
  if (config.bind.empty()) {
    return Error("No bind address is configured, but it is required for the Cluster bus.");
  }
  Result<NodesConf> file = NodesConf::open(config.cluster_config_file);
  if (!file) return file.error();
  file_.emplace(file.take());

  Rng rng(parts_.seed);
  const bool known = file_->found().has_value();
  // (Two statements: the order of the two draws must not be the compiler's choice.)
  const NodeId id = rng.node_id(), shard = rng.node_id();
  const NodesFile stored = known ? *file_->found() : NodesFile::fresh(id, shard);
  log_notice("{}, I'm {}", known ? "Node configuration loaded" : "No cluster configuration found",
             stored.self.hex());
  machine_ = std::make_unique<ClusterMachine>(options(), stored, rng.next(), monotonic_now());
  // A new node keeps its name, even if it ends before it is ready.
  if (Result<void> saved = file_->save(machine_->config_text()); !saved) return saved;

  Result<std::unique_ptr<ClusterWire>> wire =
      parts_.open_wire(parts_.loop, wire_options(), wire_events());
  if (!wire) {
    return Error("Failed listening on port " + std::to_string(bus_port_) +
                 " (cluster), aborting. " + wire.error().message());
  }
  wire_ = wire.take();
  return kOk;
}

const ClusterNode* ClusterDriver::primary() const {
  const ClusterNode& me = view().myself();
  const ClusterNode* primary = me.is_primary ? nullptr : view().find(me.primary);
  return primary == nullptr || primary->address.ip.empty() ? nullptr : primary;
}

void ClusterDriver::start() {
  started_ = true;
  step([&](Instant now, BusEffects& out) { machine_->start(now, out); });
  if (config_is_newer_) config_changed();
  const SlotSet with_keys = slots_with_keys();
  step([&](Instant now, BusEffects& out) { machine_->adopt_loaded_slots(now, with_keys, out); });
}

SlotSet ClusterDriver::slots_with_keys() const {
  SlotSet with_keys;
  SlotSet::all().for_each([&](Slot slot) {
    if (parts_.keyspace.slot_size(slot) > 0) with_keys.add(slot);
  });
  return with_keys;
}

void ClusterDriver::stop() {
  timer_.reset();
  wire_.reset();
  started_ = false;
  pending_.clear();
  if (Result<void> saved = file_->save(machine_->config_text()); !saved) {
    log_warning("{}", saved.error().message());
  }
}

// --- inputs ---

ClusterBus::Events ClusterDriver::wire_events() {
  ClusterBus::Events events;
  events.message = [this](const BusSender& from, const BusMessage& message) {
    step([&](Instant now, BusEffects& out) { machine_->receive(now, from, message, out); });
  };
  events.link_up = [this](NodeId link) {
    step([&](Instant now, BusEffects& out) { machine_->link_up(now, link, out); });
  };
  events.link_down = [this](NodeId link) {
    step([&](Instant now, BusEffects& out) { machine_->link_down(now, link, out); });
  };
  events.answered = [this](uint64_t pongs) {
    machine_->counters().count_received(BusCount::kPing, pongs);
    machine_->counters().count_sent(BusCount::kPong, pongs);
  };
  events.buffer_limit_exceeded = [this] { ++machine_->counters().buffer_limit_exceeded; };
  return events;
}

Result<void> ClusterDriver::perform(const std::function<Result<void>(ClusterVerb&)>& verb) {
  if (!started_) return Error("LOADING", "Redis is loading the dataset in memory");
  Result<void> result = kOk;
  tell_machine([&](Instant now, BusEffects& out) {
    ClusterVerb call{.machine = *machine_, .now = now, .effects = out};
    result = verb(call);
  });
  if (!std::all_of(pending_.begin(), pending_.end(), waits_for_the_batch)) perform_pending();
  // A slot that was just opened may get keys before the batch ends.
  if (!dropper_.pending().empty()) hold_slots();
  arm();
  return result;
}

void ClusterDriver::batch_done() {
  if (!pending_.empty()) perform_pending();
}

void ClusterDriver::publish(bool sharded, std::string_view channel, std::string_view message) {
  step([&](Instant now, BusEffects& out) {
    machine_->publish(
        now, {.sharded = sharded, .channel = std::string(channel), .message = std::string(message)},
        out);
  });
}

std::vector<ClusterLinkFacts> ClusterDriver::links() const {
  return wire_ == nullptr ? std::vector<ClusterLinkFacts>() : wire_->links();
}

void ClusterDriver::tell_machine(const Input& input) {
  BusEffects out;
  machine_->set_replication(parts_.replication());
  input(monotonic_now(), out);
  for (BusEffects::Effect& effect : out.take()) pending_.push_back(std::move(effect));
}

void ClusterDriver::step(const Input& input) {
  if (!started_) return;
  tell_machine(input);
  perform_pending();
}

void ClusterDriver::perform_pending() {
  // Performing an effect may be an input itself (a link that cannot be opened): what follows from
  // it waits its turn.
  if (std::exchange(busy_, true)) return;
  while (!pending_.empty()) {
    BusEffects::Effect effect = std::move(pending_.front());
    pending_.pop_front();
    if (is_persist(effect)) {
      // To remember more than was promised so far does no harm: the last text serves for all.
      for (BusEffects::Effect& later : pending_) {
        if (is_persist(later)) effect = std::move(later);
      }
      std::erase_if(pending_, is_persist);
    }
    std::visit([&](const auto& e) { on(e); }, effect);
  }
  busy_ = false;
  hold_slots();
  leave_slots();
  arm();
}

void ClusterDriver::arm() {
  const Instant now = monotonic_now();
  Instant when = std::min(machine_->next_deadline(), now + kLongestSleep);
  if (!pending_.empty()) when = now;                   // Should no batch end before.
  if (timer_ != nullptr && timer_at_ <= when) return;  // It will look again.
  timer_at_ = when;
  const Nanos left = std::max<Nanos>(when - now, Nanos(0));
  timer_ = parts_.loop.after(std::chrono::ceil<Millis>(left), [this] {
    timer_.reset();
    if (!pending_.empty()) return perform_pending();
    if (monotonic_now() < machine_->next_deadline()) return arm();
    step([&](Instant at, BusEffects& out) { machine_->tick(at, out); });
  });
}

// --- effects ---

void ClusterDriver::on(const BusEffects::Send& send) {
  wire_->send(send.to, send.message);
}

void ClusterDriver::on(const BusEffects::Persist& persist) {
  if (Result<void> saved = file_->save(persist.state); !saved) {
    log_warning("Fatal: can't update cluster config file. {}", saved.error().message());
    ::_exit(1);
  }
}

void ClusterDriver::on(const BusEvent& event) {
  std::visit([&](const auto& e) { on(e); }, event);
}

void ClusterDriver::on(const Card& card) {
  wire_->set_card(card);
}

void ClusterDriver::on(const BecomePrimary&) {
  parts_.follow("", 0, {});
  const SlotSet with_keys = slots_with_keys() - dropper_.pending();
  step([&](Instant now, BusEffects& out) { machine_->look_for_leftovers(now, with_keys, out); });
}

void ClusterDriver::on(const Follow& follow) {
  if (follow.address.ip.empty() || follow.address.port == 0) {
    log_warning("The address of my primary {} is not known yet", follow.primary.hex());
    return;
  }
  dropper_.forget();
  parts_.follow(follow.address.ip, follow.address.port, follow.primary);
}

void ClusterDriver::on(const EmptyDatabase&) {
  parts_.keyspace.flush(-1, Keyspace::Free::kLazily);
  parts_.emptied();
}

void ClusterDriver::on(const DropSlots& drop) {
  dropper_.add(drop.slots);
}

void ClusterDriver::tell_of_move(const BusEvent& event) {
  if (on_move_) on_move_(event);
}

// Keys that lie here and are not ours: on their way in, or not gone yet. What comes (back) to us
// must not meet the old keys, also where it comes key by key.
void ClusterDriver::hold_slots() {
  const SlotSet incoming = view().incoming_slots(), &leftovers = machine_->leftovers();
  if (!dropper_.pending().empty()) {
    SlotSet wanted = view().myself().slots | incoming;
    for (const auto& [slot, from] : view().importing()) wanted.add(slot);
    dropper_.finish(wanted);
  }
  if (incoming.empty() && dropper_.pending().empty() && leftovers.empty() && held_.empty()) return;
  const SlotSet now = incoming | dropper_.pending() | leftovers;
  if (now == held_) return;
  held_ = now;
  parts_.keyspace.hold_slots(held_);
}

void ClusterDriver::on(const PauseWrites& pause) {
  tell_of_move(pause);
  parts_.hold_writes(monotonic_now() + pause.span);
}

void ClusterDriver::on(const ResumeWrites&) {
  parts_.hold_writes(std::nullopt);
}

// Clients ask the view each time, and the machine logs it: nobody waits to hear of it.
void ClusterDriver::on(const StateChanged&) {}

void ClusterDriver::on(const Deliver& deliver) {
  const Publish& publish = deliver.publish;
  publish.sharded ? parts_.pubsub.spublish(publish.channel, publish.message)
                  : parts_.pubsub.publish(publish.channel, publish.message);
}

void ClusterDriver::on(const CloseLink& link) {
  wire_->close(link.link);
}

void ClusterDriver::on(const Log& line) {
  switch (line.level) {
    case cluster::LogLevel::kVerbose:
      return log_verbose("{}", line.text);
    case cluster::LogLevel::kNotice:
      return log_notice("{}", line.text);
    case cluster::LogLevel::kWarning:
      return log_warning("{}", line.text);
  }
}

// Sharded channels live where their slot does: with its primary, and with that one's replicas.
void ClusterDriver::leave_slots() {
  if (served_of_ == view().version()) return;
  served_of_ = view().version();
  const ClusterNode* primary = view().primary_of(view().myself());
  const SlotSet now = primary == nullptr ? SlotSet() : primary->slots;
  const SlotSet left = std::exchange(served_, now) - now;
  if (!left.empty()) parts_.pubsub.unsubscribe_slots(left);
}

}  // namespace redan
