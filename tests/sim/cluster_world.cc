#include "tests/sim/cluster_world.h"

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "tests/sim/cluster_process.h"

namespace redan::sim {
namespace {

using namespace cluster;

// What must hold at every step, whatever goes wrong.
class Promises : public ClusterWatch {
 public:
  Promises(World& world, ClusterOutcome& outcome) : world_(world), outcome_(outcome) {}

  void sends(ClusterProcess& node, const BusEffects::Send& sent) override {
    const NodeId me = node.view().myself().id;
    if (const auto* vote = std::get_if<Vote>(&sent.message)) {
      voted(me, sent.to.to, vote->epoch, node.disk());
    } else if (const auto* heartbeat = std::get_if<Heartbeat>(&sent.message)) {
      epoch(me, heartbeat->current_epoch);
    }
  }
  void happens(ClusterProcess& node, const BusEvent& event) override {
    const auto* log = std::get_if<Log>(&event);
    if (log == nullptr) return;
    world_.note(node.index(), log->text);
    const std::string won = "new master of epoch ";
    const size_t at = log->text.find(won);
    if (at == std::string::npos) return;
    const uint64_t number = std::strtoull(log->text.c_str() + at + won.size(), nullptr, 10);
    this->won(node.view().myself().id, Epoch(number));
  }

 private:
  void voted(NodeId voter, NodeId candidate, Epoch epoch, const std::string& disk) {
    const auto [it, is_new] = votes_.emplace(std::pair(epoch, voter), candidate);
    outcome_.votes += is_new;
    if (it->second != candidate) {
      world_.fail("two votes of one voter in epoch " + std::to_string(epoch.value));
    }
    const Result<NodesFile> stored = NodesFile::parse(disk);
    if (!stored || stored->last_vote_epoch < epoch) {
      world_.fail("a vote of epoch " + std::to_string(epoch.value) + " is not on disk");
    }
  }
  void won(NodeId node, Epoch epoch) {
    ++outcome_.elections;
    if (winners_.emplace(epoch, node).first->second != node) {
      world_.fail("two winners of epoch " + std::to_string(epoch.value));
    }
  }
  void epoch(NodeId node, Epoch current) {
    Epoch& last = told_[node];
    if (current < last) world_.fail("an epoch went back at " + node.hex());
    last = std::max(last, current);
  }

  World& world_;
  ClusterOutcome& outcome_;
  std::map<std::pair<Epoch, NodeId>, NodeId> votes_;
  std::map<Epoch, NodeId> winners_;
  std::map<NodeId, Epoch> told_;
};

Faults cluster_faults(Rng& rng, bool forget) {
  Faults faults = Faults::drawn_from(rng);
  faults.clogs = false;  // Delays of that length are drawn by pauses and cuts.
  if (forget) {
    faults.loss = faults.duplication = 0;
    faults.mean_delay = Micros(500);
  }
  return faults;
}

class Scene {
 public:
  Scene(uint64_t seed, bool tracing)
      : forget_(seed % 5 == 0),
        draw_(seed * 2 + 1),
        world_(seed, cluster_faults(draw_, forget_)),
        promises_(world_, outcome_),
        net_(world_, promises_) {
    world_.tracing = tracing;
    primaries_ = static_cast<int>(draw_.chance(0.8) ? draw_.between(3, 4) : draw_.between(5, 9));
    const int replicas = static_cast<int>(draw_.chance(0.7) ? 1 : draw_.below(3));
    const int total = primaries_ * (1 + replicas) + (forget_ && replicas == 0 ? 1 : 0);
    ClusterOptions options;
    options.node_timeout = Millis(draw_.between(1'000, 2'500));
    for (int i = 0; i < total; ++i) net_.add(options, made_cluster(total, primaries_, i));
  }

  ClusterOutcome run() {
    world_.run_until(Seconds(4));
    forget_ ? forget() : storm();
    calm();
    outcome_.ok = world_.failure.empty();
    outcome_.failure = world_.failure;
    outcome_.faults = world_.faults.text();
    outcome_.hash = world_.hash();
    outcome_.events = world_.events;
    if (world_.tracing) {
      outcome_.trace = world_.trace();
      for (const auto& node : net_.nodes) outcome_.trace += node->machine().dump(node->local());
    }
    return outcome_;
  }

 private:
  void storm() {
    const Nanos end = world_.now() + Millis(draw_.between(6'000, 15'000));
    while (world_.now() < end && world_.failure.empty()) {
      mishap();
      world_.run_until(world_.now() + Millis(draw_.between(200, 3'000)));
    }
  }

  void isolate(int node, bool is) {
    for (int other = 0; other < static_cast<int>(net_.size()); ++other) {
      if (other == node) continue;
      world_.cut(node, other, is);
      world_.cut(other, node, is);
    }
  }

  void mishap() {
    const Faults& f = world_.faults;
    const int total = static_cast<int>(net_.size());
    const int victim = static_cast<int>(draw_.below(draw_.chance(0.6) ? primaries_ : total));
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
        for (int a = 0; a < total; ++a) {
          for (int b = 0; b < total; ++b) {
            if (side[a] && !side[b]) world_.cut(a, b, true);
            if (!side[a] && side[b] && !one_way) world_.cut(a, b, true);
          }
        }
        return world_.after(span, [this] { world_.heal(); });
      }
      default: {  // An operator hands a shard to its replica.
        const bool force = draw_.chance(0.5);
        if (!node->alive() || world_.process(victim).paused) return;
        node->input([node, force](BusEffects& out) {
          const FailoverMode mode = force ? FailoverMode::kForce : FailoverMode::kGraceful;
          static_cast<void>(node->machine().failover(node->local(), mode, out).ok());
        });
      }
    }
  }

  // The last node is cut off, forgotten by one, and reachable again.
  void forget() {
    const int gone = static_cast<int>(net_.size()) - 1;
    const int by = static_cast<int>(draw_.below(primaries_));
    forgotten_ = made_id(gone);
    isolate(gone, true);
    ClusterProcess& operator_at = net_.node(by);
    operator_at.input([&](BusEffects& out) {
      const Result<void> done = operator_at.machine().forget(operator_at.local(), *forgotten_, out);
      if (!done) world_.fail("forget was refused: " + done.error().text());
    });
    ++outcome_.forgotten;
    // In half of the runs one other node was away and still knows it.
    const int away = draw_.chance(0.5) ? (by + 1) % primaries_ : -1;
    if (away >= 0) isolate(away, true);
    world_.run_until(world_.now() + Millis(draw_.between(300, 900)));
    world_.heal();
    const Nanos end = world_.now() + Seconds(15);
    world_.run_until(end, [&] {
      if (operator_at.view().find(*forgotten_) != nullptr) {
        world_.fail("a forgotten node came back");
      }
      return false;
    });
  }

  void calm() {
    if (!world_.failure.empty()) return;
    world_.note(-1, "calm");
    world_.heal();
    world_.faults.loss = world_.faults.duplication = 0;
    world_.faults.mean_delay = std::min<Nanos>(world_.faults.mean_delay, Millis(5));
    for (size_t i = 0; i < net_.size(); ++i) {
      world_.resume(static_cast<int>(i));
      net_.nodes[i]->restart();
    }
    if (!world_.run_until(world_.now() + Seconds(60), [this] { return agreed(); })) {
      world_.fail("no agreement within 60 s of calm");
    }
  }

  bool agreed() {
    const ClusterView* first = nullptr;
    std::set<Epoch> epochs;
    for (const auto& node : net_.nodes) {
      const ClusterView& view = node->view();
      const ClusterNode& me = view.myself();
      if (forgotten_ && me.id == *forgotten_) continue;
      if (!view.ok()) return false;
      if (me.is_primary && !epochs.insert(me.config_epoch).second) return false;
      if (first == nullptr) {
        first = &view;
        continue;
      }
      for (const auto& [each, record] : first->nodes()) {
        const ClusterNode* same = view.find(each);
        if (forgotten_ && each == *forgotten_) continue;
        if (same == nullptr || same->slots != record.slots) return false;
        if (same->is_primary != record.is_primary) return false;
      }
    }
    return first->assigned().size() == kSlotCount;
  }

  bool forget_;
  Rng draw_;
  World world_;
  ClusterOutcome outcome_;
  Promises promises_;
  ClusterNet net_;
  int primaries_ = 0;
  std::optional<NodeId> forgotten_;
};

}  // namespace

ClusterOutcome run_cluster_seed(uint64_t seed, bool tracing) {
  return Scene(seed, tracing).run();
}

}  // namespace redan::sim
