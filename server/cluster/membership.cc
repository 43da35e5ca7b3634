// Who belongs to the cluster: first contact, what others know, addresses, and forgetting.
#include <utility>

#include "common/protocol/mutants.h"
#include "server/cluster/bus_machine.h"
#include "server/cluster/digest.h"

namespace redan {

using namespace cluster;

namespace {

constexpr Nanos kShortestHandshake = Seconds(1);
constexpr Nanos kMeetAgain = Millis(250);
constexpr Nanos kForgottenFor = Seconds(60);
constexpr Nanos kRosterGap = Millis(500), kLongestRosterGap = Seconds(60);

}  // namespace

void ClusterMachine::start_handshake(const NodeAddress& address, NodeId expect, bool by_operator) {
  for (const auto& [id, node] : view_.nodes()) {
    const bool same_place =
        node.address.ip == address.ip && node.address.bus_port == address.bus_port;
    if (node.handshake && (same_place || (!expect.empty() && peer(id).expect == expect))) return;
  }
  ClusterNode& node = view_.add(rng_.node_id());
  node.address = address;
  node.handshake = true;
  Peer& p = peer(node.id);
  p.expect = expect;
  p.by_operator = by_operator;
  p.token = rng_.next();
  p.handshake_since = now_;
  soon();
}

void ClusterMachine::keep_handshake(ClusterNode& node) {
  Peer& p = peer(node.id);
  const Instant end =
      p.handshake_since + std::max<Nanos>(options_.node_timeout, kShortestHandshake);
  if (now_ >= end) {
    event(CloseLink{node.id});
    peers_.erase(node.id);
    view_.remove(node.id);
    return;
  }
  if (!p.meet_sent || now_ - *p.meet_sent >= kMeetAgain) {
    p.meet_sent = now_;
    if (!node.ping_sent) node.ping_sent = now_;
    send(node, Meet{.token = p.token, .by_operator = p.by_operator, .state = own_state()});
  }
  at(std::min(end, *p.meet_sent + kMeetAgain));
}

ClusterNode& ClusterMachine::admit(NodeId id) {
  ClusterNode& node = view_.add(id);
  node.shard_id = id;
  node.heard = now_;
  change();
  return node;
}

void ClusterMachine::drop(NodeId id) {
  event(CloseLink{id});
  if (const ClusterNode* node = view_.find(id)) detach(*node);
  end_handovers_with(id);
  // Should it come back, its replicas have to tell us again whom they follow.
  for (const ClusterNode* replica : view_.replicas_of(id)) peer(replica->id).state_digest = 0;
  view_.remove(id);
  peers_.erase(id);
  change();
}

void ClusterMachine::on_meet(const BusSender& sender, const Meet& meet) {
  learn_own_ip(sender.local_ip);
  ClusterNode* node = view_.find(sender.id);
  if (node == nullptr) {
    if (meet.by_operator) welcome(sender.id);
    if (is_forgotten(sender.id)) return;
    node = &admit(sender.id);
    log(LogLevel::kNotice, "Met " + sender.id.hex());
  }
  node->heard = now_;
  const From from{*node, peer(sender.id), sender};
  take_state(from, meet.state);
  send(*node, Met{.token = meet.token, .state = own_state()});
}

void ClusterMachine::on_met(const BusSender& sender, const Met& met) {
  learn_own_ip(sender.local_ip);
  ClusterNode* waiting = nullptr;
  for (auto& [id, node] : view_.nodes()) {
    if (node.handshake && peer(id).token == met.token) waiting = &node;
  }
  if (waiting == nullptr) return;
  const Peer& handshake = peer(waiting->id);
  if (!handshake.expect.empty() && handshake.expect != sender.id) return;
  if (handshake.by_operator) welcome(sender.id);
  const bool refused = is_forgotten(sender.id);
  const NodeAddress address = waiting->address;
  event(CloseLink{waiting->id});
  peers_.erase(waiting->id);
  view_.remove(waiting->id);
  if (refused) return;
  ClusterNode* node = view_.find(sender.id);
  if (node == nullptr) {
    node = &admit(sender.id);
    node->address = address;
    log(LogLevel::kNotice, "Handshake with " + sender.id.hex() + " completed");
  }
  node->heard = now_;
  // Where we reached it is better than where its answer seems to come from.
  BusSender there = sender;
  there.observed_ip = address.ip;
  take_state(From{*node, peer(sender.id), there}, met.state);
}

// Meet, Met and NotMe have doors of their own, because their sender need not be known.
void ClusterMachine::on(From from, const Meet& meet) {
  on_meet(from.sender, meet);
}
void ClusterMachine::on(From from, const Met& met) {
  on_met(from.sender, met);
}
void ClusterMachine::on(From from, const NotMe&) {
  on_not_me(from.sender);
}

// Another node lives where we thought that one was.
void ClusterMachine::on_not_me(const BusSender& sender) {
  ClusterNode* node = view_.find(sender.link);
  if (node == nullptr || node == &self() || sender.link == sender.id) return;
  log(LogLevel::kWarning, "At the address of " + sender.link.hex() + " lives " + sender.id.hex());
  if (node->handshake) {
    event(CloseLink{node->id});
    peers_.erase(node->id);
    view_.remove(node->id);
    return;
  }
  if (node->noaddr) return;
  // The ports are kept: when we hear from it we know the ip again, and can ask for the rest.
  node->noaddr = true;
  node->address.ip.clear();
  peer(node->id).state_digest = 0;  // It will have to say where it is.
  event(CloseLink{node->id});
  change();
}

void ClusterMachine::learn_address(ClusterNode& node, const NodeAddress& told,
                                   const std::string& observed_ip) {
  NodeAddress now_at = told;
  if (!observed_ip.empty() && !peer(node.id).announces_ip) now_at.ip = observed_ip;
  if (now_at.ip.empty()) now_at.ip = node.address.ip;
  if (now_at != node.address) set_address(node, now_at);
}

void ClusterMachine::set_address(ClusterNode& node, const NodeAddress& address) {
  const NodeAddress before = std::exchange(node.address, address);
  const bool moved = address.ip != before.ip || address.bus_port != before.bus_port;
  const bool clients_move =
      address.ip != before.ip || address.port != before.port || address.tls_port != before.tls_port;
  if (moved && !before.ip.empty()) event(CloseLink{node.id});
  node.noaddr = address.ip.empty();
  change();
  if (clients_move && !self().is_primary && self().primary == node.id) {
    event(Follow{.primary = node.id, .address = node.address});
  }
}

void ClusterMachine::learn_own_ip(const std::string& local_ip) {
  if (local_ip.empty() || !options_.announce.ip.empty() || self().address.ip == local_ip) return;
  self().address.ip = local_ip;
  log(LogLevel::kNotice, "Others reach this node at " + local_ip);
  change();
}

uint64_t ClusterMachine::members_digest() const {
  if (members_digest_of_ != slots_version_) {
    members_digest_of_ = slots_version_;
    Digest digest;
    for (const auto& [id, node] : view_.nodes()) {
      if (!node.handshake) digest.add(id);
    }
    members_digest_ = digest.value();
  }
  return members_digest_;
}

void ClusterMachine::compare_members(From from, uint64_t digest) {
  Peer& p = from.peer;
  const uint64_t mine = members_digest();
  if (mine == digest) return;
  const bool same = p.roster_mine == mine && p.roster_its == digest;
  if (now_ < p.roster_again && (same || p.roster_gap <= kRosterGap)) return;
  p.roster_gap = same ? std::min(2 * p.roster_gap, kLongestRosterGap) : kRosterGap;
  p.roster_again = now_ + p.roster_gap;
  p.roster_mine = mine;
  p.roster_its = digest;
  Roster roster;
  for (const auto& [id, node] : view_.nodes()) {
    if (!node.handshake) roster.ids.push_back(short_id(id));
  }
  send(from.node, std::move(roster));
}

void ClusterMachine::on(From from, const Roster& roster) {
  std::vector<uint64_t> theirs = roster.ids;
  std::sort(theirs.begin(), theirs.end());
  Members missing;
  for (const auto& [id, node] : view_.nodes()) {
    if (node.handshake || node.noaddr || &node == &self() || &node == &from.node) continue;
    if (std::binary_search(theirs.begin(), theirs.end(), short_id(id))) continue;
    missing.members.push_back({.id = id, .shard_id = node.shard_id, .address = node.address});
  }
  if (!missing.members.empty()) send(from.node, std::move(missing));
}

// A node that the sender does not hear and we do: perhaps it has moved.
void ClusterMachine::point_out(From from, const std::vector<NodeId>& suspects) {
  Members heard;
  for (const NodeId& id : suspects) {
    const ClusterNode* node = view_.find(id);
    if (node == nullptr || node == &self() || node->suspected() || node->noaddr) continue;
    if (!node->heard || now_ - *node->heard > options_.node_timeout / 2) continue;
    heard.members.push_back({.id = id, .shard_id = node->shard_id, .address = node->address});
  }
  if (!heard.members.empty()) send(from.node, std::move(heard));
}

void ClusterMachine::on(From from, const Members& members) {
  const std::vector<NodeId>& suspects = from.peer.suspects;
  for (const Member& member : members.members) {
    if (member.id == self().id || member.id.empty() || member.address.ip.empty()) continue;
    ClusterNode* node = view_.find(member.id);
    if (node == nullptr) {
      if (is_forgotten(member.id)) continue;
      // An operator who lets us meet one member lets us meet them all, also those that forgot us.
      const auto welcomed = welcomed_.find(from.node.id);
      start_handshake(member.address, member.id,
                      welcomed != welcomed_.end() && now_ - welcomed->second < kForgottenFor);
      continue;
    }
    const bool sender_hears =
        std::find(suspects.begin(), suspects.end(), member.id) == suspects.end();
    if ((node->suspected() || node->noaddr) && sender_hears && !node->handshake &&
        (node->address.ip != member.address.ip ||
         node->address.bus_port != member.address.bus_port)) {
      set_address(*node, member.address);
      peer(node->id).pinged.reset();
    }
  }
}

bool ClusterMachine::is_forgotten(NodeId id) const {
  if (mutants::active("cluster_forgotten_returns")) return false;
  const auto it = forgotten_.find(id);
  return it != forgotten_.end() && it->second > now_;
}

void ClusterMachine::welcome(NodeId id) {
  forgotten_.erase(id);
  std::erase_if(welcomed_, [&](const auto& entry) { return now_ - entry.second >= kForgottenFor; });
  welcomed_[id] = now_;
}

void ClusterMachine::forget_until(NodeId id, Instant until) {
  Instant& end = forgotten_[id];
  end = std::max(end, until);
  welcomed_.erase(id);
  if (view_.find(id) != nullptr) drop(id);
  std::vector<NodeId> calls;  // Handshakes that gossip began.
  for (const auto& [other, node] : view_.nodes()) {
    if (node.handshake && peer(other).expect == id) calls.push_back(other);
  }
  for (const NodeId& call : calls) drop(call);
}

void ClusterMachine::take_forgotten(From from, const std::vector<Forgotten>& list) {
  for (const Forgotten& each : list) {
    if (each.id == self().id || each.id == from.node.id || each.left <= Millis(0)) continue;
    // We do not forget whom we follow, nor who speaks.
    if (!self().is_primary && self().primary == each.id) continue;
    if (view_.find(each.id) == nullptr) continue;
    // Whom an operator brought back since was forgotten before that.
    const auto welcomed = welcomed_.find(each.id);
    if (welcomed != welcomed_.end() && welcomed->second + kForgottenFor >= now_ + each.left)
      continue;
    log(LogLevel::kNotice, "Forgetting " + each.id.hex() + ", as others do");
    forget_until(each.id, now_ + std::min<Nanos>(each.left, kForgottenFor));
  }
}

Result<void> ClusterMachine::meet(Instant now, const std::string& ip, uint16_t port,
                                  uint16_t bus_port, BusEffects& out) {
  begin(now);
  if (ip.empty() || port == 0 || bus_port == 0) {
    return Error("Invalid node address specified: " + ip + ":" + std::to_string(port));
  }
  start_handshake({.ip = ip, .port = port, .bus_port = bus_port}, {}, true);
  // There may have been one already, which gossip began.
  for (const auto& [id, node] : view_.nodes()) {
    if (node.handshake && node.address.ip == ip && node.address.bus_port == bus_port) {
      peer(id).by_operator = true;
    }
  }
  soon();
  settle(out);
  return kOk;
}

Result<void> ClusterMachine::forget(Instant now, NodeId id, BusEffects& out) {
  begin(now);
  const ClusterNode* node = view_.find(id);
  // Others may have told us before the operator could.
  if (node == nullptr && is_forgotten(id)) return kOk;
  if (node == nullptr) return Error("Unknown node " + id.hex());
  if (node == &self()) return Error("I tried hard but I can't forget myself...");
  if (!self().is_primary && self().primary == id) return Error("Can't forget my master!");
  forget_until(id, now + kForgottenFor);
  settle(out);
  return kOk;
}

}  // namespace redan
