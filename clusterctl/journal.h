// What is left of a reshard that was cut off: "move 1000 slots" said again must not move 1000 more.
// A file below $XDG_STATE_HOME (or ~/.local/state), named for the request, holding the moves as
// they were planned; removed when all are done. Without a place to write it the reshard works all
// the same, but then the same command plans anew.
//
//   clusterctl reshard 1
//   <slot> <from> <to>      a line for each move
#pragma once

#include <optional>
#include <string>

#include "clusterctl/plan_moves.h"

namespace redan {

class MoveJournal {
 public:
  // `request` says what was asked for, in any words that are the same when it is asked again.
  explicit MoveJournal(const std::string& request);

  // The moves of an earlier run that did not end; nothing where there is none.
  std::optional<Moves> unfinished() const;
  void begin(const Moves& moves) const;
  void finished() const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What of the moves is still to be done. Pure.
struct Remainder {
  Moves
      left;  // their source owns the slot, or it is open; a failover's winner stands for the loser
  std::map<NodeId, NodeId> replaced;  // sources and targets of `left` that lost a failover
  SlotSet elsewhere;                  // neither here nor there: somebody else moved them since
};
Remainder still_to_do(const ClusterSnapshot& snapshot, const Moves& moves);

std::string journal_text(const Moves& moves);
std::optional<Moves> parse_journal(const std::string& text);

}  // namespace redan
