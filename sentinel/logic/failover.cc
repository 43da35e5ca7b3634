// The steps of a failover, from the first vote to the last replica.
#include <algorithm>

#include "common/protocol/mutants.h"
#include "sentinel/logic/pass.h"

namespace redan {
namespace {

// Redis spreads the times of candidates over a second, so that the next attempts do not collide.
constexpr Millis kDesync{1'000};

}  // namespace

const char* failover_state_name(FailoverState state) {
  switch (state) {
    case FailoverState::kNone:
      return "none";
    case FailoverState::kWaitStart:
      return "wait_start";
    case FailoverState::kSelectReplica:
      return "select_slave";
    case FailoverState::kHandOver:
    case FailoverState::kSendPromotion:
      return "send_slaveof_noone";
    case FailoverState::kWaitPromotion:
      return "wait_promotion";
    case FailoverState::kReconfigureReplicas:
      return "reconf_slaves";
    case FailoverState::kUpdateConfig:
      return "update_config";
  }
  return "unknown";
}

void SentinelMachine::enter(Instant now, Primary& primary, FailoverState state) {
  primary.state = state;
  primary.state_since = now;
  again_ = true;
}

Replica* SentinelMachine::promoted(Primary& primary) {
  if (!primary.promoted) return nullptr;
  const auto it = primary.replicas.find(*primary.promoted);
  return it == primary.replicas.end() ? nullptr : &it->second;
}

void SentinelMachine::abort_failover(Instant, Primary& primary, const std::string& why,
                                     SentinelEffects& out) {
  event(out, EventLevel::kWarning, why, primary);
  clear_failover(primary);
  again_ = true;
}

// ODOWN, nobody tried within the last two failover timeouts: stand, after a short random wait that
// lets one of several sentinels ask first.
void SentinelMachine::consider_failover(Pass& p, Primary& primary) {
  if (!primary.odown_since || primary.failing_over()) {
    primary.candidate_at.reset();
    return;
  }
  if (primary.last_attempt != Instant{} &&
      !p.due(primary.last_attempt + 2 * primary.options.failover_timeout)) {
    return;
  }
  if (!primary.candidate_at) {
    primary.candidate_at = p.now + rng_.span(Nanos(0), options_.timings.candidate_delay);
  }
  if (!p.due(*primary.candidate_at)) return;
  primary.forced = false;
  start_failover(p.now, primary, p.out);
}

void SentinelMachine::start_failover(Instant now, Primary& primary, SentinelEffects& out) {
  primary.candidate_at.reset();
  current_epoch_ = current_epoch_.next();
  epoch_since_ = now;
  primary.campaign = Campaign(current_epoch_);
  announce(out, EventLevel::kWarning, "+new-epoch", &primary, std::to_string(current_epoch_.value));
  event(out, EventLevel::kWarning, "+try-failover", primary);
  primary.last_attempt = now + rng_.span(Nanos(0), kDesync);
  primary.election_since = now;
  enter(now, primary, FailoverState::kWaitStart);
  vote(now, primary, current_epoch_, id_, false, out);
  primary.campaign.count(id_, primary.voter.ballot());
  request_votes(now, primary, out);
}

void SentinelMachine::step_failover(Pass& p, Primary& primary) {
  switch (primary.state) {
    case FailoverState::kNone:
      return;
    case FailoverState::kWaitStart:
      return wait_start(p, primary);
    case FailoverState::kSelectReplica:
      return select(p, primary);
    case FailoverState::kHandOver:
      return hand_over(p, primary);
    case FailoverState::kSendPromotion:
      return send_promotion(p, primary);
    case FailoverState::kWaitPromotion:
      return wait_promotion(p, primary);
    case FailoverState::kReconfigureReplicas:
    case FailoverState::kUpdateConfig:
      return reconfigure_replicas(p, primary);
  }
}

void SentinelMachine::wait_start(Pass& p, Primary& primary) {
  const Epoch epoch = primary.campaign.epoch();
  const Nanos patience =
      std::min<Nanos>(options_.timings.election_timeout, primary.options.failover_timeout);
  const bool outdated = primary.voter.ballot().epoch > epoch || primary.config_epoch >= epoch;
  if (outdated || p.due(primary.election_since + patience)) {
    return abort_failover(p.now, primary, "-failover-abort-not-elected", p.out);
  }
  bool won = primary.campaign.leader(primary.electorate(), primary.options.quorum) == id_;
  if (mutants::active("promote_without_votes")) won = true;
  if (!won && primary.forced && p.due(primary.election_since + options_.timings.forced_after)) {
    // An operator's order needs nobody's consent, as in Redis; but where others answered and
    // backed a rival, two orders are being carried out at once and the rival's stands.
    if (primary.campaign.has_rival(id_)) {
      return abort_failover(p.now, primary, "-failover-abort-not-elected", p.out);
    }
    won = true;
  }
  if (!won) {
    // The epoch moved on without us (another primary's election): voters refuse ours, ask anew.
    if (current_epoch_ > epoch && !primary.candidate_at) {
      primary.candidate_at = p.now + rng_.span(Nanos(0), options_.timings.candidate_delay);
    }
    if (current_epoch_ > epoch && p.due(*primary.candidate_at)) {
      const Instant since = primary.election_since;
      start_failover(p.now, primary, p.out);
      primary.election_since = since;
    }
    return;
  }
  event(p.out, EventLevel::kWarning, "+elected-leader", primary);
  event(p.out, EventLevel::kWarning, "+failover-state-select-slave", primary);
  const Instant since = primary.down_since.value_or(primary.election_since);
  for (auto& [address, replica] : primary.replicas) {
    if (replica.info_sent_at < since && replica.info_asked < since) replica.next_info = p.now;
  }
  enter(p.now, primary, FailoverState::kSelectReplica);
}

void SentinelMachine::select(Pass& p, Primary& primary) {
  // Offsets told before the failure would choose by chance: wait a moment for what left since.
  const Instant since = primary.down_since.value_or(primary.election_since);
  for (const auto& [address, replica] : primary.replicas) {
    const bool awaited =
        link(replica.link).commands.up && !replica.is_down() && replica.info_sent_at < since;
    if (awaited && !mutants::active("stale_info_accepted") &&
        !p.due(primary.state_since + options_.timings.fresh_info_wait)) {
      return;
    }
  }
  SelectionInput in{
      .primary = &primary, .links = &links_, .now = p.now, .timings = &options_.timings};
  Selection selection = select_replica(in);
  if (selection.chosen() == nullptr && !primary.says_primary) {
    in.ignore_link_age = true;
    selection = select_replica(in);
  }
  const Address* chosen = selection.chosen();
  if (chosen == nullptr) {
    return abort_failover(p.now, primary, "-failover-abort-no-good-slave", p.out);
  }
  Replica& replica = primary.replicas.at(*chosen);
  event(p.out, EventLevel::kWarning, "+selected-slave", primary, replica);
  replica.promoted = true;
  primary.promoted = *chosen;
  event(p.out, EventLevel::kNotice, "+failover-state-send-slaveof-noone", primary, replica);
  if (primary.forced && !primary.is_down() && can_send(link(primary.link))) {
    begin_handover(p.now, primary, p.out);
    return enter(p.now, primary, FailoverState::kHandOver);
  }
  enter(p.now, primary, FailoverState::kSendPromotion);
}

void SentinelMachine::send_promotion(Pass& p, Primary& primary) {
  Replica* replica = promoted(primary);
  const bool outdated = primary.config_epoch >= primary.campaign.epoch();
  if (replica == nullptr || outdated ||
      p.due(primary.state_since + primary.options.failover_timeout)) {
    return abort_failover(p.now, primary, "-failover-abort-slave-timeout", p.out);
  }
  if (!can_send(link(replica->link))) return;
  order_promotion(p.now, primary, *replica, p.out);
  event(p.out, EventLevel::kNotice, "+failover-state-wait-promotion", primary, *replica);
  enter(p.now, primary, FailoverState::kWaitPromotion);
}

void SentinelMachine::order_promotion(Instant now, Primary& primary, Replica& replica,
                                      SentinelEffects& out) {
  Link& to = link(replica.link);
  primary.promotion_over = to.commands.attempt;
  reconfigure(now, to, primary, std::nullopt, out);
}

void SentinelMachine::wait_promotion(Pass& p, Primary& primary) {
  const Nanos patience = primary.pause ? std::min<Nanos>(options_.timings.handover_promotion,
                                                         primary.options.failover_timeout)
                                       : primary.options.failover_timeout;
  const bool outdated = primary.config_epoch >= primary.campaign.epoch();
  Replica* replica = promoted(primary);
  if (replica == nullptr || outdated || p.due(primary.state_since + patience)) {
    return abort_failover(p.now, primary, "-failover-abort-slave-timeout", p.out);
  }
  // The order got lost with its connection, which somebody who reconfigured the replica cut.
  Link& to = link(replica->link);
  const bool lost = to.commands.attempt != primary.promotion_over;
  if (lost && told_here(*replica) && !replica->says_primary && can_send(to)) {
    order_promotion(p.now, primary, *replica, p.out);
  }
}

// The replica says that it is the primary: from here on the new configuration holds.
void SentinelMachine::was_promoted(Instant now, Primary& primary, Replica& replica,
                                   SentinelEffects& out) {
  if (!mutants::active("config_epoch_not_raised")) primary.config_epoch = primary.campaign.epoch();
  enter(now, primary, FailoverState::kReconfigureReplicas);
  persist(out);
  event(out, EventLevel::kWarning, "+promoted-slave", primary, replica);
  event(out, EventLevel::kWarning, "+failover-state-reconf-slaves", primary);
  client_reconfig(out, primary, true, primary.address, replica.address);
  // Whoever still writes to the old primary is sent away at once, if we can reach it.
  primary.superseded_by = primary.config_epoch;
  primary.proof_asked.reset();
  Link& old = link(primary.link);
  if (can_send(old) && unchanged_since_vote(primary, primary)) {
    primary.last_demotion = now;
    reconfigure(now, old, primary, replica.address, out);
  }
  hurry_hellos(now, primary);
}

void SentinelMachine::reconfigure_replicas(Pass& p, Primary& primary) {
  Replica* leader = promoted(primary);
  if (leader == nullptr) {
    // Removed from under us: nothing to switch to.
    return abort_failover(p.now, primary, "-failover-abort-slave-timeout", p.out);
  }
  const SentinelTimings& t = options_.timings;
  // The old primary is back, or the order that demoted it got lost.
  if (proven_leftover(p, primary, primary, *leader) && can_send(link(primary.link)) &&
      p.due(primary.last_demotion + Seconds(1))) {
    primary.last_demotion = p.now;
    reconfigure(p.now, link(primary.link), primary, leader->address, p.out);
  }
  size_t under_way = 0;
  for (const auto& [address, replica] : primary.replicas) {
    if (replica.reconf == ReconfStep::kSent || replica.reconf == ReconfStep::kInProgress) {
      ++under_way;
    }
  }
  for (auto& [address, replica] : primary.replicas) {
    if (replica.promoted || replica.reconf == ReconfStep::kDone) continue;
    if (replica.reconf == ReconfStep::kSent) {
      if (p.due(replica.reconf_sent + t.slave_reconf_timeout)) {
        // It will be put right later; the failover goes on without it.
        event(p.out, EventLevel::kNotice, "-slave-reconf-sent-timeout", primary, replica);
        replica.reconf = ReconfStep::kDone;
        --under_way;
      }
      continue;
    }
    if (replica.reconf == ReconfStep::kInProgress) continue;
    Link& to = link(replica.link);
    if (under_way >= primary.options.parallel_syncs || replica.is_down() || !can_send(to)) continue;
    if (!unchanged_since_vote(primary, replica)) {
      // If it says master, then maybe by the order of a later leader: it is not ours to
      // reconfigure.
      if (told_here(replica)) replica.reconf = ReconfStep::kDone;
      continue;
    }
    ++under_way;
    replica.reconf = ReconfStep::kSent;
    replica.reconf_sent = p.now;
    p.due(p.now + t.slave_reconf_timeout);
    reconfigure(p.now, to, primary, leader->address, p.out);
    event(p.out, EventLevel::kNotice, "+slave-reconf-sent", primary, replica);
  }
  size_t left = 0;
  for (const auto& [address, replica] : primary.replicas) {
    if (!replica.promoted && replica.reconf != ReconfStep::kDone && !replica.is_down()) ++left;
  }
  // The configuration holds since the promotion. Redis waits for a new primary that died
  // meanwhile; we take it as the primary that is down, so that it can be failed over in turn.
  if (left > 0 || leader->is_down()) {
    const bool give_up = p.due(primary.state_since + primary.options.failover_timeout);
    if (!give_up && !leader->is_down()) return;
    event(p.out, EventLevel::kWarning, "+failover-end-for-timeout", primary);
    for (auto& [address, replica] : primary.replicas) {
      Link& to = link(replica.link);
      if (replica.promoted || replica.reconf != ReconfStep::kNone || !can_send(to)) continue;
      if (!unchanged_since_vote(primary, replica)) continue;
      replica.reconf = ReconfStep::kSent;
      reconfigure(p.now, to, primary, leader->address, p.out);
      event(p.out, EventLevel::kNotice, "+slave-reconf-sent-be", primary, replica);
    }
  } else {
    event(p.out, EventLevel::kWarning, "+failover-end", primary);
  }
  const Address to = leader->address;
  announce(p.out, EventLevel::kWarning, "+switch-master", &primary,
           primary.name + " " + primary.address.dialled() + " " +
               std::to_string(primary.address.port) + " " + to.dialled() + " " +
               std::to_string(to.port));
  switch_primary(p.now, primary, to, p.out);
}

}  // namespace redan
