// What clusterctl sees of a sentinel deployment at one moment: asked of one address, a sentinel or
// a data node, and from there of every node and sentinel that it names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clusterctl/access.h"
#include "common/base/result.h"

namespace redan {

struct NodeView {
  Endpoint at;
  bool reachable = false;
  std::string error;  // why not
  std::string role;   // "master", "slave", as the node says
  int64_t offset = 0;
  std::optional<int64_t> lag_bytes;  // behind the primary
  std::string state;                 // of a replica: its link to the primary; flags of a sentinel
  std::string version;
};

struct SentinelView {
  Endpoint at;
  bool reachable = false;
  std::string error;
  std::string id;
  Endpoint primary;            // where it sends clients
  bool can_fail_over = false;  // CKQUORUM
  std::string quorum_check;    // its text
};

struct ShardView {
  std::string name;  // empty: seen from a data node, without sentinels
  int64_t quorum = 0;
  std::string flags;  // the asked sentinel's opinion of the primary: "master,o_down"
  NodeView primary;
  std::vector<NodeView> replicas;
  std::vector<SentinelView> sentinels;
};

struct TopologyView {
  bool asked_sentinel = false;
  std::vector<ShardView> shards;
};

Result<TopologyView> look(const Endpoint& at, const Access& access);
// The primary's address as a sentinel tells it.
Result<Endpoint> ask_primary(SyncClient& sentinel, const std::string& name);

}  // namespace redan
