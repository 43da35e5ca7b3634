#include "server/cluster/view.h"

#include <utility>

#include "common/base/check.h"

namespace redan {

ClusterView::ClusterView(NodeId self) : myself_(nullptr) {
  myself_ = &add(self);
}

const ClusterNode* ClusterView::find(NodeId id) const {
  const auto it = nodes_.find(id);
  return it == nodes_.end() ? nullptr : &it->second;
}

ClusterNode* ClusterView::find(NodeId id) {
  const auto it = nodes_.find(id);
  return it == nodes_.end() ? nullptr : &it->second;
}

const ClusterNode* ClusterView::primary_of(const ClusterNode& node) const {
  return node.is_primary ? &node : find(node.primary);
}

std::vector<const ClusterNode*> ClusterView::replicas_of(NodeId primary) const {
  std::vector<const ClusterNode*> found;
  for (const auto& [id, node] : nodes_) {
    if (!node.is_primary && node.primary == primary) found.push_back(&node);
  }
  return found;
}

const ClusterNode* ClusterView::moving(const std::map<Slot, NodeId>& moves, Slot slot) const {
  if (moves.empty()) return nullptr;
  const auto it = moves.find(slot);
  return it == moves.end() ? nullptr : find(it->second);
}

SlotView ClusterView::slot(Slot slot) const {
  const ClusterNode* owner = owners_[slot.value];
  return {
      .owner = owner,
      .migrating_to = migrating_to(slot),
      .importing_from = myself_->is_primary ? importing_from(slot) : nullptr,
      .mine = owner == myself_,
      .of_my_primary = owner != nullptr && !myself_->is_primary && owner->id == myself_->primary};
}

SlotSet ClusterView::assigned() const {
  SlotSet all;
  for (const auto& [id, node] : nodes_) all |= node.slots;
  return all;
}

size_t ClusterView::size() const {
  size_t n = 0;
  for (const auto& [id, node] : nodes_) n += node.is_primary && node.has_slots();
  return n;
}

size_t ClusterView::reachable() const {
  size_t n = 0;
  for (const auto& [id, node] : nodes_) {
    n += node.is_primary && node.has_slots() && !node.suspected();
  }
  return n;
}

size_t ClusterView::known_nodes() const {
  size_t n = 0;
  for (const auto& [id, node] : nodes_) n += !node.handshake;
  return n;
}

void ClusterView::reset_counts() {
  sent_.fill(0);
  received_.fill(0);
  buffer_limit_exceeded = 0;
}

ClusterNode& ClusterView::add(NodeId id) {
  const auto [it, is_new] = nodes_.try_emplace(id);
  if (is_new) {
    it->second.id = id;
    changed();
  }
  return it->second;
}

void ClusterView::remove(NodeId id) {
  ClusterNode* node = find(id);
  if (node == nullptr) return;
  REDAN_CHECK(node != myself_);
  unassign_all(*node);
  std::erase_if(migrating_, [&](const auto& move) { return move.second == id; });
  std::erase_if(importing_, [&](const auto& move) { return move.second == id; });
  nodes_.erase(id);
  for (auto& [other_id, other] : nodes_) {
    other.reports.erase(id);
    if (other.primary == id) other.primary = {};
  }
  changed();
}

void ClusterView::rename_self(NodeId id) {
  std::vector<NodeId> others;
  for (const auto& [other, node] : nodes_) {
    if (&node != myself_) others.push_back(other);
  }
  for (const NodeId& other : others) remove(other);
  if (id == myself_->id) return;
  unassign_all(*myself_);
  auto handle = nodes_.extract(myself_->id);
  handle.key() = id;
  handle.mapped().id = id;
  nodes_.insert(std::move(handle));
  changed();
}

void ClusterView::assign(Slot slot, ClusterNode& to) {
  ClusterNode*& owner = owners_[slot.value];
  if (owner == &to) return;
  if (owner != nullptr) owner->slots.remove(slot);
  owner = &to;
  to.slots.add(slot);
  unclaimed_.remove(slot);
  changed();
}

void ClusterView::unassign(Slot slot) {
  ClusterNode*& owner = owners_[slot.value];
  if (owner == nullptr) return;
  owner->slots.remove(slot);
  owner = nullptr;
  unclaimed_.remove(slot);
  changed();
}

void ClusterView::unassign_all(ClusterNode& node) {
  const SlotSet slots = node.slots;
  slots.for_each([this](Slot slot) { unassign(slot); });
}

void ClusterView::clear_moves() {
  if (migrating_.empty() && importing_.empty()) return;
  migrating_.clear();
  importing_.clear();
  changed();
}

void ClusterView::find_served() const {
  served_.clear();
  served_known_ = true;
  if (!ok_) return;
  served_ = myself_->slots;
  for (const auto& [slot, to] : migrating_) served_.remove(slot);
  for (const auto& [slot, from] : importing_) served_.remove(slot);
}

SlotSet ClusterView::incoming_slots() const {
  SlotSet slots;
  for (const auto& [move, incoming] : incoming_) slots |= incoming.slots;
  return slots;
}

void ClusterView::set_state(bool ok, std::string reason) {
  forget_served();
  ok_ = ok;
  down_reason_ = std::move(reason);
}

void ClusterView::set_epochs(Epoch current, Epoch last_vote) {
  current_epoch_ = current;
  last_vote_epoch_ = last_vote;
}

void ClusterView::check_invariants() const {
  size_t owned = 0;
  for (const auto& [id, node] : nodes_) {
    REDAN_CHECK(node.id == id);
    if (!node.is_primary || node.handshake) REDAN_CHECK(node.slots.empty());
    owned += node.slots.size();
    node.slots.for_each([&, who = &node](Slot slot) { REDAN_CHECK(owner(slot) == who); });
  }
  for (const ClusterNode* owner : owners_) owned -= owner != nullptr;
  REDAN_CHECK(owned == 0u);
  if (!served_known_) return;
  const SlotSet served = served_;
  find_served();
  REDAN_CHECK(served == served_);
}

}  // namespace redan
