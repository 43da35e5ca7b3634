// The cluster as this node sees it: all nodes, who owns which slot, whether it may serve. The
// machine changes it; commands, routing and drivers hold it as const. Data thread only.
//
// Invariants (check_invariants()): a slot has at most one owner here, owner(s) == &n exactly if
// n.slots contains s; replicas and handshaking nodes own nothing. References to nodes stay valid
// until the node is removed, which SlotsChanged or the machine's return announces.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "server/cluster/handover.h"
#include "server/cluster/node.h"

namespace redan {

// A slot with everything that routing asks about it.
struct SlotView {
  const ClusterNode* owner = nullptr;
  const ClusterNode* migrating_to = nullptr;    // Ours, on its way out.
  const ClusterNode* importing_from = nullptr;  // Not ours yet, on its way in.
  bool mine = false;
  bool of_my_primary = false;  // We are a replica of its owner.
};

// The bus messages that CLUSTER INFO counts, in its order.
enum class BusCount {
  kPing,
  kPong,
  kMeet,
  kFail,
  kPublish,
  kAuthReq,
  kAuthAck,
  kUpdate,
  kMfStart,
  kModule,  // None here; the place is kept for Redis' order.
  kPublishShard,
  kState  // Full state, members and their requests, which Redis does not have.
};
inline constexpr size_t kBusCounts = 12;

class ClusterView {
 public:
  explicit ClusterView(NodeId self);
  ClusterView(const ClusterView&) = delete;
  ClusterView& operator=(const ClusterView&) = delete;

  const ClusterNode& myself() const { return *myself_; }
  const ClusterNode* find(NodeId id) const;
  const std::map<NodeId, ClusterNode>& nodes() const { return nodes_; }
  // Of a replica its primary, else itself; nullptr for an orphan.
  const ClusterNode* primary_of(const ClusterNode& node) const;
  std::vector<const ClusterNode*> replicas_of(NodeId primary) const;

  const ClusterNode* owner(Slot slot) const { return owners_[slot.value]; }
  const ClusterNode* migrating_to(Slot slot) const { return moving(migrating_, slot); }
  const ClusterNode* importing_from(Slot slot) const { return moving(importing_, slot); }
  const std::map<Slot, NodeId>& migrating() const { return migrating_; }
  const std::map<Slot, NodeId>& importing() const { return importing_; }
  SlotView slot(Slot slot) const;
  // Ours, and they stay, and the cluster is up: calls on these are served without further
  // questions. The set stays where it is, and is empty from a change of the view until somebody
  // asks again.
  const SlotSet& served() const {
    if (!served_known_) find_served();
    return served_;
  }
  // A call on this slot must count its keys before it is routed.
  bool is_moving(Slot slot) const {
    return (!migrating_.empty() && migrating_.count(slot) > 0) ||
           (!importing_.empty() && importing_.count(slot) > 0);
  }
  // Slots whose owner no longer claims them, while nobody else claims them yet.
  const SlotSet& unclaimed() const { return unclaimed_; }
  SlotSet assigned() const;
  // What we gave away and nobody claimed yet, and what is being streamed to us.
  const std::map<MoveId, Given>& given() const { return given_; }
  const std::map<MoveId, IncomingSlots>& incoming() const { return incoming_; }
  SlotSet incoming_slots() const;

  bool ok() const { return ok_; }
  // Why the state is fail: the words of the log.
  const std::string& down_reason() const { return down_reason_; }
  Epoch current_epoch() const { return current_epoch_; }
  Epoch last_vote_epoch() const { return last_vote_epoch_; }
  // Primaries with slots, and how many of them we hear.
  size_t size() const;
  size_t reachable() const;
  size_t majority() const { return size() / 2 + 1; }
  // Nodes that are met, ourselves included.
  size_t known_nodes() const;

  uint64_t sent(BusCount kind) const { return sent_[static_cast<size_t>(kind)]; }
  uint64_t received(BusCount kind) const { return received_[static_cast<size_t>(kind)]; }
  // Drivers answer pings on their own and count them here, on the data thread.
  void count_sent(BusCount kind, uint64_t n = 1) { sent_[static_cast<size_t>(kind)] += n; }
  void count_received(BusCount kind, uint64_t n = 1) { received_[static_cast<size_t>(kind)] += n; }
  void reset_counts();
  uint64_t buffer_limit_exceeded = 0;  // Links that a driver closed for cluster-link-sendbuf-limit.

  // Grows with each change that CLUSTER SLOTS, SHARDS or NODES would show, apart from times and
  // offsets: what a cached reply is valid for.
  uint64_t version() const { return version_; }

  // ---- For the machine and for the loading of nodes.conf.
  ClusterNode& self() { return *myself_; }
  ClusterNode* find(NodeId id);
  std::map<NodeId, ClusterNode>& nodes() { return nodes_; }
  ClusterNode& add(NodeId id);
  // Its slots become unassigned, its replicas orphans, its reports void.
  void remove(NodeId id);
  // Everybody else is removed, and ourselves named `id`.
  void rename_self(NodeId id);
  void assign(Slot slot, ClusterNode& to);
  void unassign(Slot slot);
  void unassign_all(ClusterNode& node);
  void set_migrating(Slot slot, NodeId to) { migrating_[slot] = to, changed(); }
  void set_importing(Slot slot, NodeId from) { importing_[slot] = from, changed(); }
  void clear_migrating(Slot slot) { migrating_.erase(slot) > 0 ? changed() : void(); }
  void clear_importing(Slot slot) { importing_.erase(slot) > 0 ? changed() : void(); }
  void clear_moves();
  std::map<MoveId, Given>& given() { return given_; }
  std::map<MoveId, IncomingSlots>& incoming() { return incoming_; }
  void set_unclaimed(const SlotSet& slots, bool is) {
    is ? unclaimed_ |= slots : unclaimed_ -= slots;
  }
  void set_state(bool ok, std::string reason);
  void set_epochs(Epoch current, Epoch last_vote);
  void touch() { changed(); }

  void check_invariants() const;

 private:
  void changed() {
    ++version_;
    forget_served();
  }
  void forget_served() {
    if (served_known_) served_.clear();
    served_known_ = false;
  }
  void find_served() const;
  const ClusterNode* moving(const std::map<Slot, NodeId>& moves, Slot slot) const;

  std::map<NodeId, ClusterNode> nodes_;
  ClusterNode* myself_;
  std::array<ClusterNode*, kSlotCount> owners_{};
  std::map<Slot, NodeId> migrating_, importing_;
  SlotSet unclaimed_;
  std::map<MoveId, Given> given_;
  std::map<MoveId, IncomingSlots> incoming_;
  bool ok_ = false;
  std::string down_reason_ = "this node has just started";
  Epoch current_epoch_{}, last_vote_epoch_{};
  uint64_t version_ = 1;
  mutable SlotSet served_;  // See served(); found again after a change.
  mutable bool served_known_ = false;
  std::array<uint64_t, kBusCounts> sent_{}, received_{};
};

}  // namespace redan
