// Clients that must wait: for the end of a pause, of all or of a few slots, and for replicas
// (WAIT).
#include <algorithm>

#include "common/resp/buffer.h"
#include "server/front/dispatcher.h"
#include "server/session/waits.h"

namespace redan {

void Dispatcher::pause(PauseReason reason, PauseKind kind, Instant until) {
  // Expiry is a write too.
  parts_.keyspace.pause_expiry(true);
  Pause& pause = pauses_[static_cast<size_t>(reason)];
  if (!pause.active) {
    pause = {true, kind, until};
    return choose_way();
  }
  // As in Redis: a new pause makes the old one longer or stronger, never shorter or weaker.
  pause.until = std::max(pause.until, until);
  if (kind == PauseKind::kAll) pause.kind = kind;
}

void Dispatcher::unpause(PauseReason reason) {
  pauses_[static_cast<size_t>(reason)].active = false;
  resume_paused();
}

void Dispatcher::pause_slots(const SlotSet& writes, const SlotSet& all) {
  paused_writes_ = writes;
  paused_slots_ = all;
  any_slot_pause_ = !writes.empty() || !all.empty();
  // Some may go on; the others put themselves back on the list.
  resume_paused();
}

bool Dispatcher::must_wait_for(std::optional<Slot> slot, const Session& session,
                               uint32_t flags) const {
  if (!slot || session.kind == ClientKind::kReplica) return false;
  if (paused_slots_.contains(*slot)) return true;
  return paused_writes_.contains(*slot) && (flags & (kWrite | kMayReplicate)) != 0;
}

bool Dispatcher::writes_paused() const {
  return std::any_of(std::begin(pauses_), std::end(pauses_),
                     [](const Pause& pause) { return pause.active; });
}

void Dispatcher::check_pauses(Instant now) {
  bool ended = false;
  for (Pause& pause : pauses_) {
    if (!pause.active || now < pause.until) continue;
    pause.active = false;
    ended = true;
  }
  if (ended) resume_paused();
}

void Dispatcher::choose_way() {
  way_ = parts_.cluster != nullptr ? Way::kBySlot : Way::kShort;
  if (writes_paused() || any_slot_pause_) way_ = Way::kLong;
}

void Dispatcher::resume_paused() {
  choose_way();
  parts_.keyspace.pause_expiry(writes_paused());
  // Whoever must still wait puts himself back on the list.
  for (const uint64_t id : std::exchange(paused_sessions_, {})) {
    if (Session* session = parts_.clients.find(id)) session->connection->resume_reading();
  }
  for (const BlockedKeys::Place& place : std::exchange(paused_places_, {})) {
    parts_.blocked.key_changed(place.db, place.key);
  }
}

void Dispatcher::check_waits(Instant now) {
  const auto due = parts_.waits.take_due(
      now, [this](int64_t offset) { return parts_.replication.replicas_at(offset); });
  for (const Waits::Wait& wait : due) {
    ByteBuffer bytes;
    ReplyWriter reply(bytes, wait.session->resp);
    reply.integer(parts_.replication.replicas_at(wait.offset));
    wait.session->connection->send(bytes.view());
    wait.session->connection->resume_reading();
  }
  for (Session* const session : parts_.blocked.due(now)) {
    ByteBuffer bytes;
    ReplyWriter reply(bytes, session->resp);
    reply.null_array();
    parts_.blocked.answer(*session, bytes.view());
  }
}

void Dispatcher::abandon_waits() {
  ByteBuffer bytes;
  ReplyWriter reply(bytes, Resp::k2);  // An error looks the same in both.
  reply.error_text("UNBLOCKED",
                   "force unblock from blocking operation, instance state changed (master -> "
                   "replica?)");
  for (const Waits::Wait& wait : parts_.waits.take_all()) {
    wait.session->connection->send(bytes.view());
    wait.session->connection->close_after_replies();
  }
  for (Session* const session : parts_.blocked.sessions()) {
    parts_.blocked.answer(*session, bytes.view());
    session->connection->close_after_replies();
  }
}

}  // namespace redan
