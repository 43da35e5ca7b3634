// The message on __sentinel__:hello by which sentinels find each other and spread configurations:
//   ip,port,runid,current_epoch,master_name,master_ip,master_port,master_config_epoch
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/ids.h"
#include "sentinel/logic/address.h"

namespace redan {

// Epochs grow by one per election; a number beyond this is nonsense that would leave none to go on
// with, and is refused.
inline constexpr Epoch kLargestEpoch{uint64_t{1} << 62};

struct Hello {
  Address sentinel;
  NodeId id;
  Epoch current_epoch{};
  std::string name;
  Address primary;
  Epoch config_epoch{};
};

std::string format_hello(const Hello& hello);
// nullopt: not eight fields, or a field is nonsense.
std::optional<Hello> parse_hello(std::string_view payload);

}  // namespace redan
