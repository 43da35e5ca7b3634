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
// election.cc, manual_failover.cc, replica_migration.cc, operator.cc (CLUSTER's verbs).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
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
};

// What the data plane knows of replication, by value.
struct ReplicationFacts {
  int64_t offset = 0;    // Ours: end of the stream that we wrote or applied.
  bool link_up = false;  // Replica: connected to the primary, and in sync.
  Instant contact{};     // Replica: last byte from the primary, or when the link went down.
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
  void set_replication(const ReplicationFacts& facts) { replication_ = facts; }
  void configure(Instant now, ClusterOptions options, cluster::BusEffects& out);
  const ClusterOptions& options() const { return options_; }
  // Once after the data set was loaded: slots with keys that nobody owns become ours, those of
  // others are held as importing, as Redis does.
  void adopt_loaded_slots(Instant now, const SlotSet& with_keys, cluster::BusEffects& out);

  const ClusterView& view() const { return view_; }
  ClusterView& counters() { return view_; }  // For count_sent() and count_received() of pings.
  NodesFile stored() const;

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
    std::optional<Instant> sent;           // Our last message to it.
    std::optional<Instant> pinged;         // Our last ping.
    uint64_t state_digest = 0;             // Of the last NodeState that we took in; 0: none.
    std::optional<Instant> state_asked;    // When we asked for a newer one.
    Epoch claim_epoch{};                   // What that state claimed, looked at again when the
    SlotSet claim;                         // view of slots has changed since:
    uint64_t claim_seen = 0;               // slots_version_ then.
    std::optional<Instant> updated;        // When we last told it that its claim is outdated.
    uint64_t told_mine = 0, told_its = 0;  // Digests of the last exchange of members,
    Instant tell_again{};                  // which is repeated with growing distance.
    Nanos tell_gap{};
    std::optional<Instant> voted;         // Primary: when we last voted for a replica of it.
    std::optional<Instant> orphan_since;  // Primary: has slots and no working replica.
    bool had_replicas = false;            // Primary: replicas may migrate to it.
    bool reconnected = false;             // The stream was closed once for the current ping.
    // Handshake.
    uint64_t token = 0;
    bool by_operator = false;
    NodeId expect;  // Who it should be, if gossip told.
    Instant handshake_since{};
    std::optional<Instant> meet_sent;
  };

  // machine.cc
  void settle(Instant now, cluster::BusEffects& out);
  void walk(Instant now);
  void at(Instant when) { next_deadline_ = std::min(next_deadline_, when); }
  void send(Instant now, const ClusterNode& to, cluster::BusMessage message);
  void broadcast(Instant now, const cluster::BusMessage& message);
  void event(cluster::BusEvent event);
  void log(cluster::LogLevel level, std::string text);
  void save() { dirty_ = true; }
  void change_topology() { dirty_ = changed_ = true, ++slots_version_, view_.touch(); }
  Nanos heartbeat_gap() const { return options_.node_timeout / 4; }
  void keep_contact(Instant now, ClusterNode& node);
  void keep_handshake(Instant now, ClusterNode& node);
  void notice_stall(Instant now);
  cluster::Heartbeat heartbeat(Instant now) const;
  cluster::NodeState own_state() const;
  Peer& peer(NodeId id) { return peers_[id]; }
  void see_epoch(Epoch epoch);
  void on(Instant now, ClusterNode& from, const BusSender& sender, const cluster::Heartbeat&);
  void on(Instant now, ClusterNode& from, const BusSender& sender, const cluster::NodeState&);
  void on(Instant now, ClusterNode& from, const BusSender& sender, const cluster::StateRequest&);
  void on(Instant now, ClusterNode& from, const BusSender& sender, const cluster::Meet&);
  void on(Instant now, ClusterNode& from, const BusSender& sender, const cluster::Met&);
  void on(Instant now, ClusterNode& from, const BusSender& sender, const cluster::Members&);
  void on(Instant now, ClusterNode& from, const BusSender& sender, const cluster::Fail&);
  void on(Instant now, ClusterNode& from, const BusSender& sender, const cluster::Update&);
  void on(Instant now, ClusterNode& from, const BusSender& sender, const cluster::VoteRequest&);
  void on(Instant now, ClusterNode& from, const BusSender& sender, const cluster::Vote&);
  void on(Instant now, ClusterNode& from, const BusSender& sender, const cluster::FailoverStart&);
  void on(Instant now, ClusterNode& from, const BusSender& sender, const cluster::FailoverPaused&);
  void on(Instant now, ClusterNode& from, const BusSender& sender, const cluster::Publish&);
  void on(Instant now, ClusterNode& from, const BusSender& sender, const cluster::NotMe&);
  // membership.cc
  void on_meet(Instant now, const BusSender& sender, const cluster::Meet& meet);
  void on_met(Instant now, const BusSender& sender, const cluster::Met& met);
  ClusterNode& start_handshake(Instant now, const NodeAddress& address, NodeId expect);
  ClusterNode& admit(Instant now, NodeId id);
  void learn_address(ClusterNode& node, NodeAddress address, const std::string& observed_ip);
  void learn_own_ip(const std::string& local_ip);
  void drop(NodeId id);
  uint64_t members_digest() const;
  void compare_members(Instant now, ClusterNode& from, uint64_t digest);
  cluster::Members members() const;
  bool forgotten(Instant now, NodeId id);
  void forget_for(Instant now, NodeId id, Nanos span);
  // failure.cc
  bool counts(const ClusterNode& node) const { return node.is_primary && node.has_slots(); }
  void check_silence(Instant now, ClusterNode& node);
  void take_reports(Instant now, const ClusterNode& from, const std::vector<NodeId>& suspects);
  size_t expire_reports(Instant now, ClusterNode& node);
  void consider_fail(Instant now, ClusterNode& node);
  void mark_failed(Instant now, ClusterNode& node);
  void answered(Instant now, ClusterNode& node);
  void update_state(Instant now);
  // slots.cc
  void take_state(Instant now, ClusterNode& from, const BusSender& sender,
                  const cluster::NodeState& state);
  void take_claim(Instant now, ClusterNode& owner, Epoch epoch, const SlotSet& claim);
  void correct_claim(Instant now, ClusterNode& from);
  void resolve_collision(ClusterNode& from, Epoch its);
  bool take_new_epoch();
  Epoch highest_epoch() const;
  void follow(Instant now, ClusterNode& primary);
  void set_primary_role(ClusterNode& node);
  void set_replica_role(ClusterNode& node, NodeId primary, NodeId shard);
  // election.cc
  void stand_for_election(Instant now);
  void ask_for_votes(Instant now);
  void win(Instant now, Epoch epoch);
  size_t rank() const;
  // manual_failover.cc
  void step_manual_failover(Instant now);
  void end_manual_failover();
  // replica_migration.cc
  void consider_migration(Instant now);
  size_t working_replicas(NodeId primary) const;

  ClusterOptions options_;
  ClusterView view_;
  Rng rng_;
  Voter voter_;
  std::map<NodeId, Peer> peers_;
  std::map<NodeId, Instant> forgotten_;  // Until when.
  ReplicationFacts replication_;
  Instant now_{};  // Of the last call.
  Instant next_deadline_{};
  Instant expected_{};  // next_deadline_ as it was told; a late tick tells of a stall.

  // The outcome of the current call.
  std::vector<std::pair<cluster::BusPeer, cluster::BusMessage>> sends_;
  std::vector<cluster::BusEvent> events_;
  bool dirty_ = false;    // nodes.conf must be written before sends_ leave.
  bool changed_ = false;  // Our own state, or what the cluster's state depends on.
  uint64_t slots_version_ = 1;
  uint64_t told_digest_ = 0;  // Of our own state, as all were told.
  Instant told_at_{};
  bool alarm_ = false;  // A new suspicion: heartbeats leave at once.
  cluster::Heartbeat card_;
  bool has_card_ = false;

  // failure.cc
  Instant started_{};
  std::optional<Instant> minority_since_;  // Last time we were in a minority.
  // election.cc: the current attempt.
  Campaign campaign_;
  std::optional<Instant> election_at_;
  bool asked_ = false;
  size_t rank_ = 0;
  // manual_failover.cc
  std::optional<Instant> manual_until_;
  NodeId manual_replica_;                 // Primary: who takes over.
  std::optional<int64_t> manual_offset_;  // Replica: where the primary's stream ends.
  bool manual_ready_ = false;             // Replica: may stand for election.
  Instant manual_told_{};
};

}  // namespace redan
