// Every command that a sentinel answers.
#pragma once

#include "sentinel/command/call.h"

namespace redan {

SentinelFamily sentinel_family();    // SENTINEL ...
SentinelFamily connection_family();  // PING AUTH HELLO CLIENT QUIT RESET
SentinelFamily pubsub_family();
SentinelFamily server_family();  // INFO ROLE COMMAND SHUTDOWN

}  // namespace redan
