// Which of some empty nodes become primaries of which slots, and which replicas of whom. Pure.
//
// Hosts are interleaved, so that no host gets two primaries before every host has one. Replicas go
// to other hosts than their primary and its other replicas wherever that is possible; what greedy
// choice leaves on one host is then mended by swaps.
#pragma once

#include <string>
#include <vector>

#include "clusterctl/snapshot.h"

namespace redan {

struct CreatePlan {
  struct Primary {
    Endpoint at;
    SlotRange slots;
    uint64_t config_epoch;  // each its own, so that no two must settle a collision
    std::vector<Endpoint> replicas;
  };
  std::vector<Primary> primaries;
  std::vector<std::string> warnings;
};

Result<CreatePlan> plan_create(const std::vector<Endpoint>& nodes, size_t replicas);

// Why a node cannot be part of the new cluster: it holds keys, or a cluster's state that is not
// what this plan gives it (a create that was cut off leaves such state, and goes on). Empty: it
// can.
std::string unfit_for_create(const NodeSnapshot& node, const CreatePlan& plan,
                             const std::vector<Endpoint>& members);

// Do these nodes form a cluster already? Each knows all the others, and each slot has an owner,
// whoever that is by now: failovers, moves and further members change nothing about it.
bool stand_already(const std::vector<NodeSnapshot>& nodes);

// How many of `replicas` share a host with their primary or with each other.
int crowded(const CreatePlan& plan);

}  // namespace redan
