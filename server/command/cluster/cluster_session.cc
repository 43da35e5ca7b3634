// What a client of a cluster says of its connection: ASKING, READONLY, READWRITE.
#include "server/command/cluster/cluster_verbs.h"
#include "server/command/families.h"

namespace redan {
namespace {

// The next call may be served by the node that a slot is moving to.
Result<void> asking(Call& call) {
  call.session().asking = true;
  call.reply().ok();
  return kOk;
}

// Reads may be served by a replica, however far it is behind.
Result<void> readonly(Call& call) {
  call.session().readonly = true;
  call.reply().ok();
  return kOk;
}

Result<void> readwrite(Call& call) {
  call.session().readonly = false;
  call.reply().ok();
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "ASKING",
      .flags = kFast,
      .summary = "Sent by cluster clients after an -ASK redirect",
      .since = "3.0.0",
      .complexity = "O(1)",
      .extra_categories = "connection"},
     in_cluster<asking>},
    {{.name = "READONLY",
      .flags = kLoading | kStale | kFast,
      .summary = "Enables read queries for a connection to a cluster replica node",
      .since = "3.0.0",
      .complexity = "O(1)",
      .extra_categories = "connection"},
     in_cluster<readonly>},
    {{.name = "READWRITE",
      .flags = kLoading | kStale | kFast,
      .summary = "Disables read queries for a connection to a cluster replica node",
      .since = "3.0.0",
      .complexity = "O(1)",
      .extra_categories = "connection"},
     in_cluster<readwrite>},
};

}  // namespace

CommandFamily<Call> cluster_session_commands() {
  return {.group = Group::kCluster, .commands = kCommands};
}

}  // namespace redan
