// Requests as RESP commands.
#pragma once

#include <string>
#include <vector>

#include "sentinel/logic/messages.h"
#include "sentinel/logic/options.h"

namespace redan {

using Words = std::vector<std::string>;
// The commands of `request`, in order, with `renamed` applied. Most are one command; Reconfigure
// is MULTI ... EXEC, and its reply is EXEC's.
std::vector<Words> words(const Request& request,
                         const std::map<std::string, std::string>& renamed = {});

}  // namespace redan
