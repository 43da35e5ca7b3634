#include "clusterctl/plan_fix.h"

#include <algorithm>
#include <tuple>

#include "clusterctl/check.h"
#include "clusterctl/output.h"

namespace redan {

namespace {

int64_t keys_at(const KeyCounts& keys, Slot slot, const NodeId& id) {
  const auto counts = keys.find(slot);
  if (counts == keys.end()) return 0;
  const auto count = counts->second.find(id);
  return count == counts->second.end() ? 0 : count->second;
}

bool says_open(const NodeSnapshot& node, Slot slot) {
  return node.self.migrating.contains(slot) || node.self.importing.contains(slot);
}

SlotSet slots_that_answer(const ClusterSnapshot& snapshot) {
  SlotSet slots;
  for (const NodeSnapshot* node : snapshot.primaries()) slots |= node->self.slots;
  return slots;
}

}  // namespace

SlotSet broken_slots(const ClusterSnapshot& snapshot, bool unreachable) {
  SlotSet broken =
      SlotSet::all() - (unreachable ? slots_that_answer(snapshot) : snapshot.covered());
  broken |= slots_of_many_owners(snapshot);
  for (const Slot slot : snapshot.open_slots()) broken.add(slot);
  return broken;
}

Result<FixPlan> plan_fix(const ClusterSnapshot& snapshot, const KeyCounts& keys, bool unreachable) {
  FixPlan plan;
  const std::vector<const NodeSnapshot*> primaries = snapshot.primaries();
  if (primaries.empty()) return Error("PLAN", "no primary answers");
  std::string missing;
  for (const NodeSnapshot& node : snapshot.nodes) {
    if (node.is_primary() && !node.reachable) missing += "\n  " + named(node) + ": " + node.error;
  }
  const SlotSet lacking =
      SlotSet::all() - (unreachable ? slots_that_answer(snapshot) : snapshot.covered());
  if (!lacking.empty() && !missing.empty() && !unreachable) {
    return Error("PLAN", counted(static_cast<int64_t>(lacking.size()), "slot") +
                             " without an owner, but primaries that may know better do not answer; "
                             "--fix-with-unreachable-primaries goes on without them, and without "
                             "their data:" +
                             missing);
  }
  if (!missing.empty()) {
    plan.warnings.push_back(unreachable ? "what these primaries hold is lost:" + missing
                                        : "the slots of these primaries are left alone:" + missing);
  }
  SlotSet unclear;
  plan.finished = begun_moves(snapshot, unclear);
  SlotSet finished;
  for (const SlotMove& move : plan.finished) finished.add(move.slot);
  std::map<NodeId, size_t> load;
  for (const NodeSnapshot* node : primaries) load[node->id()] = node->self.slots.size();

  (broken_slots(snapshot, unreachable) - finished).for_each([&](Slot slot) {
    std::vector<const NodeSnapshot*> claimants;
    for (const NodeSnapshot* node : primaries) {
      if (node->self.slots.contains(slot)) claimants.push_back(node);
    }
    const NodeSnapshot* owner = nullptr;
    const auto better = [&](const NodeSnapshot* a, const NodeSnapshot* b) {
      const auto rank = [&](const NodeSnapshot* node) {
        // Fewer slots count for an unclaimed slot only: a claim is not moved for balance.
        const auto slots = claimants.empty() ? -static_cast<int64_t>(load[node->id()]) : 0;
        return std::tuple(keys_at(keys, slot, node->id()), slots);
      };
      return rank(a) > rank(b);
    };
    for (const NodeSnapshot* node : claimants.empty() ? primaries : claimants) {
      if (owner == nullptr || better(node, owner)) owner = node;
    }
    SlotRepair repair{.slot = slot,
                      .owner = owner->id(),
                      .claim = claimants.empty(),
                      .dropping = {},
                      .closing = {},
                      .giving = {}};
    if (repair.claim) ++load[owner->id()];
    for (const NodeSnapshot* node : claimants) {
      if (node != owner) repair.dropping.push_back(node->id());
    }
    for (const NodeSnapshot* node : primaries) {
      if (says_open(*node, slot)) repair.closing.push_back(node->id());
      if (node != owner && keys_at(keys, slot, node->id()) > 0) {
        repair.giving.push_back(node->id());
      }
    }
    const bool dead_owner =
        std::any_of(snapshot.nodes.begin(), snapshot.nodes.end(), [&](const NodeSnapshot& node) {
          return node.is_primary() && !node.reachable && node.self.slots.contains(slot);
        });
    // An open slot of a primary that does not answer waits for it.
    if (!repair.claim || !dead_owner || unreachable) plan.repairs.push_back(repair);
  });
  return plan;
}

}  // namespace redan
