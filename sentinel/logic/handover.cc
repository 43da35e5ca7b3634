// A manual failover that loses nothing: the primary's writers are paused, the chosen replica
// reaches the primary's offset, is promoted, and the old primary follows it before the pause ends.
//
// Why nothing is lost: the offset to reach is read after the pause was granted, so it covers every
// acknowledged write; REPLICAOF NO ONE is sent only once the replica is there; and the pause,
// which the node counts from later than we do, is renewed at a quarter of its length until the old
// primary says that it is a replica. Bounded: offsets that do not meet within handover_budget end
// the attempt, the pause is lifted and everything stays as it was.
#include <algorithm>

#include "common/protocol/mutants.h"
#include "sentinel/logic/pass.h"

namespace redan {

void SentinelMachine::begin_handover(Instant now, Primary& primary, SentinelEffects& out) {
  primary.pause = WritePause{.node = primary.address, .asked_at = now, .began = now};
  if (mutants::active("handover_without_pause")) {
    primary.pause->granted_at = now;
    primary.next_info = now;
    return;
  }
  send(now, link(primary.link), primary.name, PauseWrites{options_.timings.handover_pause}, out);
}

void SentinelMachine::on_pause_reply(Instant now, Primary& primary, const NodeReply& reply) {
  if (!primary.pause || primary.pause->granted_at) return;
  if (reply.error) {
    primary.pause->refused = true;
    return;
  }
  primary.pause->granted_at = now;
  primary.next_info = now;
}

void SentinelMachine::hand_over(Pass& p, Primary& primary) {
  Replica* replica = promoted(primary);
  if (replica == nullptr || !primary.pause) {
    return abort_failover(p.now, primary, "-failover-abort-slave-timeout", p.out);
  }
  WritePause& pause = *primary.pause;
  if (pause.refused) {
    // It knows no CLIENT PAUSE: Redis' way is the only one.
    primary.pause.reset();
    return enter(p.now, primary, FailoverState::kSendPromotion);
  }
  if (pause.granted_at && !pause.target_offset && primary.info_at &&
      primary.info_sent_at >= *pause.granted_at && primary.says_primary) {
    pause.target_offset = primary.info.primary_offset;
    pause.target_at = p.now;
    replica->next_info = p.now;
    again_ = true;
  }
  const bool fresh = pause.target_offset && replica->info_at &&
                     replica->info_sent_at >= pause.target_at && !replica->says_primary;
  const bool met = fresh && follows(*replica, primary.address) && replica->info.link_up &&
                   replica->info.replica_offset >= *pause.target_offset;
  // It refuses the data of a primary that came back without its own: it has all there is to have.
  const bool refuses = fresh && replica->info.refuses_sync;
  if (met || refuses || (mutants::active("handover_without_wait") && pause.target_offset)) {
    return enter(p.now, primary, FailoverState::kSendPromotion);
  }
  if (p.due(pause.began + options_.timings.handover_budget)) {
    abort_failover(p.now, primary, "-failover-abort-slave-timeout", p.out);
  }
}

void SentinelMachine::hold_pause(Pass& p, Primary& primary) {
  if (!primary.pause) return;
  WritePause& pause = *primary.pause;
  DataNode* node = nullptr;
  if (pause.node == primary.address) {
    node = &primary;
  } else if (const auto it = primary.replicas.find(pause.node); it != primary.replicas.end()) {
    node = &it->second;
  }
  if (node == nullptr) return primary.pause.reset();
  Link& to = link(node->link);
  const bool replaced =
      pause.node != primary.address || primary.state == FailoverState::kReconfigureReplicas;
  const bool promoting = primary.failing_over() && !replaced;
  const bool demoted = replaced && !node->says_primary && node->info.is_primary == false;
  const bool expired = p.due(pause.began + primary.options.failover_timeout);
  if ((!promoting && !replaced) || demoted || expired) {
    if (can_send(to)) send(p.now, to, primary.name, UnpauseWrites{}, p.out);
    primary.pause.reset();
    return;
  }
  if (!p.due(pause.asked_at + options_.timings.handover_pause / 4)) return;
  pause.asked_at = p.now;
  p.due(p.now + options_.timings.handover_pause / 4);
  if (!can_send(to) || mutants::active("handover_without_pause")) return;
  send(p.now, to, primary.name, PauseWrites{options_.timings.handover_pause}, p.out);
}

}  // namespace redan
