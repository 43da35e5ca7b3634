// DEBUG PROTOCOL: one reply of each type of RESP, for those who write clients.
#pragma once

#include <string_view>

#include "common/base/result.h"
#include "common/resp/writer.h"

namespace redan {

// Fails where there is no such type, or where RESP2 has none for it.
Result<void> reply_sample(ReplyWriter& reply, std::string_view type);

}  // namespace redan
