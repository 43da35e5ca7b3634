// What a session's user may not do: found out for each call of a limited user, told and noted.
#include "server/command/node/user_sessions.h"
#include "server/front/dispatcher.h"
#include "server/front/gates.h"
#include "server/session/access.h"
#include "server/session/server_stats.h"

namespace redan {

std::optional<acl::Denial> Dispatcher::denied(const Session& session, const Entry& entry,
                                              Args args) {
  if (session.unlimited || session.user == nullptr || !session.authenticated) return {};
  touched_.read(entry, args);
  return session.user->check(entry, touched_);
}

void Dispatcher::note(Session& session, const Entry& entry, Args args, const acl::Denial& denial) {
  if (!session.in_exec) session.last_command = entry.full_name.c_str();
  const bool of_command = denial.reason == acl::Reason::kCommand;
  note_denial(parts_, session, denial.reason,
              of_command ? std::string_view(entry.full_name) : args[denial.position],
              session.user->name());
}

// The rules changed since it was queued.
void Dispatcher::deny_queued(Session& session, const Entry& entry, Args args,
                             const acl::Denial& denial, ReplyWriter& reply) {
  note(session, entry, args, denial);
  const Error error = denied_in_transaction(denial.reason);
  parts_.stats.count_error(error.code());
  reply.error(error);
}

}  // namespace redan
