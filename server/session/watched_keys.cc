#include "server/session/watched_keys.h"

#include <algorithm>

namespace redan {

namespace {
// With its part in the book of all.
size_t bytes_of(const std::pair<int, std::string>& place) {
  constexpr size_t kNode = 64;
  return 2 * (sizeof(place) + place.second.size()) + kNode;
}
}  // namespace

void WatchedKeys::watch(Session& session, int db, std::string_view key) {
  if (session.transaction == nullptr) session.transaction = std::make_unique<Transaction>();
  auto& watched = session.transaction->watched;
  const Place place(db, key);
  if (std::find(watched.begin(), watched.end(), place) != watched.end()) return;
  watched.push_back(place);
  session.transaction->bytes += bytes_of(place);
  watchers_[place].push_back(&session);
}

void WatchedKeys::forget(Session& session) {
  if (session.transaction == nullptr) return;
  for (const Place& place : session.transaction->watched) {
    const auto it = watchers_.find(place);
    if (it == watchers_.end()) continue;
    std::erase(it->second, &session);
    session.transaction->bytes -= bytes_of(place);
    if (it->second.empty()) watchers_.erase(it);
  }
  session.transaction->watched.clear();
}

void WatchedKeys::key_changed(int db, std::string_view key) {
  const auto it = watchers_.find(std::pair<int, std::string_view>(db, key));
  if (it == watchers_.end()) return;
  for (Session* session : it->second) session->transaction->disturbed = true;
}

void WatchedKeys::flushing(int db, Keyspace& keyspace) {
  for (auto& [place, sessions] : watchers_) {
    if (db != -1 && place.first != db) continue;
    if (keyspace.peek(place.first, place.second) == nullptr) continue;
    for (Session* session : sessions) session->transaction->disturbed = true;
  }
}

bool WatchedKeys::disturbed(const Session& session, Keyspace& keyspace) const {
  if (session.transaction == nullptr) return false;
  // Looking at a key deletes it if its time has come, and that counts as a change.
  for (const auto& [db, key] : session.transaction->watched) keyspace.peek(db, key);
  return session.transaction->disturbed;
}

}  // namespace redan
