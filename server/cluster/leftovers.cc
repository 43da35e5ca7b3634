// Keys of slots that others own, found by a node that begins to lead: what its primary had not
// dropped yet of slots that the shard gave up, what it finds in its dump, the data of another shard
// where an operator made it take over too early.
//
// It may not drop them unasked. Keys that MIGRATE brings come by the replication stream, which may
// be ahead of the word that their slot is being imported (as a dump may be ahead of nodes.conf),
// and at their source they are gone. So they are hidden until the owner of the slot has spoken
// after that: one that is moving the slot to us has brought us keys, and the move goes on; else
// they are left-overs.
#include "common/protocol/mutants.h"
#include "server/cluster/bus_machine.h"

namespace redan {

using namespace cluster;

void ClusterMachine::look_for_leftovers(Instant now, const SlotSet& with_keys, BusEffects& out) {
  begin(now);
  if (self().is_primary && !mutants::active("leftovers_stay")) note_leftovers(with_keys);
  settle(out);
}

// What is on its way, in or out, is no left-over; keys of slots that were freed are nobody's to
// drop. A slot whose owner is not heard to claim it is watched all the same: to a node that has
// just started, a claim may be what a stopped owner has not told it yet (migration seed 358).
void ClusterMachine::note_leftovers(const SlotSet& with_keys) {
  SlotSet found = with_keys & view_.assigned();
  found -= self().slots | view_.incoming_slots();
  for (const auto& [move, given] : view_.given()) found -= given.slots;
  for (const auto& [slot, from] : view_.importing()) found.remove(slot);
  leftovers_ |= found;
  leftovers_since_ = now_;
}

// What is streamed to us must not meet the old keys. Where keys are moved in one by one they may be
// here already; and what an operator makes ours, he makes ours with its keys.
void ClusterMachine::settle_leftovers() {
  if (leftovers_.empty()) return;
  for (const auto& [slot, from] : view_.importing()) leftovers_.remove(slot);
  leftovers_ -= self().slots;
  const SlotSet wanted = leftovers_ & view_.incoming_slots();
  if (wanted.empty()) return;
  leftovers_ -= wanted;
  event(DropSlots{wanted});
}

void ClusterMachine::walk_leftovers() {
  if (leftovers_.empty()) return;
  // Until then a word may have been on its way since before we led.
  const Instant fresh = leftovers_since_ + options_.node_timeout;
  SlotSet dropped, kept;
  leftovers_.for_each([&](Slot slot) {
    const ClusterNode* owner = view_.owner(slot);
    if (owner == nullptr || view_.unclaimed().contains(slot)) return;
    const Peer& p = peer(owner->id);
    if (!p.word_at || *p.word_at < fresh) return;
    const auto move = p.migrating.find(slot);
    const bool to_us = move != p.migrating.end() && is_of_my_shard(move->second) &&
                       !mutants::active("cluster_leftovers_not_asked");
    if (to_us) view_.set_importing(slot, owner->id);
    (to_us ? kept : dropped).add(slot);
  });
  leftovers_ -= kept | dropped;
  if (!kept.empty()) {
    log(LogLevel::kNotice,
        "Slots " + kept.text() + " are being moved to my shard: I go on with it");
    change_of_moves();
  }
  if (!dropped.empty()) event(DropSlots{dropped});
}

// All that it has to tell at this moment is known to us.
void ClusterMachine::note_word(From from) {
  from.peer.word_at = now_;
  if (!leftovers_.empty()) soon();
}

bool ClusterMachine::is_of_my_shard(NodeId id) const {
  const ClusterNode* node = view_.find(id);
  return node != nullptr && node->shard_id == view_.myself().shard_id;
}

}  // namespace redan
