// A sentinel's decisions, whole: which nodes are watched and silent, when a primary is down for
// enough of us, who leads the failover, which replica takes over, and how everybody is brought in
// line afterwards. Pure: inputs and the time come in, effects go out.
//
// Use: start() once, then receive() for everything that happens and tick() at next_deadline().
// After every call that takes `out` the driver performs the effects in order and asks
// next_deadline() again. One thread. Operator verbs answer at once; their effects follow in `out`.
//
// Why at most one leader per epoch: see common/election; each ballot is per watched primary, and
// the Persist of a ballot stands before the AnswerPeer that tells it. Epochs never go back: the
// current epoch and each config epoch only grow, and are persisted before they are told.
// Where each part is: machine.cc (doors, links to peers and nodes), probes.cc (periodic requests),
// down.cc (SDOWN, ODOWN), infos.cc (consequences of INFO), hellos.cc, votes.cc, failover.cc,
// handover.cc (manual failover without loss), operator.cc, views.cc.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/rng.h"
#include "sentinel/logic/effects.h"
#include "sentinel/logic/hello.h"
#include "sentinel/logic/instance.h"
#include "sentinel/logic/selection.h"

namespace redan {

class SentinelMachine {
 public:
  // `state` is what was on disk, or {.id = a fresh identity}.
  SentinelMachine(SentinelOptions options, DurableState state, uint64_t seed, Instant now);

  void start(Instant now, SentinelEffects& out);
  void receive(Instant now, const SentinelInput& input, SentinelEffects& out);
  void tick(Instant now, SentinelEffects& out);
  Instant next_deadline() const { return next_deadline_; }

  // ---- Operator verbs (SENTINEL ...). Errors carry Redis' texts.
  // `address` is resolved by the caller where hostnames are allowed.
  Result<void> monitor(Instant now, const std::string& name, Address address, uint32_t quorum,
                       SentinelEffects& out);
  Result<void> remove(Instant now, const std::string& name, SentinelEffects& out);
  // How many primaries matched and were reset.
  size_t reset(Instant now, const std::string& pattern, SentinelEffects& out);
  // `words` are the option value pairs behind SENTINEL SET <name>. Nothing is changed on an error
  // in a pair, except by the pairs before it, as in Redis.
  Result<void> set(Instant now, const std::string& name, const std::vector<std::string>& words,
                   SentinelEffects& out);
  Result<void> failover(Instant now, const std::string& name, SentinelEffects& out);
  Result<void> flush_config(SentinelEffects& out);
  // SENTINEL CONFIG SET and SENTINEL DEBUG change these; persisted by the caller's driver.
  SentinelOptions& options() { return options_; }
  const SentinelOptions& options() const { return options_; }
  // SENTINEL SIMULATE-FAILURE: the driver stops the process at the announced event itself.

  // ---- Views.
  using Fields = std::vector<std::pair<std::string, std::string>>;
  const NodeId& id() const { return id_; }
  Epoch current_epoch() const { return current_epoch_; }
  bool in_tilt() const { return tilt_since_.has_value(); }
  std::vector<std::string> primary_names() const;
  const Primary* find(const std::string& name) const;
  const Link* find_link(LinkId id) const;
  // Where clients should go: the promoted replica as soon as it is known to be promoted.
  std::optional<Address> current_address(const std::string& name) const;
  // SENTINEL MASTER, one entry of REPLICAS and SENTINELS, with every field of Redis' output.
  Result<Fields> primary_fields(Instant now, const std::string& name) const;
  Result<std::vector<Fields>> replica_fields(Instant now, const std::string& name) const;
  Result<std::vector<Fields>> peer_fields(Instant now, const std::string& name) const;
  // "OK 3 usable Sentinels. Quorum and failover authorization can be reached", or NOQUORUM.
  Result<std::string> check_quorum(const std::string& name) const;
  // The section "# Sentinel" of INFO, without the script counters (running, queued), which the
  // driver's runner knows.
  std::string info_section(Instant now, size_t running_scripts, size_t queued_scripts) const;
  // SENTINEL INFO-CACHE: (age in ms, INFO text) of the primary and then of each replica.
  struct CachedInfo {
    std::string name;
    std::vector<std::pair<int64_t, std::string>> entries;
  };
  std::vector<CachedInfo> info_cache(Instant now, const std::vector<std::string>& names) const;
  // Who would be promoted now, with the reason against each other one.
  std::optional<Selection> dry_run(Instant now, const std::string& name) const;
  DurableState durable() const;
  // Writes what the machine believes, for failing tests.
  std::string dump(Instant now) const;

 private:
  struct Pass;  // One walk over everything at one time, collecting the next deadline.

  // machine.cc
  void settle(Instant now, SentinelEffects& out);
  void walk(Pass& p);
  void notice_stall(Instant now, SentinelEffects& out);
  void on(Instant now, const LinkUp& up, SentinelEffects& out);
  void on(Instant now, const LinkDown& down, SentinelEffects& out);
  void on(Instant now, const Answer& answer, SentinelEffects& out);
  void on(Instant now, const HelloHeard& hello, SentinelEffects& out);
  void on(Instant now, const PeerQuestion& question, SentinelEffects& out);
  void on(Instant now, const HostResolved& resolved, SentinelEffects& out);  // hosts.cc
  Link& link(LinkId id);
  const Link& link(LinkId id) const;
  LinkId new_link(Instant now, LinkKind kind, const Address& address, const std::string& primary,
                  NodeId peer = {});
  void drop_link(LinkId id, SentinelEffects& out);
  void drop_peer_link(LinkId id, SentinelEffects& out);  // Unless a peer record still uses it.
  void close(Instant now, Link& link, LinkPart part, SentinelEffects& out);
  void send(Instant now, Link& link, const std::string& primary, Request request,
            SentinelEffects& out);
  bool can_send(const Link& link) const;
  void persist(SentinelEffects& out);
  void event(SentinelEffects& out, EventLevel level, const std::string& type,
             const Primary& primary, const std::string& more = {});
  void event(SentinelEffects& out, EventLevel level, const std::string& type,
             const Primary& primary, const Replica& replica, const std::string& more = {});
  void event(SentinelEffects& out, EventLevel level, const std::string& type,
             const Primary& primary, const Peer& peer, const std::string& more = {});
  void announce(SentinelEffects& out, EventLevel level, const std::string& type,
                const Primary* primary, const std::string& text);
  void client_reconfig(SentinelEffects& out, const Primary& primary, bool leader,
                       const Address& from, const Address& to);
  Replica& add_replica(Instant now, Primary& primary, const Address& address, SentinelEffects& out);
  DataNode* find_node(Primary& primary, LinkId id, Replica** replica);
  // hosts.cc
  std::string resolved_ip(const std::string& host, SentinelEffects& out);
  // probes.cc
  void keep_link(Pass& p, Link& link, const Primary& primary, const Instance& node);
  void keep_subscription(Pass& p, Link& link, const Instance& node);
  void probe(Pass& p, Link& link, const Primary& primary);
  void ask_info(Pass& p, Primary& primary, DataNode& node, bool is_replica);
  void say_hello(Pass& p, Primary& primary, LinkId link, Instant& next_publish);
  void hurry_hellos(Instant now, Primary& primary);
  // down.cc
  void check_down(Pass& p, Primary& primary, Instance& node, Replica* replica, Peer* peer);
  void check_odown(Pass& p, Primary& primary);
  void ask_peers(Pass& p, Primary& primary);
  // infos.cc
  void on_info(Instant now, Primary& primary, DataNode& node, Replica* replica,
               const PendingRequest& request, const std::string& text, SentinelEffects& out);
  void on_role_of_replica(Instant now, Primary& primary, Replica& replica, SentinelEffects& out);
  void bring_in_line(Pass& p, Primary& primary, Replica& replica);
  bool looks_sane(Instant now, const Primary& primary) const;
  bool not_down_for(Instant now, const Instance& node, Nanos span) const;
  bool hears_majority(Instant now, const Primary& primary) const;
  bool told_here(const DataNode& node) const;
  bool unchanged_since_vote(const Primary& primary, const DataNode& node) const;
  bool proven_leftover(Pass& p, Primary& primary, DataNode& node, DataNode& successor);
  bool follows(const Replica& replica, const Address& source) const;
  void reconfigure(Instant now, Link& link, const Primary& primary, std::optional<Address> source,
                   SentinelEffects& out);
  // hellos.cc
  void on_hello(Instant now, const Hello& hello, SentinelEffects& out);
  void move_peer(Instant now, NodeId id, const Address& to, SentinelEffects& out);
  void switch_primary(Instant now, Primary& primary, const Address& to, SentinelEffects& out);
  void clear_failover(Primary& primary);
  // votes.cc
  bool adopt_epoch(Primary& primary, Epoch epoch, SentinelEffects& out);
  void vote(Instant now, Primary& primary, Epoch epoch, NodeId candidate, bool handover,
            SentinelEffects& out);
  void request_votes(Instant now, Primary& primary, SentinelEffects& out);
  void on_vote(Instant now, Primary& primary, Peer& peer, const PendingRequest& request,
               const PrimaryDownReply& reply);
  // failover.cc
  void step_failover(Pass& p, Primary& primary);
  void consider_failover(Pass& p, Primary& primary);
  void start_failover(Instant now, Primary& primary, SentinelEffects& out);
  void wait_start(Pass& p, Primary& primary);
  void select(Pass& p, Primary& primary);
  void send_promotion(Pass& p, Primary& primary);
  void order_promotion(Instant now, Primary& primary, Replica& replica, SentinelEffects& out);
  void wait_promotion(Pass& p, Primary& primary);
  void was_promoted(Instant now, Primary& primary, Replica& replica, SentinelEffects& out);
  void reconfigure_replicas(Pass& p, Primary& primary);
  void enter(Instant now, Primary& primary, FailoverState state);
  void abort_failover(Instant now, Primary& primary, const std::string& why, SentinelEffects& out);
  Replica* promoted(Primary& primary);
  // views.cc
  static const Replica* find_successor(const Primary& primary);
  // handover.cc
  void begin_handover(Instant now, Primary& primary, SentinelEffects& out);
  void hand_over(Pass& p, Primary& primary);
  void hold_pause(Pass& p, Primary& primary);
  void on_pause_reply(Instant now, Primary& primary, const NodeReply& reply);

  SentinelOptions options_;
  NodeId id_;
  Epoch current_epoch_{};
  Instant epoch_since_{};  // When the current epoch was adopted.
  Rng rng_;
  std::map<std::string, std::unique_ptr<Primary>> primaries_;
  std::map<LinkId, Link> links_;
  uint32_t last_link_ = 0;
  uint64_t last_request_ = 0;
  std::map<std::string, std::string> hosts_;  // Resolved names; empty: asked, not known yet.
  std::optional<Instant> tilt_since_;
  Instant last_seen_{};
  Instant next_deadline_{};
  bool again_ = false;  // A rule changed something that earlier rules of the walk look at.
};

}  // namespace redan
