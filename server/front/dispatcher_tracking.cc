// Client-side caching's part in the way of a request: what tracking clients read
// (session/tracking.h).
#include "common/command/keys.h"
#include "server/front/dispatcher.h"
#include "server/session/tracking.h"

namespace redan {

// Behind the command, so that a key which expired while it was read is told first, and tracked
// afterwards.
void Dispatcher::note_read(const Session& session, const Entry& entry, Args args) {
  if (!entry.has(kReadOnly) || !Tracking::wants_reads(session)) return;
  if (!find_keys(*entry.spec, args, fed_keys_) || fed_keys_.empty()) return;
  Tracking& tracking = parts_.tracking;
  for (const KeyRef& key : fed_keys_) {
    tracking.read(session, args[static_cast<size_t>(key.position)]);
  }
  parts_.keyspace.watch_changes(true);
  // More than came in goes out, until the table fits.
  constexpr size_t kMore = 100;
  tracking.limit(static_cast<size_t>(parts_.config.tracking_table_max_keys),
                 fed_keys_.size() + kMore);
}

void Dispatcher::tell_trackers() {
  // After CONFIG SET the table may be far above its limit; nobody waits for long.
  constexpr size_t kEachRound = 1000;
  parts_.tracking.limit(static_cast<size_t>(parts_.config.tracking_table_max_keys), kEachRound);
  parts_.tracking.broadcast();
}

// CLIENT CACHING is good for the one call behind it, or for one transaction; other subcommands of
// CLIENT may come in between.
void Dispatcher::caching_ends(Session& session, const Entry* entry, Executed executed) {
  if (session.in_multi() || executed == Executed::kLater) return;
  if (entry != nullptr && entry->full_name == "client") return;
  // It is to be executed again.
  if (parts_.blocked.contains(session)) return;
  Tracking::forget_caching(session);
}

}  // namespace redan
