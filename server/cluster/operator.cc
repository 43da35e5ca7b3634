// CLUSTER's verbs that change slots, roles and epochs. Errors carry Redis' texts.
#include "server/cluster/bus_machine.h"

namespace redan {

using namespace cluster;

void ClusterMachine::adopt_loaded_slots(Instant now, const SlotSet& with_keys, BusEffects& out) {
  begin(now);
  if (!self().is_primary) return;
  SlotSet foreign;
  (with_keys - drop_interrupted()).for_each([&](Slot slot) {
    const ClusterNode* owner = view_.owner(slot);
    if (owner == &self() || view_.importing_from(slot) != nullptr) return;
    if (is_handed_over(slot)) return;  // Their end is known, or will be.
    if (owner != nullptr) return foreign.add(slot);
    log(LogLevel::kWarning, "I have keys for unassigned slot " + std::to_string(slot.value) +
                                ". Taking responsibility for it.");
    view_.assign(slot, self());
    change();
  });
  // A dump from before they moved: their owner has what became of these keys. But a move that was
  // just begun may have been told to us and not be in our file yet.
  if (!foreign.empty()) {
    log(LogLevel::kWarning, "I have keys for slots " + foreign.text() +
                                ", but they are assigned to other nodes. The keys will be deleted, "
                                "unless these nodes are moving the slots to me.");
    note_leftovers(foreign);
  }
  settle(out);
}

Result<void> ClusterMachine::add_slots(Instant now, const SlotSet& slots, BusEffects& out) {
  begin(now);
  if (!self().is_primary) return Error("A replica cannot own slots: send this to its master");
  const SlotSet busy = slots & view_.assigned();
  if (!busy.empty()) {
    return Error("Slot " + std::to_string(busy.ranges()[0].first.value) + " is already busy");
  }
  settled_by_hand(slots);
  slots.for_each([&](Slot slot) {
    view_.clear_importing(slot);
    view_.assign(slot, self());
  });
  change();
  settle(out);
  return kOk;
}

Result<void> ClusterMachine::del_slots(Instant now, const SlotSet& slots, BusEffects& out) {
  begin(now);
  const SlotSet free = slots - view_.assigned();
  if (!free.empty()) {
    return Error("Slot " + std::to_string(free.ranges()[0].first.value) + " is already unassigned");
  }
  settled_by_hand(slots);
  slots.for_each([&](Slot slot) {
    view_.unassign(slot);
    taken_.erase(slot);
  });
  change();
  settle(out);
  return kOk;
}

Result<void> ClusterMachine::flush_slots(Instant now, bool has_keys, BusEffects& out) {
  begin(now);
  if (has_keys) return Error("DB must be empty to perform CLUSTER FLUSHSLOTS.");
  view_.unassign_all(self());
  taken_.clear();
  change();
  settle(out);
  return kOk;
}

namespace {

constexpr char kOnlyMasters[] = "Please use SETSLOT only with masters.";

Error unknown_to_me(NodeId id) {
  return Error("I don't know about node " + id.hex());
}

}  // namespace

Result<void> ClusterMachine::set_slot_migrating(Instant now, Slot slot, NodeId to,
                                                BusEffects& out) {
  begin(now);
  if (!self().is_primary) return Error(kOnlyMasters);
  if (view_.owner(slot) != &self()) {
    return Error("I'm not the owner of hash slot " + std::to_string(slot.value));
  }
  const ClusterNode* target = view_.find(to);
  if (target == nullptr || target->handshake) return unknown_to_me(to);
  if (!target->is_primary) return Error("Target node is not a master");
  view_.set_migrating(slot, to);
  taken_.erase(slot);
  change_of_moves();
  settle(out);
  return kOk;
}

Result<void> ClusterMachine::set_slot_importing(Instant now, Slot slot, NodeId from,
                                                BusEffects& out) {
  begin(now);
  if (!self().is_primary) return Error(kOnlyMasters);
  if (view_.owner(slot) == &self()) {
    return Error("I'm already the owner of hash slot " + std::to_string(slot.value));
  }
  const ClusterNode* source = view_.find(from);
  if (source == nullptr || source->handshake) return unknown_to_me(from);
  if (!source->is_primary) return Error("Target node is not a master");
  view_.set_importing(slot, from);
  change_of_moves();
  settle(out);
  return kOk;
}

Result<void> ClusterMachine::set_slot_stable(Instant now, Slot slot, BusEffects& out) {
  begin(now);
  if (!self().is_primary) return Error(kOnlyMasters);
  view_.clear_importing(slot);
  view_.clear_migrating(slot);
  change_of_moves();
  settle(out);
  return kOk;
}

Result<void> ClusterMachine::set_slot_node(Instant now, Slot slot, NodeId to, size_t keys_in_slot,
                                           BusEffects& out) {
  begin(now);
  if (!self().is_primary) return Error(kOnlyMasters);
  ClusterNode* owner = view_.find(to);
  if (owner == nullptr || owner->handshake) return Error("Unknown node " + to.hex());
  if (!owner->is_primary) return Error("Target node is not a master");
  const bool was_mine = view_.owner(slot) == &self();
  if (was_mine && owner != &self() && keys_in_slot > 0) {
    return Error("Can't assign hashslot " + std::to_string(slot.value) +
                 " to a different node while I still hold keys for this hash slot.");
  }
  SlotSet one;
  one.add(slot);
  settled_by_hand(one);
  if (keys_in_slot == 0) view_.clear_migrating(slot);
  if (owner != &self()) taken_.erase(slot);
  view_.assign(slot, *owner);
  // The end of a move: a new epoch makes our claim newer than the source's.
  if (owner == &self() && view_.importing().count(slot) > 0) {
    take_new_epoch();
    if (const ClusterNode* source = view_.importing_from(slot)) taken_[slot] = source->shard_id;
    view_.clear_importing(slot);
    told_at_ = now_ - Seconds(1);
  }
  change();
  if (was_mine && owner != &self() && !self().has_slots() && options_.allow_replica_migration) {
    log(LogLevel::kWarning,
        "Configuration change detected. Reconfiguring myself as a replica of " + owner->id.hex());
    follow(*owner);
  }
  settle(out);
  return kOk;
}

Result<void> ClusterMachine::replicate(Instant now, NodeId primary, bool has_keys,
                                       BusEffects& out) {
  begin(now);
  ClusterNode* node = view_.find(primary);
  if (node == nullptr || node->handshake) return Error("Unknown node " + primary.hex());
  if (node == &self()) return Error("Can't replicate myself");
  if (!node->is_primary) return Error("I can only replicate a master, not a replica.");
  if (self().is_primary && (self().has_slots() || has_keys)) {
    return Error("To set a master the node must be empty and without assigned slots.");
  }
  follow(*node);
  settle(out);
  return kOk;
}

Result<void> ClusterMachine::reset(Instant now, ResetMode mode, bool has_keys, BusEffects& out) {
  begin(now);
  if (self().is_primary && has_keys) {
    return Error("CLUSTER RESET can't be called with master nodes containing keys");
  }
  const bool hard = mode == ResetMode::kHard;
  if (!self().is_primary) {
    make_primary(self());
    self().shard_id = rng_.node_id();
    event(BecomePrimary{});
    event(EmptyDatabase{});
  }
  end_manual_failover();
  view_.unassign_all(self());
  view_.clear_moves();
  taken_.clear();
  leftovers_ = {};
  forget_handovers("this node was reset");
  for (const auto& [id, node] : view_.nodes()) {
    if (&node != &self()) event(CloseLink{id});
  }
  view_.rename_self(hard ? rng_.node_id() : self().id);
  peers_.clear();
  forgotten_.clear();
  welcomed_.clear();
  election_at_.reset();
  asked_ = false;
  if (hard) {
    self().shard_id = rng_.node_id();
    self().config_epoch = {};
    voter_ = Voter();
    view_.set_epochs({}, {});
  }
  change();
  settle(out);
  return kOk;
}

Result<void> ClusterMachine::set_config_epoch(Instant now, int64_t epoch, BusEffects& out) {
  begin(now);
  if (epoch < 0) return Error("Invalid config epoch specified: " + std::to_string(epoch));
  if (view_.nodes().size() > 1) {
    return Error(
        "The user can assign a config epoch only when the node does not know any other node.");
  }
  if (self().config_epoch != Epoch(0)) return Error("Node config epoch is already non-zero");
  self().config_epoch = Epoch(static_cast<uint64_t>(epoch));
  see_epoch(self().config_epoch);
  change();
  settle(out);
  return kOk;
}

bool ClusterMachine::bump_epoch(Instant now, BusEffects& out) {
  begin(now);
  const bool bumped = take_new_epoch();
  settle(out);
  return bumped;
}

Result<size_t> ClusterMachine::count_failure_reports(Instant now, NodeId id) {
  begin(now);
  ClusterNode* node = view_.find(id);
  if (node == nullptr) return Error("Unknown node " + id.hex());
  return node->reports.size();
}

void ClusterMachine::publish(Instant now, Publish message, BusEffects& out) {
  begin(now);
  const BusMessage wrapped = message;
  for (const auto& [id, node] : view_.nodes()) {
    if (&node == &self() || node.handshake) continue;
    if (message.sharded && node.shard_id != self().shard_id) continue;
    send(node, wrapped);
  }
  settle(out);
}

void ClusterMachine::save_config(BusEffects& out) {
  save();
  settle(out);
}

}  // namespace redan
