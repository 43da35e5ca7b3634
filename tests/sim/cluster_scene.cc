#include "tests/sim/cluster_scene.h"

namespace redan::sim {

using namespace cluster;

namespace {

constexpr int kKeysOfASlot = 3;
constexpr Nanos kCalm = Seconds(60);

Faults cluster_faults(Rng& rng, bool quiet) {
  Faults faults = Faults::drawn_from(rng);
  faults.clogs = false;  // Delays of that length are drawn by pauses and cuts.
  if (quiet) {
    faults.loss = faults.duplication = 0;
    faults.mean_delay = Micros(500);
  }
  return faults;
}

}  // namespace

ClusterScene::ClusterScene(uint64_t seed, bool tracing, Stage stage)
    : draw_(seed * 2 + 1),
      world_(seed, cluster_faults(draw_, stage.quiet)),
      promises_(world_, outcome_),
      net_(world_, promises_),
      ledger_(net_) {
  promises_.keep_in(ledger_);
  world_.tracing = tracing;
  primaries_ = static_cast<int>(draw_.chance(0.8) ? draw_.between(3, 4) : draw_.between(5, 9));
  const int drawn = static_cast<int>(draw_.chance(0.7) ? 1 : draw_.below(3));
  const int count = primaries_ * (1 + std::max(stage.least_replicas, drawn));
  options_.node_timeout = Millis(draw_.between(1'000, 2'500));
  options_.repl_ping_period = Seconds(1);
  const Nanos copy_time = stage.quiet ? Millis(10) : Millis(draw_.between(1, 3'000));
  for (int i = 0; i < count; ++i) {
    ClusterOptions options = options_;
    if (stage.own_ips) options.announce.ip = ClusterNet::ip_of(i);
    net_.add(options, made_cluster(count, primaries_, i)).data().copy_time = copy_time;
  }
  for (int primary = 0; primary < primaries_; ++primary) {
    const Slot slot(static_cast<uint16_t>(kSlotCount * primary / primaries_ + 7));
    for (int i = 0; i < kKeysOfASlot; ++i) keys_.push_back({.slot = slot, .number = i});
  }
  clients_.emplace(net_, ledger_, stage.clients, keys_, seed * 3 + 7);
}

ClusterOutcome ClusterScene::run() {
  outcome_.faults = world_.faults.text();
  pass(Seconds(4));
  clients_->start();
  story();
  calm();
  outcome_.ok = world_.failure.empty();
  outcome_.failure = world_.failure;
  outcome_.hash = world_.hash();
  outcome_.events = world_.events;
  outcome_.acknowledged = ledger_.acknowledged();
  if (world_.tracing) {
    outcome_.trace = world_.trace();
    for (const auto& node : net_.nodes) outcome_.trace += node->machine().dump(node->local());
  }
  return outcome_;
}

ClusterProcess& ClusterScene::any_alive() {
  for (int i = 0; i < 100; ++i) {
    const int index = static_cast<int>(draw_.below(net_.size()));
    if (net_.node(index).alive() && !world_.process(index).paused) return net_.node(index);
  }
  return net_.node(0);
}

void ClusterScene::operate(ClusterProcess& node, const std::string& what, Verb verb) {
  if (!node.alive()) return;
  world_.note(node.index(), "operator: " + what);
  node.input([this, &node, what, verb = std::move(verb)](BusEffects& out) {
    const Result<void> done = verb(node.machine(), node.local(), out);
    if (!done) world_.note(node.index(), what + " is refused: " + done.error().text());
  });
}

void ClusterScene::isolate(int node, bool is) {
  for (int other = 0; other < total(); ++other) {
    if (other == node) continue;
    world_.cut(node, other, is);
    world_.cut(other, node, is);
  }
}

void ClusterScene::storm(Nanos span) {
  const Nanos end = world_.now() + span;
  while (world_.now() < end && world_.failure.empty()) {
    mishap();
    pass(Millis(draw_.between(200, 3'000)));
  }
}

void ClusterScene::mishap() {
  const Faults& f = world_.faults;
  const int count = total();
  const int victim = static_cast<int>(draw_.below(draw_.chance(0.6) ? primaries_ : count));
  const Nanos span = Millis(draw_.between(100, 8'000));
  ClusterProcess* node = &net_.node(victim);
  switch (draw_.below(5)) {
    case 0:
    case 1:
      if (!f.crashes) return;
      node->crash(draw_.chance(0.4));
      return world_.after(draw_.chance(0.5) ? span : span / 20, [node] { node->restart(); });
    case 2:
      if (!f.pauses) return;
      world_.pause(victim);
      return world_.after(2 * span, [this, victim] { world_.resume(victim); });
    case 3: {
      if (!f.cuts) return;
      const bool one_way = draw_.chance(0.3);
      std::vector<char> side(net_.size());
      for (char& s : side) s = draw_.chance(0.5);
      for (int a = 0; a < count; ++a) {
        for (int b = 0; b < count; ++b) {
          if (side[a] && !side[b]) world_.cut(a, b, true);
          if (!side[a] && side[b] && !one_way) world_.cut(a, b, true);
        }
      }
      return world_.after(span, [this] { world_.heal(); });
    }
    default: {  // An operator hands a shard to its replica.
      FailoverMode mode = draw_.chance(0.5) ? FailoverMode::kForce : FailoverMode::kGraceful;
      if (takeovers_ && draw_.chance(0.4)) mode = FailoverMode::kTakeover;
      if (world_.process(victim).paused) return;
      operate(*node, "failover " + std::to_string(static_cast<int>(mode)),
              [mode](ClusterMachine& machine, Instant now, BusEffects& out) {
                // To take over without the data is to give up the shard's: nobody orders that here.
                const bool gives_up = mode == FailoverMode::kTakeover && !machine.has_data();
                return machine.failover(now, gives_up ? FailoverMode::kForce : mode, out);
              });
    }
  }
}

ClusterProcess* ClusterScene::primary_of_slot(Slot slot) {
  for (const auto& node : net_.nodes) {
    if (node->alive() && node->view().owner(slot) == &node->view().myself()) return node.get();
  }
  return nullptr;
}

void ClusterScene::calm() {
  if (!world_.failure.empty()) return;
  world_.note(-1, "calm");
  world_.heal();
  world_.faults.loss = world_.faults.duplication = 0;
  world_.faults.mean_delay = std::min<Nanos>(world_.faults.mean_delay, Millis(5));
  for (int i = 0; i < total(); ++i) {
    world_.resume(i);
    net_.node(i).restart();
  }
  const Nanos end = world_.now() + kCalm;
  while (world_.now() < end && world_.failure.empty()) {
    if (pass_until(Seconds(2), [this] { return agreed(); })) break;
    mend();
  }
  if (!world_.failure.empty()) return;
  if (!agreed()) return world_.fail("no agreement within 60 s of calm");
  clients_->stop();
  if (!pass_until(Seconds(20), [this] { return agreed() && ledger_.misplaced().empty(); })) {
    const std::string what = ledger_.misplaced();
    return world_.fail(what.empty() ? "the agreement did not last" : what + " in the calm");
  }
  // Where messages are lost a primary may be replaced that lives: that is no handover.
  outcome_.lost = ledger_.count_lost(loses_nothing_ && promises_.verdicts() == 0);
}

bool ClusterScene::agreed() {
  const ClusterView* first = nullptr;
  std::set<Epoch> epochs;
  std::set<NodeId> members;
  for (const auto& node : net_.nodes) {
    const NodeId id = node->view().myself().id;
    if (outsiders_.count(id) == 0) members.insert(id);
  }
  for (const auto& node : net_.nodes) {
    const ClusterView& view = node->view();
    const ClusterNode& me = view.myself();
    if (members.count(me.id) == 0) continue;
    if (!view.ok()) return false;
    if (me.is_primary && !epochs.insert(me.config_epoch).second) return false;
    for (const auto& [id, record] : view.nodes()) {
      if (!record.handshake && members.count(id) == 0 && outsiders_.count(id) == 0) return false;
    }
    if (first == nullptr) first = &view;
    for (const NodeId& id : members) {
      const ClusterNode* here = view.find(id);
      const ClusterNode* there = first->find(id);
      if (here == nullptr || there == nullptr || here->slots != there->slots) return false;
      if (here->is_primary != there->is_primary || here->primary != there->primary) return false;
    }
  }
  return first->assigned().size() == kSlotCount && as_wished();
}

}  // namespace redan::sim
