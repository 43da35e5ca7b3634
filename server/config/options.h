// The options of a data node, by subject. A new directive is one entry in one of the options_*.cc
// and one field of ServerConfig.
#pragma once

#include <span>

#include "common/config/option.h"
#include "common/config/registry.h"

namespace redan {

std::span<const Option> network_options();
std::span<const Option> process_options();
std::span<const Option> security_options();
std::span<const Option> tls_options();
std::span<const Option> memory_options();
std::span<const Option> encodings_options();
std::span<const Option> persistence_options();
std::span<const Option> replication_options();
std::span<const Option> cluster_options();
std::span<const Option> observability_options();

// A heading of the sample configuration and what stands under it.
struct OptionGroup {
  std::string_view title;
  std::span<const Option> options;
};
std::span<const OptionGroup> server_option_groups();

// All of them.
OptionList server_options();

}  // namespace redan
