// Where a call is served: here, or at which other node. Pure functions of what the view says of one
// slot; the texts are Redis'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "common/base/result.h"
#include "server/cluster/view.h"

namespace redan {

// Of the keys that a call names, how many are here. Counted only where view.is_moving(slot).
struct KeyPresence {
  size_t here = 0;
  size_t total = 0;
};

// What the declaration of the command and its client say. Of EXEC: of all that is queued.
struct RouteCall {
  bool write = false;
  bool asking = false;    // After ASKING, or a command that implies it.
  bool readonly = false;  // The client said READONLY.
  bool sharded_pubsub =
      false;                // SPUBLISH, SSUBSCRIBE, SUNSUBSCRIBE: channels have slots, not keys.
  bool moves_keys = false;  // MIGRATE: works on a slot that is on the move.
};

struct RoutePolicy {
  bool reads_when_down = false;           // cluster-allow-reads-when-down
  bool sharded_pubsub_when_down = false;  // cluster-allow-pubsubshard-when-down
};

struct Serve {};
struct Moved {
  Slot slot;
  const ClusterNode* to;
};
struct Ask {
  Slot slot;
  const ClusterNode* to;
};
struct TryAgain {};   // Some keys are here, some are not: wait until the slot has moved.
struct CrossSlot {};  // Made by the caller, which knows the slots of all keys.
struct ClusterDown {
  enum class Why { kUnbound, kState, kStateReadOnly };
  Why why;
};
using Route = std::variant<Serve, Moved, Ask, TryAgain, CrossSlot, ClusterDown>;

// A call with keys, all of them in `slot`. Calls without keys are always served here.
Route route(Slot slot, const SlotView& view, bool cluster_ok, KeyPresence keys, RouteCall call,
            RoutePolicy policy);

// How clients are told where a node is (cluster-preferred-endpoint-type).
enum class EndpointType { kIp, kHostname, kUnknown };
// "?" stands for a hostname that the node does not have; empty is "where you reached me".
std::string preferred_endpoint(const ClusterNode& node, EndpointType type);
// The port for a client that came by TLS or not; the other one where a node offers only that.
uint16_t client_port(const ClusterNode& node, bool tls);

// The reply to a call that is not served here; only for routes other than Serve.
Error route_error(const Route& route, EndpointType type, bool tls);

}  // namespace redan
