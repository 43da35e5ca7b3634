// Moves slots with their keys while clients read and write.
//
// The seam: mover_between() picks a SlotMover for each pair of nodes. StreamMover has the nodes do
// it themselves, where both can; LegacyMover works between any two that speak Redis' protocol.
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
  bool legacy = false;           // SETSLOT and MIGRATE, also where the nodes could stream
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
