// What a person or a script is told about a configuration: --check-config and the sample file.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/config/file.h"
#include "common/config/registry.h"

namespace redan {

struct ServerConfig;

// Directives that are well formed, each by itself, but contradict each other.
Result<void> directives_agree(const ServerConfig& config);

// Directives of a data node's file that no option stands for: `sentinel` is refused.
OtherDirectives server_other_directives();

// Gives a command another name, or none; the error says why that cannot be.
using RenameCommand = std::function<Result<void>(std::string_view name, std::string_view to)>;
// Says what is wrong with a `user` line: name and rules.
using CheckUser = std::function<Result<void>(std::span<const std::string> words)>;
struct StartDirectives {
  RenameCommand rename;
  CheckUser check_user;
};
// The same for reading at start: each rename-command line is carried out as it is read, and each
// `user` line checked, so that a bad one is reported with its line; both are kept in the registry.
OtherDirectives directives_at_start(Registry& registry, StartDirectives directives);

// Reads the file on its own. The report says for each directive that it sets whether the part that
// it steers is built: "appendonly yes: not yet effective". An error is the fatal report of file.h.
Result<std::string> check_config(const std::string& path, FileSource& files,
                                 StartDirectives at_start);

// Every directive with its meaning and its default, by subject: deploy/redan.conf.
std::string sample_config();

}  // namespace redan
