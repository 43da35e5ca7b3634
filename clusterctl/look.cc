#include "clusterctl/look.h"

#include <algorithm>
#include <cstdlib>

#include "common/base/clock.h"

namespace redan {

namespace {

int64_t keys_of(const InfoFields& info) {
  // "db0:keys=12,expires=0,avg_ttl=0"
  const std::string database = field(info, "db0");
  const size_t from = database.find("keys=");
  return from == std::string::npos ? 0 : std::atoll(database.c_str() + from + 5);
}

void note_unknown(const NodeSnapshot& seen_by, ClusterSnapshot& snapshot) {
  for (const NodeLine& line : seen_by.lines) {
    if (line.has("handshake") || snapshot.find(line.id) != nullptr) continue;
    NodeSnapshot node{.self = line, .at = line.at};
    // An address that a node does not know of itself is the one we reached it at.
    if (line.has("noaddr") || line.at.host.empty()) node.error = "its address is not known";
    snapshot.nodes.push_back(std::move(node));
  }
}

}  // namespace

Result<bool> is_cluster_node(const Endpoint& at, const Access& access) {
  Result<SyncClient> client = connect_node(at, access);
  // The one password may be the data nodes' only, or the sentinels' own.
  if (!client && client.error().code() == "AUTH") client = connect_sentinel(at, access);
  if (!client) return client.error();
  Result<Reply> info = ask(*client, {"INFO"});
  if (!info) return info.error();
  const InfoFields fields = read_info(info->text);
  return field(fields, "redis_mode") == "cluster" || field(fields, "cluster_enabled") == "1";
}

Result<NodeSnapshot> look_at_cluster_node(const Endpoint& at, const Access& access) {
  Result<NodeClient> client = NodeClient::connect(at, access);
  if (!client) return client.error();
  client->queue({"CLUSTER", "NODES"});
  client->queue({"CLUSTER", "INFO"});
  client->queue({"INFO"});
  Result<std::vector<Reply>> replies = client->flush();
  if (!replies) return replies.error();
  const char* const asked[] = {"CLUSTER NODES", "CLUSTER INFO", "INFO"};
  for (size_t i = 0; i < 3; ++i) {
    const Reply& reply = (*replies)[i];
    if (reply.is_error()) return refused(at, asked[i], reply);
    if (!reply.is_text()) return Error("REPLY", to_text(at) + " answered no text to " + asked[i]);
  }
  NodeSnapshot node{.at = at, .reachable = true};
  Result<std::vector<NodeLine>> lines = parse_cluster_nodes((*replies)[0].text);
  if (!lines) return lines.error().with_context(to_text(at));
  node.lines = lines.take();
  bool found = false;
  for (NodeLine& line : node.lines) {
    if (!line.has("myself")) continue;
    if (line.at.host.empty()) line.at.host = at.host;
    node.self = line;
    found = true;
  }
  if (!found) return Error("REPLY", to_text(at) + " does not name itself in CLUSTER NODES");
  const InfoFields cluster = read_info((*replies)[1].text);
  const InfoFields info = read_info((*replies)[2].text);
  node.state = field(cluster, "cluster_state");
  node.current_epoch = field_number(cluster, "cluster_current_epoch");
  node.keys = keys_of(info);
  node.version = field(info, "redis_version");
  const bool replica = field(info, "role") == "slave";
  node.offset = field_number(info, replica ? "slave_repl_offset" : "master_repl_offset");
  if (replica) node.link = field(info, "master_link_status");
  if (field(info, "master_sync_in_progress") == "1") node.link = "sync";
  return node;
}

Result<ClusterSnapshot> look_at_cluster(const Endpoint& at, const Access& access) {
  Result<NodeSnapshot> first = look_at_cluster_node(at, access);
  if (!first) return first.error();
  ClusterSnapshot snapshot{.asked = at};
  snapshot.nodes.push_back(first.take());
  // Nodes that only others know are looked at too, round by round.
  for (size_t done = 1;;) {
    for (size_t i = 0; i < snapshot.nodes.size(); ++i) {
      const NodeSnapshot by = snapshot.nodes[i];
      note_unknown(by, snapshot);
    }
    const size_t count = snapshot.nodes.size();
    if (count == done) break;
    for_each_at_once(count - done, [&](size_t i) {
      NodeSnapshot& node = snapshot.nodes[done + i];
      if (!node.error.empty()) return;
      Result<NodeSnapshot> seen = look_at_cluster_node(node.at, access);
      if (!seen) {
        node.error = seen.error().message();
      } else if (seen->id() != node.id()) {
        node.error = "another node answers there: " + seen->id().hex();
      } else {
        node = seen.take();
      }
    });
    done = count;
  }
  snapshot.sort();
  return snapshot;
}

Result<std::map<Slot, int64_t>> count_keys(NodeClient& node, const std::vector<Slot>& slots) {
  constexpr size_t kBatch = 1024;
  std::map<Slot, int64_t> counts;
  for (size_t start = 0; start < slots.size(); start += kBatch) {
    const size_t end = std::min(slots.size(), start + kBatch);
    for (size_t i = start; i < end; ++i) {
      node.queue({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slots[i].value)});
    }
    Result<std::vector<Reply>> replies = node.flush();
    if (!replies) return replies.error();
    for (size_t i = start; i < end; ++i) {
      const Reply& reply = (*replies)[i - start];
      if (reply.is_error()) return refused(node.at(), "CLUSTER COUNTKEYSINSLOT", reply);
      counts[slots[i]] = reply.integer;
    }
  }
  return counts;
}

Result<ClusterSnapshot> wait_for_cluster(
    const Endpoint& at, const Access& access, Millis within, const std::string& what,
    const std::function<std::string(const ClusterSnapshot&)>& missing) {
  const Instant deadline = monotonic_now() + within;
  for (;;) {
    Result<ClusterSnapshot> snapshot = look_at_cluster(at, access);
    const std::string lacking = snapshot ? missing(*snapshot) : snapshot.error().message();
    if (lacking.empty()) return snapshot;
    if (monotonic_now() > deadline) {
      return Error("TIMEOUT", what + " did not happen within " +
                                  std::to_string(within.count() / 1000) + " s: " + lacking +
                                  "; the same command again goes on from here");
    }
    rest(Millis(20));
  }
}

}  // namespace redan
