// A node's part in the cluster, whole: who belongs to it, who is down, who owns which slot, which
// replica takes over. Pure: messages, facts and the time come in, effects go out. Behaves as Redis
// 7.2 does, over a bus of our own.
//
// Use: construct from nodes.conf, start() once, then receive() for every message, link_up() and
// link_down() for streams, tick() at next_deadline() and after set_replication(). After every call
// with `out` perform its effects in order and ask next_deadline() again. Data thread only; the bus
// thread answers pings by itself (liveness.h).
//
// Why it is safe:
// - Every promise (vote, epoch, claim on slots) is in the Persist before the Send that tells it.
// - A primary with slots votes once in an epoch; a replica needs a majority of them to win it, and
//   its claim carries that epoch: claims of one epoch have one owner.
// - A slot changes hands only to a claim of a higher config epoch. Primaries whose config epochs
//   are equal get different ones: the smaller identity takes a new one.
// Where each part is: machine.cc (doors, what is sent and when), membership.cc (meet, gossip,
// forget, addresses), failure.cc (PFAIL, FAIL, the cluster's state), slots.cc (claims, epochs),
// election.cc, manual_failover.cc, replica_migration.cc, handover.cc (slots that move with their
// keys), leftovers.cc (keys that they leave behind), operator.cc (CLUSTER's verbs).
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/rng.h"
#include "common/election/election.h"
#include "server/cluster/bus_effects.h"
#include "server/cluster/nodes_file.h"
#include "server/cluster/options.h"
#include "server/cluster/view.h"

namespace redan {

// Who sent a message, as the driver knows it. The ips may be empty where it cannot tell.
struct BusSender {
  NodeId id;                // Envelope::from
  std::string observed_ip;  // Where the stream comes from,
  std::string local_ip;     // and where it ends: how others reach us.
  NodeId link;              // The link whose stream, opened by us, it came back on; else empty.
};

// What the data plane knows of replication, by value.
struct ReplicationFacts {
  int64_t offset = 0;    // Ours: end of the stream that we wrote or applied.
  bool link_up = false;  // Replica: connected to the primary, and in sync.
  Instant contact{};     // Replica: last byte from the primary, or when the link went down.
  bool refused = false;  // Replica: the primary came back without its data, and ours was kept.
};

enum class FailoverMode { kGraceful, kForce, kTakeover };
enum class ResetMode { kSoft, kHard };

class ClusterMachine {
 public:
  // `stored`: what nodes.conf held; without a file, NodesFile::fresh(rng's id).
  ClusterMachine(ClusterOptions options, const NodesFile& stored, uint64_t seed, Instant now);

  void start(Instant now, cluster::BusEffects& out);
  void receive(Instant now, const BusSender& from, const cluster::BusMessage& message,
               cluster::BusEffects& out);
  // The stream that sends to `link` (BusPeer::link) is open, or was lost or refused.
  void link_up(Instant now, NodeId link, cluster::BusEffects& out);
  void link_down(Instant now, NodeId link, cluster::BusEffects& out);
  void tick(Instant now, cluster::BusEffects& out);
  Instant next_deadline() const { return next_deadline_; }

  // Keep it fresh: before each tick at least. Emits nothing by itself.
  void set_replication(const ReplicationFacts& facts) {
    replication_ = facts;
    if (facts.link_up || self().is_primary) data_of_ = self().shard_id;
  }
  // A replica that has joined a shard has that one's data once it was in sync there.
  bool has_data() const { return data_of_ == view_.myself().shard_id; }
  void configure(Instant now, ClusterOptions options, cluster::BusEffects& out);
  const ClusterOptions& options() const { return options_; }
  // Once after the data set was loaded: slots with keys that nobody owns become ours, as in Redis;
  // those that others own are left-overs (Redis 7.2 opens these slots for a tool).
  void adopt_loaded_slots(Instant now, const SlotSet& with_keys, cluster::BusEffects& out);
  // After BecomePrimary: slots with keys, but for those that are being dropped.
  void look_for_leftovers(Instant now, const SlotSet& with_keys, cluster::BusEffects& out);
  // Slots of others whose keys here are not to be seen until it is known what becomes of them.
  const SlotSet& leftovers() const { return leftovers_; }

  const ClusterView& view() const { return view_; }
  ClusterView& counters() { return view_; }  // For count_sent() and count_received() of pings.
  // What the last Persist held, or would hold now.
  std::string config_text() const;

  // ---- Operator verbs, CLUSTER ... Errors carry Redis' texts; nothing is changed on an error.
  Result<void> meet(Instant now, const std::string& ip, uint16_t port, uint16_t bus_port,
                    cluster::BusEffects& out);
  Result<void> forget(Instant now, NodeId id, cluster::BusEffects& out);
  Result<void> add_slots(Instant now, const SlotSet& slots, cluster::BusEffects& out);
  Result<void> del_slots(Instant now, const SlotSet& slots, cluster::BusEffects& out);
  Result<void> flush_slots(Instant now, bool has_keys, cluster::BusEffects& out);
  Result<void> set_slot_migrating(Instant now, Slot slot, NodeId to, cluster::BusEffects& out);
  Result<void> set_slot_importing(Instant now, Slot slot, NodeId from, cluster::BusEffects& out);
  Result<void> set_slot_stable(Instant now, Slot slot, cluster::BusEffects& out);
  Result<void> set_slot_node(Instant now, Slot slot, NodeId to, size_t keys_in_slot,
                             cluster::BusEffects& out);
  Result<void> replicate(Instant now, NodeId primary, bool has_keys, cluster::BusEffects& out);
  Result<void> failover(Instant now, FailoverMode mode, cluster::BusEffects& out);
  Result<void> reset(Instant now, ResetMode mode, bool has_keys, cluster::BusEffects& out);
  Result<void> set_config_epoch(Instant now, int64_t epoch, cluster::BusEffects& out);
  // ---- Hand-overs of slots, for the migration driver; see handover.cc. Target:
  Result<void> begin_import(Instant now, const IncomingSlots& import, cluster::BusEffects& out);
  // Every key is here and at our replicas: from now on the slots are claimed when they are given.
  Result<void> import_ready(Instant now, MoveId move, cluster::BusEffects& out);
  // The source is silent: ask it.
  void ask_about_import(Instant now, MoveId move, cluster::BusEffects& out);
  // Given up: its keys go, and it will never be claimed.
  void end_import(Instant now, MoveId move, const std::string& why, cluster::BusEffects& out);
  // A replica is told by its primary's stream what comes in there, and what came to nothing.
  void note_import(Instant now, const IncomingSlots& import, cluster::BusEffects& out);
  void forget_import(Instant now, MoveId move, cluster::BusEffects& out);
  // Its data set was replaced whole: what was ready may not be there.
  void data_replaced(Instant now, cluster::BusEffects& out);
  // Source, when the target is ready and nothing is written any more: the decision.
  Result<void> give_slots(Instant now, MoveId move, NodeId to, const SlotSet& slots,
                          cluster::BusEffects& out);
  // True: a new epoch ("BUMPED e"); false: ours is already the highest ("STILL e").
  bool bump_epoch(Instant now, cluster::BusEffects& out);
  Result<size_t> count_failure_reports(Instant now, NodeId id);
  // To all other nodes, or to those of our shard.
  void publish(Instant now, cluster::Publish message, cluster::BusEffects& out);
  void save_config(cluster::BusEffects& out);

  // What the machine believes, for failing tests.
  std::string dump(Instant now) const;

 private:
  // What we remember of a peer beside its record in the view.
  struct Peer {
    std::optional<Instant> pinged;       // Our last ping.
    Nanos early{};                       // How much before its time we ask next.
    bool reconnected = false;            // The stream was closed once for the ping under way.
    uint64_t state_digest = 0;           // Of the last NodeState that we took in; 0: none.
    std::optional<Instant> state_asked;  // When we asked for a newer one.
    bool announces_ip = false;
    Epoch claim_epoch{};       // What that state claimed. It is looked at again when the slots
    SlotSet claim;             // have changed since then:
    uint64_t claim_seen = 0;   // slots_version_ at that time.
    std::vector<Given> given;  // As it told last;
    std::map<Slot, NodeId> migrating;  // this, too.
    std::optional<Instant> word_at;    // When we last knew that this is all that it has to tell.
    std::optional<Instant> corrected;  // When we last told it that its claim is outdated.
    std::vector<NodeId> suspects;      // As it told last.
    uint64_t roster_mine = 0, roster_its = 0;  // Digests when we last sent our roster, which is
    Instant roster_again{};                    // repeated with a growing gap while they differ.
    Nanos roster_gap{};
    std::optional<Instant> voted;         // Primary: when we last voted for a replica of it.
    std::optional<Instant> orphan_since;  // Primary: has slots and no working replica.
    bool had_replicas = false;            // Primary: replicas may migrate to it.
    // Handshake.
    uint64_t token = 0;
    bool by_operator = false;
    NodeId expect;  // Who it should be, if gossip told.
    Instant handshake_since{};
    std::optional<Instant> meet_sent;
  };

  // machine.cc
  void begin(Instant now);
  void settle(cluster::BusEffects& out);
  void walk();
  void at(Instant when) { next_deadline_ = std::min(next_deadline_, when); }
  void soon() { at(now_); }
  void send(const ClusterNode& to, cluster::BusMessage message);
  void broadcast(const cluster::BusMessage& message);
  void event(cluster::BusEvent event) { events_.push_back(std::move(event)); }
  void log(cluster::LogLevel level, std::string text);
  // Must be on disk before anything leaves.
  void save() { dirty_ = true; }
  // Roles, slots, epochs or members changed: saved, told, and looked at again.
  void change();
  // The same for slots on the move, which promise nothing to others: saved a little later, so that
  // a tool that moves slot after slot does not wait for the disk each time.
  void change_of_moves();
  Nanos heartbeat_gap(const ClusterNode& to, const Peer& p) const;
  void keep_contact(ClusterNode& node);
  void push_state();
  cluster::Heartbeat heartbeat(bool ping) const;
  const std::vector<NodeId>& suspects() const;
  cluster::NodeState own_state() const;
  Peer& peer(NodeId id) { return peers_[id]; }
  ClusterNode& self() { return view_.self(); }
  ClusterNode* my_primary() { return self().is_primary ? nullptr : view_.find(self().primary); }
  void see_epoch(Epoch epoch);
  void set_epoch(Epoch current);
  // on(): the sender is known; it was heard just now.
  struct From {
    ClusterNode& node;
    Peer& peer;
    const BusSender& sender;
  };
  void on(From from, const cluster::Heartbeat& heartbeat);
  void on(From from, const cluster::NodeState& state);
  void on(From from, const cluster::StateRequest& request);
  void on(From from, const cluster::Publish& publish);

  // membership.cc
  void on(From from, const cluster::Meet& meet);
  void on(From from, const cluster::Met& met);
  void on(From from, const cluster::NotMe& not_me);
  void on(From from, const cluster::Roster& roster);
  void on(From from, const cluster::Members& members);
  void on_meet(const BusSender& sender, const cluster::Meet& meet);
  void on_met(const BusSender& sender, const cluster::Met& met);
  void on_not_me(const BusSender& sender);
  void keep_handshake(ClusterNode& node);
  void start_handshake(const NodeAddress& address, NodeId expect, bool by_operator);
  ClusterNode& admit(NodeId id);
  void drop(NodeId id);
  void learn_address(ClusterNode& node, const NodeAddress& told, const std::string& observed_ip);
  void set_address(ClusterNode& node, const NodeAddress& address);
  void learn_own_ip(const std::string& local_ip);
  uint64_t members_digest() const;
  void compare_members(From from, uint64_t digest);
  void point_out(From from, const std::vector<NodeId>& suspects);
  bool is_forgotten(NodeId id) const;
  void welcome(NodeId id);
  void forget_until(NodeId id, Instant until);
  void take_forgotten(From from, const std::vector<cluster::Forgotten>& list);

  // failure.cc
  void on(From from, const cluster::Fail& fail);
  static bool counts(const ClusterNode& node) { return node.is_primary && node.has_slots(); }
  void notice_stall();
  void check_silence(ClusterNode& node);
  Instant silence_ends(const ClusterNode& node) const;
  void ask_now(ClusterNode& node);
  void take_reports(From from, const std::vector<NodeId>& suspects);
  void consider_fail(ClusterNode& node);
  void mark_failed(ClusterNode& node);
  void answered(ClusterNode& node);
  void update_state();
  size_t majority();

  // slots.cc
  void on(From from, const cluster::Update& update);
  void take_state(From from, const cluster::NodeState& state);
  void take_role(From from, const cluster::NodeState& state);
  void take_claim(ClusterNode& owner, Epoch epoch, const SlotSet& claim);
  void mirror_moves(const cluster::NodeState& of_primary);
  void retarget_moves(const ClusterNode& successor);
  void drop_finished_moves();
  bool keep_taken(const ClusterNode& owner, Epoch epoch, const SlotSet& claim, SlotSet& news);
  void look_at_claim(From from);
  void resolve_collision(const ClusterNode& from, Epoch its);
  bool take_new_epoch();
  void follow(ClusterNode& primary);
  void make_primary(ClusterNode& node);
  void make_replica(ClusterNode& node, NodeId primary);
  void detach(const ClusterNode& replica);

  // handover.cc
  void on(From from, const cluster::HandoverWord& word);
  void walk_handovers();
  void look_at_given(From from);
  void settle_given(const ClusterNode& owner, Epoch epoch, const SlotSet& claim);
  bool is_settled(const IncomingSlots& import) const;
  bool is_with(const ClusterNode& giver, const SlotSet& slots) const;
  void claim_given(From from, const Given& given);
  void take_back(const Given& given);
  void asked_about(From from, MoveId move);
  void end_import(MoveId move, const std::string& why);
  SlotSet inherit_given(const ClusterNode& old);
  void inherit_incoming();
  SlotSet drop_interrupted();
  void forget_handovers(const std::string& why);
  void end_handovers_with(NodeId forgotten);
  void settled_by_hand(const SlotSet& slots);
  bool is_handed_over(Slot slot) const;
  ClusterNode* primary_of_shard(NodeId node);
  void new_epoch();

  // leftovers.cc
  void note_leftovers(const SlotSet& with_keys);
  void settle_leftovers();
  void walk_leftovers();
  void note_word(From from);
  bool is_of_my_shard(NodeId id) const;

  // election.cc
  void on(From from, const cluster::VoteRequest& request);
  void on(From from, const cluster::Vote& vote);
  void stand_for_election();
  void schedule_election();
  bool data_is_fresh() const;
  size_t rank() const;
  void win(Epoch epoch);

  // manual_failover.cc
  void on(From from, const cluster::FailoverStart& start);
  void on(From from, const cluster::FailoverPaused& paused);
  void step_manual_failover();
  void end_manual_failover();

  // replica_migration.cc
  void consider_migration();

  ClusterOptions options_;
  ClusterView view_;
  Rng rng_;
  Voter voter_;
  std::map<NodeId, Peer> peers_;
  std::map<NodeId, Instant> forgotten_;  // Until when.
  std::map<NodeId, Instant> welcomed_;   // By an operator's MEET, and when.
  ReplicationFacts replication_;
  NodeId data_of_;         // The shard whose data we hold: we may have joined another one since.
  Instant now_;            // Of the current call.
  Instant next_deadline_;  // Of which
  Instant expected_;       // was told last; a call long after it tells of a stall.

  // The outcome of the current call.
  std::vector<std::pair<cluster::BusPeer, cluster::BusMessage>> sends_;
  std::vector<cluster::BusEvent> events_;
  bool dirty_ = false;
  std::optional<Instant> dirty_by_;              // What change_of_moves() changed is saved by then.
  uint64_t slots_version_ = 1;                   // Grows with every change().
  uint64_t own_digest_ = 0, own_digest_of_ = 0;  // Of own_state() at that slots_version_.
  mutable uint64_t members_digest_ = 0, members_digest_of_ = 0;
  mutable std::vector<NodeId> suspects_;  // Of that version, too.
  mutable uint64_t suspects_of_ = 0;
  uint64_t told_digest_ = 0;  // The state that all were sent last,
  Instant told_at_;           // and when.
  bool alarm_ = false;        // A new suspicion: heartbeats leave at once.
  cluster::Card card_;

  // slots.cc: what we finished importing, and the shard it came from, which may claim it still.
  std::map<Slot, NodeId> taken_;

  Instant handover_asked_{};                  // handover.cc
  std::optional<Instant> claims_wait_until_;  // After a stall.

  // leftovers.cc: slots of others that have keys here, until their owners have spoken.
  SlotSet leftovers_;
  Instant leftovers_since_{};

  // failure.cc
  std::optional<Instant> wait_until_;      // After a restart, before writes are accepted.
  std::optional<Instant> minority_since_;  // The last time that we were in a minority.
  size_t electorate_ = 0;                  // The most primaries with slots that we knew lately,
  Instant electorate_until_{};             // until when that counts.
  bool all_assigned_ = false;
  uint64_t all_assigned_of_ = 0;
  // election.cc: the current attempt.
  Campaign campaign_;
  std::optional<Instant> election_at_;
  bool asked_ = false;
  Instant asked_at_;
  size_t rank_ = 0;
  // manual_failover.cc
  std::optional<Instant> manual_until_;
  uint64_t manual_attempt_ = 0;
  NodeId manual_replica_;                 // Primary: who takes over.
  std::optional<int64_t> manual_offset_;  // Replica: where the primary's stream ends.
  bool manual_ready_ = false;             // Replica: may stand for election.
  Instant manual_again_;                  // When the next word is due.
};

}  // namespace redan
