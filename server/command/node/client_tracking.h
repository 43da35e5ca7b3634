// CLIENT's subcommands for client-side caching; clients.cc declares them. What they decide is in
// session/tracking.h.
#pragma once

#include "server/command/call.h"

namespace redan {

Result<void> client_caching(Call& call);
Result<void> client_getredir(Call& call);
Result<void> client_tracking(Call& call);
Result<void> client_trackinginfo(Call& call);

// What CLIENT GETREDIR and `redir` of CLIENT LIST say: the client that hears what this one tracks,
// 0 for itself, -1 where it does not track.
int64_t redirection_of(const Session& session);

}  // namespace redan
