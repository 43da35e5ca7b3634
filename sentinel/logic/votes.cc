// Votes given and asked for. One ballot per watched primary; it is persisted before it is told.
#include "common/protocol/mutants.h"
#include "sentinel/logic/pass.h"

namespace redan {
namespace {

// Redis spreads the times of candidates over a second, so that the next attempts do not collide.
constexpr Millis kDesync{1'000};

}  // namespace

// True if the epoch is news and must be persisted.
bool SentinelMachine::adopt_epoch(Primary& primary, Epoch epoch, SentinelEffects& out) {
  if (epoch <= current_epoch_) return false;
  current_epoch_ = epoch;
  epoch_since_ = last_seen_;
  announce(out, EventLevel::kWarning, "+new-epoch", &primary, std::to_string(epoch.value));
  return true;
}

void SentinelMachine::vote(Instant now, Primary& primary, Epoch epoch, NodeId candidate,
                           bool handover, SentinelEffects& out) {
  if (epoch > kLargestEpoch) return;  // Nonsense that would leave no epoch to go on with.
  bool changed = adopt_epoch(primary, epoch, out);
  // An outdated candidacy is told where we stand, no more.
  if (epoch >= current_epoch_ && primary.voter.back(epoch, candidate)) {
    changed = true;
    announce(out, EventLevel::kWarning, "+vote-for-leader", &primary,
             candidate.hex() + " " + std::to_string(epoch.value));
    if (candidate != id_) {
      // Gives the candidate time to win, before we stand ourselves.
      primary.candidate_at.reset();
      if (!handover) primary.last_attempt = now + rng_.span(Nanos(0), kDesync);
    }
  }
  if (changed && !mutants::active("vote_not_persisted")) persist(out);
}

void SentinelMachine::request_votes(Instant now, Primary& primary, SentinelEffects& out) {
  for (auto& [id, peer] : primary.peers) {
    Link& to = link(peer.link);
    if (!can_send(to)) continue;
    peer.asked_at = now;
    send(now, to, primary.name,
         AskPrimaryDown{.name = primary.name,
                        .primary = primary.address,
                        .epoch = primary.campaign.epoch(),
                        .candidate = id_,
                        .handover = primary.forced},
         out);
  }
}

void SentinelMachine::on_vote(Instant now, Primary& primary, Peer& peer,
                              const PendingRequest& request, const PrimaryDownReply& reply) {
  if (request.about != primary.address) return;  // Of another primary than today's.
  peer.last_down_reply = now;
  peer.says_down = reply.down;
  peer.told_asked = request.sent;
  peer.told_ballot = reply.leader_epoch;
  if (!reply.leader || !reply.leader_epoch) return;
  peer.vote = {.epoch = *reply.leader_epoch, .choice = reply.leader};
  if (primary.state == FailoverState::kWaitStart) primary.campaign.count(peer.id, peer.vote);
}

}  // namespace redan
