// How slots that are open, without an owner, or with several owners become whole again. Pure.
//
// A move whose two ends agree is finished. For any other slot one owner is chosen: of those that
// claim it, whoever holds most of its keys; where nobody claims it, the primary that holds most of
// its keys, or else the one with the fewest slots. Everybody else gives up the claim and hands over
// what keys it has. No key is deleted.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "clusterctl/plan_moves.h"

namespace redan {

// Keys that each reachable primary holds in each slot that is not whole.
using KeyCounts = std::map<Slot, std::map<NodeId, int64_t>>;

struct SlotRepair {
  Slot slot;
  NodeId owner;
  bool claim = false;            // the owner does not claim it yet
  std::vector<NodeId> dropping;  // who else claims it
  std::vector<NodeId> closing;   // who says it is open
  std::vector<NodeId> giving;    // who else holds keys of it
};

struct FixPlan {
  Moves finished;  // moves that were begun
  std::vector<SlotRepair> repairs;
  std::vector<std::string> warnings;
  bool empty() const { return finished.empty() && repairs.empty(); }
};

// Slots that are open, uncovered or disputed; with `unreachable` also those of primaries that do
// not answer.
SlotSet broken_slots(const ClusterSnapshot& snapshot, bool unreachable);

// `unreachable`: slots of primaries that do not answer are given to others, and what they held is
// lost. Otherwise such primaries are an obstacle to giving slots away, which the error says.
Result<FixPlan> plan_fix(const ClusterSnapshot& snapshot, const KeyCounts& keys, bool unreachable);

}  // namespace redan
