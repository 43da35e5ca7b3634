// Slots that change hands with their keys (server/cluster/handover.cc says why it is safe). The
// source gives, the target claims; between the two a Given stands in the source's configuration and
// is told to all.
#pragma once

#include "common/base/ids.h"
#include "common/base/slot_set.h"

namespace redan {

// The name of one move, drawn at random for each: forty hex digits, like a node's.
using MoveId = NodeId;

// Given away, and not claimed by the new owner yet. Durable.
struct Given {
  MoveId move;
  NodeId to;
  Epoch epoch{};  // Of the giver when it gave: a claim of a higher one is the new owner's.
  SlotSet slots;
  friend bool operator==(const Given&, const Given&) = default;
};

// Being brought in; the slots are not ours. Durable, apart from `ready`: what a crash leaves is
// known to be of no use. A replica notes what its primary brings in, for it may have to finish it.
struct IncomingSlots {
  MoveId move;
  NodeId from;
  SlotSet slots;
  bool ready = false;   // Every key is here, and at our replicas.
  bool asking = false;  // Nobody tells us any more how it ended: we ask.
  friend bool operator==(const IncomingSlots&, const IncomingSlots&) = default;
};

}  // namespace redan
