// What a node knows of its cluster: CLUSTER INFO, NODES, SLOTS, SHARDS, LINKS and the like.
#include "server/cluster/text.h"
#include "server/command/cluster/cluster_verbs.h"

namespace redan {
namespace {

ShownTime shown_time(Call& call) {
  return {.unix_ms_at_zero = call.server().cluster->unix_ms_at_zero()};
}

// How far a node is in the replication stream; of ourselves we know it, of others what they told.
int64_t offset_of(Call& call, const ClusterNode& node) {
  const bool is_self = &node == &view_of(call).myself();
  return is_self ? call.server().replication.offset() : node.replication_offset;
}

Result<void> info(Call& call) {
  call.reply().verbatim("txt", cluster_info(view_of(call)));
  return kOk;
}

Result<void> nodes(Call& call) {
  call.reply().verbatim("txt",
                        nodes_text(view_of(call), shown_time(call), came_by_tls(call.session())));
  return kOk;
}

Result<void> replicas(Call& call) {
  const ClusterView& view = view_of(call);
  const ClusterNode* primary = find_node(view, call.arg(2));
  if (primary == nullptr) return unknown_node(call.arg(2));
  if (!primary->is_primary) return Error("The specified node is not a master");
  const std::vector<const ClusterNode*> found = view.replicas_of(primary->id);
  call.reply().array(found.size());
  for (const ClusterNode* replica : found) {
    call.reply().bulk(node_line(view, *replica, shown_time(call), came_by_tls(call.session())));
  }
  return kOk;
}

Result<void> myid(Call& call) {
  call.reply().bulk(view_of(call).myself().id.hex());
  return kOk;
}

Result<void> myshardid(Call& call) {
  call.reply().bulk(view_of(call).myself().shard_id.hex());
  return kOk;
}

// How a node is reached, as CLUSTER SLOTS has it: the preferred endpoint, then what else is known.
void write_endpoint(Call& call, const ClusterNode& node, EndpointType type) {
  ReplyWriter& reply = call.reply();
  reply.array(4);
  type == EndpointType::kUnknown ? reply.null() : reply.bulk(preferred_endpoint(node, type));
  reply.integer(client_port(node, came_by_tls(call.session())));
  reply.bulk(node.id.hex());
  const bool show_ip = type != EndpointType::kIp;
  const bool show_name = type != EndpointType::kHostname && !node.address.hostname.empty();
  reply.map(static_cast<size_t>(show_ip) + static_cast<size_t>(show_name));
  if (show_ip) {
    reply.bulk("ip");
    reply.bulk(node.address.ip);
  }
  if (show_name) {
    reply.bulk("hostname");
    reply.bulk(node.address.hostname);
  }
}

Result<void> slots(Call& call) {
  const ClusterView& view = view_of(call);
  const EndpointType type = endpoint_type(call.config().cluster_preferred_endpoint_type);
  const std::vector<SlotsRow> rows = slots_rows(view, offset_of(call, view.myself()));
  call.reply().array(rows.size());
  for (const SlotsRow& row : rows) {
    call.reply().array(3 + row.replicas.size());
    call.reply().integer(row.range.first.value);
    call.reply().integer(row.range.last.value);
    write_endpoint(call, *row.primary, type);
    for (const ClusterNode* replica : row.replicas) write_endpoint(call, *replica, type);
  }
  return kOk;
}

void write_shard_node(Call& call, const ClusterNode& node, EndpointType type) {
  ReplyWriter& reply = call.reply();
  const NodeAddress& at = node.address;
  const int64_t offset = offset_of(call, node);
  const size_t fields = 6 + (at.port != 0) + (at.tls_port != 0) + !at.hostname.empty();
  reply.map(fields);
  const auto text = [&](std::string_view name, std::string_view value) {
    reply.bulk(name);
    reply.bulk(value);
  };
  const auto number = [&](std::string_view name, int64_t value) {
    reply.bulk(name);
    reply.integer(value);
  };
  text("id", node.id.hex());
  if (at.port != 0) number("port", at.port);
  if (at.tls_port != 0) number("tls-port", at.tls_port);
  text("ip", at.ip);
  text("endpoint", preferred_endpoint(node, type));
  if (!at.hostname.empty()) text("hostname", at.hostname);
  text("role", node.is_primary ? "master" : "replica");
  number("replication-offset", offset);
  text("health", shard_health(node, offset));
}

Result<void> shards(Call& call) {
  const EndpointType type = endpoint_type(call.config().cluster_preferred_endpoint_type);
  const std::vector<ShardsEntry> entries = shards_entries(view_of(call));
  ReplyWriter& reply = call.reply();
  reply.array(entries.size());
  for (const ShardsEntry& shard : entries) {
    reply.map(2);
    reply.bulk("slots");
    reply.array(2 * shard.slots.size());
    for (const SlotRange& range : shard.slots) {
      reply.integer(range.first.value);
      reply.integer(range.last.value);
    }
    reply.bulk("nodes");
    reply.array(shard.nodes.size());
    for (const ClusterNode* node : shard.nodes) write_shard_node(call, *node, type);
  }
  return kOk;
}

Result<void> links(Call& call) {
  // Redis lists a link once it knows whose it is.
  std::vector<ClusterLinkFacts> known = call.server().cluster->links();
  std::erase_if(known, [](const ClusterLinkFacts& link) { return link.node.empty(); });
  ReplyWriter& reply = call.reply();
  reply.array(known.size());
  for (const ClusterLinkFacts& link : known) {
    reply.map(6);
    reply.bulk("direction");
    reply.bulk(link.to ? "to" : "from");
    reply.bulk("node");
    reply.bulk(link.node.hex());
    reply.bulk("create-time");
    reply.integer(link.created_unix_ms);
    reply.bulk("events");
    reply.bulk(link.queued_bytes > 0 ? "rw" : "r");
    reply.bulk("send-buffer-allocated");
    reply.integer(static_cast<int64_t>(link.allocated_bytes));
    reply.bulk("send-buffer-used");
    reply.integer(static_cast<int64_t>(link.queued_bytes));
  }
  return kOk;
}

Result<void> count_failure_reports(Call& call) {
  const ClusterNode* node = find_node(view_of(call), call.arg(2));
  if (node == nullptr) return unknown_node(call.arg(2));
  size_t reports = 0;
  const Result<void> counted =
      call.server().cluster->perform([&](ClusterVerb& verb) -> Result<void> {
        const Result<size_t> count = verb.machine.count_failure_reports(verb.now, node->id);
        if (!count) return count.error();
        reports = *count;
        return kOk;
      });
  if (!counted) return counted;
  call.reply().integer(static_cast<int64_t>(reports));
  return kOk;
}

constexpr Command<Call> kVerbs[] = {
    {{.name = "COUNT-FAILURE-REPORTS",
      .syntax = "node-id",
      .flags = kAdmin | kStale,
      .summary = "Return the number of failure reports active for a given node",
      .since = "3.0.0",
      .complexity = "O(N) where N is the number of failure reports",
      .hints = "nondeterministic_output"},
     in_cluster<count_failure_reports>},
    {{.name = "INFO",
      .flags = kStale,
      .summary = "Provides info about Redis Cluster node state",
      .since = "3.0.0",
      .complexity = "O(1)",
      .hints = "nondeterministic_output"},
     in_cluster<info>},
    {{.name = "LINKS",
      .flags = kStale,
      .summary = "Returns a list of all TCP links to and from peer nodes in cluster",
      .since = "7.0.0",
      .complexity = "O(N) where N is the total number of Cluster nodes",
      .hints = "nondeterministic_output"},
     in_cluster<links>},
    {{.name = "MYID",
      .flags = kStale,
      .summary = "Return the node id",
      .since = "3.0.0",
      .complexity = "O(1)"},
     in_cluster<myid>},
    {{.name = "MYSHARDID",
      .flags = kStale,
      .summary = "Return the node shard id",
      .since = "7.2.0",
      .complexity = "O(1)",
      .hints = "nondeterministic_output"},
     in_cluster<myshardid>},
    {{.name = "NODES",
      .flags = kStale,
      .summary = "Get Cluster config for the node",
      .since = "3.0.0",
      .complexity = "O(N) where N is the total number of Cluster nodes",
      .hints = "nondeterministic_output"},
     in_cluster<nodes>},
    {{.name = "REPLICAS",
      .syntax = "node-id",
      .flags = kAdmin | kStale,
      .summary = "List replica nodes of the specified master node",
      .since = "5.0.0",
      .complexity = "O(1)",
      .hints = "nondeterministic_output"},
     in_cluster<replicas>},
    {{.name = "SHARDS",
      .flags = kStale,
      .summary = "Get array of cluster slots to node mappings",
      .since = "7.0.0",
      .complexity = "O(N) where N is the total number of cluster nodes",
      .hints = "nondeterministic_output"},
     in_cluster<shards>},
    {{.name = "SLAVES",
      .syntax = "node-id",
      .flags = kAdmin | kStale,
      .summary = "List replica nodes of the specified master node",
      .since = "3.0.0",
      .complexity = "O(1)",
      .deprecated_since = "5.0.0",
      .replaced_by = "`CLUSTER REPLICAS`",
      .hints = "nondeterministic_output"},
     in_cluster<replicas>},
    {{.name = "SLOTS",
      .flags = kStale,
      .summary = "Get array of Cluster slot to node mappings",
      .since = "3.0.0",
      .complexity = "O(N) where N is the total number of Cluster nodes",
      .deprecated_since = "7.0.0",
      .replaced_by = "`CLUSTER SHARDS`",
      .history = "4.0.0: Added node IDs.\n7.0.0: Added additional networking metadata field.",
      .hints = "nondeterministic_output"},
     in_cluster<slots>},
};

}  // namespace

std::span<const Command<Call>> cluster_shown_verbs() {
  return kVerbs;
}

}  // namespace redan
