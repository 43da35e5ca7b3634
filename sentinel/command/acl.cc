// ACL, as far as it makes sense while the default user is the only one.
#include "common/command/docs.h"
#include "sentinel/command/families.h"

namespace redan {

namespace {

Result<void> whoami(SentinelCall& call) {
  call.reply.bulk("default");
  return kOk;
}

Result<void> users(SentinelCall& call) {
  call.reply.array(1);
  call.reply.bulk("default");
  return kOk;
}

Result<void> help(SentinelCall& call) {
  write_help(*call.commands.find("acl"), "acl", call.reply);
  return kOk;
}

constexpr uint32_t kPlain = kNoScript | kLoading | kStale | kSentinelToo;

constexpr SentinelCommand kAclCommands[] = {
    {{.name = "HELP",
      .flags = kLoading | kStale | kSentinelToo,
      .summary = "Prints this help.",
      .since = "6.0.0",
      .complexity = "O(1)"},
     help},
    {{.name = "USERS",
      .flags = kPlain | kAdmin,
      .summary = "Lists all users.",
      .since = "6.0.0",
      .complexity = "O(N). Where N is the number of configured users."},
     users},
    {{.name = "WHOAMI",
      .flags = kPlain,
      .summary = "Returns the user of the connection.",
      .since = "6.0.0",
      .complexity = "O(1)"},
     whoami},
};

constexpr SentinelCommand kCommands[] = {
    {{.name = "ACL",
      .flags = kSentinelToo,
      .summary = "Users and what they may do.",
      .since = "6.0.0",
      .complexity = "Depends on subcommand.",
      .arity = -2},
     nullptr,
     kAclCommands},
};

}  // namespace

SentinelFamily acl_family() {
  return {.group = Group::kServer, .commands = kCommands};
}

}  // namespace redan
