#include "tests/sim/cluster_world.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "common/base/check.h"
#include "server/cluster/bus_machine.h"
#include "server/cluster/liveness.h"
#include "tests/sim/world.h"

namespace redan::sim {
namespace {

using namespace cluster;

// What must hold at every step, whatever goes wrong.
struct Promises {
  World& world;
  ClusterOutcome& outcome;
  std::map<std::pair<Epoch, NodeId>, NodeId> votes;
  std::map<Epoch, NodeId> winners;
  std::map<NodeId, Epoch> told;

  void voted(NodeId voter, NodeId candidate, Epoch epoch, const std::string& disk) {
    const auto [it, is_new] = votes.emplace(std::pair(epoch, voter), candidate);
    outcome.votes += is_new;
    if (it->second != candidate) {
      world.fail("two votes of one voter in epoch " + std::to_string(epoch.value));
    }
    const Result<NodesFile> stored = NodesFile::parse(disk);
    if (!stored || stored->last_vote_epoch < epoch) {
      world.fail("a vote of epoch " + std::to_string(epoch.value) + " is not on disk");
    }
  }
  void won(NodeId node, Epoch epoch) {
    ++outcome.elections;
    if (winners.emplace(epoch, node).first->second != node) {
      world.fail("two winners of epoch " + std::to_string(epoch.value));
    }
  }
  void epoch(NodeId node, Epoch current) {
    Epoch& last = told[node];
    if (current < last) world.fail("an epoch went back at " + node.hex());
    last = std::max(last, current);
  }
};

class Node;
using Nodes = std::vector<std::unique_ptr<Node>>;

std::string ip_of(int index) {
  return "10.1.0." + std::to_string(index + 1);
}

class Node {
 public:
  Node(World& world, Promises& promises, Nodes& all, int index, ClusterOptions options,
       std::string disk)
      : world_(world),
        promises_(promises),
        all_(all),
        index_(index),
        options_(options),
        disk_(std::move(disk)) {
    world_.add_process();
    boot();
  }

  bool alive() const { return world_.process(index_).alive; }
  const ClusterView& view() const { return machine_->view(); }
  ClusterMachine& machine() { return *machine_; }
  Instant local() const { return world_.local(index_); }

  void crash(bool silent) {
    if (!alive()) return;
    world_.crash(index_, silent);
    inbox_.clear();
    effects_.clear();
    busy_ = false;
  }
  void restart() {
    if (alive()) return;
    world_.restart(index_);
    boot();
  }
  // Whatever reaches the data thread; one input's effects are done before the next begins.
  void input(std::function<void(BusEffects&)> what) {
    inbox_.push_back(std::move(what));
    take_next();
  }
  void arrive(const Envelope& envelope, int from) {
    const Liveness::Verdict verdict = liveness_.judge(envelope);
    if (verdict.answer) transmit(from, *verdict.answer);
    if (!verdict.for_us) return;
    input([this, envelope, from](BusEffects& out) {
      machine_->receive(
          local(), {.id = envelope.from, .observed_ip = ip_of(from), .local_ip = ip_of(index_)},
          envelope.message, out);
      // A stream that brings something is open.
      machine_->link_up(local(), envelope.from, out);
    });
  }

 private:
  void boot() {
    Result<NodesFile> stored = NodesFile::parse(disk_);
    REDAN_CHECK(stored.ok());
    liveness_ = {};
    machine_ = std::make_unique<ClusterMachine>(
        options_, *stored, static_cast<uint64_t>(index_) * 77 + world_.process(index_).incarnation,
        local());
    input([this](BusEffects& out) { machine_->start(local(), out); });
  }

  void take_next() {
    while (!busy_ && !inbox_.empty() && world_.failure.empty()) {
      const auto what = std::move(inbox_.front());
      inbox_.pop_front();
      // Every replica has all of its primary's stream: data is not what this world is about.
      machine_->set_replication({.offset = 1, .link_up = true, .contact = local()});
      BusEffects out;
      what(out);
      for (auto& effect : out.take()) effects_.push_back(std::move(effect));
      perform();
    }
    if (!busy_) set_timer();
  }

  void perform() {
    while (!busy_ && !effects_.empty()) {
      auto effect = std::move(effects_.front());
      effects_.pop_front();
      if (auto* persist = std::get_if<BusEffects::Persist>(&effect)) {
        busy_ = true;
        const Nanos took = world_.rng.span(Micros(100), 2 * world_.faults.mean_persist);
        world_.post(world_.now() + took, index_, [this, text = std::move(persist->state)] {
          disk_ = text;
          busy_ = false;
          perform();
          take_next();
        });
      } else if (auto* event = std::get_if<BusEvent>(&effect)) {
        on(*event);
      } else {
        auto& sent = std::get<BusEffects::Send>(effect);
        send(sent);
      }
    }
  }

  void on(const BusEvent& event) {
    if (const auto* card = std::get_if<Card>(&event)) {
      liveness_.set(card->self, card->heartbeat);
    } else if (const auto* log = std::get_if<Log>(&event)) {
      world_.note(index_, log->text);
      const std::string won = "new master of epoch ";
      const size_t at = log->text.find(won);
      if (at != std::string::npos) {
        promises_.won(view().myself().id,
                      Epoch(std::strtoull(log->text.c_str() + at + won.size(), nullptr, 10)));
      }
    }
  }

  void send(const BusEffects::Send& sent) {
    const NodeId me = view().myself().id;
    if (const auto* vote = std::get_if<Vote>(&sent.message)) {
      promises_.voted(me, sent.to.to, vote->epoch, disk_);
    } else if (const auto* heartbeat = std::get_if<Heartbeat>(&sent.message)) {
      promises_.epoch(me, heartbeat->current_epoch);
    }
    for (size_t i = 0; i < all_.size(); ++i) {
      if (ip_of(static_cast<int>(i)) != sent.to.ip) continue;
      transmit(static_cast<int>(i), {.from = me, .to = sent.to.to, .message = sent.message});
    }
  }

  void transmit(int to, Envelope envelope) {
    const int copies = world_.rng.chance(world_.faults.duplication) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      if (world_.is_cut(index_, to) || world_.rng.chance(world_.faults.loss)) continue;
      const Nanos delay = Micros(50) + world_.rng.span(Nanos(0), 2 * world_.faults.mean_delay);
      world_.post(world_.now() + delay, to, [this, to, envelope] {
        all_[static_cast<size_t>(to)]->arrive(envelope, index_);
      });
    }
  }

  void set_timer() {
    const uint64_t mine = ++timer_;
    const Instant when = machine_->next_deadline();
    if (when == Instant::max()) return;
    world_.post(std::max(world_.global(index_, when), world_.now() + Nanos(1)), index_,
                [this, mine] {
                  if (mine != timer_ || busy_) return;
                  input([this](BusEffects& out) { machine_->tick(local(), out); });
                });
  }

  World& world_;
  Promises& promises_;
  Nodes& all_;
  int index_;
  ClusterOptions options_;
  std::string disk_;
  std::unique_ptr<ClusterMachine> machine_;
  Liveness liveness_;
  std::deque<std::function<void(BusEffects&)>> inbox_;
  std::deque<BusEffects::Effect> effects_;
  bool busy_ = false;
  uint64_t timer_ = 0;
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
        promises_{world_, outcome_, {}, {}, {}} {
    world_.tracing = tracing;
    primaries_ = static_cast<int>(draw_.chance(0.8) ? draw_.between(3, 4) : draw_.between(5, 9));
    const int replicas = static_cast<int>(draw_.chance(0.7) ? 1 : draw_.below(3));
    const int total = primaries_ * (1 + replicas) + (forget_ && replicas == 0 ? 1 : 0);
    ClusterOptions options;
    options.node_timeout = Millis(draw_.between(1'000, 2'500));
    std::string members;
    for (int i = 0; i < total; ++i) members += line(i);
    for (int i = 0; i < total; ++i) {
      options.announce = {.ip = ip_of(i), .port = 6379, .bus_port = 16379};
      std::string disk = members + "vars currentEpoch 20 lastVoteEpoch 0\n";
      const std::string mine = id(i).hex();
      disk.insert(disk.find(" ", disk.find(mine + " 10.1") + 41) + 1, "myself,");
      nodes_.push_back(std::make_unique<Node>(world_, promises_, nodes_, i, options, disk));
    }
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
      for (const auto& node : nodes_) outcome_.trace += node->machine().dump(node->local());
    }
    return outcome_;
  }

 private:
  static NodeId id(int index) { return NodeId(0x1000u + static_cast<uint64_t>(index)); }

  std::string line(int i) const {
    const int primary = i % primaries_;
    std::string text = id(i).hex() + " " + ip_of(i) + ":6379@16379 ";
    if (i >= primaries_) {
      return text + "slave " + id(primary).hex() + " 0 0 " + std::to_string(primary + 1) +
             " connected\n";
    }
    return text + "master - 0 0 " + std::to_string(i + 1) + " connected " +
           std::to_string(kSlotCount * i / primaries_) + "-" +
           std::to_string(kSlotCount * (i + 1) / primaries_ - 1) + "\n";
  }

  void storm() {
    const Nanos end = world_.now() + Millis(draw_.between(6'000, 15'000));
    while (world_.now() < end && world_.failure.empty()) {
      mishap();
      world_.run_until(world_.now() + Millis(draw_.between(200, 3'000)));
    }
  }

  void isolate(int node, bool is) {
    for (int other = 0; other < static_cast<int>(nodes_.size()); ++other) {
      if (other == node) continue;
      world_.cut(node, other, is);
      world_.cut(other, node, is);
    }
  }

  void mishap() {
    const Faults& f = world_.faults;
    const int total = static_cast<int>(nodes_.size());
    const int victim = static_cast<int>(draw_.below(draw_.chance(0.6) ? primaries_ : total));
    const Nanos span = Millis(draw_.between(100, 8'000));
    Node* node = nodes_[static_cast<size_t>(victim)].get();
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
        std::vector<char> side(nodes_.size());
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
    const int gone = static_cast<int>(nodes_.size()) - 1;
    const int by = static_cast<int>(draw_.below(primaries_));
    forgotten_ = id(gone);
    isolate(gone, true);
    Node& operator_at = *nodes_[static_cast<size_t>(by)];
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
    for (size_t i = 0; i < nodes_.size(); ++i) {
      world_.resume(static_cast<int>(i));
      nodes_[i]->restart();
    }
    if (!world_.run_until(world_.now() + Seconds(60), [this] { return agreed(); })) {
      world_.fail("no agreement within 60 s of calm");
    }
  }

  bool agreed() {
    const ClusterView* first = nullptr;
    std::set<Epoch> epochs;
    for (const auto& node : nodes_) {
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
  Nodes nodes_;
  int primaries_ = 0;
  std::optional<NodeId> forgotten_;
};

}  // namespace

ClusterOutcome run_cluster_seed(uint64_t seed, bool tracing) {
  return Scene(seed, tracing).run();
}

}  // namespace redan::sim
