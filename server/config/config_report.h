// What a person or a script is told about a configuration: --check-config and the sample file.
#pragma once

#include <string>
#include <vector>

#include "common/config/file.h"
#include "common/config/registry.h"

namespace redan {

// Directives of a data node's file that no option stands for: `sentinel` is refused.
OtherDirectives server_other_directives();

// Reads the file on its own. The report says for each directive that it sets whether the part that
// it steers is built: "appendonly yes: not yet effective". An error is the fatal report of file.h.
Result<std::string> check_config(const std::string& path, FileSource& files);

// Every directive with its meaning and its default, by subject: deploy/redan.conf.
std::string sample_config();

}  // namespace redan
