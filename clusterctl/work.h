// Moves as an operator sees them: the plan, the question, a bar, the outcome. Shared by reshard,
// rebalance and fix.
#pragma once

#include <functional>
#include <map>

#include "clusterctl/console.h"
#include "clusterctl/mover.h"

namespace redan {

// --timeout, --pipeline, --replace, --legacy.
Result<MoveOptions> move_options(const CommandLine& line);

// Closes imports that a failover of their source left behind, and waits until all are of one mind;
// whoever plans counts on moving those slots again.
Result<void> release_stale_imports(const ClusterSnapshot& snapshot, const Access& access);

class MoveWork {
 public:
  MoveWork(const CommandLine& line, const Console& console, const ClusterSnapshot& snapshot,
           Moves moves, MoveOptions options);

  // Called when the plan was accepted, before the first move.
  std::function<void()> before;
  // Shows, asks, moves, tells; the exit code.
  int run();
  // Did run() carry out all moves?
  bool complete() const { return complete_; }

 private:
  Result<void> count();
  Result<void> wait_until_serving() const;
  void show_plan() const;
  void print_json(const std::string& outcome, int64_t ms) const;

  const CommandLine& line_;
  const Console& console_;
  const ClusterSnapshot& snapshot_;
  const Moves moves_;
  MoveOptions options_;
  std::map<std::pair<NodeId, NodeId>, SlotSet> pairs_;
  std::map<std::pair<NodeId, NodeId>, int64_t> pair_keys_;
  int64_t keys_ = 0;
  int64_t moved_keys_ = 0;
  int64_t moved_slots_ = 0;
  bool complete_ = false;
};

}  // namespace redan
