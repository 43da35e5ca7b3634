// Clients that wait for keys: their requests are executed once more when a key has changed
// (session/blocked_keys.h).
#include <vector>

#include "common/resp/buffer.h"
#include "server/cluster/view.h"
#include "server/front/dispatcher.h"
#include "server/front/ticks.h"
#include "server/session/pubsub.h"
#include "server/session/server_stats.h"
#include "server/session/tracking.h"

namespace redan {

void Dispatcher::serve_changed_keys() {
  if (serving_) return;  // What a retry changes is taken by the loop that runs.
  serving_ = true;
  end_series();
  last_ticks_ = ticks();
  // It ends, because a request that is executed once more either leaves the book or changes
  // nothing.
  while (parts_.blocked.any_changed()) {
    for (const BlockedKeys::Place& place : parts_.blocked.take_changed()) serve(place);
  }
  serving_ = false;
}

void Dispatcher::serve(const BlockedKeys::Place& place) {
  bool any_paused = false;
  parts_.blocked.for_each_waiting(place, [&](BlockedKeys::Wait& wait, bool any_also_gone) {
    const redan::Entry* value = parts_.keyspace.peek(place.db, place.key);
    if (value == nullptr && !any_also_gone) return false;  // The last one took all there was.
    const bool fits = value != nullptr && value->type() == wait.wanted;
    if (fits || wait.also_gone) any_paused |= !retry(wait);
    return true;
  });
  if (any_paused) paused_places_.insert(place);
}

// False where commands are paused: the client waits on, and is tried again afterwards.
bool Dispatcher::retry(BlockedKeys::Wait& wait) {
  Session& session = *wait.session;
  const std::vector<std::string_view> args(wait.request.begin(), wait.request.end());
  ByteBuffer bytes;
  ReplyWriter reply(bytes, session.resp);
  wait.found_nothing = false;
  session.asking = wait.asking;
  retrying_ = true;
  parts_.pubsub.hold(session);
  const Executed executed = run(session, find(session, args[0]), args, reply);
  ByteBuffer messages;
  parts_.pubsub.release(messages);
  retrying_ = false;
  session.asking = false;
  if (executed == Executed::kLater) {
    paused_sessions_.erase(session.id);  // It is blocked already: nothing of it is to be read.
    return false;
  }
  if (!wait.found_nothing) {
    parts_.blocked.answer(session, bytes.view());
    Tracking::forget_caching(session);
  }
  if (!messages.empty()) session.connection->send(messages.view());
  return true;
}

void Dispatcher::redirect_blocked() {
  if (parts_.cluster == nullptr || parts_.blocked.empty()) return;
  const ClusterView& view = parts_.cluster->view();
  if (view.version() == blocked_version_ && view.ok() == blocked_ok_) return;
  blocked_version_ = view.version();
  blocked_ok_ = view.ok();
  for (Session* const session : parts_.blocked.sessions()) {
    const BlockedKeys::Wait& wait = *parts_.blocked.find(*session);
    const std::vector<std::string_view> args(wait.request.begin(), wait.request.end());
    const Entry* const entry = find(*session, args[0]);
    if (entry == nullptr) continue;
    session->asking = wait.asking;
    const ClusterGate::Outcome outcome = cluster_gate_.check(*session, *entry, args);
    session->asking = false;
    // A slot on its way (ASK) is still served here as long as it may have its keys here.
    if (!outcome.refusal) continue;
    const std::string& code = outcome.refusal->code();
    if (code != "MOVED" && code != "CLUSTERDOWN") continue;
    parts_.stats.count_error(code);
    ByteBuffer bytes;
    ReplyWriter reply(bytes, session->resp);
    reply.error(*outcome.refusal);
    parts_.blocked.answer(*session, bytes.view());
  }
}

}  // namespace redan
