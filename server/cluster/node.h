// One node as we know it: ourselves or a peer. A record of facts; who may change them and when is
// the machine's business (bus_machine.h), everybody else reads. Data thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/base/ids.h"
#include "common/base/slot_set.h"
#include "common/base/time.h"

namespace redan {

// Where a node is reached. An empty ip: not known (flag noaddr); a port of 0: not offered.
struct NodeAddress {
  std::string ip;
  uint16_t port = 0;      // Clients, plain.
  uint16_t tls_port = 0;  // Clients, TLS.
  uint16_t bus_port = 0;
  std::string hostname;    // cluster-announce-hostname; may be empty.
  std::string human_name;  // cluster-announce-human-nodename; may be empty.
  friend bool operator==(const NodeAddress&, const NodeAddress&) = default;
};

enum class Suspicion {
  kNone,
  kPossible,  // PFAIL ("fail?"): we do not hear it for the node timeout.
  kFailed     // FAIL: a majority of the primaries with slots do not.
};

struct ClusterNode {
  NodeId id;
  NodeId shard_id;  // The same for a primary and its replicas.
  NodeAddress address;

  bool is_primary = true;
  NodeId primary;           // Whom a replica follows; empty for a primary and for an orphan.
  bool handshake = false;   // Not met yet: neither counted, nor gossiped, nor saved.
  bool noaddr = false;      // Somebody else answers at its address.
  bool nofailover = false;  // cluster-replica-no-failover is set there.

  // The newest configuration this node was seen to claim its slots with; a claim of a higher epoch
  // wins. Of a replica: unused.
  Epoch config_epoch{};
  SlotSet slots;  // What it owns for all we know; always empty for a replica.
  // Position in the replication stream, as it told last: a primary's or a replica's.
  int64_t replication_offset = 0;

  // The oldest ping that it has not answered.
  std::optional<Instant> ping_sent;
  std::optional<Instant> pong_received;
  std::optional<Instant> heard;  // Any message.
  bool link_up = false;          // The driver holds a stream to it.

  Suspicion suspicion = Suspicion::kNone;
  Instant failed_at{};  // When it became kFailed.
  // Who, with slots of his own, said when that he does not hear it.
  std::map<NodeId, Instant> reports;

  bool has_slots() const { return !slots.empty(); }
  bool failed() const { return suspicion == Suspicion::kFailed; }
  bool suspected() const { return suspicion != Suspicion::kNone; }
};

}  // namespace redan
