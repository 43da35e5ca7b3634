#include "tests/sim/migration_world.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/migration_node.h"
#include "tests/sim/world.h"

namespace redan::sim {
namespace {

using namespace cluster;

constexpr int kShards = 3;
constexpr int kNodes = 2 * kShards;

// The story: clients write, slots move to and fro, mishaps; then the calm, in which all must end.
class Scene {
 public:
  Scene(uint64_t seed, bool tracing) : draw_(seed * 2 + 1), world_(seed, faults_of(draw_)) {
    world_.tracing = tracing;
    ClusterOptions options;
    options.node_timeout = Millis(draw_.between(1'000, 2'500));
    options.allow_replica_migration = false;
    std::string members;
    for (int i = 0; i < kNodes; ++i) members += line(i);
    for (int i = 0; i < kNodes; ++i) {
      options.announce = {.ip = MigrationNet::ip_of(i), .port = 6379, .bus_port = 16379};
      std::string disk = members + "vars currentEpoch 20 lastVoteEpoch 0\n";
      const std::string mine = id(i).hex();
      disk.insert(disk.find(" ", disk.find(mine + " 10.1") + 41) + 1, "myself,");
      net_.nodes.push_back(std::make_unique<MigrationNode>(net_, i, options, disk));
    }
  }

  MigrationOutcome run() {
    MigrationOutcome& outcome = net_.outcome;
    world_.run_until(Seconds(4));
    clients();
    storm();
    calm();
    outcome.ok = world_.failure.empty();
    outcome.failure = world_.failure;
    outcome.faults = world_.faults.text();
    outcome.hash = world_.hash();
    outcome.events = world_.events;
    if (world_.tracing) {
      outcome.trace = world_.trace();
      for (const auto& node : net_.nodes) outcome.trace += node->machine().dump(node->local());
    }
    return outcome;
  }

 private:
  static NodeId id(int index) { return NodeId(0x1000u + static_cast<uint64_t>(index)); }

  static Faults faults_of(Rng& rng) {
    Faults faults = Faults::drawn_from(rng);
    faults.clogs = false;
    faults.mean_delay = std::min<Nanos>(faults.mean_delay, Millis(20));
    return faults;
  }

  std::string line(int i) const {
    const int shard = i % kShards;
    std::string text = id(i).hex() + " " + MigrationNet::ip_of(i) + ":6379@16379 ";
    if (i >= kShards) {
      return text + "slave " + id(shard).hex() + " 0 0 " + std::to_string(shard + 1) +
             " connected\n";
    }
    return text + "master - 0 0 " + std::to_string(i + 1) + " connected " +
           std::to_string(kSlotCount * i / kShards) + "-" +
           std::to_string(kSlotCount * (i + 1) / kShards - 1) + "\n";
  }

  // Whoever says that he serves the slot gets the write.
  void clients() {
    world_.after(Millis(draw_.between(2, 30)), [this] {
      if (closed_) return;
      const Slot slot(static_cast<uint16_t>(draw_.below(3)));
      std::vector<MigrationNode*> serving;
      for (const auto& node : net_.nodes) {
        if (node->running() && node->owns(slot)) serving.push_back(node.get());
      }
      if (!serving.empty()) serving[draw_.below(serving.size())]->write(slot);
      clients();
    });
  }

  // The primary of a shard, as its own nodes see it.
  MigrationNode* primary_of(int shard) {
    for (const int i : {shard, shard + kShards}) {
      MigrationNode& node = net_.node(i);
      if (node.running() && node.view().myself().is_primary) return &node;
    }
    return nullptr;
  }

  void storm() {
    const Nanos end = world_.now() + Millis(draw_.between(5'000, 12'000));
    int shard = 1;
    while (world_.now() < end && world_.failure.empty()) {
      // To and fro, and now and then to a third.
      if (MigrationNode* target = primary_of(shard)) target->import();
      // Most mishaps fall into the move, some into what follows.
      const Nanos soon = Millis(draw_.between(0, draw_.chance(0.7) ? 260 : 2'000));
      world_.run_until(world_.now() + soon);
      if (draw_.chance(0.8)) mishap();
      world_.run_until(world_.now() + Millis(draw_.between(100, 2'500)));
      if (draw_.chance(0.5)) shard = static_cast<int>(draw_.below(kShards));
    }
  }

  void mishap() {
    const Faults& f = world_.faults;
    const int victim = static_cast<int>(draw_.below(kNodes));
    const Nanos span = Millis(draw_.between(50, 6'000));
    MigrationNode* node = &net_.node(victim);
    switch (draw_.below(6)) {
      case 0:
      case 1:
      case 2:
        if (!f.crashes) return;
        node->crash(draw_.chance(0.4));
        return world_.after(draw_.chance(0.6) ? span : span / 20, [node] { node->restart(); });
      case 3:
        if (!f.pauses) return;
        world_.pause(victim);
        return world_.after(span, [this, victim] { world_.resume(victim); });
      case 4: {
        if (!f.cuts) return;
        const int other = static_cast<int>(draw_.below(kNodes));
        world_.cut(victim, other, true);
        if (draw_.chance(0.7)) world_.cut(other, victim, true);
        return world_.after(span, [this] { world_.heal(); });
      }
      default:
        if (!node->running()) return;
        node->input([node](BusEffects& out) {
          static_cast<void>(
              node->machine().failover(node->local(), FailoverMode::kGraceful, out).ok());
        });
    }
  }

  // The same command again, until the slots are there; then everything fits together.
  void calm() {
    if (!world_.failure.empty()) return;
    world_.note(-1, "calm");
    world_.heal();
    world_.faults.loss = world_.faults.duplication = 0;
    world_.faults.mean_delay = std::min<Nanos>(world_.faults.mean_delay, Millis(5));
    for (int i = 0; i < kNodes; ++i) {
      world_.resume(i);
      net_.node(i).restart();
    }
    const Nanos end = world_.now() + Seconds(60);
    bool done = false;
    while (!done && world_.now() < end && world_.failure.empty()) {
      if (MigrationNode* target = primary_of(2)) target->import();
      done = world_.run_until(world_.now() + Seconds(2), [this] { return settled(); });
    }
    if (!done) world_.fail("the move does not end within 60 s of calm");
    closed_ = true;
    world_.run_until(world_.now() + Seconds(1));
    if (!world_.run_until(world_.now() + Seconds(20), [this] { return left_over().empty(); })) {
      return world_.fail(left_over());
    }
    for (const auto& [slot, values] : net_.books.acknowledged) {
      const SlotValues data =
          primary_of(2) == nullptr ? SlotValues() : primary_of(2)->data().values;
      const auto there = data.find(slot);
      for (const uint32_t value : values) {
        if (there == data.end() ||
            !std::binary_search(there->second.begin(), there->second.end(), value)) {
          return world_.fail("write " + std::to_string(value) + " of slot " +
                             std::to_string(slot.value) + " was acknowledged and is lost");
        }
      }
    }
  }

  // Keys of slots that another shard owns; empty: none.
  std::string left_over() {
    MigrationNode* target = primary_of(2);
    if (target == nullptr) return "nobody leads the shard where the slots are";
    for (const auto& node : net_.nodes) {
      const SlotValues& values = node->data().values;
      const NodeId shard = node->view().myself().shard_id;
      if (shard == target->view().myself().shard_id || values.empty()) continue;
      return "node " + std::to_string(node->index()) + " keeps keys of slot " +
             std::to_string(values.begin()->first.value) + ", which another owns";
    }
    return "";
  }

  bool settled() {
    MigrationNode* target = primary_of(2);
    if (target == nullptr) return false;
    for (const auto& node : net_.nodes) {
      const ClusterView& view = node->view();
      if (!view.ok() || !view.given().empty() || !view.incoming().empty()) return false;
      if (view.assigned().size() != kSlotCount || !node->stream().is_idle()) return false;
      for (uint16_t slot = 0; slot < 3; ++slot) {
        if (view.owner(Slot(slot))->id != target->view().myself().id) return false;
        if (view.unclaimed().contains(Slot(slot))) return false;
      }
    }
    return true;
  }

  Rng draw_;
  World world_;
  MigrationNet net_{world_};
  bool closed_ = false;
};

}  // namespace

MigrationOutcome run_migration_seed(uint64_t seed, bool tracing) {
  return Scene(seed, tracing).run();
}

}  // namespace redan::sim
