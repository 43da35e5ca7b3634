#include "clusterctl/plan_moves.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "clusterctl/check.h"
#include "clusterctl/output.h"

namespace redan {

namespace {

// Where the open slot is meant to go, as far as the nodes' words fit together. They may still name
// a primary whose work another does since a failover.
std::optional<SlotMove> begun_move(const ClusterSnapshot& snapshot, Slot slot) {
  const std::vector<const NodeSnapshot*> owners = snapshot.owners(slot);
  if (owners.size() != 1 || !owners[0]->reachable) return std::nullopt;
  const NodeSnapshot& owner = *owners[0];
  std::optional<NodeId> to;
  if (const auto out = owner.self.migrating.find(slot); out != owner.self.migrating.end()) {
    // Of one that died without coming back, whoever says that it imports has taken its place.
    if (const NodeSnapshot* node = snapshot.acting_for(out->second)) to = node->id();
  }
  std::optional<SlotMove> move;
  for (const NodeSnapshot& node : snapshot.nodes) {
    if (!node.reachable || !node.is_primary() || node.id() == owner.id()) continue;
    if (const auto in = node.self.importing.find(slot); in != node.self.importing.end()) {
      // Who lost its slots is no other source: their owner has won them.
      const bool other = in->second != owner.id() && snapshot.owns_slots(in->second);
      if (other || (to && *to != node.id())) return std::nullopt;
      to = node.id();
    }
    // The last step was cut off: the target owns the slot, the source still says it is giving it.
    if (const auto out = node.self.migrating.find(slot); out != node.self.migrating.end()) {
      if (snapshot.acting_for(out->second) != &owner || move) return std::nullopt;
      move = SlotMove{slot, node.id(), owner.id()};
    }
  }
  if (move) return to ? std::nullopt : move;
  if (!to) return std::nullopt;
  const NodeSnapshot* target = snapshot.find(*to);
  if (target == nullptr || !target->reachable || !target->is_primary()) return std::nullopt;
  return SlotMove{slot, owner.id(), *to};
}

// The last `count` slots of a set: what stays is the beginning of its ranges.
std::vector<Slot> last_of(const SlotSet& slots, int64_t count) {
  std::vector<Slot> all;
  slots.for_each([&](Slot slot) { all.push_back(slot); });
  return {all.end() - count, all.end()};
}

}  // namespace

std::vector<int64_t> divide(int64_t count, const std::vector<double>& weights) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<int64_t> shares(weights.size(), 0);
  if (total <= 0) return shares;
  std::vector<std::pair<double, size_t>> remainders;
  int64_t left = count;
  for (size_t i = 0; i < weights.size(); ++i) {
    const double exact = static_cast<double>(count) * weights[i] / total;
    shares[i] = static_cast<int64_t>(std::floor(exact + 1e-9));
    left -= shares[i];
    // A weight of nothing gets nothing, whatever rounding leaves.
    if (weights[i] > 0) remainders.emplace_back(exact - static_cast<double>(shares[i]), i);
  }
  std::stable_sort(remainders.begin(), remainders.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first + 1e-9; });
  for (size_t i = 0; left > 0; --left) ++shares[remainders[i++ % remainders.size()].second];
  return shares;
}

Moves begun_moves(const ClusterSnapshot& snapshot, SlotSet& unclear) {
  Moves moves;
  for (const Slot slot : snapshot.open_slots()) {
    if (const std::optional<SlotMove> move = begun_move(snapshot, slot)) {
      moves.push_back(*move);
    } else {
      unclear.add(slot);
    }
  }
  return moves;
}

Result<Moves> plan_reshard(const ClusterSnapshot& snapshot, const ReshardGoal& goal,
                           const Moves& begun) {
  const NodeSnapshot* target = snapshot.find(goal.to);
  if (target == nullptr || !target->is_primary() || !target->reachable) {
    return Error("PLAN", "the target " + (target ? named(*target) : goal.to.hex()) +
                             " is no primary that answers");
  }
  std::vector<const NodeSnapshot*> sources;
  for (const NodeId& id : goal.from) {
    const NodeSnapshot* node = snapshot.find(id);
    if (node == nullptr || !node->is_primary() || !node->reachable) {
      return Error(
          "PLAN", "the source " + (node ? named(*node) : id.hex()) + " is no primary that answers");
    }
    if (id == goal.to) {
      return Error("PLAN", named(*node) + " cannot be source and target at once");
    }
    if (std::find(sources.begin(), sources.end(), node) == sources.end()) sources.push_back(node);
  }
  if (goal.from.empty()) {
    for (const NodeSnapshot* node : snapshot.primaries()) {
      if (node != target && !node->self.slots.empty()) sources.push_back(node);
    }
  }
  Moves moves;
  SlotSet taken;
  for (const SlotMove& move : begun) {
    taken.add(move.slot);
    const bool ours = move.to == goal.to &&
                      std::any_of(sources.begin(), sources.end(), [&](const NodeSnapshot* node) {
                        return node->id() == move.from;
                      });
    if (ours && static_cast<int64_t>(moves.size()) < goal.slots) moves.push_back(move);
  }
  const int64_t wanted = goal.slots - static_cast<int64_t>(moves.size());
  std::vector<SlotSet> available;
  std::vector<double> weights;
  int64_t total = 0;
  for (const NodeSnapshot* node : sources) {
    available.push_back(node->self.slots - taken);
    weights.push_back(static_cast<double>(available.back().size()));
    total += static_cast<int64_t>(available.back().size());
  }
  if (wanted > total) {
    return Error("PLAN", "the sources have " + counted(total, "slot") + ", not " + grouped(wanted) +
                             "; ask for fewer");
  }
  const std::vector<int64_t> shares = divide(wanted, weights);
  for (size_t i = 0; i < sources.size(); ++i) {
    int64_t left = shares[i];
    // The first slots of each source, as redis-cli takes them.
    available[i].for_each([&](Slot slot) {
      if (left-- > 0) moves.push_back({slot, sources[i]->id(), goal.to});
    });
  }
  return moves;
}

Result<RebalancePlan> plan_rebalance(const ClusterSnapshot& snapshot, const RebalanceGoal& goal) {
  std::vector<const NodeSnapshot*> nodes = snapshot.primaries();
  // Whoever has most comes first, so that what rounding leaves stays where it is.
  std::stable_sort(nodes.begin(), nodes.end(), [](const NodeSnapshot* a, const NodeSnapshot* b) {
    return a->self.slots.size() > b->self.slots.size();
  });
  for (const auto& [id, weight] : goal.weights) {
    const NodeSnapshot* node = snapshot.find(id);
    if (node == nullptr || !node->is_primary()) {
      return Error("PLAN", "a weight is given to " + (node ? named(*node) : id.hex()) +
                               ", which is no primary");
    }
  }
  std::vector<double> weights;
  int64_t slots = 0;
  for (const NodeSnapshot* node : nodes) {
    const auto given = goal.weights.find(node->id());
    double weight = given == goal.weights.end() ? 1.0 : given->second;
    if (node->self.slots.empty() && !goal.use_empty_primaries) weight = 0;
    weights.push_back(weight);
    slots += static_cast<int64_t>(node->self.slots.size());
  }
  if (std::accumulate(weights.begin(), weights.end(), 0.0) <= 0) {
    return Error("PLAN", "no primary has a weight above 0, so nobody could take the slots");
  }
  const std::vector<int64_t> targets = divide(slots, weights);
  RebalancePlan plan;
  bool beyond = false;
  std::vector<std::pair<const NodeSnapshot*, int64_t>> giving;
  std::vector<std::pair<const NodeSnapshot*, int64_t>> taking;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto have = static_cast<int64_t>(nodes[i]->self.slots.size());
    plan.target[nodes[i]->id()] = targets[i];
    const int64_t surplus = have - targets[i];
    if (surplus > 0) giving.emplace_back(nodes[i], surplus);
    if (surplus < 0) taking.emplace_back(nodes[i], -surplus);
    if (surplus == 0) continue;
    // A difference of one slot cannot be told from rounding.
    const bool empties = targets[i] == 0 || have == 0;
    const double percent = targets[i] == 0 ? 100.0
                                           : 100.0 * static_cast<double>(std::abs(surplus)) /
                                                 static_cast<double>(targets[i]);
    beyond |= empties || (percent > goal.threshold_percent && std::abs(surplus) > 1);
  }
  if (!beyond) return plan;
  // The largest surplus meets the largest need, which keeps the pairs few.
  const auto larger = [](const auto& a, const auto& b) { return a.second > b.second; };
  std::stable_sort(giving.begin(), giving.end(), larger);
  std::stable_sort(taking.begin(), taking.end(), larger);
  size_t to = 0;
  for (const auto& [source, surplus] : giving) {
    for (const Slot slot : last_of(source->self.slots, surplus)) {
      while (taking[to].second == 0) ++to;
      --taking[to].second;
      plan.moves.push_back({slot, source->id(), taking[to].first->id()});
    }
  }
  return plan;
}

std::map<NodeId, std::vector<Slot>> stale_imports(const ClusterSnapshot& snapshot) {
  std::map<NodeId, std::vector<Slot>> stale;
  for (const NodeSnapshot* node : snapshot.primaries()) {
    for (const auto& [slot, from] : node->self.importing) {
      if (!snapshot.owns_slots(from)) stale[node->id()].push_back(slot);
    }
  }
  return stale;
}

std::string unfit_for_moves(const ClusterSnapshot& snapshot) {
  std::string text;
  for (const NodeSnapshot& node : snapshot.nodes) {
    if (!node.reachable && node.is_primary() && !node.self.slots.empty()) {
      text += "\n  " + named(node) + " does not answer: " + node.error;
    }
  }
  for (const Finding& finding : check_cluster(snapshot)) {
    using Kind = Finding::Kind;
    if (finding.kind == Kind::kUncovered || finding.kind == Kind::kManyOwners ||
        finding.kind == Kind::kDisagreement) {
      text += "\n  " + finding.text;
    }
  }
  return text;
}

}  // namespace redan
