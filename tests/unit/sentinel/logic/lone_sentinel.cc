#include "lone_sentinel.h"

#include <algorithm>

#include "common/base/check.h"

namespace redan {

std::string ScriptedNode::info_text() const {
  if (info) return *info;
  std::string text = "# Server\r\nrun_id:" + run_id + "\r\n# Replication\r\n";
  if (follows) {
    text += "role:slave\r\nmaster_host:" + follows->dialled() +
            "\r\nmaster_port:" + std::to_string(follows->port) + "\r\n";
    text += std::string("master_link_status:") + (link_up ? "up" : "down") + "\r\n";
    if (!link_up) {
      text += "master_link_down_since_seconds:" + std::to_string(link_down_s) + "\r\n";
      if (refuses_sync) text += "master_full_sync_refused:1\r\n";
    }
    text += "slave_repl_offset:" + std::to_string(offset) +
            "\r\nslave_priority:" + std::to_string(priority) + "\r\n";
  } else {
    text += "role:master\r\n";
    for (size_t i = 0; i < replicas.size(); ++i) {
      text += "slave" + std::to_string(i) + ":ip=" + replicas[i].ip +
              ",port=" + std::to_string(replicas[i].port) + ",state=online,offset=1,lag=0\r\n";
    }
  }
  return text + "master_repl_offset:" + std::to_string(offset) + "\r\n";
}

DurableState LoneSentinel::state_of(const Setup& setup) {
  DurablePrimary primary{.name = "m",
                         .address = setup.primary,
                         .options = setup.options,
                         .config_epoch = setup.epoch,
                         .ballot = {.epoch = setup.epoch},
                         .replicas = setup.replicas};
  for (uint64_t id = 1; id <= setup.peers; ++id) {
    primary.peers.push_back({NodeId(id), {.ip = "10.0.1." + std::to_string(id), .port = 26379}});
  }
  return {.id = kSelf, .current_epoch = setup.epoch, .primaries = {primary}};
}

LoneSentinel::LoneSentinel(Setup setup)
    : machine(setup.global, state_of(setup), /*seed=*/1, kStart) {
  nodes[kPrimaryAt] = {.run_id = NodeId(0xa1).hex(), .replicas = setup.replicas};
  uint64_t run = 0xb1;
  for (const Address& at : setup.replicas) {
    nodes[at] = {.follows = kPrimaryAt, .run_id = NodeId(run++).hex()};
  }
  for (uint64_t id = 1; id <= setup.peers; ++id) {
    peers[NodeId(id)].at = {.ip = "10.0.1." + std::to_string(id), .port = 26379};
  }
  SentinelEffects out;
  machine.start(now, out);
  perform(out);
  drain();
}

void LoneSentinel::drain() {
  for (int steps = 0; !inbox_.empty(); ++steps) {
    REDAN_CHECK(steps < 100'000);
    const SentinelInput input = std::move(inbox_.front());
    inbox_.pop_front();
    SentinelEffects out;
    machine.receive(now, input, out);
    perform(out);
  }
}

void LoneSentinel::run_until(Instant end) {
  run_until([] { return false; }, end - now);
}

bool LoneSentinel::run_until(const std::function<bool()>& done, Nanos limit) {
  const Instant end = now + limit;
  for (int steps = 0; !done(); ++steps) {
    REDAN_CHECK(steps < 1'000'000);
    const Instant next = std::max(machine.next_deadline(), now);
    if (next > end) {
      now = end;
      return done();
    }
    now = next;
    SentinelEffects out;
    machine.tick(now, out);
    perform(out);
    drain();
  }
  return true;
}

void LoneSentinel::hear(const SentinelInput& input) {
  inbox_.push_back(input);
  drain();
}

Result<void> LoneSentinel::operate(
    const std::function<Result<void>(SentinelMachine&, SentinelEffects&)>& verb) {
  SentinelEffects out;
  Result<void> outcome = verb(machine, out);
  perform(out);
  drain();
  return outcome;
}

Result<void> LoneSentinel::failover() {
  return operate(
      [this](SentinelMachine& m, SentinelEffects& out) { return m.failover(now, "m", out); });
}

Result<void> LoneSentinel::set(std::vector<std::string> words) {
  return operate([this, &words](SentinelMachine& m, SentinelEffects& out) {
    return m.set(now, "m", words, out);
  });
}

void LoneSentinel::kill(const Address& at) {
  nodes[at].accepts = nodes[at].answers = false;
  cut(at);
}

void LoneSentinel::cut(const Address& at) {
  for (const auto& [id, home] : homes_) {
    const Link* link = machine.find_link(id);
    if (home != at || link == nullptr) continue;
    for (const LinkPart part : {LinkPart::kCommands, LinkPart::kSubscription}) {
      const Channel& channel = part == LinkPart::kCommands ? link->commands : link->subscription;
      inbox_.push_back(
          LinkDown{.link = id, .part = part, .attempt = channel.attempt, .reason = "reset"});
    }
  }
  drain();
}

void LoneSentinel::hello(const std::string& payload) {
  hear(HelloHeard{.link = primary().link, .payload = payload});
}

std::string LoneSentinel::hello_text(uint64_t id, Epoch current, const Address& at,
                                     Epoch config) const {
  return format_hello({.sentinel = {.ip = "10.0.1." + std::to_string(id), .port = 26379},
                       .id = NodeId(id),
                       .current_epoch = current,
                       .name = "m",
                       .primary = at,
                       .config_epoch = config});
}

std::optional<PrimaryDownReply> LoneSentinel::asked(const AskPrimaryDown& question) {
  const uint64_t token = ++last_token_;
  hear(PeerQuestion{.token = token, .question = question});
  for (const AnswerPeer& answer : effects<AnswerPeer>()) {
    if (answer.token == token) return answer.reply;
  }
  return std::nullopt;
}

std::optional<std::string> LoneSentinel::said(const std::string& type) const {
  std::optional<std::string> text;
  for (const Timed& each : log) {
    const auto* event = std::get_if<Announce>(&each.effect);
    if (event != nullptr && event->type == type) text = event->text;
  }
  return text;
}

size_t LoneSentinel::count(const std::string& type) const {
  return std::count_if(log.begin(), log.end(), [&](const Timed& each) {
    const auto* event = std::get_if<Announce>(&each.effect);
    return event != nullptr && event->type == type;
  });
}

std::optional<Instant> LoneSentinel::when(const std::string& type) const {
  for (const Timed& each : log) {
    const auto* event = std::get_if<Announce>(&each.effect);
    if (event != nullptr && event->type == type) return each.at;
  }
  return std::nullopt;
}

void LoneSentinel::perform(SentinelEffects& out) {
  for (SentinelEffect& effect : out.take()) {
    log.push_back({now, effect});
    if (const auto* link = std::get_if<OpenLink>(&effect)) open(*link);
    if (const auto* send = std::get_if<Send>(&effect)) answer(*send);
    const auto* host = std::get_if<ResolveHost>(&effect);
    if (host != nullptr && dns.count(host->hostname) != 0) {
      inbox_.push_back(HostResolved{.hostname = host->hostname, .ip = dns.at(host->hostname)});
    }
  }
}

void LoneSentinel::open(const OpenLink& link) {
  homes_[link.link] = link.address;
  const bool is_peer = link.kind == LinkKind::kPeer;
  wires_[link.link] = {.is_peer = is_peer, .peer = link.peer};
  const bool accepts = is_peer ? peers[link.peer].accepts : nodes[link.address].accepts;
  if (accepts) {
    inbox_.push_back(LinkUp{
        .link = link.link, .part = link.part, .attempt = link.attempt, .local_ip = "10.0.1.100"});
  } else {
    inbox_.push_back(LinkDown{.link = link.link,
                              .part = link.part,
                              .attempt = link.attempt,
                              .reason = "Connection refused"});
  }
}

void LoneSentinel::answer(const Send& send) {
  const auto reply = [&](std::variant<NodeReply, PrimaryDownReply> what) {
    inbox_.push_back(Answer{.link = send.link, .request = send.request, .reply = std::move(what)});
  };
  const Wire& wire = wires_.at(send.link);
  if (!wire.is_peer) {
    ScriptedNode& node = nodes[homes_.at(send.link)];
    if (node.answers) reply(reply_of(node, send.message));
    return;
  }
  const ScriptedPeer& peer = peers[wire.peer];
  if (!peer.answers) return;
  const auto* ask = std::get_if<AskPrimaryDown>(&send.message);
  if (ask == nullptr) return reply(NodeReply{.error = false, .text = "PONG"});
  PrimaryDownReply told{.down = peer.says_down};
  const bool wants_vote = ask->candidate && ask->epoch > Epoch{};
  if (wants_vote && (peer.votes || peer.choice)) {
    told.leader = peer.choice.value_or(*ask->candidate);
    told.leader_epoch = peer.ballot_epoch.value_or(ask->epoch);
  } else if (peer.ballot_epoch) {
    told.leader_epoch = *peer.ballot_epoch;
  }
  reply(told);
}

NodeReply LoneSentinel::reply_of(ScriptedNode& node, const Request& request) {
  if (std::holds_alternative<AskPing>(request)) return node.pong;
  if (std::holds_alternative<AskInfo>(request)) {
    return {.error = false, .text = node.info_text()};
  }
  if (std::holds_alternative<PauseWrites>(request)) return node.paused;
  if (const auto* change = std::get_if<Reconfigure>(&request); change != nullptr && node.obeys) {
    node.follows = change->primary;
    node.link_up = node.syncs;
  }
  return {.error = false, .text = "OK"};
}

}  // namespace redan
