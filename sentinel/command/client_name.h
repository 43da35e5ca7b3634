// Names that clients give their connections.
#pragma once

#include <string_view>

#include "sentinel/command/call.h"

namespace redan {

inline bool is_plain_name(std::string_view text) {
  for (const char c : text) {
    if (c < '!' || c > '~') return false;
  }
  return true;
}

inline Result<void> rename_client(SentinelClient& client, std::string_view name) {
  if (!is_plain_name(name)) {
    return Error("Client names cannot contain spaces, newlines or special characters.");
  }
  client.name = name;
  return kOk;
}

}  // namespace redan
