#include "tests/sim/checkers.h"

#include <algorithm>

namespace redan::sim {
namespace {

std::string who(const SentinelNode& node) {
  return "sentinel " + std::to_string(node.process());
}

}  // namespace

void OneLeaderPerEpoch::announced(SentinelNode& node, const Announce& event) {
  if (event.type != "+elected-leader") return;
  const Primary& primary = *node.machine().find(kName);
  if (primary.electorate() < group_) return;
  const Epoch epoch = primary.campaign.epoch();
  const auto [it, fresh] = leaders_.emplace(epoch, node.index());
  if (!fresh && it->second != node.index()) {
    world_.fail("two leaders in epoch " + std::to_string(epoch.value) + ": " + who(node));
  }
}

void OneLeaderPerEpoch::sent(SentinelNode& node, const Send& send) {
  const auto* r = std::get_if<Reconfigure>(&send.message);
  if (r == nullptr || r->primary) return;
  const Primary& primary = *node.machine().find(kName);
  // Whoever was elected without knowing its group may know it by now.
  const auto leader = leaders_.find(primary.campaign.epoch());
  if (!primary.promoted || leader == leaders_.end() || leader->second != node.index()) return;
  const auto [it, fresh] = promoted_.emplace(primary.campaign.epoch(), *primary.promoted);
  if (!fresh && it->second != *primary.promoted) {
    world_.fail("two replicas promoted in epoch " + std::to_string(primary.campaign.epoch().value));
  }
}

void OneVotePerEpoch::told(SentinelNode& node, Epoch epoch, NodeId choice) {
  const auto [it, fresh] = votes_.emplace(std::pair(node.index(), epoch), choice);
  if (!fresh && it->second != choice) {
    return world_.fail(who(node) + " voted twice in epoch " + std::to_string(epoch.value));
  }
  for (const DurablePrimary& saved : node.disk().primaries) {
    if (saved.name == kName && saved.ballot.epoch < epoch) {
      world_.fail(who(node) + " told a vote of epoch " + std::to_string(epoch.value) +
                  " that is not on its disk");
    }
  }
}

void OneVotePerEpoch::answered(SentinelNode& node, const AskPrimaryDown&,
                               const PrimaryDownReply& reply) {
  if (reply.leader) told(node, *reply.leader_epoch, *reply.leader);
}

void OneVotePerEpoch::sent(SentinelNode& node, const Send& send) {
  const auto* ask = std::get_if<AskPrimaryDown>(&send.message);
  if (ask != nullptr && ask->candidate) told(node, ask->epoch, *ask->candidate);
}

void EpochsOnlyGrow::sent(SentinelNode& node, const Send& send) {
  const auto* publish = std::get_if<PublishHello>(&send.message);
  if (publish == nullptr) return;
  const std::optional<Hello> hello = parse_hello(publish->payload);
  if (!hello) return world_.fail("a hello that nobody can read: " + publish->payload);
  Epoch& current = current_[node.index()];
  Epoch& config = config_[node.index()];
  if (hello->current_epoch < current) world_.fail(who(node) + ": the current epoch went back");
  if (hello->config_epoch < config) world_.fail(who(node) + ": the config epoch went back");
  if (hello->config_epoch > hello->current_epoch) {
    world_.fail(who(node) + ": a config epoch beyond the current one");
  }
  current = hello->current_epoch;
  config = hello->config_epoch;
  const auto [it, fresh] = address_of_.emplace(hello->config_epoch, hello->primary);
  if (!fresh && it->second != hello->primary) {
    world_.fail(who(node) + ": two primaries in config epoch " +
                std::to_string(hello->config_epoch.value));
  }
}

void BestReplicaChosen::announced(SentinelNode& node, const Announce& event) {
  if (event.type != "+selected-slave") return;
  const Primary& primary = *node.machine().find(kName);
  const Instant now = node.local();
  // Written down a second time, on purpose: the rule of features.md 15, not the code under test.
  // A little slack, for the time that persisting took between the choice and its announcement.
  const auto fit = [&](const Replica& replica, Nanos slack, bool whatever_link_age) {
    const Link& link = *node.machine().find_link(replica.link);
    const Nanos oldest = primary.is_down() ? Seconds(5) : Seconds(30);
    const Nanos gone = 10 * primary.options.down_after +
                       (primary.is_down() ? now - *primary.down_since : Nanos(0));
    return !replica.is_down() && link.commands.up && replica.info.priority != 0 &&
           now - link.last_valid_pong <= Seconds(5) + slack && replica.info_at &&
           now - *replica.info_at <= oldest + slack &&
           (whatever_link_age || Seconds(replica.info.link_down_seconds) <= gone + slack);
  };
  const auto name_end = event.text.find(' ', 6);
  const std::string chosen_name = event.text.substr(6, name_end - 6);
  const Replica* chosen = nullptr;
  for (const auto& [address, replica] : primary.replicas) {
    if (address.text() == chosen_name) chosen = &replica;
  }
  if (chosen == nullptr) return;  // Overtaken by a new configuration meanwhile.
  // Under a primary that became a replica itself all links are old; then, if nobody is fit, the
  // best of the others will do.
  const bool second_choice = !fit(*chosen, Millis(500), false);
  if (second_choice && (primary.says_primary || !fit(*chosen, Millis(500), true))) {
    return world_.fail(who(node) + " selected a replica that is not fit");
  }
  for (const auto& [address, replica] : primary.replicas) {
    if (!fit(replica, -Millis(500), second_choice)) continue;
    const bool better = replica.info.priority != chosen->info.priority
                            ? replica.info.priority < chosen->info.priority
                            : replica.info.replica_offset > chosen->info.replica_offset;
    if (better) world_.fail(who(node) + " passed over a better replica: " + address.text());
  }
}

void NewestPrimaryStays::carried_out(SentinelNode& by, const Order& order) {
  if (order.promotes) {
    promotions_.try_emplace(order.epoch, Promotion{.node = order.node, .at = world_.now()});
    return;
  }
  if (!order.was_primary) return;
  for (auto& [epoch, promotion] : promotions_) {
    // Four hello periods of a clock that runs fast.
    const bool hasty = world_.now() - promotion.at < Millis(7'500);
    if (promotion.node == order.node && order.epoch < epoch && hasty) {
      promotion.demoted_by = who(by);
    }
  }
  check();
}

void NewestPrimaryStays::announced(SentinelNode& node, const Announce& event) {
  if (event.type != "+promoted-slave") return;
  newest_ = std::max(newest_, node.machine().find(kName)->config_epoch);
  check();
}

void NewestPrimaryStays::check() {
  const auto newest = promotions_.find(newest_);
  if (newest == promotions_.end() || newest->second.demoted_by.empty()) return;
  world_.fail(newest->second.demoted_by + " demoted the primary of the newest configuration");
}

}  // namespace redan::sim
