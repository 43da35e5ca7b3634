// MULTI, EXEC, DISCARD, WATCH, UNWATCH. Between MULTI and EXEC the dispatcher queues requests; EXEC
// runs them through it one by one.

#include "server/command/families.h"
#include "server/session/dispatching.h"
#include "server/session/watched_keys.h"

namespace redan {

namespace {

Result<void> multi(Call& call) {
  Session& session = call.session();
  if (session.in_multi()) return Error("MULTI calls can not be nested");
  if (session.transaction == nullptr) session.transaction = std::make_unique<Transaction>();
  session.transaction->open = true;
  call.reply().ok();
  return kOk;
}

// Back to no transaction and no watched keys.
void end_transaction(Call& call) {
  Session& session = call.session();
  call.server().watched.forget(session);
  session.transaction.reset();
}

Result<void> discard(Call& call) {
  if (!call.session().in_multi()) return Error("DISCARD without MULTI");
  end_transaction(call);
  call.reply().ok();
  return kOk;
}

Result<void> exec(Call& call) {
  Session& session = call.session();
  if (!session.in_multi()) return Error("EXEC without MULTI");
  if (session.transaction->failed) {
    end_transaction(call);
    return Error("EXECABORT", "Transaction discarded because of previous errors.");
  }
  if (call.server().watched.disturbed(session, call.keyspace())) {
    end_transaction(call);
    call.reply().null_array();
    return kOk;
  }
  const std::vector<QueuedCommand> queue = std::move(session.transaction->queue);
  end_transaction(call);
  Result<void> result = call.server().dispatching.execute_transaction(session, queue, call.reply());
  call.propagate_nothing();  // Its commands have been replicated one by one.
  return result;
}

Result<void> watch(Call& call) {
  if (call.session().in_multi()) return Error("WATCH inside MULTI is not allowed");
  // Nothing to do where EXEC cannot succeed any more.
  for (size_t i = 1; i < call.arg_count(); ++i) {
    // A key whose time has come is deleted now, so that this does not count as a change later.
    call.keyspace().peek(call.db(), call.arg(i));
    call.server().watched.watch(call.session(), call.db(), call.arg(i));
  }
  call.keyspace().watch_changes(true);
  call.reply().ok();
  return kOk;
}

Result<void> unwatch(Call& call) {
  call.server().watched.forget(call.session());
  if (call.session().transaction != nullptr) call.session().transaction->disturbed = false;
  call.reply().ok();
  return kOk;
}

constexpr Command<Call> kCommands[] = {

    {{.name = "DISCARD",
      .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
      .summary = "Discard all commands issued after MULTI",
      .since = "2.0.0",
      .complexity = "O(N), when N is the number of queued commands"},
     discard},
    {{.name = "EXEC",
      .flags = kNoScript | kLoading | kStale | kSkipSlowlog,
      .summary = "Execute all commands issued after MULTI",
      .since = "1.2.0",
      .complexity = "Depends on commands in the transaction"},
     exec},
    {{.name = "MULTI",
      .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
      .summary = "Mark the start of a transaction block",
      .since = "1.2.0",
      .complexity = "O(1)"},
     multi},
    {{.name = "UNWATCH",
      .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
      .summary = "Forget about all watched keys",
      .since = "2.2.0",
      .complexity = "O(1)"},
     unwatch},
    {{.name = "WATCH",
      .syntax = "key [key ...]",
      .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
      .keys = keys_at(1, -1, 1, kKeyRO),
      .summary = "Watch the given keys to determine execution of the MULTI/EXEC block",
      .since = "2.2.0",
      .complexity = "O(1) for every key."},
     watch},
};

}  // namespace

CommandFamily<Call> transaction_commands() {
  return {.group = Group::kTransactions, .commands = kCommands};
}

}  // namespace redan
