// The request that moves keys from one node to another.
#pragma once

#include "clusterctl/access.h"
#include "common/net/endpoint.h"

namespace redan {

// MIGRATE of `keys` to `to`, which the source logs in to as we do. `how`: COPY, REPLACE.
Words migrate_request(const Endpoint& to, Millis timeout, const Words& how, const Access& access,
                      const Words& keys);

}  // namespace redan
