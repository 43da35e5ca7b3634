// Words of a request that nobody but the server should read: MONITOR and the logs show
// "(redacted)" in their place, as Redis does. Pure.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "common/command/catalog.h"
#include "common/config/registry.h"

namespace redan {

// The request as it may be shown. Requests that are refused for their form are redacted as far as
// they make sense.
std::vector<std::string_view> shown_words(const CommandEntry& command,
                                          std::span<const std::string_view> args,
                                          const Registry& options);

}  // namespace redan
