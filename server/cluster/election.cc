// A replica takes over from its failed primary, with the votes of a majority of the primaries.
// Safety is common/election's: one vote for each voter and epoch, on disk before it leaves.
#include <algorithm>

#include "common/protocol/mutants.h"
#include "server/cluster/bus_machine.h"

namespace redan {

using namespace cluster;

namespace {

constexpr Nanos kShortestPatience = Seconds(2);

// Time for the news of the failure to reach the voters; also by how much a candidate waits at
// random, and half of what each better placed replica is given ahead. Redis takes 500 ms always.
Nanos unit(Nanos node_timeout) {
  return std::clamp<Nanos>(node_timeout / 20, Millis(50), Millis(500));
}

}  // namespace

// How many replicas of our primary are further than we.
size_t ClusterMachine::rank() const {
  size_t better = 0;
  for (const ClusterNode* other : view_.replicas_of(view_.myself().primary)) {
    if (other == &view_.myself() || other->nofailover || other->failed()) continue;
    better += other->replication_offset > replication_.offset;
  }
  return better;
}

bool ClusterMachine::data_is_fresh() const {
  if (options_.replica_validity_factor == 0) return true;
  Nanos age = now_ - replication_.contact;
  if (age > options_.node_timeout) age -= options_.node_timeout;
  return age <=
         options_.repl_ping_period + options_.node_timeout * options_.replica_validity_factor;
}

void ClusterMachine::schedule_election() {
  const Nanos step = unit(options_.node_timeout);
  const bool manual = manual_until_.has_value();
  rank_ = manual ? 0 : rank();
  election_at_ = now_;
  if (!manual)
    *election_at_ += step + rng_.span(Nanos(0), step) + 2 * step * static_cast<int>(rank_);
  asked_ = false;
  log(LogLevel::kNotice, "Start of election delayed for " +
                             std::to_string(whole_ms(*election_at_ - now_)) +
                             " milliseconds (rank #" + std::to_string(rank_) + ", offset " +
                             std::to_string(replication_.offset) + ").");
  // So that the others rank themselves by where we stand now.
  for (const ClusterNode* other : view_.replicas_of(self().primary)) {
    if (other != &self()) send(*other, heartbeat(false));
  }
}

void ClusterMachine::stand_for_election() {
  const ClusterNode* primary = my_primary();
  const bool manual = manual_until_ && manual_ready_;
  // It lives, and has lost what we have: as bad as dead, and however old our data is, it is more.
  const bool emptied = replication_.refused;
  const bool wanted = primary != nullptr && primary->has_slots() &&
                      (primary->failed() || emptied || manual) &&
                      (!options_.replica_no_failover || manual) && has_data() &&
                      (manual || emptied || data_is_fresh());
  if (!wanted) {
    // The next failure is a story of its own.
    if (!asked_ && election_at_) election_at_.reset();
    return;
  }
  const Nanos patience = std::max<Nanos>(2 * options_.node_timeout, kShortestPatience);
  if (!election_at_ || now_ - *election_at_ > 2 * patience) {
    if (emptied) log(LogLevel::kWarning, "My master came back without its data: I take over.");
    schedule_election();
  }
  if (!asked_ && !manual) {
    const size_t better = rank();
    if (better > rank_) {
      *election_at_ += 2 * unit(options_.node_timeout) * static_cast<int>(better - rank_);
    }
    rank_ = std::max(rank_, better);
  }
  if (now_ < *election_at_) return at(*election_at_);
  if (now_ - *election_at_ > patience) return at(*election_at_ + 2 * patience + Nanos(1));
  if (!asked_) {
    const Epoch epoch(view_.current_epoch().value + 1);
    // Our ballot is ours: as a primary we must not vote for another in the epoch that we won.
    voter_.back(epoch, self().id);
    set_epoch(epoch);
    campaign_ = Campaign(view_.current_epoch());
    asked_ = true;
    asked_at_ = now_ - options_.node_timeout;
    log(LogLevel::kNotice, "Starting a failover election for epoch " +
                               std::to_string(view_.current_epoch().value) + ".");
  }
  if (campaign_.votes_for(self().id) >= majority()) return win(campaign_.epoch());
  // Asked again while it lasts: a voter answers twice the same.
  const Nanos again = std::max<Nanos>(options_.node_timeout / 8, Millis(50));
  if (now_ - asked_at_ >= again) {
    asked_at_ = now_;
    const VoteRequest request{.epoch = campaign_.epoch(),
                              .config_epoch = primary->config_epoch,
                              .slots = primary->slots,
                              .forced = manual || emptied};
    for (const auto& [id, node] : view_.nodes()) {
      if (&node != &self() && counts(node)) send(node, request);
    }
  }
  at(asked_at_ + again);
}

void ClusterMachine::on(From from, const VoteRequest& request) {
  see_epoch(request.epoch);
  const ClusterNode& candidate = from.node;
  const auto refuse = [&](const std::string& why) {
    log(LogLevel::kVerbose, "Failover auth denied to " + candidate.id.hex() + ": " + why);
  };
  if (!counts(self())) return;
  if (request.epoch < view_.current_epoch()) return refuse("its epoch is outdated");
  const bool again = voter_.ballot() == Ballot{.epoch = request.epoch, .choice = candidate.id};
  if (again) return send(candidate, Vote{request.epoch});
  const ClusterNode* primary = candidate.is_primary ? nullptr : view_.find(candidate.primary);
  if (primary == nullptr) return refuse("it is no replica of a known primary");
  if (!primary->failed() && !request.forced) return refuse("its primary is up");
  Peer& p = peer(primary->id);
  const bool twice = mutants::active("cluster_vote_twice");
  if (p.voted && now_ - *p.voted < 2 * options_.node_timeout && !twice) {
    return refuse("another replica of its primary was voted for not long ago");
  }
  bool outdated = false;
  request.slots.for_each([&](Slot slot) {
    const ClusterNode* owner = view_.owner(slot);
    outdated |= owner != nullptr && owner->config_epoch > request.config_epoch;
  });
  if (outdated) return refuse("it would take slots of a newer configuration");
  if (!voter_.back(request.epoch, candidate.id) && !twice) {
    return refuse("epoch " + std::to_string(request.epoch.value) + " has our vote already");
  }
  p.voted = now_;
  if (!mutants::active("cluster_vote_not_persisted")) {
    view_.set_epochs(view_.current_epoch(), voter_.ballot().epoch);
    save();
  }
  log(LogLevel::kNotice, "Failover auth granted to " + candidate.id.hex() + " for epoch " +
                             std::to_string(request.epoch.value));
  send(candidate, Vote{request.epoch});
}

void ClusterMachine::on(From from, const Vote& vote) {
  if (!asked_ || !counts(from.node)) return;
  campaign_.count(from.node.id, {.epoch = vote.epoch, .choice = self().id});
  soon();
}

void ClusterMachine::win(Epoch epoch) {
  ClusterNode* old = my_primary();
  if (old == nullptr) return;
  log(LogLevel::kNotice,
      "Failover election won: I'm the new master of epoch " + std::to_string(epoch.value) + ".");
  ClusterNode& me = self();
  const SlotSet slots = old->slots - inherit_given(*old);
  make_primary(me);
  me.config_epoch = epoch;
  inherit_incoming();
  slots.for_each([&](Slot slot) { view_.assign(slot, me); });
  drop_finished_moves();
  election_at_.reset();
  asked_ = false;
  change();
  told_at_ = now_ - Seconds(1);  // The news does not wait for its turn.
  event(BecomePrimary{});
  end_manual_failover();
}

}  // namespace redan
