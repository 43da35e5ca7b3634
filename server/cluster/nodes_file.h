// nodes.conf: what a node must remember of its cluster, in Redis' format, so that a file of
// redis-server 7 loads here. A line for each node, as CLUSTER NODES prints it, with the moving
// slots behind our own; then, which Redis does not have, hand-overs that are under way:
//   given MOVE TO EPOCH SLOTS...        incoming MOVE FROM SLOTS...
// and last "vars currentEpoch E lastVoteEpoch V".
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "server/cluster/handover.h"
#include "server/cluster/node.h"

namespace redan {

struct NodesFile {
  NodeId self;
  std::vector<ClusterNode> nodes;  // Ourselves included; of the times only whether there was one.
  std::map<Slot, NodeId> migrating, importing;
  std::vector<Given> given;
  std::vector<IncomingSlots> incoming;
  Epoch current_epoch{};
  Epoch last_vote_epoch{};

  // A node that knows nobody.
  static NodesFile fresh(NodeId self, NodeId shard);
  // An error names the line and the word that is wrong. Files of Redis 7.0 have no shard ids: a
  // primary and its replicas then get the primary's identity as theirs.
  static Result<NodesFile> parse(std::string_view text);
};

}  // namespace redan
