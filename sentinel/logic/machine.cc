#include "sentinel/logic/machine.h"

#include <algorithm>

#include "common/base/check.h"
#include "sentinel/logic/pass.h"

namespace redan {
namespace {

// A rule may enable another one of the same walk; more rounds than this would be a cycle.
constexpr int kMostRounds = 12;
// Redis' limit of requests under way on one link; beyond it nothing is sent but what changes roles.
constexpr size_t kMostPending = 100;

}  // namespace

SentinelMachine::SentinelMachine(SentinelOptions options, DurableState state, uint64_t seed,
                                 Instant now)
    : options_(std::move(options)),
      id_(state.id),
      current_epoch_(state.current_epoch),
      rng_(seed),
      last_seen_(now),
      next_deadline_(now) {
  for (DurablePrimary& saved : state.primaries) {
    auto primary = std::make_unique<Primary>();
    primary->name = saved.name;
    primary->address = saved.address;
    primary->options = saved.options;
    primary->config_epoch = saved.config_epoch;
    primary->voter = Voter(saved.ballot);
    primary->says_primary = true;
    primary->role_since = now;
    primary->link = new_link(now, LinkKind::kDataNode, saved.address, saved.name);
    for (const Address& address : saved.replicas) {
      if (address == saved.address) continue;
      Replica& replica = primary->replicas[address];
      replica.address = address;
      replica.role_since = replica.source_since = now;
      replica.link = new_link(now, LinkKind::kDataNode, address, saved.name);
    }
    for (const DurablePeer& known : saved.peers) {
      if (known.id == id_ || known.id.empty()) continue;
      Peer& peer = primary->peers[known.id];
      peer.id = known.id;
      peer.run_id = known.id.hex();
      peer.address = known.address;
      peer.last_hello = now;
      peer.link = new_link(now, LinkKind::kPeer, known.address, saved.name, known.id);
    }
    // A state file may carry epochs out of step; the current one is the highest ever seen.
    current_epoch_ = std::max({current_epoch_, saved.config_epoch, saved.ballot.epoch});
    primaries_[saved.name] = std::move(primary);
  }
}

void SentinelMachine::start(Instant now, SentinelEffects& out) {
  for (const auto& [name, primary] : primaries_) {
    event(out, EventLevel::kWarning, "+monitor", *primary,
          "quorum " + std::to_string(primary->options.quorum));
  }
  settle(now, out);
}

void SentinelMachine::receive(Instant now, const SentinelInput& input, SentinelEffects& out) {
  notice_stall(now, out);
  std::visit([&](const auto& what) { on(now, what, out); }, input);
  settle(now, out);
}

void SentinelMachine::tick(Instant now, SentinelEffects& out) {
  notice_stall(now, out);
  settle(now, out);
}

// Walks until no rule enables another.
void SentinelMachine::settle(Instant now, SentinelEffects& out) {
  for (int round = 0; round < kMostRounds; ++round) {
    again_ = false;
    Pass p{.now = now, .out = out};
    walk(p);
    next_deadline_ = p.next;
    if (!again_) return;
  }
  next_deadline_ = now + Millis(1);
}

void SentinelMachine::walk(Pass& p) {
  if (tilt_since_ && p.due(*tilt_since_ + options_.timings.tilt_period)) {
    tilt_since_.reset();
    announce(p.out, EventLevel::kWarning, "-tilt", nullptr, "#tilt mode exited");
  }
  for (auto& [name, owned] : primaries_) {
    Primary& primary = *owned;
    const auto care = [&](DataNode& node, bool is_replica) {
      Link& to = link(node.link);
      keep_link(p, to, primary, node);
      keep_subscription(p, to, node);
      probe(p, to, primary);
      ask_info(p, primary, node, is_replica);
      say_hello(p, primary, node.link, node.next_publish);
    };
    care(primary, false);
    for (auto& [address, replica] : primary.replicas) care(replica, true);
    for (auto& [id, peer] : primary.peers) {
      Link& to = link(peer.link);
      keep_link(p, to, primary, peer);
      probe(p, to, primary);
      say_hello(p, primary, peer.link, peer.next_publish);
    }
    if (tilt_since_) continue;
    check_down(p, primary, primary, nullptr, nullptr);
    for (auto& [address, replica] : primary.replicas) {
      check_down(p, primary, replica, &replica, nullptr);
    }
    for (auto& [id, peer] : primary.peers) check_down(p, primary, peer, nullptr, &peer);
    ask_peers(p, primary);
    check_odown(p, primary);
    consider_failover(p, primary);
    step_failover(p, primary);
    hold_pause(p, primary);
    for (auto& [address, replica] : primary.replicas) bring_in_line(p, primary, replica);
  }
}

// A tick that comes long after its deadline: this process stood still. What the others did
// meanwhile lies unread in our sockets, so their silence proves nothing, and our own plans are old.
// A clock that runs backwards is real trouble: nothing is decided until tilt_period has passed.
void SentinelMachine::notice_stall(Instant now, SentinelEffects& out) {
  if (now < last_seen_) {
    if (!tilt_since_) announce(out, EventLevel::kWarning, "+tilt", nullptr, "#tilt mode entered");
    tilt_since_ = now;
  }
  last_seen_ = now;
  if (next_deadline_ == Instant::max() || now <= next_deadline_) return;
  const Nanos stall = now - next_deadline_;
  if (stall <= options_.timings.tilt_trigger) return;
  next_deadline_ = now;
  for (auto& [id, link] : links_) {
    if (link.unanswered_since) *link.unanswered_since += stall;
    link.last_pong += stall;
    link.last_valid_pong += stall;
    link.heard_at += stall;
    for (Channel* channel : {&link.commands, &link.subscription}) {
      if (channel->attempt_since) *channel->attempt_since += stall;
    }
  }
  for (auto& [name, primary] : primaries_) {
    primary->candidate_at.reset();
    for (auto& [id, peer] : primary->peers) peer.says_down = false;
    // What we were about to put right may have been put right by others.
    for (auto& [address, replica] : primary->replicas) {
      replica.role_since = replica.source_since = now;
      replica.superseded_by.reset();
    }
    const bool early = primary->failing_over() && primary->state < FailoverState::kWaitPromotion;
    if (early) abort_failover(now, *primary, "-failover-abort-not-elected", out);
  }
}

// ---- What drivers report.

void SentinelMachine::on(Instant now, const LinkUp& up, SentinelEffects& out) {
  const auto it = links_.find(up.link);
  if (it == links_.end()) return;
  Link& to = it->second;
  Channel& channel = up.part == LinkPart::kCommands ? to.commands : to.subscription;
  if (up.attempt != channel.attempt || channel.up || !channel.attempt_since) return;
  channel.up = true;
  channel.attempt_since.reset();
  channel.up_since = now;
  if (up.part == LinkPart::kSubscription) {
    to.heard_at = now;
    return;
  }
  to.proven = false;
  to.local_ip = up.local_ip;
  to.pending.clear();
  // Whoever is back tells at once whether it lives and what it believes to be.
  send(now, to, to.primary, AskPing{}, out);
  if (to.kind != LinkKind::kDataNode) return;
  const auto primary = primaries_.find(to.primary);
  if (primary == primaries_.end()) return;
  Replica* replica = nullptr;
  if (DataNode* node = find_node(*primary->second, to.id, &replica)) node->next_info = now;
}

void SentinelMachine::on(Instant now, const LinkDown& down, SentinelEffects& out) {
  const auto it = links_.find(down.link);
  if (it == links_.end()) return;
  Link& to = it->second;
  Channel& channel = down.part == LinkPart::kCommands ? to.commands : to.subscription;
  if (down.attempt != channel.attempt) return;
  if (!channel.up && !channel.attempt_since) return;
  if (!channel.up) {
    announce(
        out, EventLevel::kDebug,
        down.part == LinkPart::kCommands ? "-cmd-link-reconnection" : "-pubsub-link-reconnection",
        nullptr, to.address.text() + " @ " + to.primary + " #" + down.reason);
  }
  channel.retry_at = channel.up ? now : now + options_.timings.reconnect_pause;
  channel.up = false;
  channel.attempt_since.reset();
  if (down.part == LinkPart::kCommands) to.pending.clear();
}

void SentinelMachine::on(Instant now, const Answer& answer, SentinelEffects& out) {
  const auto it = links_.find(answer.link);
  if (it == links_.end()) return;
  Link& to = it->second;
  const auto found = to.pending.find(answer.request);
  if (found == to.pending.end()) return;
  const PendingRequest request = found->second;
  to.pending.erase(found);
  to.proven = true;
  const auto owner = primaries_.find(request.primary);
  Primary* primary = owner == primaries_.end() ? nullptr : owner->second.get();
  if (request.kind == RequestKind::kAsk) {
    const auto* reply = std::get_if<PrimaryDownReply>(&answer.reply);
    if (reply == nullptr || primary == nullptr) return;
    const auto peer = primary->peers.find(to.peer);
    if (peer != primary->peers.end()) on_vote(now, *primary, peer->second, request, *reply);
    return;
  }
  const auto* reply = std::get_if<NodeReply>(&answer.reply);
  if (reply == nullptr) return;
  Replica* replica = nullptr;
  DataNode* node = primary ? find_node(*primary, to.id, &replica) : nullptr;
  switch (request.kind) {
    case RequestKind::kPing: {
      const std::string& text = reply->text;
      to.last_pong = now;
      const bool pong = !reply->error && text == "PONG";
      if (pong ||
          (reply->error && (text.starts_with("LOADING") || text.starts_with("MASTERDOWN")))) {
        to.last_valid_pong = now;
        to.unanswered_since.reset();
        if (pong && node != nullptr && replica == nullptr) primary->reboot_since.reset();
      } else if (reply->error && text.starts_with("BUSY") && node != nullptr && node->is_down() &&
                 !node->script_kill_sent) {
        node->script_kill_sent = true;
        send(now, to, primary->name, KillScript{}, out);
      }
      break;
    }
    case RequestKind::kInfo:
      if (node != nullptr && !reply->error) {
        on_info(now, *primary, *node, replica, request, reply->text, out);
      }
      break;
    case RequestKind::kReconfigure:
      if (node != nullptr) node->next_info = now;
      break;
    case RequestKind::kPause:
      if (primary != nullptr) on_pause_reply(now, *primary, *reply);
      break;
    default:
      break;
  }
}

void SentinelMachine::on(Instant now, const HelloHeard& heard, SentinelEffects& out) {
  if (heard.link) {
    const auto it = links_.find(*heard.link);
    if (it == links_.end()) return;
    it->second.heard_at = now;
  }
  const std::optional<Hello> hello = parse_hello(heard.payload);
  if (hello && hello->id != id_) on_hello(now, *hello, out);
}

void SentinelMachine::on(Instant now, const PeerQuestion& asked, SentinelEffects& out) {
  const AskPrimaryDown& question = asked.question;
  Primary* primary = nullptr;
  for (auto& [name, candidate] : primaries_) {
    if (candidate->address == question.primary) primary = candidate.get();
  }
  PrimaryDownReply reply;
  const auto named = primaries_.find(question.name);
  if (primary == nullptr && named != primaries_.end()) {
    // Another address than ours: the asker, or we, missed a failover. Which of us is for the asker
    // to see from the epoch: silence would look like a ballot that was never used.
    const Primary& ours = *named->second;
    reply.leader_epoch = std::max(ours.voter.ballot().epoch, ours.config_epoch);
  }
  if (primary != nullptr) {
    reply.down = !tilt_since_ && primary->is_down();
    // Stock sentinels, which do not name it, expect zero where they ask for no vote.
    if (!question.name.empty()) reply.leader_epoch = primary->voter.ballot().epoch;
    if (question.candidate) {
      vote(now, *primary, question.epoch, *question.candidate, question.handover, out);
      reply.leader = primary->voter.ballot().choice;
      reply.leader_epoch = primary->voter.ballot().epoch;
    }
  }
  out.add(AnswerPeer{.token = asked.token, .reply = reply});
}

// ---- Links.

Link& SentinelMachine::link(LinkId id) {
  const auto it = links_.find(id);
  REDAN_CHECK(it != links_.end());
  return it->second;
}

const Link& SentinelMachine::link(LinkId id) const {
  const auto it = links_.find(id);
  REDAN_CHECK(it != links_.end());
  return it->second;
}

LinkId SentinelMachine::new_link(Instant now, LinkKind kind, const Address& address,
                                 const std::string& primary, NodeId peer) {
  if (kind == LinkKind::kPeer) {
    for (auto& [id, known] : links_) {
      if (known.kind == LinkKind::kPeer && known.peer == peer) return id;
    }
  }
  const LinkId id(++last_link_);
  Link& made = links_[id];
  made.id = id;
  made.kind = kind;
  made.address = address;
  made.primary = primary;
  made.peer = peer;
  // As if a PING had been sent: a node that never answers is down after down_after.
  made.unanswered_since = made.last_pong = made.last_valid_pong = made.heard_at = now;
  return id;
}

void SentinelMachine::drop_link(LinkId id, SentinelEffects& out) {
  out.add(CloseLink{.link = id, .part = LinkPart::kCommands});
  if (link(id).kind == LinkKind::kDataNode) {
    out.add(CloseLink{.link = id, .part = LinkPart::kSubscription});
  }
  links_.erase(id);
}

void SentinelMachine::drop_peer_link(LinkId id, SentinelEffects& out) {
  for (const auto& [name, primary] : primaries_) {
    for (const auto& [peer_id, peer] : primary->peers) {
      if (peer.link == id) {
        link(id).primary = name;
        return;
      }
    }
  }
  drop_link(id, out);
}

void SentinelMachine::close(Instant now, Link& to, LinkPart part, SentinelEffects& out) {
  Channel& channel = part == LinkPart::kCommands ? to.commands : to.subscription;
  if (channel.up || channel.attempt_since) out.add(CloseLink{.link = to.id, .part = part});
  channel.up = false;
  channel.attempt_since.reset();
  channel.retry_at = now;
  if (part == LinkPart::kCommands) to.pending.clear();
}

bool SentinelMachine::can_send(const Link& to) const {
  return to.commands.up && to.pending.size() < kMostPending;
}

void SentinelMachine::send(Instant now, Link& to, const std::string& primary, Request request,
                           SentinelEffects& out) {
  constexpr RequestKind kKinds[] = {
      RequestKind::kPing,  RequestKind::kInfo,    RequestKind::kPublish, RequestKind::kReconfigure,
      RequestKind::kPause, RequestKind::kUnpause, RequestKind::kScript,  RequestKind::kAsk};
  static_assert(std::size(kKinds) == std::variant_size_v<Request>);
  PendingRequest pending{
      .kind = kKinds[request.index()], .sent = now, .primary = primary, .about = {}};
  if (const auto* ask = std::get_if<AskPrimaryDown>(&request)) pending.about = ask->primary;
  if (pending.kind == RequestKind::kPing) {
    to.last_ping = now;
    if (!to.unanswered_since) to.unanswered_since = now;
  }
  const uint64_t id = ++last_request_;
  to.pending[id] = std::move(pending);
  out.add(Send{.link = to.id, .request = id, .primary = primary, .message = std::move(request)});
}

// ---- Small helpers.

void SentinelMachine::persist(SentinelEffects& out) {
  out.add(Persist{durable()});
}

DurableState SentinelMachine::durable() const {
  DurableState state{.id = id_, .current_epoch = current_epoch_};
  for (const auto& [name, primary] : primaries_) {
    DurablePrimary saved{.name = name,
                         .address = current_address(name).value_or(primary->address),
                         .options = primary->options,
                         .config_epoch = primary->config_epoch,
                         .ballot = primary->voter.ballot()};
    for (const auto& [address, replica] : primary->replicas) {
      if (address != saved.address) saved.replicas.push_back(address);
    }
    if (saved.address != primary->address) saved.replicas.push_back(primary->address);
    for (const auto& [id, peer] : primary->peers) saved.peers.push_back({id, peer.address});
    state.primaries.push_back(std::move(saved));
  }
  return state;
}

Replica& SentinelMachine::add_replica(Instant now, Primary& primary, const Address& address,
                                      SentinelEffects& out) {
  Replica& replica = primary.replicas[address];
  replica.address = address;
  replica.role_since = replica.source_since = now;
  replica.link = new_link(now, LinkKind::kDataNode, address, primary.name);
  event(out, EventLevel::kNotice, "+slave", primary, replica);
  return replica;
}

DataNode* SentinelMachine::find_node(Primary& primary, LinkId id, Replica** replica) {
  if (primary.link == id) return &primary;
  for (auto& [address, candidate] : primary.replicas) {
    if (candidate.link == id) {
      *replica = &candidate;
      return &candidate;
    }
  }
  return nullptr;
}

}  // namespace redan
