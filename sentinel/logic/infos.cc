// What follows from a node's INFO, and how nodes whose role or primary is wrong are put right.
#include <algorithm>

#include "common/protocol/mutants.h"
#include "sentinel/logic/pass.h"

namespace redan {
namespace {

// A bound on what a confused primary can make us watch.
constexpr size_t kMostReplicas = 1024;

}  // namespace

void SentinelMachine::on_info(Instant now, Primary& primary, DataNode& node, Replica* replica,
                              const PendingRequest& request, const std::string& text,
                              SentinelEffects& out) {
  InfoText info = parse_info(text);
  if (!info.run_id.empty() && info.run_id != node.run_id) {
    if (!node.run_id.empty()) {
      if (replica != nullptr) {
        event(out, EventLevel::kNotice, "+reboot", primary, *replica);
      } else {
        event(out, EventLevel::kNotice, "+reboot", primary);
        if (primary.options.reboot_down_after > Millis(0)) primary.reboot_since = now;
      }
    }
    node.run_id = info.run_id;
  }
  const InfoText before = std::exchange(node.info, std::move(info));
  node.info_raw = text;
  node.info_at = now;
  node.info_sent_at = request.sent;
  if (replica == nullptr) {
    bool grown = false;
    for (const Address& address : node.info.replicas) {
      Address known = address;
      if (!is_ip_literal(known.ip)) {
        known.hostname = known.ip;
        known.ip = resolved_ip(known.hostname, out);
        if (known.ip.empty()) continue;
      }
      if (known == primary.address || primary.replicas.count(known) != 0) continue;
      if (primary.replicas.size() >= kMostReplicas) break;
      add_replica(now, primary, known, out);
      grown = true;
    }
    if (grown) persist(out);
  } else if (before.primary_host != node.info.primary_host ||
             before.primary_port != node.info.primary_port) {
    replica->source_since = now;
  }
  if (!node.info.is_primary) return;  // No role told: nothing follows.
  const bool says_primary = *node.info.is_primary;
  const uint32_t connection = link(node.link).commands.attempt;
  if (node.told_over != connection || says_primary != before.is_primary) {
    node.told_over = connection;
    node.told_since = now;
  }
  if (says_primary != node.says_primary) {
    node.says_primary = says_primary;
    node.role_since = now;
    if (replica != nullptr && !says_primary) replica->source_since = now;
    const std::string what =
        std::string("new reported role is ") + (says_primary ? "master" : "slave");
    const bool as_configured = says_primary == (replica == nullptr);
    const char* type = as_configured ? "+role-change" : "-role-change";
    if (replica != nullptr) {
      event(out, EventLevel::kVerbose, type, primary, *replica, what);
    } else {
      event(out, EventLevel::kVerbose, type, primary, what);
    }
  }
  if (!tilt_since_ && replica != nullptr) on_role_of_replica(now, primary, *replica, out);
}

void SentinelMachine::on_role_of_replica(Instant now, Primary& primary, Replica& replica,
                                         SentinelEffects& out) {
  const Nanos poll = options_.timings.fast_poll;
  const bool waiting =
      primary.state == FailoverState::kHandOver || primary.state == FailoverState::kWaitPromotion;
  if (replica.promoted && waiting) replica.next_info = now + poll;
  if (replica.says_primary) {
    // A leftover that was chosen said so before our order reached it, too: that proves nothing.
    if (replica.promoted && primary.state == FailoverState::kWaitPromotion &&
        replica.info_sent_at > primary.state_since) {
      was_promoted(now, primary, replica, out);
    }
    return;
  }
  replica.superseded_by.reset();
  replica.proof_asked.reset();
  if (replica.reconf == ReconfStep::kNone || replica.reconf == ReconfStep::kDone) return;
  const Replica* leader = promoted(primary);
  if (leader == nullptr) return;
  if (replica.reconf == ReconfStep::kSent && follows(replica, leader->address)) {
    replica.reconf = ReconfStep::kInProgress;
    event(out, EventLevel::kNotice, "+slave-reconf-inprog", primary, replica);
  }
  if (replica.reconf == ReconfStep::kInProgress && replica.info.link_up) {
    replica.reconf = ReconfStep::kDone;
    event(out, EventLevel::kNotice, "+slave-reconf-done", primary, replica);
    return;
  }
  replica.next_info = now + 10 * poll;
}

// Whether its INFO names `source` as its primary.
bool SentinelMachine::follows(const Replica& replica, const Address& source) const {
  const std::string& host = replica.info.primary_host;
  if (replica.info.primary_port != source.port || host.empty()) return false;
  if (host == source.ip || host == source.hostname) return true;
  const auto it = hosts_.find(host);
  return it != hosts_.end() && !it->second.empty() && it->second == source.ip;
}

bool SentinelMachine::looks_sane(Instant now, const Primary& primary) const {
  return primary.says_primary && !primary.is_down() && !primary.odown_since && primary.info_at &&
         now - *primary.info_at < 2 * options_.timings.info_period;
}

bool SentinelMachine::not_down_for(Instant now, const Instance& node, Nanos span) const {
  return node.last_down == Instant{} || now - node.last_down > span;
}

// Whether a majority of the sentinels told us lately that our configuration is theirs, and nobody
// an epoch beyond it. Then it is not we who slept through a newer one, nor is one being made.
bool SentinelMachine::hears_majority(Instant now, const Primary& primary) const {
  const Nanos settled = 5 * options_.timings.publish_period;
  if (current_epoch_ > primary.config_epoch && now - epoch_since_ < settled) return false;
  size_t agreeing = 1;
  for (const auto& [id, peer] : primary.peers) {
    const bool fresh = now - peer.last_hello <= 3 * options_.timings.publish_period;
    if (fresh && !peer.is_down() && peer.told_config_epoch == primary.config_epoch) ++agreeing;
  }
  return agreeing >= primary.electorate() / 2 + 1;
}

void SentinelMachine::reconfigure(Instant now, Link& to, const Primary& primary,
                                  std::optional<Address> source, SentinelEffects& out) {
  if (source && !options_.announce_hostnames) source->hostname.clear();
  if (source && options_.announce_hostnames && !source->hostname.empty()) source->ip.clear();
  send(now, to, primary.name, Reconfigure{.primary = std::move(source)}, out);
}

// Whether the node told its role over the connection that is open now. Every reconfiguration cuts
// all other connections to the node (CLIENT KILL in its MULTI), with whatever is under way in them.
// So an order that leaves over this one is carried out only if nobody changed the node's role since
// it told us: the connection is the order's condition.
bool SentinelMachine::told_here(const DataNode& node) const {
  const Channel& commands = link(node.link).commands;
  const bool over_this =
      node.told_over == commands.attempt || mutants::active("order_over_any_link");
  return commands.up && over_this && node.info.is_primary;
}

// Whether we, who lead, may order the node to follow: a promotion by a leader of a later epoch
// would have cut the open connection. It would if the node says over it that it is a replica, and
// also if the connection is older than our election: a majority voted for us, and some of them
// later for that leader.
bool SentinelMachine::unchanged_since_vote(const Primary& primary, const DataNode& node) const {
  const Channel& commands = link(node.link).commands;
  const bool older =
      commands.up_since <= primary.election_since || mutants::active("order_over_any_link");
  if (commands.up && older) return true;
  return told_here(node) && !*node.info.is_primary;
}

// Whether a node that says master is a leftover beyond doubt: it was the primary until our own
// configuration replaced it and has not been a replica since; a majority of sentinels shares our
// configuration; and, asked after the node made its claim over the open connection, the successor
// confirms its role and a majority of sentinels tells ballots of no later epoch. A leader that
// promotes the node anew is elected by a majority, so one of those voted for it after it answered
// us, and the promotion, later than the claim, cuts the connection before our order arrives.
bool SentinelMachine::proven_leftover(Pass& p, Primary& primary, DataNode& node,
                                      DataNode& successor) {
  if (node.superseded_by != primary.config_epoch || !told_here(node) || !*node.info.is_primary ||
      node.is_down() || !successor.says_primary || successor.is_down() || primary.odown_since ||
      !hears_majority(p.now, primary)) {
    return false;
  }
  // Whoever asks for the vote of epoch zero is given none, but told the ballot, by stock sentinels
  // too. An answer of an earlier round counts, if it was asked for after the claim.
  if (!node.proof_asked || *node.proof_asked < node.told_since ||
      p.due(*node.proof_asked + options_.timings.ask_period)) {
    node.proof_asked = p.now;
    successor.next_info = p.now;
    again_ = true;
    for (auto& [id, peer] : primary.peers) {
      Link& to = link(peer.link);
      if (!can_send(to)) continue;
      send(
          p.now, to, primary.name,
          AskPrimaryDown{
              .name = primary.name, .primary = primary.address, .epoch = Epoch{}, .candidate = id_},
          p.out);
    }
  }
  if (successor.info_sent_at < node.told_since) return false;
  size_t agreeing = primary.voter.ballot().epoch <= primary.config_epoch ? 1 : 0;
  for (const auto& [id, peer] : primary.peers) {
    const bool told = peer.told_asked >= node.told_since && peer.told_ballot;
    if (told && *peer.told_ballot <= primary.config_epoch) ++agreeing;
  }
  return agreeing >= primary.electorate() / 2 + 1;
}

// A node that ought to be a replica of our primary and is not. One that is proven to be a leftover
// is demoted at once. Whoever else says master may have been promoted by a newer configuration, the
// news of which is on its way to us: for that Redis waits four hello periods, and so do we, counted
// from when the node first said so over this connection.
void SentinelMachine::bring_in_line(Pass& p, Primary& primary, Replica& replica) {
  if (!told_here(replica) || primary.failing_over()) return;
  Link& to = link(replica.link);
  if (!can_send(to)) return;
  const SentinelTimings& t = options_.timings;
  const auto demote = [&](const char* type) {
    replica.last_demotion = p.now;
    reconfigure(p.now, to, primary, primary.address, p.out);
    event(p.out, EventLevel::kNotice, type, primary, replica);
  };
  if (replica.says_primary) {
    if (mutants::active("demote_without_proof")) {
      if (p.due(replica.last_demotion + Seconds(1))) demote("+convert-to-slave");
      return;
    }
    if (looks_sane(p.now, primary) && proven_leftover(p, primary, replica, primary) &&
        p.due(replica.last_demotion + Seconds(1))) {
      return demote("+convert-to-slave");
    }
    const Nanos wait = 4 * t.publish_period;
    if (looks_sane(p.now, primary) && !replica.is_down() &&
        p.due(std::max({replica.role_since + wait, replica.told_since + wait,
                        replica.last_down + wait, replica.last_demotion + t.info_period}))) {
      demote("+convert-to-slave");
    }
    return;
  }
  if (replica.info.primary_host.empty() || follows(replica, primary.address)) return;
  if (!is_ip_literal(replica.info.primary_host) &&
      resolved_ip(replica.info.primary_host, p.out).empty() && options_.resolve_hostnames) {
    return;  // A name not yet known: it may well be our primary's.
  }
  const Nanos wait = primary.options.failover_timeout;
  if (looks_sane(p.now, primary) && !replica.is_down() &&
      p.due(std::max({replica.source_since + wait, replica.last_down + wait,
                      replica.last_demotion + t.info_period}))) {
    demote("+fix-slave-config");
  }
}

}  // namespace redan
