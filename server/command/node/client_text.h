// A client as CLIENT LIST, CLIENT INFO and logs show it.
#pragma once

#include <string>

#include "server/command/call.h"

namespace redan {

// What the client is used as: a normal one that subscribed counts as pub/sub.
ClientKind effective_kind(const Session& session);
std::string client_line(const ServerParts& parts, const Session& session);

}  // namespace redan
