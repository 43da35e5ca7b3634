// The transport on gRPC.
#pragma once

#include <memory>

#include "server/bus/bus_transport.h"

namespace redan {

std::unique_ptr<BusTransport> open_grpc_transport(BusTransport::Options options,
                                                  BusTransport::Events events);

}  // namespace redan
