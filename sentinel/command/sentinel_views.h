// The SENTINEL subcommands that only look. sentinel_verbs.cc declares them.
#pragma once

#include "sentinel/command/call.h"

namespace redan::sentinel_views {

Result<void> check_quorum(SentinelCall& call);
Result<void> get_address(SentinelCall& call);
Result<void> info_cache(SentinelCall& call);
Result<void> primary(SentinelCall& call);
Result<void> primaries(SentinelCall& call);
Result<void> my_id(SentinelCall& call);
Result<void> pending_scripts(SentinelCall& call);
Result<void> replicas(SentinelCall& call);
Result<void> sentinels(SentinelCall& call);

}  // namespace redan::sentinel_views
