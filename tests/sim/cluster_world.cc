#include "tests/sim/cluster_world.h"

#include <algorithm>
#include <memory>

#include "tests/sim/cluster_scene.h"

namespace redan::sim {
namespace {

using namespace cluster;

class Storm : public ClusterScene {
 public:
  Storm(uint64_t seed, bool tracing, bool takeovers) : ClusterScene(seed, tracing, {}) {
    takeovers_ = takeovers;
    ledger_.epochs_are_voted = !takeovers;
  }

 protected:
  void story() override { storm(Millis(draw_.between(6'000, 15'000))); }
};

// The last node is cut off, forgotten by one, and reachable again.
class Forgotten : public ClusterScene {
 public:
  Forgotten(uint64_t seed, bool tracing)
      : ClusterScene(seed, tracing, {.quiet = true, .least_replicas = 1, .clients = 0}) {}

 protected:
  void story() override {
    const int gone = total() - 1;
    const int by = static_cast<int>(draw_.below(primaries_));
    const NodeId forgotten = made_id(gone);
    outsiders_.insert(forgotten);
    isolate(gone, true);
    ClusterProcess& operator_at = net_.node(by);
    operate(operator_at, "forget",
            [forgotten](ClusterMachine& machine, Instant now, BusEffects& out) {
              return machine.forget(now, forgotten, out);
            });
    ++outcome_.forgotten;
    // In half of the runs one other node was away and still knows it.
    if (draw_.chance(0.5)) isolate((by + 1) % primaries_, true);
    pass(Millis(draw_.between(300, 900)));
    world_.heal();
    pass_until(Seconds(15), [&] {
      if (operator_at.view().find(forgotten) != nullptr) {
        world_.fail("a forgotten node came back");
      }
      return false;
    });
  }
};

// FAILOVER at a replica while clients write and messages are lost and late: no write is missing.
class Handover : public ClusterScene {
 public:
  Handover(uint64_t seed, bool tracing)
      : ClusterScene(seed, tracing, {.least_replicas = 1, .clients = 4}) {
    loses_nothing_ = true;
  }

 protected:
  void story() override {
    for (int i = 0; i < 3; ++i) {
      pass(Millis(draw_.between(200, 3'000)));
      ClusterProcess& replica = net_.node(static_cast<int>(draw_.below(net_.size())));
      if (replica.view().myself().is_primary) continue;
      ++outcome_.handovers;
      operate(replica, "failover", [](ClusterMachine& machine, Instant now, BusEffects& out) {
        return machine.failover(now, FailoverMode::kGraceful, out);
      });
      pass(Millis(draw_.between(1'000, 8'000)));
    }
  }
};

// A slot moves by hand, key by key, while clients write; a third of the time its source dies on the
// way, a third of the time its target. In half of the runs it turns back at once, and where it goes
// now dies when its replica may not know of that yet.
class Move : public ClusterScene {
 public:
  Move(uint64_t seed, bool tracing)
      : ClusterScene(seed, tracing, {.quiet = true, .least_replicas = 1}) {
    ledger_.epochs_are_voted = false;
  }

 protected:
  void story() override {
    pass(Seconds(1));
    const int from = static_cast<int>(draw_.below(primaries_));
    const int to = (from + 1 + static_cast<int>(draw_.below(primaries_ - 1))) % primaries_;
    slot_ = keys_[static_cast<size_t>(from * 3)].slot;
    source_shard_ = net_.node(from).view().myself().shard_id;
    target_shard_ = net_.node(to).view().myself().shard_id;
    open();
    pass(Millis(20));
    move_key(static_cast<int>(draw_.below(3)));
    const uint64_t fate = draw_.below(3);
    loses_nothing_ = fate == 0;
    if (fate > 0) {
      pass(Millis(1'500));
      const int victim = fate == 1 ? from : to;
      net_.node(victim).crash(draw_.chance(0.5));
      if (!pass_until(Seconds(20), [this] { return source() && target() && both_know(); })) {
        return world_.fail("a move was forgotten when a node at its end failed over");
      }
      if (draw_.chance(0.5)) net_.node(victim).restart();
      pass(Millis(draw_.between(0, 2'000)));
    }
    for (int i = 0; i < 3; ++i) move_key(i);
    close();
    if (draw_.chance(0.5)) turn_back();
    pass(Millis(100));
    ++outcome_.moves;
  }
  void mend() override {
    for (int i = 0; i < 3; ++i) move_key(i);
    close();
  }
  bool as_wished() override {
    for (const auto& node : net_.nodes) {
      const ClusterNode* owner = node->view().owner(slot_);
      if (owner == nullptr || owner->shard_id != target_shard_) return false;
      if (node->view().is_moving(slot_)) return false;
    }
    return true;
  }

 private:
  ClusterProcess* primary_of(NodeId shard) {
    for (const auto& node : net_.nodes) {
      const ClusterNode& me = node->view().myself();
      if (node->alive() && me.is_primary && me.has_slots() && me.shard_id == shard) {
        return node.get();
      }
    }
    return nullptr;
  }
  ClusterProcess* source() { return primary_of(source_shard_); }
  ClusterProcess* target() { return primary_of(target_shard_); }
  bool both_know() {
    const ClusterNode* to = source()->view().migrating_to(slot_);
    const ClusterNode* from = target()->view().importing_from(slot_);
    return to != nullptr && to->id == target()->view().myself().id && from != nullptr &&
           from->id == source()->view().myself().id;
  }
  void turn_back() {
    if (!pass_until(Seconds(10), [this] { return as_wished(); })) return;
    std::swap(source_shard_, target_shard_);
    ClusterProcess* victim = target();
    const auto heir = std::find_if(net_.nodes.begin(), net_.nodes.end(), [&](const auto& node) {
      const ClusterNode& me = node->view().myself();
      return node->alive() && !me.is_primary && me.shard_id == target_shard_ &&
             node->data().in_sync();
    });
    if (victim == nullptr || source() == nullptr || heir == net_.nodes.end()) return;
    open();
    pass(Millis(5));
    move_key(static_cast<int>(draw_.below(3)));
    pass(Millis(draw_.between(0, 60)));
    loses_nothing_ = false;
    victim->crash(draw_.chance(0.5));
    if (!pass_until(Seconds(20), [this] { return source() && target(); })) return;
    // The heir goes on with a move that brought it a key; any other has to be begun again.
    if (!target()->slots_with_keys().contains(slot_)) {
      open();
    } else if (!pass_until(Seconds(20), [this] { return source() && target() && both_know(); })) {
      return world_.fail("a move back was forgotten when the node at its end failed over");
    }
    if (draw_.chance(0.5)) victim->restart();
  }
  void open() {
    const NodeId from = source()->view().myself().id, to = target()->view().myself().id;
    operate(*target(), "importing", [=, this](ClusterMachine& m, Instant now, BusEffects& out) {
      return m.set_slot_importing(now, slot_, from, out);
    });
    operate(*source(), "migrating", [=, this](ClusterMachine& m, Instant now, BusEffects& out) {
      return m.set_slot_migrating(now, slot_, to, out);
    });
  }
  // MIGRATE: the target has the key before the source gives it up.
  void move_key(int number) {
    const Key key{.slot = slot_, .number = number};
    ClusterProcess *from = source(), *to = target();
    if (from == nullptr || to == nullptr || !from->data().has(key)) return;
    const std::set<uint64_t> values = from->data().content().at(key);
    for (const uint64_t value : values) to->data().append({.key = key, .value = value});
    from->data().append({.key = key, .value = 0});
    pass(Millis(draw_.between(1, 20)));
  }
  void close() {
    for (ClusterProcess* end : {target(), source()}) {
      if (end == nullptr || target() == nullptr) return;
      const NodeId to = target()->view().myself().id;
      size_t keys = 0;
      for (int i = 0; i < 3; ++i) keys += end->data().has({.slot = slot_, .number = i});
      operate(*end, "setslot node", [=, this](ClusterMachine& m, Instant now, BusEffects& out) {
        return m.set_slot_node(now, slot_, to, keys, out);
      });
      pass(Millis(5));
    }
  }

  Slot slot_{};
  NodeId source_shard_, target_shard_;
};

// Nodes come back at new addresses, or two of them at each other's.
class Addresses : public ClusterScene {
 public:
  Addresses(uint64_t seed, bool tracing)
      : ClusterScene(seed, tracing, {.least_replicas = 1, .own_ips = false}) {}

 protected:
  void story() override {
    for (int i = 0; i < 3; ++i) {
      const int one = static_cast<int>(draw_.below(net_.size()));
      const int other = static_cast<int>(draw_.below(net_.size()));
      const std::string place = "10.2.0." + std::to_string(draw_.between(1, 250));
      if (one != other && draw_.chance(0.3)) {
        const std::string here = net_.node(one).ip(), there = net_.node(other).ip();
        net_.move(one, there);
        net_.move(other, here);
        restart_later(other);
      } else if (net_.at_ip.count(place) == 0) {
        net_.move(one, place);
      }
      restart_later(one);
      ++outcome_.addresses;
      pass(Millis(draw_.between(3'500, 8'000)));
      if (draw_.chance(0.3)) mishap();
    }
  }
  bool as_wished() override {
    for (const auto& node : net_.nodes) {
      for (const auto& other : net_.nodes) {
        if (node == other) continue;
        const ClusterNode* record = node->view().find(other->view().myself().id);
        if (record == nullptr || record->address.ip != other->ip()) return false;
      }
    }
    return true;
  }

 private:
  void restart_later(int index) {
    ClusterProcess* node = &net_.node(index);
    world_.after(Millis(draw_.between(50, 3'000)), [node] { node->restart(); });
  }
};

// Members come and go while everything else goes wrong, too.
class Guests : public ClusterScene {
 public:
  Guests(uint64_t seed, bool tracing) : ClusterScene(seed, tracing, {.least_replicas = 1}) {}

 protected:
  void story() override {
    invite();
    storm(Millis(draw_.between(2'000, 6'000)));
    draw_.chance(0.5) ? reset() : invite();
    storm(Millis(draw_.between(2'000, 6'000)));
  }
  void mend() override {
    for (const auto& [index, before] : resets_) {
      // One that died before its new name was on disk has the old one still, and keeps it.
      if (net_.node(index).view().myself().id == before) continue;
      for (const auto& node : net_.nodes) {
        if (node->view().find(before) == nullptr) continue;
        operate(*node, "forget", [before](ClusterMachine& m, Instant now, BusEffects& out) {
          return m.forget(now, before, out);
        });
      }
    }
    const auto member = std::find_if(net_.nodes.begin(), net_.nodes.end(), [&](const auto& node) {
      return std::count(guests_.begin(), guests_.end(), node->index()) == 0;
    });
    for (const int guest : guests_) {
      const NodeId id = net_.node(guest).view().myself().id;
      if ((*member)->view().find(id) == nullptr) meet(**member, guest);
    }
  }

 private:
  void meet(ClusterProcess& by, int guest) {
    operate(by, "meet " + std::to_string(guest),
            [ip = net_.node(guest).ip()](ClusterMachine& m, Instant now, BusEffects& out) {
              return m.meet(now, ip, 6379, 16379, out);
            });
  }
  void invite() {
    ++outcome_.guests;
    ClusterOptions options = options_;
    options.announce.ip = ClusterNet::ip_of(total());
    ClusterProcess& guest = net_.add(options, made_stranger(total()));
    guests_.push_back(guest.index());
    meet(any_alive(), guest.index());
  }
  void reset() {
    ClusterProcess& node = any_alive();
    const NodeId before = node.view().myself().id;
    if (node.view().myself().is_primary) return invite();
    ++outcome_.guests;
    operate(node, "reset hard", [](ClusterMachine& m, Instant now, BusEffects& out) {
      return m.reset(now, ResetMode::kHard, false, out);
    });
    resets_.emplace_back(node.index(), before);
    guests_.push_back(node.index());
  }

  std::vector<int> guests_;
  std::vector<std::pair<int, NodeId>> resets_;
};

std::unique_ptr<ClusterScene> story_of(uint64_t seed, bool tracing) {
  switch (seed % 10) {
    case 0:
    case 5:
      return std::make_unique<Forgotten>(seed, tracing);
    case 4:
      return std::make_unique<Handover>(seed, tracing);
    case 6:
      return std::make_unique<Move>(seed, tracing);
    case 7:
      return std::make_unique<Addresses>(seed, tracing);
    case 8:
      return std::make_unique<Guests>(seed, tracing);
    default:
      return std::make_unique<Storm>(seed, tracing, seed % 10 == 9);
  }
}

}  // namespace

ClusterOutcome run_cluster_seed(uint64_t seed, bool tracing) {
  return story_of(seed, tracing)->run();
}

}  // namespace redan::sim
