// Connections kept, and what is asked of every node periodically.
#include <algorithm>

#include "sentinel/logic/pass.h"

namespace redan {
namespace {

constexpr Millis kResolvePause{1'000};

}  // namespace

void SentinelMachine::keep_link(Pass& p, Link& to, const Primary& primary, const Instance& node) {
  const SentinelTimings& t = options_.timings;
  Channel& channel = to.commands;
  if (channel.up) {
    const Nanos patience = primary.options.down_after / 2;
    // A connection that answered once and fell silent until the node counts as down leads nowhere:
    // after a cut TCP would wait for longer and longer before it tries again. One that never
    // answered belongs to a process that stands still: it will answer there when it goes on. One
    // that answers with errors (BUSY) is not silent.
    if (to.unanswered_since && node.is_down() && to.proven &&
        p.due(to.last_pong + primary.options.down_after)) {
      close(p.now, to, LinkPart::kCommands, p.out);
      if (to.kind == LinkKind::kDataNode) close(p.now, to, LinkPart::kSubscription, p.out);
    } else if (to.unanswered_since) {
      const Instant at = std::max({channel.up_since + t.min_link_reconnect_period,
                                   *to.unanswered_since + patience, to.last_pong + patience});
      if (p.due(at)) close(p.now, to, LinkPart::kCommands, p.out);
    }
  }
  if (!channel.up && channel.attempt_since && p.due(*channel.attempt_since + t.connect_timeout)) {
    close(p.now, to, LinkPart::kCommands, p.out);
  }
  if (!channel.up && !channel.attempt_since && p.due(channel.retry_at)) {
    if (to.address.port == 0) return;  // +sentinel-invalid-addr: nobody knows where it is.
    if (!to.address.resolved()) {
      // Its name is asked for, and again each second while DNS does not know it.
      resolved_ip(to.address.hostname, p.out);
      channel.retry_at = p.now + kResolvePause;
      p.due(channel.retry_at);
      return;
    }
    channel.attempt += 1;
    channel.attempt_since = p.now;
    p.due(p.now + t.connect_timeout);
    p.out.add(OpenLink{.link = to.id,
                       .part = LinkPart::kCommands,
                       .kind = to.kind,
                       .attempt = channel.attempt,
                       .address = to.address,
                       .primary = to.primary,
                       .peer = to.peer});
  }
}

void SentinelMachine::keep_subscription(Pass& p, Link& to, const Instance&) {
  const SentinelTimings& t = options_.timings;
  Channel& channel = to.subscription;
  if (channel.up && p.due(std::max(channel.up_since + t.min_link_reconnect_period,
                                   to.heard_at + 3 * t.publish_period))) {
    // We publish there ourselves, so silence means that the connection is dead.
    close(p.now, to, LinkPart::kSubscription, p.out);
  }
  if (!channel.up && channel.attempt_since && p.due(*channel.attempt_since + t.connect_timeout)) {
    close(p.now, to, LinkPart::kSubscription, p.out);
  }
  // Only where commands get through: one dead node costs one attempt at a time.
  if (!channel.up && !channel.attempt_since && to.commands.up && p.due(channel.retry_at)) {
    channel.attempt += 1;
    channel.attempt_since = p.now;
    p.due(p.now + t.connect_timeout);
    p.out.add(OpenLink{.link = to.id,
                       .part = LinkPart::kSubscription,
                       .kind = to.kind,
                       .attempt = channel.attempt,
                       .address = to.address,
                       .primary = to.primary,
                       .peer = to.peer});
  }
}

void SentinelMachine::probe(Pass& p, Link& to, const Primary& primary) {
  if (!can_send(to)) return;
  const Nanos period = std::min<Nanos>(options_.timings.ping_period, primary.options.down_after);
  if (p.due(std::max(to.last_pong + period, to.last_ping + period / 2))) {
    send(p.now, to, primary.name, AskPing{}, p.out);
    p.due(p.now + period / 2);
  }
}

void SentinelMachine::ask_info(Pass& p, Primary& primary, DataNode& node, bool is_replica) {
  Link& to = link(node.link);
  if (!can_send(to)) return;
  const bool urgent = is_replica && (primary.odown_since || primary.failing_over() ||
                                     node.info.link_down_seconds > 0);
  const Nanos period = urgent ? std::min<Nanos>(Seconds(1), options_.timings.info_period)
                              : options_.timings.info_period;
  if (p.due(std::min(node.next_info, node.info_asked + period))) {
    node.next_info = Instant::max();
    node.info_asked = p.now;
    send(p.now, to, primary.name, AskInfo{}, p.out);
    p.due(p.now + period);
  }
}

void SentinelMachine::say_hello(Pass& p, Primary& primary, LinkId id, Instant& next_publish) {
  Link& to = link(id);
  if (!can_send(to) || !p.due(next_publish)) return;
  next_publish = p.now + options_.timings.publish_period;
  p.due(next_publish);
  const std::string& ip = options_.announce_ip.empty() ? to.local_ip : options_.announce_ip;
  if (ip.empty()) return;
  Address shown = current_address(primary.name).value_or(primary.address);
  if (options_.announce_hostnames && !shown.hostname.empty()) shown.ip.clear();
  const Hello hello{
      .sentinel = {.ip = ip,
                   .port = options_.announce_port != 0 ? options_.announce_port : options_.port},
      .id = id_,
      .current_epoch = current_epoch_,
      .name = primary.name,
      .primary = shown,
      .config_epoch = primary.config_epoch};
  send(p.now, to, primary.name, PublishHello{format_hello(hello)}, p.out);
}

void SentinelMachine::hurry_hellos(Instant now, Primary& primary) {
  primary.next_publish = now;
  for (auto& [address, replica] : primary.replicas) replica.next_publish = now;
  for (auto& [id, peer] : primary.peers) peer.next_publish = now;
  again_ = true;
}

}  // namespace redan
