// Loads the module with the cluster bus' transport (server/bus), which a node by itself does not
// pay for. It stays loaded until the process ends.
#pragma once

#include <memory>

#include "common/base/result.h"
#include "server/bus/bus_transport.h"

namespace redan {

// An error names the files that were tried and the remedy.
Result<std::unique_ptr<BusTransport>> load_bus_transport(BusTransport::Options options,
                                                         BusTransport::Events events);

}  // namespace redan
