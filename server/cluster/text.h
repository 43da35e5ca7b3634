// The cluster in Redis' words: CLUSTER NODES and REPLICAS lines, INFO, nodes.conf, and what SLOTS
// and SHARDS list. Also the arguments of the verbs that take slots.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "server/cluster/view.h"

namespace redan {

// How times of our clock are shown.
struct ShownTime {
  int64_t unix_ms_at_zero = 0;  // ClusterOptions has it.
  int64_t unix_ms(Instant at) const { return unix_ms_at_zero + whole_ms(at.time_since_epoch()); }
};

// One line without its end. `tls`: for a client that came by TLS.
std::string node_line(const ClusterView& view, const ClusterNode& node, ShownTime time, bool tls);
// CLUSTER NODES: a line each, every one ended by \n.
std::string nodes_text(const ClusterView& view, ShownTime time, bool tls);
// nodes.conf: the same lines with the fields that Redis 7.2 adds there, and the vars.
std::string nodes_conf(const ClusterView& view, ShownTime time);
// CLUSTER INFO, lines ended by \r\n.
std::string cluster_info(const ClusterView& view);

// CLUSTER SLOTS: a row for each run of slots; behind a primary only replicas that could serve: not
// those that failed or have nothing yet. `own_offset`: ours in the replication stream, as of now.
struct SlotsRow {
  SlotRange range;
  const ClusterNode* primary;
  std::vector<const ClusterNode*> replicas;
};
std::vector<SlotsRow> slots_rows(const ClusterView& view, int64_t own_offset);

// CLUSTER SHARDS: an entry for each shard, its primary first.
struct ShardsEntry {
  std::vector<SlotRange> slots;
  std::vector<const ClusterNode*> nodes;
};
std::vector<ShardsEntry> shards_entries(const ClusterView& view);
// "online", "fail" or "loading". `offset`: the node's, ours as of now for ourselves.
std::string_view shard_health(const ClusterNode& node, int64_t offset);

// What a verb does with slots: add those that are free, or delete those that have an owner.
enum class SlotVerb { kAdd, kDelete };
// ADDSLOTS, DELSLOTS: "5 6 7"; ...RANGE: "5 7 9 12", the caller has checked that they are pairs.
// Errors name the first word, in their order, that is no slot or whose slot cannot be had.
Result<SlotSet> parse_slot_list(const ClusterView& view, SlotVerb verb,
                                std::span<const std::string_view> words);
Result<SlotSet> parse_slot_ranges(const ClusterView& view, SlotVerb verb,
                                  std::span<const std::string_view> words);

}  // namespace redan
