#include "server/cluster/text.h"

#include <algorithm>
#include <map>

#include "server/cluster/route.h"

namespace redan {
namespace {

std::string flags_text(const ClusterView& view, const ClusterNode& node) {
  std::string text;
  const auto add = [&](bool set, std::string_view flag) {
    if (!set) return;
    if (!text.empty()) text += ',';
    text += flag;
  };
  add(&node == &view.myself(), "myself");
  add(node.is_primary && !node.handshake, "master");
  add(!node.is_primary, "slave");
  add(node.suspicion == Suspicion::kPossible, "fail?");
  add(node.suspicion == Suspicion::kFailed, "fail");
  add(node.handshake, "handshake");
  add(node.noaddr, "noaddr");
  add(node.nofailover, "nofailover");
  return text.empty() ? "noflags" : text;
}

Epoch shown_epoch(const ClusterView& view, const ClusterNode& node) {
  const ClusterNode* primary = view.primary_of(node);
  return primary == nullptr ? node.config_epoch : primary->config_epoch;
}

std::string line(const ClusterView& view, const ClusterNode& node, ShownTime time, bool tls,
                 bool for_file) {
  const bool myself = &node == &view.myself();
  const NodeAddress& at = node.address;
  std::string text = node.id.hex() + " " + at.ip + ":" + std::to_string(client_port(node, tls)) +
                     "@" + std::to_string(at.bus_port);
  if (!at.hostname.empty()) text += "," + at.hostname;
  if (for_file) {
    if (at.hostname.empty()) text += ",";
    text += ",tls-port=" + std::to_string(at.tls_port);
    if (!at.human_name.empty()) text += ",nodename=" + at.human_name;
    text += ",shard-id=" + node.shard_id.hex();
  }
  text += " " + flags_text(view, node) + " ";
  text += node.primary.empty() ? "-" : node.primary.hex();
  const auto add_time = [&](const std::optional<Instant>& when) {
    text += " " + std::to_string(when && !myself ? time.unix_ms(*when) : 0);
  };
  add_time(node.ping_sent);
  add_time(node.pong_received);
  text += " " + std::to_string(shown_epoch(view, node).value);
  text += node.link_up || myself ? " connected" : " disconnected";
  if (node.has_slots()) text += " " + node.slots.text();
  if (!myself) return text;
  // A replica only remembers what its primary moves (mirror_moves()).
  if (!node.is_primary && !for_file) return text;
  for (const auto& [slot, to] : view.migrating()) {
    text += " [" + std::to_string(slot.value) + "->-" + to.hex() + "]";
  }
  for (const auto& [slot, from] : view.importing()) {
    text += " [" + std::to_string(slot.value) + "-<-" + from.hex() + "]";
  }
  return text;
}

constexpr std::string_view kCountNames[] = {
    "ping",     "pong",   "meet",    "fail",   "publish",      "auth-req",
    "auth-ack", "update", "mfstart", "module", "publishshard", "state",
};
static_assert(std::size(kCountNames) == kBusCounts);

}  // namespace

std::string node_line(const ClusterView& view, const ClusterNode& node, ShownTime time, bool tls) {
  return line(view, node, time, tls, false);
}

std::string nodes_text(const ClusterView& view, ShownTime time, bool tls) {
  std::string text;
  for (const auto& [id, node] : view.nodes()) text += line(view, node, time, tls, false) + "\n";
  return text;
}

std::string nodes_conf(const ClusterView& view, ShownTime time) {
  std::string text;
  for (const auto& [id, node] : view.nodes()) {
    if (!node.handshake) text += line(view, node, time, false, true) + "\n";
  }
  for (const auto& [move, given] : view.given()) {
    text += "given " + move.hex() + " " + given.to.hex() + " " + std::to_string(given.epoch.value) +
            " " + given.slots.text() + "\n";
  }
  for (const auto& [move, incoming] : view.incoming()) {
    text +=
        "incoming " + move.hex() + " " + incoming.from.hex() + " " + incoming.slots.text() + "\n";
  }
  return text + "vars currentEpoch " + std::to_string(view.current_epoch().value) +
         " lastVoteEpoch " + std::to_string(view.last_vote_epoch().value) + "\n";
}

std::string cluster_info(const ClusterView& view) {
  size_t assigned = 0, ok = 0, pfail = 0, fail = 0;
  for (const auto& [id, node] : view.nodes()) {
    const size_t n = node.slots.size();
    assigned += n;
    if (node.suspicion == Suspicion::kNone) ok += n;
    if (node.suspicion == Suspicion::kPossible) pfail += n;
    if (node.suspicion == Suspicion::kFailed) fail += n;
  }
  std::string text = view.ok() ? "cluster_state:ok\r\n" : "cluster_state:fail\r\n";
  const auto add = [&](std::string_view name, uint64_t value) {
    text.append(name).append(":").append(std::to_string(value)).append("\r\n");
  };
  add("cluster_slots_assigned", assigned);
  add("cluster_slots_ok", ok);
  add("cluster_slots_pfail", pfail);
  add("cluster_slots_fail", fail);
  add("cluster_known_nodes", view.nodes().size());
  add("cluster_size", view.size());
  add("cluster_current_epoch", view.current_epoch().value);
  add("cluster_my_epoch", shown_epoch(view, view.myself()).value);
  for (const bool sent : {true, false}) {
    uint64_t total = 0;
    for (size_t i = 0; i < kBusCounts; ++i) {
      const auto kind = static_cast<BusCount>(i);
      const uint64_t n = sent ? view.sent(kind) : view.received(kind);
      total += n;
      if (n == 0) continue;
      add("cluster_stats_messages_" + std::string(kCountNames[i]) + (sent ? "_sent" : "_received"),
          n);
    }
    add(sent ? "cluster_stats_messages_sent" : "cluster_stats_messages_received", total);
  }
  add("total_cluster_links_buffer_limit_exceeded", view.buffer_limit_exceeded);
  return text;
}

std::vector<SlotsRow> slots_rows(const ClusterView& view, int64_t own_offset) {
  std::vector<SlotsRow> rows;
  for (const auto& [id, node] : view.nodes()) {
    if (!node.is_primary || !node.has_slots()) continue;
    std::vector<const ClusterNode*> replicas = view.replicas_of(id);
    std::erase_if(replicas, [&](const ClusterNode* replica) {
      const bool is_self = replica == &view.myself();
      return shard_health(*replica, is_self ? own_offset : replica->replication_offset) != "online";
    });
    for (const SlotRange& range : node.slots.ranges()) rows.push_back({range, &node, replicas});
  }
  std::sort(rows.begin(), rows.end(),
            [](const SlotsRow& a, const SlotsRow& b) { return a.range.first < b.range.first; });
  return rows;
}

std::vector<ShardsEntry> shards_entries(const ClusterView& view) {
  std::map<NodeId, ShardsEntry> shards;
  for (const auto& [id, node] : view.nodes()) {
    if (node.handshake) continue;
    ShardsEntry& shard = shards[node.shard_id];
    shard.nodes.insert(node.is_primary ? shard.nodes.begin() : shard.nodes.end(), &node);
    if (!node.is_primary) continue;
    for (const SlotRange& range : node.slots.ranges()) shard.slots.push_back(range);
  }
  std::vector<ShardsEntry> entries;
  for (auto& [id, shard] : shards) entries.push_back(std::move(shard));
  return entries;
}

std::string_view shard_health(const ClusterNode& node, int64_t offset) {
  if (node.failed()) return "fail";
  return !node.is_primary && offset == 0 ? "loading" : "online";
}

namespace {

Result<void> take(const ClusterView& view, SlotVerb verb, SlotRange range, SlotSet& slots) {
  for (uint32_t i = range.first.value; i <= range.last.value; ++i) {
    const Slot slot(static_cast<uint16_t>(i));
    const bool owned = view.owner(slot) != nullptr;
    const auto refused = [&](std::string_view why) {
      return Error("Slot " + std::to_string(i) + " " + std::string(why));
    };
    if (verb == SlotVerb::kAdd && owned) return refused("is already busy");
    if (verb == SlotVerb::kDelete && !owned) return refused("is already unassigned");
    if (slots.contains(slot)) return refused("specified multiple times");
    slots.add(slot);
  }
  return kOk;
}

}  // namespace

Result<SlotSet> parse_slot_list(const ClusterView& view, SlotVerb verb,
                                std::span<const std::string_view> words) {
  std::vector<Slot> named;
  named.reserve(words.size());
  for (const std::string_view word : words) {
    const Result<Slot> slot = parse_slot(word);
    if (!slot) return slot.error();
    named.push_back(*slot);
  }
  SlotSet slots;
  for (const Slot slot : named) {
    const Result<void> taken = take(view, verb, {slot, slot}, slots);
    if (!taken) return taken.error();
  }
  return slots;
}

Result<SlotSet> parse_slot_ranges(const ClusterView& view, SlotVerb verb,
                                  std::span<const std::string_view> words) {
  SlotSet slots;
  for (size_t i = 0; i + 1 < words.size(); i += 2) {
    const Result<Slot> first = parse_slot(words[i]), last = parse_slot(words[i + 1]);
    if (!first) return first.error();
    if (!last) return last.error();
    if (*first > *last) {
      return Error("start slot number " + std::to_string(first->value) +
                   " is greater than end slot number " + std::to_string(last->value));
    }
    const Result<void> taken = take(view, verb, {*first, *last}, slots);
    if (!taken) return taken.error();
  }
  return slots;
}

}  // namespace redan
