// Who owns which slot: claims and their epochs, what outdated claims are told, and the roles that
// follow from them.
#include "common/protocol/mutants.h"
#include "server/cluster/bus_machine.h"

namespace redan {

using namespace cluster;

namespace {

constexpr Nanos kCorrectAgain = Millis(500);

}  // namespace

void ClusterMachine::take_state(From from, const NodeState& state) {
  see_epoch(state.current_epoch);
  ClusterNode& node = from.node;
  from.peer.announces_ip = !state.address.ip.empty();
  learn_address(node, state.address, from.sender.observed_ip);
  if (node.shard_id != state.shard_id || node.nofailover != state.nofailover) {
    node.shard_id = state.shard_id;
    node.nofailover = state.nofailover;
    change();
  }
  take_role(from, state);
  // A replica whose primary we have not met is asked again, until we know whom it follows. What we
  // believed before, when it followed another, is no answer.
  const bool understood = state.is_primary || node.primary == state.primary;
  from.peer.state_digest = understood ? state.digest() : 0;
  from.peer.migrating = state.migrating;
  note_word(from);
  if (!node.is_primary) return;
  if (state.config_epoch > node.config_epoch) {
    node.config_epoch = state.config_epoch;
    change();
  }
  from.peer.claim = state.slots;
  from.peer.claim_epoch = state.config_epoch;
  from.peer.claim_seen = 0;
  from.peer.given = state.given;
  look_at_claim(from);
  look_at_given(from);
  resolve_collision(node, state.config_epoch);
  if (!self().is_primary && self().primary == node.id) mirror_moves(state);
}

// A replica keeps what its primary moves, so that it can go on with that when it takes over.
void ClusterMachine::mirror_moves(const NodeState& of_primary) {
  if (mutants::active("cluster_moves_not_mirrored")) return;
  if (of_primary.migrating == view_.migrating() && of_primary.importing == view_.importing())
    return;
  view_.clear_moves();
  for (const auto& [slot, to] : of_primary.migrating) view_.set_migrating(slot, to);
  for (const auto& [slot, from] : of_primary.importing) view_.set_importing(slot, from);
  change_of_moves();
}

void ClusterMachine::take_role(From from, const NodeState& state) {
  ClusterNode& node = from.node;
  if (state.is_primary) {
    if (!node.is_primary) make_primary(node);
    return;
  }
  if (!node.is_primary && node.primary == state.primary) return;
  const bool known = state.primary.empty() || view_.find(state.primary) != nullptr;
  if (known || node.is_primary) make_replica(node, state.primary);
}

// The claim of a primary against what we believe. Looked at again whenever we believe something
// new, and while it is outdated.
void ClusterMachine::look_at_claim(From from) {
  Peer& p = from.peer;
  ClusterNode& node = from.node;
  if (p.claim_seen != slots_version_) {
    take_claim(node, p.claim_epoch, p.claim);
    settle_given(node, p.claim_epoch, p.claim);
    p.claim_seen = slots_version_;
  }
  if (!node.is_primary) return;
  const SlotSet refused = p.claim - node.slots - view_.unclaimed();
  if (refused.empty()) return;
  if (p.corrected && now_ - *p.corrected < kCorrectAgain) return;
  const ClusterNode* winner = nullptr;
  refused.for_each([&](Slot slot) {
    const ClusterNode* owner = view_.owner(slot);
    if (winner == nullptr && owner != nullptr && owner->config_epoch > p.claim_epoch) {
      winner = owner;
    }
  });
  if (winner == nullptr) return;
  p.corrected = now_;
  send(node, Update{.owner = winner->id,
                    .config_epoch = winner->config_epoch,
                    .slots = winner->slots - view_.unclaimed()});
}

void ClusterMachine::take_claim(ClusterNode& owner, Epoch epoch, const SlotSet& claim) {
  ClusterNode* before = self().is_primary ? &self() : my_primary();
  // Slots that it lets go of stay bound to it, so that clients are redirected rather than refused;
  // but whoever claims them may have them.
  view_.set_unclaimed(owner.slots - claim, true);
  view_.set_unclaimed(owner.slots & claim, false);
  SlotSet news = claim - owner.slots;
  if (keep_taken(owner, epoch, claim, news)) take_new_epoch();
  if (news.empty()) return;
  // What we import changes hands by SETSLOT only, or within the shard that it comes from. (Redis
  // would see its source's failover too late.) A replica believes its primary.
  for (const auto& [slot, from] : view_.importing()) {
    const ClusterNode* held_by = view_.owner(slot);
    const bool within = held_by != nullptr && held_by->shard_id == owner.shard_id;
    if (self().is_primary && !within) news.remove(slot);
  }
  SlotSet lost;
  size_t from_before = 0;
  bool changed = false;
  news.for_each([&](Slot slot) {
    const ClusterNode* held_by = view_.owner(slot);
    const bool free = held_by == nullptr || view_.unclaimed().contains(slot);
    const bool newer =
        (free || held_by->config_epoch < epoch || mutants::active("cluster_stale_claim_accepted"));
    if (!newer) return;
    if (held_by == &self()) lost.add(slot);
    if (held_by != nullptr && held_by == before) ++from_before;
    view_.assign(slot, owner);
    changed = true;
  });
  if (!changed) return;
  retarget_moves(owner);
  change();
  // Left without slots: whoever took them over is the primary of this shard now.
  if (from_before > 0 && before->slots.empty() && before != &owner &&
      (options_.allow_replica_migration || claim.size() == from_before)) {
    log(LogLevel::kWarning,
        "Configuration change detected. Reconfiguring myself as a replica of " + owner.id.hex());
    follow(owner);
  } else if (!lost.empty()) {
    lost.for_each([&](Slot slot) { view_.clear_migrating(slot); });
    event(DropSlots{lost});
  }
}

// The keys of a slot that we finished importing are here, whatever its source took a new epoch for
// before it heard of that: its claim is answered by a newer one of ours (true). Redis would give
// the slot back and delete its keys.
bool ClusterMachine::keep_taken(const ClusterNode& owner, Epoch epoch, const SlotSet& claim,
                                SlotSet& news) {
  bool contested = false;
  for (auto next = taken_.begin(); next != taken_.end();) {
    const auto taken = next++;
    if (owner.shard_id != taken->second) continue;
    if (!claim.contains(taken->first)) {  // It knows.
      taken_.erase(taken);
      continue;
    }
    news.remove(taken->first);
    contested |= epoch > self().config_epoch;
  }
  return contested;
}

// The other end of a move failed over: what was to go there goes to its successor.
void ClusterMachine::retarget_moves(const ClusterNode& successor) {
  const auto succeeded = [&](NodeId id) {
    const ClusterNode* node = view_.find(id);
    return node != nullptr && node != &successor && node->shard_id == successor.shard_id &&
           !node->has_slots();
  };
  const std::map<Slot, NodeId> migrating = view_.migrating(), importing = view_.importing();
  for (const auto& [slot, to] : migrating) {
    if (succeeded(to)) view_.set_migrating(slot, successor.id);
  }
  for (const auto& [slot, from] : importing) {
    if (succeeded(from)) view_.set_importing(slot, successor.id);
  }
}

// We took over: of the moves that our primary told us of, those are left that have not ended.
void ClusterMachine::drop_finished_moves() {
  const std::map<Slot, NodeId> migrating = view_.migrating(), importing = view_.importing();
  for (const auto& [slot, to] : migrating) {
    if (view_.owner(slot) != &self() || view_.find(to) == nullptr) view_.clear_migrating(slot);
  }
  for (const auto& [slot, from] : importing) {
    if (view_.owner(slot) == &self() || view_.find(from) == nullptr) view_.clear_importing(slot);
  }
}

void ClusterMachine::on(From, const Update& update) {
  ClusterNode* owner = view_.find(update.owner);
  if (owner == nullptr || owner == &self() || owner->handshake) return;
  if (owner->config_epoch >= update.config_epoch) return;
  see_epoch(update.config_epoch);
  if (!owner->is_primary) make_primary(*owner);
  owner->config_epoch = update.config_epoch;
  take_claim(*owner, update.config_epoch, update.slots);
  settle_given(*owner, update.config_epoch, update.slots);
  // What it said of itself is older than this: compare with its next word.
  peer(owner->id).state_digest = 0;
  change();
}

// Two primaries with one config epoch: neither claim is newer. The smaller identity moves on.
void ClusterMachine::resolve_collision(const ClusterNode& from, Epoch its) {
  ClusterNode& me = self();
  if (!me.is_primary || !from.is_primary || its != me.config_epoch || from.id <= me.id) return;
  set_epoch(Epoch(view_.current_epoch().value + 1));
  me.config_epoch = view_.current_epoch();
  log(LogLevel::kVerbose, "configEpoch collision with node " + from.id.hex() +
                              ". Updating my configEpoch to " +
                              std::to_string(me.config_epoch.value));
  change();
}

// Without asking anybody: after a move that an operator or a tool decided.
bool ClusterMachine::take_new_epoch() {
  Epoch highest = view_.current_epoch();
  for (const auto& [id, node] : view_.nodes()) highest = std::max(highest, node.config_epoch);
  ClusterNode& me = self();
  if (me.config_epoch != Epoch(0) && me.config_epoch == highest) return false;
  set_epoch(Epoch(highest.value + 1));
  me.config_epoch = view_.current_epoch();
  change();
  return true;
}

// Its primary is one replica poorer, and by the operator's will: nobody needs to fill the place.
void ClusterMachine::detach(const ClusterNode& replica) {
  if (replica.is_primary || replica.primary.empty()) return;
  if (view_.replicas_of(replica.primary).size() == 1) peer(replica.primary).had_replicas = false;
}

void ClusterMachine::make_primary(ClusterNode& node) {
  if (node.is_primary) return;
  detach(node);
  node.is_primary = true;
  node.primary = {};
  node.config_epoch = {};
  if (&node != &self()) peer(node.id).had_replicas = true;
  change();
}

void ClusterMachine::make_replica(ClusterNode& node, NodeId primary) {
  detach(node);
  view_.unassign_all(node);
  node.is_primary = false;
  node.config_epoch = {};
  ClusterNode* to = view_.find(primary);
  node.primary = to == nullptr ? NodeId() : primary;
  if (to != nullptr) peer(primary).had_replicas = true;
  change();
}

void ClusterMachine::follow(ClusterNode& primary) {
  ClusterNode& me = self();
  view_.clear_moves();
  taken_.clear();
  leftovers_ = {};  // Our primary says what goes.
  forget_handovers("this node follows another now");
  make_replica(me, primary.id);
  peer(primary.id).state_digest = 0;  // It has to tell again what it moves.
  me.shard_id = primary.shard_id;
  election_at_.reset();
  asked_ = false;
  event(Follow{.primary = primary.id, .address = primary.address});
  end_manual_failover();
}

}  // namespace redan
