// What other sentinels tell: that they exist, which epoch it is, and which configuration is newest.
#include <algorithm>

#include "common/protocol/mutants.h"
#include "sentinel/logic/pass.h"

namespace redan {
namespace {

// A bound on what strangers can make us remember.
constexpr size_t kMostPeers = 256;

}  // namespace

void SentinelMachine::on_hello(Instant now, const Hello& hello, SentinelEffects& out) {
  const auto found = primaries_.find(hello.name);
  if (found == primaries_.end()) return;
  Primary& primary = *found->second;
  Address home = hello.sentinel;
  if (!home.resolved()) home.ip = resolved_ip(home.hostname, out);
  Address told = hello.primary;
  if (!told.resolved()) told.ip = resolved_ip(told.hostname, out);

  auto known = primary.peers.find(hello.id);
  if (home.resolved() || !options_.resolve_hostnames) {
    const bool is_new = known == primary.peers.end();
    const bool moved = !is_new && known->second.address != home;
    if (is_new || moved) {
      // Somebody else used to live there: that one's address is no longer known.
      for (auto& [id, other] : primary.peers) {
        if (id != hello.id && other.address == home) {
          event(out, EventLevel::kNotice, "+sentinel-invalid-addr", primary, other);
          Address nowhere = other.address;
          nowhere.port = 0;
          move_peer(now, id, nowhere, out);
        }
      }
    }
    if (moved) {
      event(
          out, EventLevel::kNotice, "+sentinel-address-switch", primary,
          "ip " + home.dialled() + " port " + std::to_string(home.port) + " for " + hello.id.hex());
      move_peer(now, hello.id, home, out);
      persist(out);
    }
    if (is_new && primary.peers.size() < kMostPeers) {
      Peer& peer = primary.peers[hello.id];
      peer.id = hello.id;
      peer.run_id = hello.id.hex();
      peer.address = home;
      peer.link = new_link(now, LinkKind::kPeer, home, primary.name, hello.id);
      peer.last_hello = now;
      // A link that another primary's record opened may lead to where it lived before.
      if (link(peer.link).address != home) move_peer(now, hello.id, home, out);
      event(out, EventLevel::kNotice, "+sentinel", primary, peer);
      persist(out);
      known = primary.peers.find(hello.id);
    }
  }
  if (adopt_epoch(primary, hello.current_epoch, out)) persist(out);
  if (known == primary.peers.end()) return;
  Peer& peer = known->second;
  peer.last_hello = now;
  peer.told_config_epoch = hello.config_epoch;
  if (!told.resolved() && options_.resolve_hostnames) return;  // The next hello will tell again.
  const bool newer = mutants::active("older_config_accepted")
                         ? hello.config_epoch != primary.config_epoch
                         : hello.config_epoch > primary.config_epoch;
  if (!newer) return;
  const Address here = current_address(primary.name).value_or(primary.address);
  primary.config_epoch = hello.config_epoch;
  if (told == primary.address) {
    // The newest configuration is the one that a failover of ours was about to replace.
    if (here != told || primary.failing_over()) {
      abort_failover(now, primary, "-failover-abort-not-elected", out);
    }
    persist(out);
    return;
  }
  event(out, EventLevel::kWarning, "+config-update-from", primary, peer);
  announce(out, EventLevel::kWarning, "+switch-master", &primary,
           primary.name + " " + primary.address.dialled() + " " +
               std::to_string(primary.address.port) + " " + told.dialled() + " " +
               std::to_string(told.port));
  client_reconfig(out, primary, false, primary.address, told);
  switch_primary(now, primary, told, out);
}

// A peer changed its address; for every primary that it watches with us.
void SentinelMachine::move_peer(Instant now, NodeId id, const Address& to, SentinelEffects& out) {
  for (auto& [name, primary] : primaries_) {
    const auto peer = primary->peers.find(id);
    if (peer == primary->peers.end()) continue;
    peer->second.address = to;
    Link& at = link(peer->second.link);
    if (at.address == to) continue;
    close(now, at, LinkPart::kCommands, out);
    at.address = to;
    at.unanswered_since = at.last_pong = at.last_valid_pong = now;
  }
}

// `to` is the primary from now on; the old one becomes a replica like the others.
void SentinelMachine::switch_primary(Instant now, Primary& primary, const Address& to,
                                     SentinelEffects& out) {
  const Address from = primary.address;
  clear_failover(primary);
  if (from != to) {
    Replica old;
    static_cast<DataNode&>(old) = primary;
    old.source_since = now;
    old.superseded_by = primary.config_epoch;
    old.proof_asked.reset();
    old.down_since.reset();
    if (old.says_primary) {
      // Seen from now on as a replica that says master.
      old.says_primary = false;
      old.role_since = now;
    }
    old.next_info = now;
    const auto chosen = primary.replicas.find(to);
    DataNode fresh;
    if (chosen != primary.replicas.end()) {
      fresh = chosen->second;
      primary.replicas.erase(chosen);
    } else {
      fresh.address = to;
      fresh.link = new_link(now, LinkKind::kDataNode, to, primary.name);
    }
    static_cast<DataNode&>(primary) = fresh;
    primary.superseded_by.reset();
    primary.address = to;
    primary.replicas[from] = old;
  }
  primary.down_since.reset();
  primary.last_down = Instant{};
  primary.odown_since.reset();
  primary.last_odown = Instant{};
  primary.reboot_since.reset();
  primary.says_primary = true;
  primary.role_since = now;
  primary.next_info = now;
  primary.last_attempt = Instant{};  // The new primary may be failed over at once.
  primary.candidate_at.reset();
  // What was unanswered by now was asked of other roles.
  Link& to_primary = link(primary.link);
  if (to_primary.unanswered_since) to_primary.unanswered_since = now;
  for (auto& [address, replica] : primary.replicas) {
    replica.down_since.reset();
    Link& to_replica = link(replica.link);
    if (to_replica.unanswered_since) to_replica.unanswered_since = now;
    if (!to_replica.commands.up) to_replica.last_valid_pong = now;
    event(out, EventLevel::kNotice, "+slave", primary, replica);
  }
  for (auto& [id, peer] : primary.peers) peer.says_down = false;
  persist(out);
  hurry_hellos(now, primary);
}

void SentinelMachine::clear_failover(Primary& primary) {
  primary.state = FailoverState::kNone;
  primary.forced = false;
  primary.promoted.reset();
  primary.candidate_at.reset();
  for (auto& [address, replica] : primary.replicas) {
    replica.promoted = false;
    replica.reconf = ReconfStep::kNone;
  }
}

}  // namespace redan
