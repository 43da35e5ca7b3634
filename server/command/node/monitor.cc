// MONITOR: a client that watches what the others ask for (server/session/monitors.h).
#include "server/command/families.h"
#include "server/session/command_logs.h"

namespace redan {
namespace {

Result<void> monitor(Call& call) {
  Session& session = call.session();
  if (session.in_exec) return Error("MONITOR isn't allowed for DENY BLOCKING client");
  // Replicas, and who watches already, are not answered, as in Redis.
  if (session.kind != ClientKind::kNormal && session.kind != ClientKind::kPubSub) return kOk;
  session.kind = ClientKind::kMonitor;
  call.server().logs.monitors.add(session);
  call.reply().ok();
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "MONITOR",
      .flags = kAdmin | kNoScript | kLoading | kStale,
      .summary = "Listens for all requests received by the server in real-time.",
      .since = "1.0.0"},
     monitor},
};

}  // namespace

CommandFamily<Call> monitor_commands() {
  return {.group = Group::kServer, .commands = kCommands};
}

}  // namespace redan
