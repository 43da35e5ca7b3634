// Moves slots with their keys while clients read and write.
//
// The seam: move_slots() picks a SlotMover for each pair of nodes. LegacyMover works between any
// two nodes that speak Redis' protocol. A streaming migration between two Redan nodes is a second
// SlotMover, chosen in mover_between().
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "clusterctl/access.h"
#include "clusterctl/plan_moves.h"

namespace redan {

struct MoveOptions {
  Access access;
  Millis timeout{60'000};        // of each MIGRATE
  int64_t keys_per_migrate = 0;  // 0: as many as take a few milliseconds
  bool replace = false;          // overwrite keys that the target has already
  std::function<void(int64_t keys)> moved_keys;
  std::function<void(int64_t slots)> moved_slots;
  std::function<bool()> stop;  // true: end where no slot is open
};

class SlotMover {
 public:
  virtual ~SlotMover() = default;
  // All slots from one node to another. When it returns, even with an error, every slot is at one
  // of the two, except those that the error names.
  virtual Result<void> move(const std::vector<Slot>& slots) = 0;
};

std::unique_ptr<SlotMover> mover_between(const ClusterSnapshot& snapshot, const NodeSnapshot& from,
                                         const NodeSnapshot& to, const MoveOptions& options);

// All moves: sources work at the same time, the targets of one source one after the other. Returns
// the first error, after every worker came to an end.
Result<void> move_slots(const ClusterSnapshot& snapshot, const Moves& moves,
                        const MoveOptions& options);

// How many keys to have in flight, so that a burst blocks the source for a few milliseconds only.
// Pure.
class BurstSize {
 public:
  int64_t keys() const { return keys_; }
  void took(int64_t keys, Nanos span);

 private:
  int64_t keys_ = 64;
};

}  // namespace redan
