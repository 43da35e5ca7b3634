// Who may do what.
#include "common/config/value.h"
#include "server/config/options.h"
#include "server/config/server_config.h"
#include "server/config/values.h"

namespace redan {
namespace {

const Option kOptions[] = {
    {.name = "requirepass",
     .field = &ServerConfig::requirepass,
     .secret = true,
     .doc = "Password of the default user."},
    {.name = "aclfile",
     .field = &ServerConfig::aclfile,
     .change = Change::kImmutable,
     .doc = "File of users, read at start and by ACL LOAD; not together with `user` lines."},
    {.name = "user",
     .field = &ServerConfig::user,
     .change = Change::kFileOnly,
     .secret = true,
     .doc = "A user and its rules, in the language of ACL SETUSER; CONFIG REWRITE keeps them."},
    {.name = "acl-pubsub-default",
     .field = &ServerConfig::acl_pubsub_default,
     .fallback = "resetchannels",
     .doc = "Channels of a new user: none (resetchannels) or all."},
    {.name = "acllog-max-len",
     .field = &ServerConfig::acllog_max_len,
     .fallback = "128",
     .range = {.min = 0, .max = kInt64Max},
     .doc = "Entries kept in the ACL log."},
    {.name = "rename-command",
     .field = &ServerConfig::rename_command,
     .range = {.min = 2, .max = 2},
     .change = Change::kFileOnly,
     .doc = "A command's other name; \"\" takes the command away."},
    {.name = "sanitize-dump-payload",
     .field = &ServerConfig::sanitize_dump_payload,
     .fallback = "no",
     .effective = false,
     .doc = "Check values of RESTORE and RDB files in depth: no, yes, clients."},
    {.name = "enable-protected-configs",
     .field = &ServerConfig::enable_protected_configs,
     .fallback = "no",
     .change = Change::kImmutable,
     .doc = "Who may set protected directives: no, yes, local."},
    {.name = "enable-debug-command",
     .field = &ServerConfig::enable_debug_command,
     .fallback = "no",
     .change = Change::kImmutable,
     .doc = "Who may use DEBUG: no, yes, local."},
    {.name = "enable-module-command",
     .field = &ServerConfig::enable_module_command,
     .fallback = "no",
     .change = Change::kImmutable,
     .doc = "Who may use MODULE: no, yes, local."},
    {.name = "hide-user-data-from-log",
     .field = &ServerConfig::hide_user_data_from_log,
     .fallback = "no",
     .doc = "Keep keys and values of users out of the log."},
};

}  // namespace

std::span<const Option> security_options() {
  return kOptions;
}

}  // namespace redan
