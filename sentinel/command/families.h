// Every command that a sentinel answers.
#pragma once

#include <array>

#include "sentinel/command/call.h"

namespace redan {

SentinelFamily sentinel_family();    // SENTINEL ...
SentinelFamily connection_family();  // PING AUTH HELLO QUIT RESET
SentinelFamily client_family();      // CLIENT ...
SentinelFamily pubsub_family();
SentinelFamily server_family();  // INFO ROLE COMMAND SHUTDOWN
SentinelFamily acl_family();     // ACL ...

using SentinelFamilies = std::array<SentinelFamily, 6>;
inline SentinelFamilies sentinel_families() {
  return {sentinel_family(), connection_family(), client_family(),
          pubsub_family(),   server_family(),     acl_family()};
}

}  // namespace redan
