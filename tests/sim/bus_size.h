// How many bytes a message of the bus is on its stream.
#pragma once

#include <cstddef>

#include "server/cluster/bus_messages.h"

namespace redan::sim {

size_t bus_bytes(const cluster::Envelope& envelope);

}  // namespace redan::sim
