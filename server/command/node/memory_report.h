// What the process' memory is used for: of INFO and MEMORY.
#pragma once

#include <cstdint>

#include "server/command/call.h"
#include "server/drivers/memory_use.h"

namespace redan {

struct MemoryReport {
  MemoryUse use;
  int64_t peak = 0;
  int64_t startup = 0;
  int64_t tables = 0;
  int64_t clients = 0;   // buffers of all but replicas
  int64_t replicas = 0;  // buffers of replicas beside the shared stream
  int64_t client_count = 0;
  int64_t replica_count = 0;
  int64_t links = 0;  // of the cluster's bus
  ReplicationTraffic replication;

  int64_t overhead() const {
    return startup + tables + clients + replicas + links + replication.buffer_bytes;
  }
  int64_t dataset() const {
    const int64_t rest = use.used - overhead();
    return rest > 0 ? rest : 0;
  }
};

// The figures of `use` cost some 20 us and may be 10 ms old; `used` then follows the data.
// Looks at each client. Raises the peak where it is above it.
MemoryReport memory_report(const ServerParts& parts);

}  // namespace redan
