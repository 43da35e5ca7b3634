#include "tests/sim/migration_copies.h"

#include <algorithm>

#include "tests/sim/migration_node.h"

namespace redan::sim {

using namespace cluster;

void MigrationCopies::boot() {
  copied_at_.reset();
  noted_.clear();
  claimed_.clear();
  replica_at_.clear();
}

int64_t MigrationCopies::node_offset() const {
  return node_.data().offset;
}

void MigrationCopies::note_claimed(const IncomingSlots& import) {
  claimed_.clear();
  claimed_at_ = node_.world().now();
  claimed_[import.move] = import;
}

void MigrationCopies::became_primary() {
  replica_at_.clear();
  pending_.clear();
}

void MigrationCopies::send_to_all() {
  for (size_t i = 0; i < node_.net().nodes.size(); ++i) send(static_cast<int>(i));
}

void MigrationCopies::send(int to) {
  World& world = node_.world();
  if (to == node_.index() || world.is_cut(node_.index(), to)) return;
  Copy copy{node_.index(), world.process(node_.index()).incarnation, node_.data().offset,
            node_.data().values, node_.view().incoming()};
  for (auto& [move, note] : copy.notes) note.ready = noted_.count(move) > 0;
  // (A stream says it once.)
  if (world.now() - claimed_at_ < Seconds(2)) {
    copy.notes.insert(claimed_.begin(), claimed_.end());
  }
  const Nanos delay = Micros(50) + world.rng.span(Nanos(0), 2 * world.faults.mean_delay);
  copy_at_[to] = std::max(copy_at_[to] + Nanos(1), world.now() + delay);
  world.post(copy_at_[to], to, [this, to, copy = std::move(copy)] {
    MigrationNode& replica = node_.net().node(to);
    replica.input([&replica, copy](BusEffects& out) { replica.copies().apply(copy, out); });
  });
}

void MigrationCopies::apply(const Copy& copy, BusEffects& out) {
  World& world = node_.world();
  const ClusterNode& me = node_.view().myself();
  if (me.is_primary || me.primary != node_.net().node(copy.from).view().myself().id) return;
  node_.data().values = copy.values;
  node_.data().offset = copy.offset;
  copied_at_ = node_.local();
  ClusterMachine& machine = node_.machine();
  for (const auto& [move, note] : copy.notes) machine.note_import(node_.local(), note, out);
  for (const auto& [move, note] : std::map<MoveId, IncomingSlots>(node_.view().incoming())) {
    if (copy.notes.count(move) == 0) machine.forget_import(node_.local(), move, out);
  }
  if (world.is_cut(node_.index(), copy.from)) return;
  const Nanos delay = Micros(50) + world.rng.span(Nanos(0), 2 * world.faults.mean_delay);
  world.post(world.now() + delay, copy.from, [this, copy, by = node_.index()] {
    MigrationNode& primary = node_.net().node(copy.from);
    if (node_.world().process(copy.from).incarnation != copy.life) return;
    primary.input([&primary, by, offset = copy.offset](BusEffects& effects) {
      primary.copies().replica_has(by, offset);
      primary.stream().look_at_replicas(effects);
    });
  });
}

void MigrationCopies::replica_has(int replica, int64_t offset) {
  const NodeId id = node_.net().node(replica).view().myself().id;
  const ClusterView& view = node_.view();
  const ClusterNode* node = view.find(id);
  if (!view.myself().is_primary || node == nullptr || node->primary != view.myself().id) return;
  replica_at_[id] = offset;
  while (!pending_.empty() && pending_.front().offset <= offset) {
    node_.net().books.acknowledged[pending_.front().slot].insert(pending_.front().value);
    ++node_.net().outcome.acknowledged;
    pending_.pop_front();
  }
}

bool MigrationCopies::all_replicas_have(int64_t offset) const {
  for (const ClusterNode* replica : node_.view().replicas_of(node_.view().myself().id)) {
    const auto at = replica_at_.find(replica->id);
    if (!replica->failed() && (at == replica_at_.end() || at->second < offset)) return false;
  }
  return true;
}

}  // namespace redan::sim
