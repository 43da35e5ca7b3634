#include "clusterctl/sentinel_output.h"

#include "clusterctl/output.h"

namespace redan {

namespace {

Row row_of(const NodeView& node, const char* what) {
  if (!node.reachable) return {what, to_text(node.at), "DOWN", "-", "-", node.error};
  const bool replica = node.role == "slave";
  std::string state = replica ? "link " + node.state : "serves writes";
  if (!replica && std::string_view(what) == "replica") state = "says it is a primary";
  if (replica && std::string_view(what) == "primary") state = "says it is a replica";
  return {what,
          to_text(node.at),
          "up",
          std::to_string(node.offset),
          node.lag_bytes ? std::to_string(*node.lag_bytes) + " B" : "-",
          state};
}

Row row_of(const SentinelView& sentinel, const Endpoint& primary) {
  if (!sentinel.reachable)
    return {"sentinel", to_text(sentinel.at), "DOWN", "-", "-", sentinel.error};
  std::string state = sentinel.can_fail_over ? "quorum ok" : sentinel.quorum_check;
  if (sentinel.primary != primary) state += "; says primary is " + to_text(sentinel.primary);
  return {"sentinel", to_text(sentinel.at), "up", "-", "-", state};
}

void add(Json& json, const NodeView& node) {
  json.open('{').key("address").value(to_text(node.at)).key("reachable").flag(node.reachable);
  if (!node.reachable) {
    json.key("error").value(node.error).close('}');
    return;
  }
  json.key("role").value(node.role == "slave" ? "replica" : "primary");
  json.key("version").value(node.version).key("offset").value(node.offset);
  if (node.lag_bytes) json.key("lag_bytes").value(*node.lag_bytes);
  if (node.role == "slave") json.key("link").value(node.state);
  json.close('}');
}

void add(Json& json, const SentinelView& sentinel) {
  json.open('{').key("address").value(to_text(sentinel.at));
  json.key("reachable").flag(sentinel.reachable);
  if (!sentinel.reachable) {
    json.key("error").value(sentinel.error).close('}');
    return;
  }
  json.key("id").value(sentinel.id).key("primary").value(to_text(sentinel.primary));
  json.key("can_fail_over").flag(sentinel.can_fail_over);
  json.key("quorum_check").value(sentinel.quorum_check).close('}');
}

}  // namespace

std::string show(const TopologyView& view) {
  if (view.shards.empty()) return "No primary is watched here.\n";
  std::string text;
  for (const ShardView& shard : view.shards) {
    if (!text.empty()) text += "\n";
    text += shard.name.empty() ? "Seen from a data node (no sentinels known)\n"
                               : shard.name + ": quorum " + std::to_string(shard.quorum) + ", " +
                                     std::to_string(shard.sentinels.size()) + " sentinels, state " +
                                     shard.flags + "\n";
    std::vector<Row> rows = {{"ROLE", "ADDRESS", "STATE", "OFFSET", "LAG", "REMARK"}};
    rows.push_back(row_of(shard.primary, "primary"));
    for (const NodeView& replica : shard.replicas) rows.push_back(row_of(replica, "replica"));
    for (const SentinelView& each : shard.sentinels) rows.push_back(row_of(each, shard.primary.at));
    text += table(rows);
  }
  return text;
}

std::string show_json(const TopologyView& view) {
  Json json;
  json.open('{').key("healthy").flag(healthy(view)).key("shards").open('[');
  for (const ShardView& shard : view.shards) {
    json.open('{').key("name").value(shard.name).key("quorum").value(shard.quorum);
    json.key("flags").value(shard.flags).key("primary");
    add(json, shard.primary);
    json.key("replicas").open('[');
    for (const NodeView& replica : shard.replicas) add(json, replica);
    json.close(']').key("sentinels").open('[');
    for (const SentinelView& sentinel : shard.sentinels) add(json, sentinel);
    json.close(']').close('}');
  }
  json.close(']').close('}');
  return json.take();
}

bool healthy(const TopologyView& view) {
  for (const ShardView& shard : view.shards) {
    if (!shard.primary.reachable || shard.primary.role != "master") return false;
    if (shard.flags.find("down") != std::string::npos) return false;
    for (const NodeView& replica : shard.replicas) {
      if (!replica.reachable || replica.state != "up") return false;
    }
    for (const SentinelView& sentinel : shard.sentinels) {
      if (!sentinel.can_fail_over || sentinel.primary != shard.primary.at) return false;
    }
  }
  return !view.shards.empty();
}

std::string show(const FailoverPlan& plan, const FailoverReport& report) {
  std::string text = "'" + plan.name + "': " + to_text(plan.old_primary) + " handed over to " +
                     to_text(report.new_primary) + " in " + std::to_string(report.total.count()) +
                     " ms; every sentinel that answers knows it.\n";
  if (report.write_gap) {
    text += "Longest time without an accepted write: " + std::to_string(report.write_gap->count()) +
            " ms.\n";
  }
  return text;
}

std::string show_json(const FailoverPlan& plan, const FailoverReport& report) {
  Json json;
  json.open('{').key("name").value(plan.name).key("old_primary").value(to_text(plan.old_primary));
  json.key("new_primary").value(to_text(report.new_primary));
  json.key("total_ms").value(report.total.count()).key("write_gap_ms");
  report.write_gap ? json.value(report.write_gap->count()) : json.null();
  json.close('}');
  return json.take();
}

}  // namespace redan
