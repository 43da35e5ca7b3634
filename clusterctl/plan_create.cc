#include "clusterctl/plan_create.h"

#include <algorithm>
#include <map>
#include <set>

#include "clusterctl/output.h"

namespace redan {

namespace {

// The nodes of each host in turn: a1 b1 c1 a2 b2 ...
std::vector<Endpoint> interleave(const std::vector<Endpoint>& nodes) {
  std::vector<std::string> hosts;  // in the order in which they were named
  std::map<std::string, std::vector<Endpoint>> by_host;
  for (const Endpoint& node : nodes) {
    if (!by_host.contains(node.host)) hosts.push_back(node.host);
    by_host[node.host].push_back(node);
  }
  std::vector<Endpoint> mixed;
  for (size_t round = 0; mixed.size() < nodes.size(); ++round) {
    for (const std::string& host : hosts) {
      if (round < by_host[host].size()) mixed.push_back(by_host[host][round]);
    }
  }
  return mixed;
}

bool lives_at(const CreatePlan::Primary& primary, const std::string& host) {
  return primary.at.host == host ||
         std::any_of(primary.replicas.begin(), primary.replicas.end(),
                     [&](const Endpoint& replica) { return replica.host == host; });
}

// The best of the free nodes for `primary`: on a host where it is not yet, from the host that has
// most of them left.
size_t best_replica(const CreatePlan::Primary& primary, const std::vector<Endpoint>& free) {
  std::map<std::string, int> left;
  for (const Endpoint& node : free) ++left[node.host];
  size_t best = 0;
  const auto rank = [&](size_t i) {
    const std::string& host = free[i].host;
    return std::tuple(!lives_at(primary, host), host != primary.at.host, left[host]);
  };
  for (size_t i = 1; i < free.size(); ++i) {
    if (rank(i) > rank(best)) best = i;
  }
  return best;
}

int crowded(const CreatePlan::Primary& primary) {
  int count = 0;
  std::set<std::string> hosts = {primary.at.host};
  for (const Endpoint& replica : primary.replicas) {
    // To share the primary's host is worse than to share another replica's.
    if (replica.host == primary.at.host) ++count;
    if (!hosts.insert(replica.host).second) ++count;
  }
  return count;
}

// Swaps replicas between primaries as long as that spreads them better. Each swap lowers a count
// that is not negative, so it ends.
void spread(std::vector<CreatePlan::Primary>& primaries) {
  const auto swap_helps = [](CreatePlan::Primary& a, CreatePlan::Primary& b) {
    for (Endpoint& x : a.replicas) {
      for (Endpoint& y : b.replicas) {
        const int before = crowded(a) + crowded(b);
        std::swap(x, y);
        if (crowded(a) + crowded(b) < before) return true;
        std::swap(x, y);
      }
    }
    return false;
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < primaries.size(); ++i) {
      for (size_t j = i + 1; j < primaries.size(); ++j) {
        changed |= swap_helps(primaries[i], primaries[j]);
      }
    }
  }
}

}  // namespace

int crowded(const CreatePlan& plan) {
  int count = 0;
  for (const CreatePlan::Primary& primary : plan.primaries) count += crowded(primary);
  return count;
}

Result<CreatePlan> plan_create(const std::vector<Endpoint>& nodes, size_t replicas) {
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (std::find(nodes.begin(), nodes.begin() + static_cast<long>(i), nodes[i]) !=
        nodes.begin() + static_cast<long>(i)) {
      return Error("PLAN", to_text(nodes[i]) + " is named twice");
    }
  }
  const size_t count = nodes.size() / (replicas + 1);
  if (count < 3) {
    return Error("PLAN", "a cluster needs at least 3 primaries, that is " +
                             std::to_string(3 * (replicas + 1)) + " nodes with " +
                             counted(static_cast<int64_t>(replicas), "replica") +
                             " each; there are " + std::to_string(nodes.size()));
  }
  if (count > kSlotCount) return Error("PLAN", "more primaries than slots");
  std::vector<Endpoint> free = interleave(nodes);
  CreatePlan plan;
  for (size_t i = 0; i < count; ++i) {
    // Slot counts differ by one at most.
    const auto first = static_cast<uint16_t>(kSlotCount * i / count);
    const auto last = static_cast<uint16_t>(kSlotCount * (i + 1) / count - 1);
    plan.primaries.push_back(
        {.at = free[i], .slots = {Slot(first), Slot(last)}, .config_epoch = i + 1, .replicas = {}});
  }
  free.erase(free.begin(), free.begin() + static_cast<long>(count));
  // Round by round, so that what cannot be divided gives some primaries one replica more.
  for (size_t next = 0; !free.empty(); ++next) {
    CreatePlan::Primary& primary = plan.primaries[next % count];
    const size_t chosen = best_replica(primary, free);
    primary.replicas.push_back(free[chosen]);
    free.erase(free.begin() + static_cast<long>(chosen));
  }
  spread(plan.primaries);
  const bool one_host = std::all_of(
      nodes.begin(), nodes.end(), [&](const Endpoint& node) { return node.host == nodes[0].host; });
  if (one_host) {
    plan.warnings.push_back("all nodes are on host " + nodes[0].host +
                            ": when it fails, the whole cluster does");
    return plan;
  }
  for (const CreatePlan::Primary& primary : plan.primaries) {
    for (const Endpoint& replica : primary.replicas) {
      if (replica.host != primary.at.host) continue;
      plan.warnings.push_back("replica " + to_text(replica) + " is on the host of its primary " +
                              to_text(primary.at));
    }
  }
  return plan;
}

std::string unfit_for_create(const NodeSnapshot& node, const CreatePlan& plan,
                             const std::vector<Endpoint>& members) {
  if (node.keys > 0) {
    return to_text(node.at) + " holds " + counted(node.keys, "key") +
           ": save what is needed, then FLUSHALL there";
  }
  const std::string clean_up = ": it belongs to a cluster; CLUSTER RESET there makes it free";
  for (const NodeLine& line : node.lines) {
    if (line.has("myself") || line.has("handshake")) continue;
    if (std::find(members.begin(), members.end(), line.at) == members.end()) {
      return to_text(node.at) + " knows " + to_text(line.at) + clean_up;
    }
  }
  SlotSet planned;
  for (const CreatePlan::Primary& primary : plan.primaries) {
    if (primary.at == node.at) planned.add(primary.slots);
  }
  const SlotSet foreign = node.self.slots - planned;
  if (!foreign.empty()) return to_text(node.at) + " owns slots " + foreign.text() + clean_up;
  return "";
}

bool stand_already(const std::vector<NodeSnapshot>& nodes) {
  SlotSet owned;
  for (const NodeSnapshot& node : nodes) {
    std::set<NodeId> known;
    for (const NodeLine& line : node.lines) {
      if (line.has("handshake")) continue;
      known.insert(line.id);
      if (line.is_primary()) owned |= line.slots;
    }
    for (const NodeSnapshot& other : nodes) {
      if (!known.contains(other.id())) return false;
    }
  }
  return owned == SlotSet::all();
}

}  // namespace redan
