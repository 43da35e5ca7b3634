#include "clusterctl/cluster_output.h"

namespace redan {

namespace {

std::string state_of(const NodeSnapshot& node) {
  if (!node.reachable) return node.self.failed() ? "FAIL" : "DOWN";
  if (node.is_primary()) return node.state;
  return node.link == "up" ? node.state : "link " + node.link;
}

std::string slots_of(const NodeSnapshot& node) {
  std::string text = node.self.slots.text();
  if (text.size() > 60) {
    text = text.substr(0, text.rfind(' ', 56)) + " ... (" + std::to_string(node.self.slots.size()) +
           ")";
  }
  for (const auto& [slot, to] : node.self.migrating) {
    text += " [" + std::to_string(slot.value) + " to " + to.hex().substr(0, 8) + "]";
  }
  for (const auto& [slot, from] : node.self.importing) {
    text += " [" + std::to_string(slot.value) + " from " + from.hex().substr(0, 8) + "]";
  }
  return text.empty() ? "-" : text;
}

int64_t slot_count(const NodeSnapshot& node) {
  return static_cast<int64_t>(node.self.slots.size());
}

}  // namespace

std::string show_nodes(const ClusterSnapshot& snapshot) {
  std::vector<Row> rows = {{"ROLE", "ADDRESS", "ID", "STATE", "KEYS", "EPOCH", "SLOTS / PRIMARY"}};
  for (const NodeSnapshot& node : snapshot.nodes) {
    const NodeSnapshot* primary = snapshot.find(node.self.primary);
    std::string last = slots_of(node);
    if (!node.is_primary()) last = primary == nullptr ? "-" : "of " + to_text(primary->at);
    if (!node.reachable) last += "  " + node.error;
    rows.push_back({node.is_primary() ? "primary" : "  replica", to_text(node.at), node.id().hex(),
                    state_of(node), node.reachable ? grouped(node.keys) : "-",
                    std::to_string(node.self.config_epoch), last});
  }
  return table(rows);
}

std::string show_info(const ClusterSnapshot& snapshot) {
  std::vector<Row> rows = {{"PRIMARY", "ID", "STATE", "KEYS", "SLOTS", "KEYS/SLOT", "REPLICAS"}};
  int64_t keys = 0;
  int64_t primaries = 0;
  for (const NodeSnapshot& node : snapshot.nodes) {
    if (!node.is_primary()) continue;
    int64_t up = 0;
    int64_t all = 0;
    for (const NodeSnapshot* replica : snapshot.replicas_of(node.id())) {
      ++all;
      up += replica->reachable && replica->link == "up";
    }
    const int64_t slots = slot_count(node);
    keys += node.keys;
    ++primaries;
    std::string replicas = std::to_string(all);
    if (up != all) replicas += " (" + std::to_string(up) + " in sync)";
    rows.push_back({to_text(node.at), node.id().hex().substr(0, 8), state_of(node),
                    node.reachable ? grouped(node.keys) : "-", grouped(slots),
                    slots == 0 ? "-" : grouped(node.keys / slots), replicas});
  }
  return table(rows) + counted(keys, "key") + " in " +
         counted(static_cast<int64_t>(snapshot.covered().size()), "slot") + " on " +
         (primaries == 1 ? "1 primary" : grouped(primaries) + " primaries") + ".\n";
}

std::string show(const std::vector<Finding>& findings) {
  if (findings.empty()) {
    return "All 16 384 slots have one owner, all nodes answer and agree.\n";
  }
  std::string text;
  for (const Finding& finding : findings) {
    text += finding.weight == Finding::Weight::kFault ? "FAULT    " : "warning  ";
    text += finding.text + "\n         -> " + finding.help + "\n";
  }
  return text;
}

void add(Json& json, const NodeSnapshot& node) {
  json.open('{').key("id").value(node.id().hex()).key("address").value(to_text(node.at));
  json.key("role").value(node.is_primary() ? "primary" : "replica");
  json.key("reachable").flag(node.reachable);
  if (!node.reachable) json.key("error").value(node.error);
  if (!node.is_primary()) json.key("primary").value(node.self.primary.hex());
  json.key("config_epoch").value(static_cast<int64_t>(node.self.config_epoch));
  json.key("slots").open('[');
  for (const SlotRange& range : node.self.slots.ranges()) {
    json.open('[').value(int64_t{range.first.value}).value(int64_t{range.last.value}).close(']');
  }
  json.close(']').key("slot_count").value(slot_count(node));
  for (const auto& [name, slots] :
       {std::pair("migrating", &node.self.migrating), {"importing", &node.self.importing}}) {
    json.key(name).open('{');
    for (const auto& [slot, other] : *slots) {
      json.key(std::to_string(slot.value)).value(other.hex());
    }
    json.close('}');
  }
  if (node.reachable) {
    json.key("state").value(node.state).key("keys").value(node.keys);
    json.key("offset").value(node.offset).key("version").value(node.version);
    if (!node.is_primary()) json.key("link").value(node.link);
  }
  json.close('}');
}

void add(Json& json, const std::vector<Finding>& findings) {
  json.open('[');
  for (const Finding& finding : findings) {
    const bool fault = finding.weight == Finding::Weight::kFault;
    json.open('{').key("weight").value(fault ? "fault" : "warning");
    json.key("text").value(finding.text).key("help").value(finding.help).close('}');
  }
  json.close(']');
}

std::string show_json(const ClusterSnapshot& snapshot, const std::vector<Finding>& findings) {
  Json json;
  json.open('{').key("healthy").flag(sound(findings)).key("nodes").open('[');
  for (const NodeSnapshot& node : snapshot.nodes) add(json, node);
  json.close(']').key("findings");
  add(json, findings);
  json.close('}');
  return json.take();
}

}  // namespace redan
