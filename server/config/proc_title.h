// proc-title-template: what the list of processes shows. Pure.
#pragma once

#include <string>
#include <string_view>

#include "server/config/server_config.h"

namespace redan {

// `title` is what the program was called as, `config_file` an absolute path or empty. A template
// that bad_title_template() refuses is not to be given.
std::string process_title(const ServerConfig& config, std::string_view title,
                          std::string_view config_file);

}  // namespace redan
