// One operator at a time: a verb that changes a cluster holds its lock while it plans and acts.
//
// The lock is a name on a connection (CLIENT SETNAME) to every primary, in the order of their ids:
// it writes no key, needs nothing but RESP, and ends with the connection, so that a clusterctl that
// was killed blocks nobody. On each node: say that one wants it, then look at CLIENT LIST. Whoever
// sees somebody that has it, or that wanted it earlier (a lower connection id), steps back; whoever
// wanted first waits until the others stepped back, then has it. Each looks after it has spoken,
// and the node answers one after the other, so of two at least one sees the other.
#pragma once

#include <memory>
#include <vector>

#include "clusterctl/access.h"

namespace redan {

class OperatorLock {
 public:
  // An error names who holds it, where, and since when. A node that does not let us see its
  // clients (ACL) is passed over with a warning.
  static Result<OperatorLock> take(std::vector<Endpoint> nodes, const Access& access,
                                   const std::string& verb);

 private:
  // A thread that lets a node's `timeout` for idle clients see a sign of life.
  struct Keeper;
  struct EndKeeper {
    void operator()(Keeper* keeper) const;
  };
  std::unique_ptr<Keeper, EndKeeper> keeper_;
};

}  // namespace redan
