// Slots that change hands together with their keys. The keys travel on a connection of their own
// (migration_source.h, migration_target.h); here is who owns the slots, whatever crashes.
//
//   target   begin_import .... keys come in .... import_ready            claims: new epoch, tells
//   all source                                       give_slots, tells all                drops its
//   keys
//
// The source decides, once the target said that it is ready: the Given is on disk before anybody
// hears of it, and from then on the source serves the slots no more. The target claims only what
// was given while it is ready, and forgets that it is ready before it declines: so of claim and
// decline there is one at most, and the source may take back what was declined.
// The source keeps the keys until it sees the claim. Whoever dies in between:
// - the source: its Given survives a restart, and a replica that takes over inherits it;
// - the target, which restarts: it is not ready any more, declines, and the source, which still has
//   every key, goes on;
// - the target, whose replica takes over: that one was told what comes in by the stream that
//   brought the keys; where it is ready it asks, is given the slots by name, and claims them;
// - the connection: a target that is ready asks, and is told.
#include "common/protocol/mutants.h"
#include "server/cluster/bus_machine.h"

namespace redan {

using namespace cluster;

namespace {

constexpr Nanos kAskAgain = Millis(500);

}  // namespace

// Without a vote, and newer than all that we know: a claim that must win.
void ClusterMachine::new_epoch() {
  Epoch highest = view_.current_epoch();
  for (const auto& [id, node] : view_.nodes()) highest = std::max(highest, node.config_epoch);
  set_epoch(Epoch(highest.value + 1));
  self().config_epoch = view_.current_epoch();
}

ClusterNode* ClusterMachine::primary_of_shard(NodeId id) {
  ClusterNode* node = view_.find(id);
  if (node == nullptr || (node->is_primary && !node->failed())) return node;
  for (auto& [other_id, other] : view_.nodes()) {
    if (other.is_primary && !other.handshake && other.shard_id == node->shard_id) return &other;
  }
  return node;
}

// ---- The target.

Result<void> ClusterMachine::begin_import(Instant now, const IncomingSlots& import,
                                          BusEffects& out) {
  begin(now);
  if (!self().is_primary) return Error("Slots are imported by masters only");
  const ClusterNode* from = view_.find(import.from);
  if (from == nullptr || from == &self() || from->handshake || !from->is_primary) {
    return Error("Node " + import.from.hex() + " is no other master that I know");
  }
  const SlotSet foreign = import.slots - from->slots;
  if (import.slots.empty() || !foreign.empty()) {
    return Error("Slot " +
                 (foreign.empty() ? "list" : std::to_string(foreign.ranges()[0].first.value)) +
                 " is not served by node " + import.from.hex());
  }
  const SlotSet busy = import.slots & view_.incoming_slots();
  if (!busy.empty()) {
    return Error("Slot " + std::to_string(busy.ranges()[0].first.value) +
                 " is being imported already");
  }
  for (const auto& [move, given] : view_.given()) {
    const SlotSet going = import.slots & given.slots;
    if (going.empty()) continue;
    return Error("Slot " + std::to_string(going.ranges()[0].first.value) +
                 " is on its way from here to " + given.to.hex() + " still: try again soon");
  }
  for (const auto& [slot, node] : view_.importing()) {
    if (import.slots.contains(slot)) {
      return Error("Slot " + std::to_string(slot.value) +
                   " is open (SETSLOT IMPORTING): close it first");
    }
  }
  view_.incoming()[import.move] = import;
  save();
  settle(out);
  return kOk;
}

Result<void> ClusterMachine::import_ready(Instant now, MoveId move, BusEffects& out) {
  begin(now);
  const auto found = view_.incoming().find(move);
  if (found == view_.incoming().end()) return Error("The import is over");
  found->second.ready = true;
  settle(out);
  return kOk;
}

void ClusterMachine::ask_about_import(Instant now, MoveId move, BusEffects& out) {
  begin(now);
  const auto found = view_.incoming().find(move);
  if (found != view_.incoming().end()) found->second.asking = true;
  walk_handovers();
  settle(out);
}

void ClusterMachine::end_import(Instant now, MoveId move, const std::string& why, BusEffects& out) {
  begin(now);
  end_import(move, why);
  settle(out);
}

void ClusterMachine::end_import(MoveId move, const std::string& why) {
  const auto found = view_.incoming().find(move);
  if (found == view_.incoming().end()) return;
  SlotSet gone = found->second.slots - self().slots;
  if (const ClusterNode* primary = my_primary()) gone -= primary->slots;
  view_.incoming().erase(found);
  save();
  if (!gone.empty()) event(DropSlots{gone});
  event(ImportOver{.move = move, .why = why});
}

void ClusterMachine::note_import(Instant now, const IncomingSlots& import, BusEffects& out) {
  begin(now);
  if (self().is_primary || is_settled(import)) return;
  const auto [it, is_new] = view_.incoming().emplace(import.move, import);
  it->second.ready = import.ready;
  if (is_new) save();
  settle(out);
}

void ClusterMachine::forget_import(Instant now, MoveId move, BusEffects& out) {
  begin(now);
  if (view_.incoming().erase(move) > 0) save();
  settle(out);
}

void ClusterMachine::data_replaced(Instant now, BusEffects& out) {
  begin(now);
  for (auto& [move, incoming] : view_.incoming()) incoming.ready = false;
  settle(out);
}

// Some of its slots went from the source to somebody: to us, or past us.
bool ClusterMachine::is_settled(const IncomingSlots& import) const {
  bool settled = false;
  import.slots.for_each([&](Slot slot) {
    const ClusterNode* owner = view_.owner(slot);
  settled |= owner != nullptr && owner->id != import.from;
});
return settled;
}  // namespace redan

void ClusterMachine::walk_handovers() {
  if (view_.incoming().empty()) return;
  std::vector<MoveId> over;
  for (const auto& [move, incoming] : view_.incoming()) {
    if (is_settled(incoming)) over.push_back(move);
  }
  if (!self().is_primary) {
    // A replica notes what may still be claimed. (Its primary's stream tells what becomes of keys.)
    for (const MoveId& move : over) view_.incoming().erase(move), save();
    return;
  }
  for (const MoveId& move : over) end_import(move, "its slots have another owner now");
  bool asking = false;
  for (const auto& [move, incoming] : view_.incoming()) asking |= incoming.asking;
  if (!asking) return;
  if (now_ < handover_asked_ + kAskAgain) return at(handover_asked_ + kAskAgain);
  handover_asked_ = now_;
  at(now_ + kAskAgain);
  for (const auto& [move, incoming] : view_.incoming()) {
    const ClusterNode* to = incoming.asking ? primary_of_shard(incoming.from) : nullptr;
    if (to != nullptr && to != &self()) {
      send(*to, HandoverWord{.move = move, .kind = HandoverWord::Kind::kAsk});
    }
  }
}

// What a primary says that it gave, as far as it is for us: claimed or declined, never left.
void ClusterMachine::look_at_given(From from) {
  if (!self().is_primary || !from.node.is_primary) return;
  for (const Given& given : std::vector<Given>(from.peer.given)) {
    const ClusterNode* to = view_.find(given.to);
    const bool mine = to == &self();
    // It was given to whom we replaced.
    const bool inherited = to != nullptr && !mine && to->shard_id == self().shard_id &&
                           (!to->is_primary || to->failed());
    if (!mine && !inherited) continue;
    if (inherited && mutants::active("import_lost_on_failover")) continue;
    const auto found = view_.incoming().find(given.move);
    if (found != view_.incoming().end() && found->second.ready) {
      if (mine && claims_wait_until_ && now_ < *claims_wait_until_) continue;
      if (mine) {
        claim_given(from, given);
      } else {
        found->second.asking = true;  // For it to be given to us by name.
        walk_handovers();
      }
      continue;
    }
    // Claimed, and perhaps on its way further since: it will see that.
    if (!is_with(from.node, given.slots)) continue;
    end_import(given.move, "its keys are not complete here");
    send(from.node, HandoverWord{.move = given.move, .kind = HandoverWord::Kind::kDeclined});
  }
}

// Nobody else has any of them, for all we know.
bool ClusterMachine::is_with(const ClusterNode& giver, const SlotSet& slots) const {
  bool all = true;
  slots.for_each([&](Slot slot) {
    const ClusterNode* owner = view_.owner(slot);
    all &= owner == nullptr || owner == &giver;
  });
  return all;
}

void ClusterMachine::claim_given(From from, const Given& given) {
  const IncomingSlots import = view_.incoming().at(given.move);
  view_.incoming().erase(given.move);
  SlotSet missed;
  given.slots.for_each([&](Slot slot) {
    const ClusterNode* owner = view_.owner(slot);
    const bool free = owner == nullptr || owner == &self() || owner == &from.node ||
                      owner->id == import.from || view_.unclaimed().contains(slot);
    if (!free) return missed.add(slot);
    view_.clear_importing(slot);
    view_.assign(slot, self());
  });
  new_epoch();
  change();
  told_at_ = now_ - Seconds(1);
  push_state();
  log(LogLevel::kNotice, "Slots " + given.slots.text() + " moved here from " + import.from.hex());
  if (!missed.empty()) event(DropSlots{missed});
  event(ImportClaimed{given.move});
}

// ---- The source.

Result<void> ClusterMachine::give_slots(Instant now, MoveId move, NodeId to, const SlotSet& slots,
                                        BusEffects& out) {
  begin(now);
  ClusterNode* target = view_.find(to);
  if (!self().is_primary) return Error("This node is no master any more");
  if (!view_.ok()) return Error("The cluster is down");
  if (target == nullptr || target == &self() || target->handshake || !target->is_primary) {
    return Error("Node " + to.hex() + " is no other master that I know");
  }
  if (target->suspected()) return Error("Node " + to.hex() + " is not heard");
  const SlotSet foreign = slots - self().slots;
  if (slots.empty() || !foreign.empty()) {
    return Error("Slots " + foreign.text() + " are not mine any more");
  }
  for (const auto* moves : {&view_.migrating(), &view_.importing()}) {
    for (const auto& [slot, node] : *moves) {
      if (slots.contains(slot)) {
        return Error("Slot " + std::to_string(slot.value) + " is open (SETSLOT): close it first");
      }
    }
  }
  view_.given()[move] = {.move = move, .to = to, .epoch = self().config_epoch, .slots = slots};
  slots.for_each([&](Slot slot) {
    view_.assign(slot, *target);
    taken_.erase(slot);
  });
  change();
  told_at_ = now_ - Seconds(1);
  push_state();
  log(LogLevel::kNotice, "Slots " + slots.text() + " are given to " + to.hex());
  if (mutants::active("source_deletes_early")) event(DropSlots{slots});
  settle(out);
  return kOk;
}

// Whoever claims what we gave, with a newer configuration than ours was: there it is.
void ClusterMachine::settle_given(const ClusterNode& owner, Epoch epoch, const SlotSet& claim) {
  if (view_.given().empty()) return;
  SlotSet gone;
  for (auto it = view_.given().begin(); it != view_.given().end();) {
    Given& given = it->second;
    const SlotSet taken = given.slots & claim;
    if (taken.empty() || epoch <= given.epoch) {
      ++it;
      continue;
    }
    gone |= taken;
    given.slots -= taken;
    change();
    if (!given.slots.empty()) {
      ++it;
      continue;
    }
    event(MoveClaimed{given.move});
    it = view_.given().erase(it);
  }
  gone -= self().slots;
  if (gone.empty()) return;
  ClusterNode* now_there = view_.find(owner.id);
  if (self().is_primary && !self().has_slots() && view_.given().empty() &&
      options_.allow_replica_migration && now_there->is_primary) {
    log(LogLevel::kWarning,
        "Configuration change detected. Reconfiguring myself as a replica of " + owner.id.hex());
    return follow(*now_there);
  }
  event(DropSlots{gone});
}

void ClusterMachine::take_back(const Given& given) {
  const ClusterNode* to = view_.find(given.to);
  given.slots.for_each([&](Slot slot) {
    const ClusterNode* owner = view_.owner(slot);
    if (owner == nullptr || owner == to || view_.unclaimed().contains(slot)) {
      view_.assign(slot, self());
      view_.set_unclaimed(SlotSet(given.slots) & self().slots, false);
    }
  });
  // Newer than whatever the other side may have thought of.
  new_epoch();
  change();
  told_at_ = now_ - Seconds(1);
  log(LogLevel::kNotice,
      "Slots " + given.slots.text() + " are not wanted by " + given.to.hex() + ": taken back");
  const MoveId move = given.move;
  view_.given().erase(move);
  push_state();
  event(MoveTakenBack{move});
}

void ClusterMachine::on(From from, const HandoverWord& word) {
  const auto given = view_.given().find(word.move);
  const bool exists = given != view_.given().end();
  switch (word.kind) {
    case HandoverWord::Kind::kAsk:
      return asked_about(from, word.move);
    case HandoverWord::Kind::kDeclined: {
      if (!exists || !self().is_primary) return;
      const ClusterNode* to = view_.find(given->second.to);
      const bool heir = to != nullptr && from.node.is_primary &&
                        from.node.shard_id == to->shard_id && (!to->is_primary || to->failed());
      if (from.node.id == given->second.to || heir) take_back(Given(given->second));
      return;
    }
    case HandoverWord::Kind::kNotGiven: {
      const auto import = view_.incoming().find(word.move);
      if (import == view_.incoming().end() || !self().is_primary) return;
      const ClusterNode* source = view_.find(import->second.from);
      if (source != nullptr && source->shard_id != from.node.shard_id) return;
      return end_import(word.move, "the source did not give its slots away");
    }
  }
}

void ClusterMachine::asked_about(From from, MoveId move) {
  if (!self().is_primary) return;
  const auto found = view_.given().find(move);
  if (found == view_.given().end()) {
    event(MoveAsked{move});
    return send(from.node, HandoverWord{.move = move, .kind = HandoverWord::Kind::kNotGiven});
  }
  Given& given = found->second;
  if (given.to != from.node.id) {
    const ClusterNode* to = view_.find(given.to);
    if (to == nullptr || to->shard_id != from.node.shard_id || !from.node.is_primary) return;
    given.to = from.node.id;
    given.slots.for_each([&](Slot slot) {
      const ClusterNode* owner = view_.owner(slot);
      if (owner == nullptr || owner == to) view_.assign(slot, from.node);
    });
    change();
  }
  send(from.node, own_state());
}

// ---- Changes of roles, restarts, and the operator's hand.

// We take over from a primary that gave slots away: so do we. Answers which.
SlotSet ClusterMachine::inherit_given(const ClusterNode& old) {
  SlotSet all;
  for (Given given : peer(old.id).given) {
    SlotSet pending;
    given.slots.for_each([&](Slot slot) {
      if (view_.owner(slot) == &old) pending.add(slot);
    });
    if (pending.empty()) continue;
    all |= pending;
    given.slots = pending;
    view_.given()[given.move] = given;
    ClusterNode* to = view_.find(given.to);
    pending.for_each([&](Slot slot) {
      to != nullptr && to->is_primary ? view_.assign(slot, *to) : view_.unassign(slot);
    });
  }
  return all;
}

// And from one to which slots were on their way: what is whole here is ours if it was given.
void ClusterMachine::inherit_incoming() {
  std::vector<MoveId> useless;
  for (auto& [move, incoming] : view_.incoming()) {
    incoming.asking = true;
    if (!incoming.ready) useless.push_back(move);
  }
  if (mutants::active("import_lost_on_failover")) return view_.incoming().clear();
  for (const MoveId& move : useless) end_import(move, "the node that imported is gone");
  soon();
}

// After a restart nothing that was coming in is of use: the data set may be any.
SlotSet ClusterMachine::drop_interrupted() {
  SlotSet dropped;
  for (const auto& [move, incoming] : view_.incoming()) dropped |= incoming.slots;
  if (view_.incoming().empty()) return dropped;
  view_.incoming().clear();
  dropped -= self().slots;
  save();
  event(DropSlots{dropped});
  return dropped;
}

void ClusterMachine::forget_handovers(const std::string& why) {
  for (const auto& [move, given] : view_.given()) event(MoveTakenBack{move});
  view_.given().clear();
  for (const auto& [move, incoming] : view_.incoming()) {
    event(ImportOver{.move = move, .why = why});
  }
  view_.incoming().clear();
}

// An operator's word that it will not come back.
void ClusterMachine::end_handovers_with(NodeId forgotten) {
  std::vector<Given> back;
  for (const auto& [move, given] : view_.given()) {
    if (given.to == forgotten) back.push_back(given);
  }
  for (const Given& given : back) take_back(given);
  std::vector<MoveId> over;
  for (const auto& [move, incoming] : view_.incoming()) {
    if (incoming.from == forgotten) over.push_back(move);
  }
  for (const MoveId& move : over) end_import(move, "its source was forgotten");
}

void ClusterMachine::settled_by_hand(const SlotSet& slots) {
  for (auto it = view_.given().begin(); it != view_.given().end();) {
    it->second.slots -= slots;
    if (!it->second.slots.empty()) {
      ++it;
      continue;
    }
    event(MoveTakenBack{it->first});
    it = view_.given().erase(it);
  }
  std::vector<MoveId> over;
  for (const auto& [move, incoming] : view_.incoming()) {
    if (!(incoming.slots & slots).empty()) over.push_back(move);
  }
  for (const MoveId& move : over) end_import(move, "its slots were assigned by hand");
}

bool ClusterMachine::is_handed_over(Slot slot) const {
  for (const auto& [move, given] : view_.given()) {
    if (given.slots.contains(slot)) return true;
  }
  return false;
}

}  // namespace redan
