#include "server/command/call.h"

#include "server/session/blocked_keys.h"
#include "server/session/node_control.h"

namespace redan {

Instant Call::now() const {
  return server_.control.now();
}

bool Call::may_block() const {
  return session_.connection != nullptr && !session_.in_exec &&
         (session_.kind == ClientKind::kNormal || session_.kind == ClientKind::kPubSub);
}

void Call::block_on(const Blocking& how) {
  if (!may_block()) return reply_.null_array();
  BlockedKeys& blocked = server_.blocked;
  if (BlockedKeys::Wait* const before = blocked.find(session_)) {
    before->found_nothing = true;
    return;
  }
  BlockedKeys::Wait wait;
  wait.session = &session_;
  const Args request = how.request.empty() ? args_ : how.request;
  wait.request.assign(request.begin(), request.end());
  wait.db = db();
  wait.wanted = how.wanted;
  wait.also_gone = how.also_gone;
  wait.deadline = how.deadline;
  wait.reply_withheld = session_.reply_off || session_.reply_skip;
  wait.asking = session_.asking;
  blocked.add(std::move(wait), how.keys);
  session_.connection->stop_reading();
  keyspace().watch_changes(true);
  if (how.deadline) server_.control.waits_changed();
}

}  // namespace redan
