#include "server/cluster/route.h"

namespace redan {

Route route(Slot slot, const SlotView& view, bool cluster_ok, KeyPresence keys, RouteCall call,
            RoutePolicy policy) {
  if (view.owner == nullptr) return ClusterDown{ClusterDown::Why::kUnbound};
  if (!cluster_ok) {
    if (call.sharded_pubsub) {
      if (!policy.sharded_pubsub_when_down) return ClusterDown{ClusterDown::Why::kState};
    } else if (!policy.reads_when_down) {
      return ClusterDown{ClusterDown::Why::kState};
    } else if (call.write) {
      return ClusterDown{ClusterDown::Why::kStateReadOnly};
    }
  }
  const bool leaving = view.mine && view.migrating_to != nullptr;
  const bool coming = !view.mine && view.importing_from != nullptr;
  if ((leaving || coming) && call.moves_keys) return Serve{};
  // Channels do not move with the keys.
  const bool all_here = call.sharded_pubsub || keys.here == keys.total;
  if (leaving && !all_here) {
    return keys.here == 0 ? Route{Ask{slot, view.migrating_to}} : Route{TryAgain{}};
  }
  if (coming && call.asking) {
    return all_here || keys.total == 1 ? Route{Serve{}} : Route{TryAgain{}};
  }
  if (view.mine) return Serve{};
  if (view.of_my_primary && !call.write && (call.readonly || call.sharded_pubsub)) return Serve{};
  return Moved{slot, view.owner};
}

std::string preferred_endpoint(const ClusterNode& node, EndpointType type) {
  switch (type) {
    case EndpointType::kIp:
      return node.address.ip;
    case EndpointType::kHostname:
      return node.address.hostname.empty() ? "?" : node.address.hostname;
    case EndpointType::kUnknown:
      break;
  }
  return "";
}

uint16_t client_port(const ClusterNode& node, bool tls) {
  const NodeAddress& at = node.address;
  if (tls) return at.tls_port != 0 ? at.tls_port : at.port;
  return at.port != 0 ? at.port : at.tls_port;
}

namespace {

Error redirect(std::string_view code, Slot slot, const ClusterNode& to, EndpointType type,
               bool tls) {
  return Error(code, std::to_string(slot.value) + " " + preferred_endpoint(to, type) + ":" +
                         std::to_string(client_port(to, tls)));
}

struct Texts {
  EndpointType type;
  bool tls;
  Error operator()(const Serve&) const { return Error("nothing is wrong"); }
  Error operator()(const Moved& m) const { return redirect("MOVED", m.slot, *m.to, type, tls); }
  Error operator()(const Ask& a) const { return redirect("ASK", a.slot, *a.to, type, tls); }
  Error operator()(const TryAgain&) const {
    return Error("TRYAGAIN", "Multiple keys request during rehashing of slot");
  }
  Error operator()(const CrossSlot&) const {
    return Error("CROSSSLOT", "Keys in request don't hash to the same slot");
  }
  Error operator()(const ClusterDown& down) const {
    switch (down.why) {
      case ClusterDown::Why::kUnbound:
        return Error("CLUSTERDOWN", "Hash slot not served");
      case ClusterDown::Why::kState:
        return Error("CLUSTERDOWN", "The cluster is down");
      case ClusterDown::Why::kStateReadOnly:
        break;
    }
    return Error("CLUSTERDOWN", "The cluster is down and only accepts read commands");
  }
};

}  // namespace

Error route_error(const Route& route, EndpointType type, bool tls) {
  return std::visit(Texts{type, tls}, route);
}

}  // namespace redan
