#include "server/config/options.h"

#include "common/base/check.h"
#include "server/config/server_config.h"

namespace redan {

std::span<const OptionGroup> server_option_groups() {
  static const OptionGroup kGroups[] = {
      {"Network and clients", network_options()},
      {"The process and its host", process_options()},
      {"Security", security_options()},
      {"TLS", tls_options()},
      {"Memory and expiry", memory_options()},
      {"Encodings", encodings_options()},
      {"Persistence", persistence_options()},
      {"Replication", replication_options()},
      {"Cluster", cluster_options()},
      {"Scripts and observability", observability_options()},
  };
  return kGroups;
}

OptionList server_options() {
  OptionList all;
  for (const OptionGroup& group : server_option_groups()) {
    for (const Option& option : group.options) all.push_back(&option);
  }
  return all;
}

ServerConfig::ServerConfig() {
  for (const OptionGroup& group : server_option_groups()) {
    for (const Option& option : group.options) set_fallback(option, this);
  }
}

}  // namespace redan
