// MULTI and EXEC: what is queued, and what runs then.
#include "server/front/dispatcher.h"
#include "server/session/server_stats.h"

namespace redan {

void Dispatcher::queue(Session& session, const Entry& entry, Args args, ReplyWriter& reply) {
  Transaction& transaction = *session.transaction;
  transaction.queued_flags |= entry.flags;
  if (!transaction.failed && !transaction.disturbed) {
    transaction.queue.push_back({{args.begin(), args.end()}});
    transaction.bytes += sizeof(QueuedCommand);
    for (const std::string_view arg : args) transaction.bytes += sizeof(std::string) + arg.size();
  }
  reply.simple("QUEUED");
}

Result<void> Dispatcher::execute_transaction(Session& session,
                                             const std::vector<QueuedCommand>& queue,
                                             ReplyWriter& reply) {
  in_transaction_ = true;
  transaction_fed_ = false;
  session.in_exec = true;
  reply.array(queue.size());
  bool any_denied = false;
  std::vector<std::string_view> args;
  for (const QueuedCommand& command : queue) {
    args.assign(command.args.begin(), command.args.end());
    propagation_.clear();
    const Entry* entry = find(session, args[0]);
    if (entry->is_container() && args.size() > 1) entry = parts_.commands.find_sub(*entry, args[1]);
    reply.set_version(session.resp);
    if (const std::optional<acl::Denial> denial = denied(session, *entry, args)) {
      deny_queued(session, *entry, args, *denial, reply);
      any_denied = true;
      continue;
    }
    call(session, *entry, args, reply);
    if (session.in_tracking) note_read(session, *entry, args);
  }
  if (transaction_fed_) {
    const std::string_view exec[] = {"EXEC"};
    feed_all(session.db, exec);
    session.last_write_offset = parts_.replication.offset();
  }
  // EXEC's own failure: what was denied was not called.
  if (any_denied) {
    const int id = parts_.commands.find_original("exec")->id;
    ++parts_.stats.commands[static_cast<size_t>(id)].failed;
  }
  session.in_exec = false;
  in_transaction_ = false;
  propagation_.clear();
  return kOk;
}

}  // namespace redan
