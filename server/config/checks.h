// What texts must fulfil beyond being text: each returns the reason why one is refused, or nullptr.
#pragma once

#include <string_view>

namespace redan {

const char* bad_file_name(std::string_view name);       // dbfilename
const char* bad_aof_name(std::string_view name);        // appendfilename
const char* bad_aof_dir(std::string_view name);         // appenddirname
const char* bad_title_template(std::string_view text);  // proc-title-template
const char* bad_host_name(std::string_view name);       // cluster-announce-hostname
const char* bad_node_name(std::string_view name);       // cluster-announce-human-nodename

}  // namespace redan
