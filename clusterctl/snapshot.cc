#include "clusterctl/snapshot.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "common/base/parse.h"

namespace redan {

namespace {

// "127.0.0.1:6379@16379,host.name,shard-id=...", also without a bus port (Redis 3) or address.
bool read_address(std::string_view word, NodeLine& line) {
  const std::vector<std::string_view> parts = split(word, ',');
  if (parts.size() > 1) line.hostname = parts[1];
  std::string_view address = parts[0];
  if (const size_t at = address.rfind('@'); at != std::string_view::npos) {
    line.bus_port = static_cast<int>(parse_int64(address.substr(at + 1)).value_or(0));
    address = address.substr(0, at);
  }
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return false;
  const auto port = parse_int64(address.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535) return false;
  std::string_view host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  line.at = {std::string(host), static_cast<int>(*port)};
  return true;
}

// "[93->-<id>]" and "[93-<-<id>]".
bool read_open_slot(std::string_view word, NodeLine& line) {
  if (word.size() < 46 || word.back() != ']') return false;
  const size_t mark = word.find("-", 1);
  if (mark == std::string_view::npos || mark + 3 > word.size()) return false;
  const Result<Slot> slot = parse_slot(word.substr(1, mark - 1));
  const std::optional<NodeId> other =
      NodeId::from_hex(word.substr(mark + 3, word.size() - mark - 4));
  if (!slot || !other) return false;
  if (word.substr(mark, 3) == "->-") {
    line.migrating[*slot] = *other;
  } else if (word.substr(mark, 3) == "-<-") {
    line.importing[*slot] = *other;
  } else {
    return false;
  }
  return true;
}

bool read_line(std::string_view text, NodeLine& line) {
  const std::vector<std::string_view> words = split(text, ' ');
  if (words.size() < 8) return false;
  const std::optional<NodeId> id = NodeId::from_hex(words[0]);
  if (!id || !read_address(words[1], line)) return false;
  line.id = *id;
  for (const std::string_view flag : split(words[2], ',')) line.flags.emplace(flag);
  if (words[3] != "-") {
    const std::optional<NodeId> primary = NodeId::from_hex(words[3]);
    if (!primary) return false;
    line.primary = *primary;
  }
  const std::optional<uint64_t> epoch = parse_uint64(words[6]);
  if (!epoch) return false;
  line.config_epoch = *epoch;
  line.connected = words[7] == "connected";
  for (size_t i = 8; i < words.size(); ++i) {
    if (words[i].starts_with('[')) {
      if (!read_open_slot(words[i], line)) return false;
    } else if (Result<SlotSet> slots = SlotSet::parse(words[i]); slots) {
      line.slots |= *slots;
    } else {
      return false;
    }
  }
  return true;
}

int first_slot(const NodeSnapshot& node) {
  int first = kSlotCount;
  if (!node.self.slots.empty()) first = node.self.slots.ranges().front().first.value;
  return first;
}

}  // namespace

Result<std::vector<NodeLine>> parse_cluster_nodes(std::string_view text) {
  std::vector<NodeLine> lines;
  for (std::string_view row : split(text, '\n')) {
    row = trim(row);
    if (row.empty()) continue;
    NodeLine line;
    if (!read_line(row, line)) {
      return Error("not a line of CLUSTER NODES: '" + std::string(row.substr(0, 200)) + "'");
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string NodeSnapshot::opinion(const SlotSet& but) const {
  std::map<NodeId, std::string> known;
  for (const NodeLine& line : lines) {
    if (line.has("handshake")) continue;
    known[line.id] =
        line.is_primary() ? "primary " + (line.slots - but).text() : line.primary.hex();
  }
  std::string text;
  for (const auto& [id, what] : known) text += id.hex() + " " + what + "\n";
  return text;
}

const NodeSnapshot* ClusterSnapshot::find(const NodeId& id) const {
  for (const NodeSnapshot& node : nodes) {
    if (node.id() == id) return &node;
  }
  return nullptr;
}

const NodeSnapshot* ClusterSnapshot::acting_for(const NodeId& id) const {
  const NodeSnapshot* node = find(id);
  if (node != nullptr && !node->is_primary()) node = find(node->self.primary);
  if (node == nullptr || !node->is_primary()) return nullptr;
  return node->reachable || !node->self.slots.empty() ? node : nullptr;
}

bool ClusterSnapshot::owns_slots(const NodeId& id) const {
  const NodeSnapshot* node = find(id);
  return node != nullptr && node->is_primary() && !node->self.slots.empty();
}

Result<const NodeSnapshot*> ClusterSnapshot::find(const std::string& word) const {
  const NodeSnapshot* found = nullptr;
  for (const NodeSnapshot& node : nodes) {
    const bool fits =
        to_text(node.at) == word || (!word.empty() && node.id().hex().starts_with(to_lower(word)));
    if (!fits) continue;
    if (found != nullptr) {
      return Error("PLAN", "'" + word + "' fits both " + named(*found) + " and " + named(node) +
                               ": give more of the id");
    }
    found = &node;
  }
  if (found != nullptr) return found;
  std::string known;
  for (const NodeSnapshot& node : nodes) known += "\n  " + node.id().hex() + " " + to_text(node.at);
  return Error("PLAN", "no node '" + word + "' in this cluster; there are:" + known);
}

std::vector<const NodeSnapshot*> ClusterSnapshot::primaries() const {
  std::vector<const NodeSnapshot*> found;
  for (const NodeSnapshot& node : nodes) {
    if (node.is_primary() && node.reachable) found.push_back(&node);
  }
  return found;
}

std::vector<const NodeSnapshot*> ClusterSnapshot::replicas_of(const NodeId& primary) const {
  std::vector<const NodeSnapshot*> found;
  for (const NodeSnapshot& node : nodes) {
    if (!node.is_primary() && node.self.primary == primary) found.push_back(&node);
  }
  return found;
}

std::vector<const NodeSnapshot*> ClusterSnapshot::owners(Slot slot) const {
  std::vector<const NodeSnapshot*> found;
  for (const NodeSnapshot& node : nodes) {
    if (node.is_primary() && node.self.slots.contains(slot)) found.push_back(&node);
  }
  return found;
}

SlotSet ClusterSnapshot::covered() const {
  SlotSet slots;
  for (const NodeSnapshot& node : nodes) {
    if (node.is_primary()) slots |= node.self.slots;
  }
  return slots;
}

std::set<Slot> ClusterSnapshot::open_slots() const {
  std::set<Slot> slots;
  for (const NodeSnapshot& node : nodes) {
    if (!node.reachable || !node.is_primary()) continue;
    for (const auto& [slot, to] : node.self.migrating) slots.insert(slot);
    for (const auto& [slot, from] : node.self.importing) slots.insert(slot);
  }
  return slots;
}

void ClusterSnapshot::sort() {
  // Ranks first: a comparison must not look at nodes that the sort has moved away.
  using Rank = std::tuple<int, Endpoint, bool, Endpoint, size_t>;
  std::vector<Rank> ranks;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const NodeSnapshot& node = nodes[i];
    const NodeSnapshot* primary = node.is_primary() ? &node : find(node.self.primary);
    const int slot = primary == nullptr ? kSlotCount + 1 : first_slot(*primary);
    const Endpoint group = primary == nullptr ? Endpoint{} : primary->at;
    ranks.emplace_back(slot, group, !node.is_primary(), node.at, i);
  }
  std::sort(ranks.begin(), ranks.end());
  std::vector<NodeSnapshot> sorted;
  for (const Rank& rank : ranks) sorted.push_back(std::move(nodes[std::get<4>(rank)]));
  nodes = std::move(sorted);
}

std::string disagreement(const ClusterSnapshot& snapshot) {
  std::map<std::string, std::vector<const NodeSnapshot*>> camps;
  SlotSet open;
  for (const Slot slot : snapshot.open_slots()) open.add(slot);
  for (const NodeSnapshot& node : snapshot.nodes) {
    if (node.reachable) camps[node.opinion(open)].push_back(&node);
  }
  if (camps.size() < 2) return "";
  size_t largest = 0;
  for (const auto& [opinion, members] : camps) largest = std::max(largest, members.size());
  std::string text;
  bool spared = false;  // One camp of the largest counts as the common opinion.
  for (const auto& [opinion, members] : camps) {
    if (!spared && members.size() == largest) {
      spared = true;
      continue;
    }
    for (const NodeSnapshot* node : members) text += (text.empty() ? "" : ", ") + named(*node);
  }
  return "not of one mind with the others about slots and replicas: " + text;
}

std::string named(const NodeSnapshot& node) {
  return to_text(node.at) + " (" + node.id().hex().substr(0, 8) + ")";
}

}  // namespace redan
