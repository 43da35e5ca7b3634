// Slots from one node to another as Redis has always done it: SETSLOT IMPORTING at the target,
// SETSLOT MIGRATING at the source, GETKEYSINSLOT and MIGRATE until the source holds no key, then
// SETSLOT NODE at the target, the source and all other primaries.
//
// Several slots are in flight at once: their requests travel in one batch, and a node writes its
// configuration once for the batch. A killed mover leaves at most a window of open slots; moving
// them again, in whatever state each is, finishes them.
#pragma once

#include <optional>
#include <string>

#include "clusterctl/mover.h"

namespace redan {

class LegacyMover : public SlotMover {
 public:
  LegacyMover(const ClusterSnapshot& snapshot, const NodeSnapshot& from, const NodeSnapshot& to,
              const MoveOptions& options)
      : snapshot_(snapshot), from_(from), to_(to), options_(options) {}

  Result<void> move(const std::vector<Slot>& slots) override;
  // Brings keys that `from` holds without owning their slots to `to`, which owns them. `from` says
  // meanwhile that it imports the slots, without which it would refuse; then they are closed.
  Result<void> gather(const std::vector<Slot>& slots);

 private:
  // A slot in flight, with the keys that the source named last.
  struct Open {
    Slot slot;
    Words keys;
    std::string trouble;   // why it stays open
    std::string last_key;  // to notice keys that do not go away
    int64_t times_seen = 0;
  };
  using Window = std::vector<Open>;

  Result<void> connect();
  Result<Window> open(std::span<const Slot> slots);
  Result<void> drain(Window& window);
  Result<void> burst(Window& window);
  Result<void> close(Window& window);
  Result<void> close_gathered(const Window& window);
  Words migrate_request(const Words& keys, bool replace) const;
  // Keys that the target has too: moved over where both hold the same value.
  Result<std::string> settle_busy_keys(const Words& keys);
  std::string where(Slot slot) const;

  const ClusterSnapshot& snapshot_;
  const NodeSnapshot& from_;
  const NodeSnapshot& to_;
  const MoveOptions& options_;
  std::optional<NodeClient> source_;
  std::optional<NodeClient> target_;
  std::vector<NodeClient> others_;
  BurstSize burst_;
  int hiccups_ = 0;  // of the window in flight
};

}  // namespace redan
