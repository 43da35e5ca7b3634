// The module's entry points (bus_transport.h).
#include "server/bus/grpc_transport.h"

extern "C" {

__attribute__((visibility("default"))) const char* redan_bus_version() {
  return redan::kBusModuleBuild;
}

__attribute__((visibility("default"))) redan::BusTransport* redan_bus_open(
    redan::BusTransport::Options&& options, redan::BusTransport::Events&& events) {
  return redan::open_grpc_transport(std::move(options), std::move(events)).release();
}
}
