// How every verb that changes a cluster begins: take the operators' lock, then look.
#pragma once

#include "clusterctl/command_line.h"
#include "clusterctl/lock.h"
#include "clusterctl/look.h"

namespace redan {

struct Session {
  OperatorLock lock;
  ClusterSnapshot snapshot;  // taken under the lock

  // `verb` is what another operator is told. Waits a moment for nodes whose gossip is on its way;
  // whether they must agree is the plan's decision.
  static Result<Session> begin(const Endpoint& at, const Access& access, const std::string& verb);
};

// Waits until the nodes that answer agree again, after a change.
Result<ClusterSnapshot> wait_for_agreement(const Endpoint& at, const Access& access, Millis within);

}  // namespace redan
