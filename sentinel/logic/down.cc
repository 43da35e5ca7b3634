// Who is down: for us (SDOWN), and for enough of us (ODOWN).
#include <algorithm>

#include "sentinel/logic/pass.h"

namespace redan {

void SentinelMachine::check_down(Pass& p, Primary& primary, Instance& node, Replica* replica,
                                 Peer* peer) {
  const bool is_primary = replica == nullptr && peer == nullptr;
  const SentinelTimings& t = options_.timings;
  const Link& to = link(node.link);
  bool down = false;
  // More than down_after since the first PING that nothing valid followed; without one under way,
  // and without a connection, since the last valid reply.
  if (to.unanswered_since) {
    down |= p.past(*to.unanswered_since + primary.options.down_after);
  } else if (!to.commands.up) {
    down |= p.past(to.last_valid_pong + primary.options.down_after);
  }
  // It has been a replica for longer than any reconfiguration by others would take.
  if (is_primary && !primary.says_primary) {
    down |= p.past(primary.role_since + primary.options.down_after + 2 * t.info_period);
  }
  if (is_primary && primary.reboot_since) {
    down |= p.past(*primary.reboot_since + primary.options.reboot_down_after);
  }
  if (down == node.is_down()) return;
  const char* type = down ? "+sdown" : "-sdown";
  if (replica != nullptr) {
    event(p.out, EventLevel::kWarning, type, primary, *replica);
  } else if (peer != nullptr) {
    event(p.out, EventLevel::kWarning, type, primary, *peer);
  } else {
    event(p.out, EventLevel::kWarning, type, primary);
  }
  again_ = true;
  if (!down) {
    node.down_since.reset();
    node.script_kill_sent = false;
    return;
  }
  node.down_since = node.last_down = p.now;
  if (!is_primary) return;
  // Ask the peers now, and have fresh offsets when a leader must choose.
  for (auto& [id, other] : primary.peers) other.asked_at = Instant{};
  for (auto& [address, other] : primary.replicas) other.next_info = p.now;
}

void SentinelMachine::ask_peers(Pass& p, Primary& primary) {
  const SentinelTimings& t = options_.timings;
  for (auto& [id, peer] : primary.peers) {
    if (peer.says_down && p.due(peer.last_down_reply + 5 * t.ask_period)) {
      peer.says_down = false;  // Too old to count.
    }
    Link& to = link(peer.link);
    if (!primary.is_down() || !can_send(to)) continue;
    if (!p.due(peer.asked_at + t.ask_period)) continue;
    peer.asked_at = p.now;
    p.due(p.now + t.ask_period);
    const bool standing = primary.state == FailoverState::kWaitStart;
    send(p.now, to, primary.name,
         AskPrimaryDown{.name = primary.name,
                        .primary = primary.address,
                        .epoch = standing ? primary.campaign.epoch() : current_epoch_,
                        .candidate = standing ? std::optional(id_) : std::nullopt,
                        .handover = standing && primary.forced},
         p.out);
  }
}

void SentinelMachine::check_odown(Pass& p, Primary& primary) {
  size_t reports = 1;
  for (const auto& [id, peer] : primary.peers) reports += peer.says_down ? 1 : 0;
  const bool down = primary.is_down() && reports >= primary.options.quorum;
  if (down == primary.odown_since.has_value()) return;
  again_ = true;
  if (!down) {
    primary.odown_since.reset();
    event(p.out, EventLevel::kWarning, "-odown", primary);
    return;
  }
  primary.odown_since = primary.last_odown = p.now;
  event(p.out, EventLevel::kWarning, "+odown", primary,
        "#quorum " + std::to_string(reports) + "/" + std::to_string(primary.options.quorum));
}

}  // namespace redan
