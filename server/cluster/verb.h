// What a verb of CLUSTER works on: the machine, at this time, and where its effects go. The driver
// makes it and performs the effects when the verb returns (ClusterService::perform).
#pragma once

#include "common/base/time.h"
#include "server/cluster/bus_machine.h"

namespace redan {

struct ClusterVerb {
  ClusterMachine& machine;
  Instant now;
  cluster::BusEffects& effects;
};

}  // namespace redan
