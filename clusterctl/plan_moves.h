// Which slots go from whom to whom: for reshard, for rebalance, and to finish what was cut off.
// Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "clusterctl/snapshot.h"

namespace redan {

struct SlotMove {
  Slot slot;
  NodeId from;
  NodeId to;
  friend bool operator==(const SlotMove&, const SlotMove&) = default;
};
using Moves = std::vector<SlotMove>;

// Moves that somebody began: open slots whose owner and target agree, or whose one end has been
// told already. `unclear` gets the open slots that only fix can judge.
Moves begun_moves(const ClusterSnapshot& snapshot, SlotSet& unclear);

struct ReshardGoal {
  int64_t slots = 0;
  std::vector<NodeId> from;  // empty: all other primaries
  NodeId to;
};
// Each source gives in proportion to what it has; together exactly as many as asked for. `begun`
// moves that serve the goal count.
Result<Moves> plan_reshard(const ClusterSnapshot& snapshot, const ReshardGoal& goal,
                           const Moves& begun);

struct RebalanceGoal {
  std::map<NodeId, double> weights;  // 1 where none is given; 0: the node gives all its slots away
  double threshold_percent = 2.0;    // imbalance of every node that is let be
  bool use_empty_primaries = false;  // those without slots get some too
};
struct RebalancePlan {
  std::map<NodeId, int64_t> target;  // slots that each primary has in the end
  Moves moves;                       // none where all are within the threshold
};
Result<RebalancePlan> plan_rebalance(const ClusterSnapshot& snapshot, const RebalanceGoal& goal);

// Imports from nodes that lost their slots since, by who says so. A node learns nothing of such a
// slot's owner, and may call the cluster down for it, until it is told SETSLOT STABLE.
std::map<NodeId, std::vector<Slot>> stale_imports(const ClusterSnapshot& snapshot);

// Why slots should not be moved in this cluster now; empty: they may.
std::string unfit_for_moves(const ClusterSnapshot& snapshot);

// `count` shares in proportion to `weights`, whole numbers that add up to it; what rounding leaves
// goes to the largest remainders, among equals to who comes first.
std::vector<int64_t> divide(int64_t count, const std::vector<double>& weights);

}  // namespace redan
