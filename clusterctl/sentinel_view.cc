#include "clusterctl/sentinel_view.h"

#include <algorithm>

#include "common/base/parse.h"

namespace redan {

namespace {

int64_t number(const std::string& text) {
  return parse_int64(text).value_or(0);
}

// One of SENTINEL MASTERS, REPLICAS, SENTINELS.
InfoFields read_map(const Reply& reply) {
  InfoFields fields;
  for (size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    fields[reply.elements[i].text] = reply.elements[i + 1].text;
  }
  return fields;
}

Endpoint endpoint_of(const InfoFields& fields) {
  return {field(fields, "ip"), static_cast<int>(number(field(fields, "port")))};
}

NodeView look_at_node(const Endpoint& at, const Access& access) {
  NodeView node{.at = at};
  Result<SyncClient> client = connect_node(at, access);
  if (!client) {
    node.error = client.error().message();
    return node;
  }
  Result<Reply> info = ask(*client, {"INFO"});
  if (!info) {
    node.error = info.error().message();
    return node;
  }
  const InfoFields fields = read_info(info->text);
  node.reachable = true;
  node.role = field(fields, "role");
  node.version = field(fields, "redis_version");
  const bool replica = node.role == "slave";
  node.offset = number(field(fields, replica ? "slave_repl_offset" : "master_repl_offset"));
  if (replica) node.state = field(fields, "master_link_status");
  if (field(fields, "master_sync_in_progress") == "1") node.state = "sync";
  return node;
}

SentinelView look_at_sentinel(const Endpoint& at, const std::string& name, const Access& access) {
  SentinelView view{.at = at};
  const auto give_up = [&view](const Error& error) {
    view.error = error.message();
    return view;
  };
  Result<SyncClient> client = connect_sentinel(at, access);
  if (!client) return give_up(client.error());
  Result<Reply> id = ask(*client, {"SENTINEL", "MYID"});
  if (!id) return give_up(id.error());
  view.id = id->text;
  Result<Endpoint> primary = ask_primary(*client, name);
  if (!primary) return give_up(primary.error());
  view.primary = *primary;
  Result<Reply> quorum = client->call({"SENTINEL", "CKQUORUM", name});
  if (!quorum) return give_up(quorum.error());
  view.reachable = true;
  view.can_fail_over = !quorum->is_error();
  view.quorum_check = quorum->text;
  return view;
}

void measure_lag(ShardView& shard) {
  if (!shard.primary.reachable) return;
  for (NodeView& replica : shard.replicas) {
    if (!replica.reachable) continue;
    replica.lag_bytes = std::max<int64_t>(0, shard.primary.offset - replica.offset);
  }
}

Result<ShardView> look_at_shard(SyncClient& sentinel, const InfoFields& primary,
                                const Access& access) {
  ShardView shard;
  shard.name = field(primary, "name");
  shard.quorum = number(field(primary, "quorum"));
  shard.flags = field(primary, "flags");
  // Replicas first: the primary's offset is then never behind theirs.
  Result<Reply> replicas = ask(sentinel, {"SENTINEL", "REPLICAS", shard.name});
  if (!replicas) return replicas.error();
  for (const Reply& each : replicas->elements) {
    const InfoFields fields = read_map(each);
    shard.replicas.push_back(look_at_node(endpoint_of(fields), access));
    if (!shard.replicas.back().reachable) shard.replicas.back().state = field(fields, "flags");
  }
  shard.primary = look_at_node(endpoint_of(primary), access);
  measure_lag(shard);
  Result<Reply> peers = ask(sentinel, {"SENTINEL", "SENTINELS", shard.name});
  if (!peers) return peers.error();
  shard.sentinels.push_back(look_at_sentinel(sentinel.peer(), shard.name, access));
  for (const Reply& each : peers->elements) {
    shard.sentinels.push_back(look_at_sentinel(endpoint_of(read_map(each)), shard.name, access));
  }
  return shard;
}

// From a data node only the primary and its replicas can be seen.
Result<ShardView> look_from_node(const Endpoint& at, const InfoFields& info, const Access& access) {
  Endpoint primary = at;
  if (field(info, "role") == "slave") {
    primary = {field(info, "master_host"), static_cast<int>(number(field(info, "master_port")))};
  }
  ShardView shard;
  shard.flags = "master";
  Result<SyncClient> client = connect_node(primary, access);
  if (!client) return client.error().with_context("the primary of " + to_text(at));
  Result<Reply> replication = ask(*client, {"INFO", "replication"});
  if (!replication) return replication.error();
  for (const auto& [name, text] : read_info(replication->text)) {
    if (!name.starts_with("slave") || text.find("ip=") == std::string::npos) continue;
    Endpoint replica;
    for (const std::string_view part : split(text, ',')) {
      if (part.starts_with("ip=")) replica.host = part.substr(3);
      if (part.starts_with("port=")) {
        replica.port = static_cast<int>(number(std::string(part.substr(5))));
      }
    }
    shard.replicas.push_back(look_at_node(replica, access));
  }
  shard.primary = look_at_node(primary, access);
  measure_lag(shard);
  return shard;
}

}  // namespace

Result<Endpoint> ask_primary(SyncClient& sentinel, const std::string& name) {
  Result<Reply> reply = ask(sentinel, {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name});
  if (!reply) return reply.error();
  if (reply->elements.size() != 2) {
    return Error("NONAME", to_text(sentinel.peer()) + " watches no primary named '" + name + "'");
  }
  return Endpoint{reply->elements[0].text, static_cast<int>(number(reply->elements[1].text))};
}

Result<TopologyView> look(const Endpoint& at, const Access& access) {
  Result<SyncClient> client = connect_node(at, access);
  // The one password may be the data nodes' only.
  if (!client && client.error().code() == "AUTH") client = connect_sentinel(at, access);
  if (!client) return client.error();
  Result<Reply> info = ask(*client, {"INFO"});
  if (!info) return info.error();
  const InfoFields fields = read_info(info->text);
  TopologyView view;
  view.asked_sentinel = field(fields, "redis_mode") == "sentinel";
  if (field(fields, "redis_mode") == "cluster") {
    return Error("MODE",
                 to_text(at) + " is a cluster node; this looks at sentinel deployments only");
  }
  if (!view.asked_sentinel) {
    Result<ShardView> shard = look_from_node(at, fields, access);
    if (!shard) return shard.error();
    view.shards.push_back(shard.take());
    return view;
  }
  Result<Reply> primaries = ask(*client, {"SENTINEL", "MASTERS"});
  if (!primaries) return primaries.error();
  for (const Reply& each : primaries->elements) {
    Result<ShardView> shard = look_at_shard(*client, read_map(each), access);
    if (!shard) return shard.error();
    view.shards.push_back(shard.take());
  }
  return view;
}

}  // namespace redan
