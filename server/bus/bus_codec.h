// The cluster bus' messages as protobuf, and back (proto/cluster_bus.proto). What comes from the
// wire is checked: identities have 20 bytes, ports fit, texts are short and printable, lists and
// sets have bounds; anything else is an error that names the field.
#pragma once

#include <cstddef>

#include "common/base/result.h"
#include "proto/cluster_bus.pb.h"
#include "server/cluster/bus_messages.h"

namespace redan {

namespace bus_wire = cluster::v1;

// Of lists of nodes: more than any cluster has.
inline constexpr size_t kMaxBusNodes = 16'384;
// Of a whole envelope.
inline constexpr size_t kMaxBusMessageBytes = 64UL * 1024 * 1024;
// Of a published message together with its channel's name.
inline constexpr size_t kMaxBusPublishBytes = kMaxBusMessageBytes - 1024;

void encode(const cluster::Envelope& envelope, bus_wire::Envelope& out);
// Takes a published message out of `wire`.
Result<cluster::Envelope> decode(bus_wire::Envelope& wire);

}  // namespace redan
