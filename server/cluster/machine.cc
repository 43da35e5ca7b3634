// The doors of the machine, what is sent and when, and the order in which effects leave.
#include <type_traits>
#include <utility>

#include "common/base/check.h"
#include "server/cluster/bus_machine.h"
#include "server/cluster/digest.h"
#include "server/cluster/text.h"

namespace redan {

using namespace cluster;

namespace {

constexpr Nanos kPushGap = Millis(100);
constexpr Nanos kMovesSavedWithin = Millis(100);
// After a restart a primary first hears what became of its slots, as Redis does.
constexpr Nanos kWritableDelay = Seconds(2);
// Nobody gets there by counting; a larger one would leave none to go on with.
constexpr Epoch kLargestEpoch(uint64_t{1} << 62);

BusCount count_of(const BusMessage& message) {
  return std::visit(
      [](const auto& m) {
        using M = std::decay_t<decltype(m)>;
        if constexpr (std::is_same_v<M, Heartbeat>) {
          return m.ping ? BusCount::kPing : BusCount::kPong;
        } else if constexpr (std::is_same_v<M, Meet>) {
          return BusCount::kMeet;
        } else if constexpr (std::is_same_v<M, Fail>) {
          return BusCount::kFail;
        } else if constexpr (std::is_same_v<M, Publish>) {
          return m.sharded ? BusCount::kPublishShard : BusCount::kPublish;
        } else if constexpr (std::is_same_v<M, VoteRequest>) {
          return BusCount::kAuthReq;
        } else if constexpr (std::is_same_v<M, Vote>) {
          return BusCount::kAuthAck;
        } else if constexpr (std::is_same_v<M, Update>) {
          return BusCount::kUpdate;
        } else if constexpr (std::is_same_v<M, FailoverStart>) {
          return BusCount::kMfStart;
        } else {
          return BusCount::kState;
        }
      },
      message);
}

bool is_sane(const BusMessage& message) {
  return std::visit(
      [](const auto& m) {
        bool sane = true;
        if constexpr (requires { m.current_epoch; }) sane &= m.current_epoch <= kLargestEpoch;
        if constexpr (requires { m.config_epoch; }) sane &= m.config_epoch <= kLargestEpoch;
        if constexpr (requires { m.epoch; }) sane &= m.epoch <= kLargestEpoch;
        if constexpr (requires { m.state; }) {
          sane &= m.state.current_epoch <= kLargestEpoch && m.state.config_epoch <= kLargestEpoch;
        }
        return sane;
      },
      message);
}

}  // namespace

uint64_t NodeState::digest() const {
  Digest digest;
  digest.add(shard_id).add(address.port).add(address.tls_port).add(address.bus_port);
  digest.add(address.hostname).add(address.human_name);
  digest.add(is_primary).add(primary).add(nofailover).add(config_epoch.value);
  for (const SlotRange& range : slots.ranges()) {
    digest.add(range.first.value).add(range.last.value);
  }
  for (const auto* moves : {&migrating, &importing}) {
    digest.add(moves->size());
    for (const auto& [slot, node] : *moves) digest.add(slot.value).add(node);
  }
  for (const Given& each : given) {
    digest.add(each.move).add(each.to).add(each.epoch.value).add(each.slots.size());
  }
  return digest.value();
}

ClusterMachine::ClusterMachine(ClusterOptions options, const NodesFile& stored, uint64_t seed,
                               Instant now)
    : options_(std::move(options)),
      view_(stored.self),
      rng_(seed),
      voter_(Ballot{.epoch = stored.last_vote_epoch, .choice = std::nullopt}),
      now_(now),
      next_deadline_(now),
      expected_(now),
      told_at_(now - kPushGap),
      asked_at_(now),
      manual_again_(now) {
  for (const ClusterNode& record : stored.nodes) {
    if (record.handshake) continue;
    ClusterNode& node = view_.add(record.id);
    node = record;
    node.slots.clear();
    node.ping_sent.reset();
    if (node.pong_received) node.pong_received = now;
    node.failed_at = now;
    if (node.suspicion == Suspicion::kPossible) node.suspicion = Suspicion::kNone;
    record.slots.for_each([&](Slot slot) { view_.assign(slot, node); });
  }
  for (const auto& [id, node] : view_.nodes()) {
    if (!node.is_primary && !node.primary.empty()) peer(node.primary).had_replicas = true;
  }
  for (const auto& [slot, to] : stored.migrating) view_.set_migrating(slot, to);
  for (const auto& [slot, from] : stored.importing) view_.set_importing(slot, from);
  for (const Given& given : stored.given) view_.given()[given.move] = given;
  for (const IncomingSlots& incoming : stored.incoming) view_.incoming()[incoming.move] = incoming;
  view_.set_epochs(stored.current_epoch, stored.last_vote_epoch);
  ClusterNode& me = self();
  const std::string known_ip = me.address.ip;
  me.address = options_.announce;
  if (me.address.ip.empty()) me.address.ip = known_ip;
  data_of_ = me.shard_id;
  me.suspicion = Suspicion::kNone;
  me.nofailover = options_.replica_no_failover;
  // One that knows nobody and owns nothing has nothing to wait for.
  if (view_.nodes().size() > 1 || me.has_slots()) wait_until_ = now + kWritableDelay;
}

void ClusterMachine::start(Instant now, BusEffects& out) {
  begin(now);
  replication_.contact = now;
  save();
  if (const ClusterNode* primary = my_primary()) {
    event(Follow{.primary = primary->id, .address = primary->address});
  }
  walk();
  settle(out);
}

void ClusterMachine::begin(Instant now) {
  now_ = now;
  notice_stall();
}

void ClusterMachine::receive(Instant now, const BusSender& sender, const BusMessage& message,
                             BusEffects& out) {
  begin(now);
  view_.count_received(count_of(message));
  ClusterNode* node = view_.find(sender.id);
  if (!is_sane(message) || sender.id == self().id) {
    log(LogLevel::kWarning, "Nonsense from " + sender.id.hex() + " is ignored");
  } else if (const auto* meet = std::get_if<Meet>(&message)) {
    on_meet(sender, *meet);
  } else if (const auto* met = std::get_if<Met>(&message)) {
    on_met(sender, *met);
  } else if (std::holds_alternative<NotMe>(message)) {
    on_not_me(sender);
  } else if (node != nullptr && !node->handshake) {
    node->heard = now;
    const From from{*node, peer(sender.id), sender};
    std::visit([&](const auto& m) { on(from, m); }, message);
  }
  settle(out);
}

void ClusterMachine::link_up(Instant now, NodeId link, BusEffects& out) {
  begin(now);
  if (ClusterNode* node = view_.find(link)) {
    const bool was_up = std::exchange(node->link_up, true);
    // It may have missed what we told, and cannot ask where it does not know our address.
    if (!was_up && !node->handshake) send(*node, own_state());
  }
  settle(out);
}

void ClusterMachine::link_down(Instant now, NodeId link, BusEffects& out) {
  begin(now);
  ClusterNode* node = view_.find(link);
  if (node != nullptr) {
    node->link_up = false;
    // Nothing that is under way will be answered: its silence begins here.
    if (!node->handshake && !node->ping_sent) node->ping_sent = now;
    soon();
  }
  settle(out);
}

void ClusterMachine::tick(Instant now, BusEffects& out) {
  begin(now);
  walk();
  settle(out);
}

void ClusterMachine::configure(Instant now, ClusterOptions options, BusEffects& out) {
  begin(now);
  const std::string known_ip = self().address.ip;
  options_ = std::move(options);
  self().address = options_.announce;
  if (self().address.ip.empty()) self().address.ip = known_ip;
  self().nofailover = options_.replica_no_failover;
  change();
  settle(out);
}

void ClusterMachine::walk() {
  next_deadline_ = Instant::max();
  std::erase_if(forgotten_, [&](const auto& entry) { return entry.second <= now_; });
  for (auto next = view_.nodes().begin(); next != view_.nodes().end();) {
    ClusterNode& node = next++->second;  // A handshake that ends is removed.
    if (&node == &self()) continue;
    if (node.handshake) {
      keep_handshake(node);
    } else {
      keep_contact(node);
      check_silence(node);
    }
  }
  // No chains: whoever follows a replica follows its primary instead.
  if (const ClusterNode* primary = my_primary(); primary != nullptr && !primary->is_primary) {
    ClusterNode* top = view_.find(primary->primary);
    if (top != nullptr && top != &self() && top->is_primary) follow(*top);
  }
  walk_handovers();
  walk_leftovers();
  step_manual_failover();
  stand_for_election();
  consider_migration();
  update_state();
  push_state();
  if (alarm_ && counts(self())) {
    for (auto& [id, node] : view_.nodes()) {
      if (&node != &self() && counts(node) && !node.suspected()) send(node, heartbeat(false));
    }
  }
  alarm_ = false;
}

void ClusterMachine::settle(BusEffects& out) {
  const bool news = own_digest_of_ != slots_version_;
  if (news) {
    own_digest_ = own_state().digest();
    own_digest_of_ = slots_version_;
    if (own_digest_ != told_digest_) soon();
  }
  settle_leftovers();
  if (dirty_by_ && now_ >= *dirty_by_) save();
  // What an earlier effect promised must be on disk before anything of it is told.
  if (std::exchange(dirty_, false)) {
    out.persist(config_text());
    dirty_by_.reset();
  }
  if (dirty_by_) at(*dirty_by_);
  for (BusEvent& each : std::exchange(events_, {})) out.announce(std::move(each));
  Card card{.self = self().id, .heartbeat = heartbeat(false)};
  if (card.self != card_.self || card.heartbeat != card_.heartbeat) {
    card_ = card;
    out.announce(std::move(card));
  }
  for (auto& [to, message] : std::exchange(sends_, {})) {
    out.send(std::move(to), std::move(message));
  }
  expected_ = std::max(next_deadline_, now_);
}

void ClusterMachine::change() {
  dirty_ = true;
  ++slots_version_;
  view_.touch();
  soon();
}

void ClusterMachine::change_of_moves() {
  const bool saved_soon = dirty_;
  change();
  dirty_ = saved_soon;
  if (!dirty_by_) dirty_by_ = now_ + kMovesSavedWithin;
}

void ClusterMachine::log(LogLevel level, std::string text) {
  event(Log{.level = level, .text = std::move(text)});
}

void ClusterMachine::send(const ClusterNode& to, BusMessage message) {
  if (to.address.ip.empty() || to.address.bus_port == 0) return;
  view_.count_sent(count_of(message));
  sends_.emplace_back(BusPeer{.link = to.id,
                              .to = to.handshake ? peer(to.id).expect : to.id,
                              .ip = to.address.ip,
                              .bus_port = to.address.bus_port},
                      std::move(message));
}

void ClusterMachine::broadcast(const BusMessage& message) {
  for (const auto& [id, node] : view_.nodes()) {
    if (&node != &self() && !node.handshake) send(node, message);
  }
}

// Twice in a node timeout, as in Redis; but one of two peers asks a little earlier, and the other
// rarely needs to ask at all: a question tells as much as its answer. Not in step with others, so
// that somebody will soon have asked a node that dies. Without an answer it is repeated sooner.
Nanos ClusterMachine::heartbeat_gap(const ClusterNode& to, const Peer& p) const {
  const Nanos gap = options_.node_timeout / 2;
  if (to.ping_sent) return gap / 4;
  return view_.myself().id < to.id ? gap - p.early : gap + gap / 8;
}

void ClusterMachine::keep_contact(ClusterNode& node) {
  if (node.noaddr) return;
  Peer& p = peer(node.id);
  std::optional<Instant> last = p.pinged;
  if (last && !node.ping_sent && node.heard) last = std::max(*last, *node.heard);
  // What is due soon is done now, so that hundreds of peers do not mean hundreds of walks.
  const Nanos slack = options_.node_timeout / 32;
  if (!last || now_ - *last >= heartbeat_gap(node, p) - slack) {
    p.pinged = last = now_;
    p.early = rng_.span(Nanos(0), options_.node_timeout / 8);
    if (!node.ping_sent) node.ping_sent = now_;
    send(node, heartbeat(true));
  }
  at(*last + heartbeat_gap(node, p));
  if (!node.ping_sent) return;
  // Half of the time to the verdict is gone: perhaps it is the stream that is dead.
  const Nanos half = options_.node_timeout / 2;
  const Instant silent_since = std::max(*node.ping_sent, node.heard.value_or(*node.ping_sent));
  if (p.reconnected) return;
  if (now_ - silent_since >= half) {
    p.reconnected = true;
    event(CloseLink{node.id});
  } else {
    at(silent_since + half);
  }
}

// What is new about ourselves is told at once, in one message if it comes in small pieces.
void ClusterMachine::push_state() {
  if (own_digest_of_ != slots_version_) {
    own_digest_ = own_state().digest();
    own_digest_of_ = slots_version_;
  }
  if (own_digest_ == told_digest_) return;
  if (now_ - told_at_ < kPushGap) return at(told_at_ + kPushGap);
  told_digest_ = own_digest_;
  told_at_ = now_;
  broadcast(own_state());
}

Heartbeat ClusterMachine::heartbeat(bool ping) const {
  const ClusterNode& me = view_.myself();
  Heartbeat heartbeat{.ping = ping,
                      .current_epoch = view_.current_epoch(),
                      .config_epoch = me.is_primary ? me.config_epoch : Epoch(0),
                      .replication_offset = has_data() ? replication_.offset : 0,
                      .state_digest = own_digest_,
                      .members_digest = members_digest(),
                      .suspects = suspects()};
  for (const auto& [id, until] : forgotten_) {
    // Whole seconds, so that the card does not change all the time.
    const auto left = std::chrono::duration_cast<Seconds>(until - now_);
    if (left > Seconds(0)) heartbeat.forgotten.push_back({.id = id, .left = left});
  }
  return heartbeat;
}

const std::vector<NodeId>& ClusterMachine::suspects() const {
  if (suspects_of_ != slots_version_) {
    suspects_of_ = slots_version_;
    suspects_.clear();
    for (const auto& [id, node] : view_.nodes()) {
      if (node.suspected()) suspects_.push_back(id);
    }
  }
  return suspects_;
}

NodeState ClusterMachine::own_state() const {
  const ClusterNode& me = view_.myself();
  NodeState state{.shard_id = me.shard_id,
                  .address = me.address,
                  .is_primary = me.is_primary,
                  .primary = me.primary,
                  .nofailover = me.nofailover,
                  .current_epoch = view_.current_epoch(),
                  .config_epoch = me.is_primary ? me.config_epoch : Epoch(0),
                  .slots = me.slots};
  for (const auto& [move, given] : view_.given()) state.given.push_back(given);
  state.address.ip = options_.announce.ip;
  if (me.is_primary) {
    state.migrating = view_.migrating();
    state.importing = view_.importing();
  }
  return state;
}

void ClusterMachine::set_epoch(Epoch current) {
  view_.set_epochs(current, voter_.ballot().epoch);
  save();
}

void ClusterMachine::see_epoch(Epoch epoch) {
  if (epoch > view_.current_epoch()) set_epoch(epoch);
}

void ClusterMachine::on(From from, const Heartbeat& heartbeat) {
  see_epoch(heartbeat.current_epoch);
  ClusterNode& node = from.node;
  // A replica that has its first data is listed from now on.
  if ((node.replication_offset == 0) != (heartbeat.replication_offset == 0)) view_.touch();
  node.replication_offset = heartbeat.replication_offset;
  node.pong_received = now_;
  if (!heartbeat.ping) {
    node.ping_sent.reset();
    from.peer.reconnected = false;
  }
  answered(node);
  if (!from.peer.announces_ip) learn_address(node, node.address, from.sender.observed_ip);
  take_forgotten(from, heartbeat.forgotten);
  take_reports(from, heartbeat.suspects);
  point_out(from, heartbeat.suspects);
  compare_members(from, heartbeat.members_digest);
  if (heartbeat.state_digest != from.peer.state_digest) {
    const Nanos patience = std::min<Nanos>(options_.node_timeout / 8, Millis(500));
    if (from.peer.state_asked && now_ - *from.peer.state_asked < patience) return;
    from.peer.state_asked = now_;
    send(node, StateRequest{});
    return;
  }
  note_word(from);
  if (!node.is_primary) return;
  look_at_claim(from);
  look_at_given(from);
  resolve_collision(node, heartbeat.config_epoch);
}

void ClusterMachine::on(From from, const NodeState& state) {
  take_state(from, state);
}

void ClusterMachine::on(From from, const StateRequest&) {
  send(from.node, own_state());
}

void ClusterMachine::on(From, const Publish& publish) {
  event(Deliver{publish});
}

std::string ClusterMachine::config_text() const {
  return nodes_conf(view_, {.unix_ms_at_zero = options_.unix_ms_at_zero});
}

std::string ClusterMachine::dump(Instant now) const {
  std::string text = "node " + view_.myself().id.hex() + (view_.ok() ? " ok" : " fail: ");
  if (!view_.ok()) text += view_.down_reason();
  text += " at " + std::to_string(whole_ms(now.time_since_epoch())) + "\n" + config_text();
  return text;
}

}  // namespace redan
