// WAITAOF, of a node without an append-only file. Replicas report what they wrote to theirs only to
// a primary that asks for it, so no count here ever rises, and there is nothing to wait for: the
// answer comes at once.
#include <limits>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/timeout_arg.h"

namespace redan {
namespace {

Result<void> waitaof(Call& call) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const Result<int64_t> local = integer_arg(call.arg(1), 0, 1);
  if (!local) return local.error();
  const Result<int64_t> replicas = integer_arg(call.arg(2), 0, kMost);
  if (!replicas) return replicas.error();
  const Result<Millis> timeout = timeout_arg(call, 3);
  if (!timeout) return timeout.error();
  if (call.server().replication.is_replica()) {
    return Error(
        "WAITAOF cannot be used with replica instances. Please also note that writes to replicas "
        "are just local and are not propagated.");
  }
  if (*local > 0) {
    return Error("WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
  }
  // Nothing written yet is all on disk.
  call.reply().array(2);
  call.reply().integer(call.session().last_write_offset == 0 ? 1 : 0);
  call.reply().integer(0);
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "WAITAOF",
      .syntax = "numlocal:integer numreplicas:integer timeout:integer",
      .flags = kNoScript,
      .summary = "Blocks until all of the preceding write commands sent by the connection are "
                 "written to the append-only file of the primary and/or replicas.",
      .since = "7.2.0",
      .complexity = "O(1)",
      .hints = "request_policy:all_shards\nresponse_policy:agg_min",
      .extra_categories = "-keyspace connection"},
     waitaof},
};

}  // namespace

CommandFamily<Call> waitaof_commands() {
  return {.group = Group::kGeneric, .commands = kCommands};
}

}  // namespace redan
