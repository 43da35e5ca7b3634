#include "server/session/blocked_keys.h"

#include <algorithm>

#include "common/base/check.h"

namespace redan {

void BlockedKeys::add(Wait wait, std::span<const std::string_view> keys) {
  REDAN_CHECK(!waits_.contains(wait.session));
  auto owned = std::make_unique<Wait>(std::move(wait));
  Wait& added = *owned;
  added.number = next_number_++;
  for (const std::string& word : added.request) {
    added.session->waiting_bytes += sizeof(word) + word.size();
  }
  waits_.emplace(added.session, std::move(owned));
  for (const std::string_view key : keys) {
    auto found = queues_.find(View{added.db, key});
    if (found == queues_.end()) {
      auto queue = std::make_unique<Queue>();
      queue->place = {added.db, std::string(key)};
      found = queues_.emplace(queue->place, std::move(queue)).first;
    }
    Queue& queue = *found->second;
    if (!queue.waits.empty() && queue.waits.back() == &added) continue;
    added.places.emplace_back(&queue, queue.waits.insert(queue.waits.end(), &added));
    if (added.also_gone && queue.also_gone++ == 0) ++keys_also_gone_;
  }
  if (added.deadline) deadlines_.emplace(std::pair(*added.deadline, added.number), &added);
}

void BlockedKeys::forget(const Session& session) {
  const auto found = waits_.find(&session);
  if (found == waits_.end()) return;
  Wait& wait = *found->second;
  wait.session->waiting_bytes = 0;
  if (wait.deadline) deadlines_.erase({*wait.deadline, wait.number});
  for (const auto& [queue, at] : wait.places) {
    queue->waits.erase(at);
    if (wait.also_gone && --queue->also_gone == 0) --keys_also_gone_;
    if (queue->waits.empty()) queues_.erase(queues_.find(View{queue->place.db, queue->place.key}));
  }
  waits_.erase(found);
}

BlockedKeys::Wait* BlockedKeys::find(const Session& session) {
  const auto found = waits_.find(&session);
  return found == waits_.end() ? nullptr : found->second.get();
}

void BlockedKeys::mark(Queue& queue) {
  if (queue.changed) return;
  queue.changed = true;
  changed_.push_back(queue.place);
}

void BlockedKeys::key_changed(int db, std::string_view key) {
  const auto found = queues_.find(View{db, key});
  if (found != queues_.end()) mark(*found->second);
}

void BlockedKeys::database_changed(int db) {
  for (const auto& [place, queue] : queues_) {
    if (db == -1 || place.db == db) mark(*queue);
  }
}

std::vector<BlockedKeys::Place> BlockedKeys::take_changed() {
  std::vector<Place> changed = std::exchange(changed_, {});
  for (const Place& place : changed) {
    const auto found = queues_.find(View{place.db, place.key});
    if (found != queues_.end()) found->second->changed = false;
  }
  return changed;
}

std::vector<Session*> BlockedKeys::due(Instant now) const {
  std::vector<Session*> over;
  for (const auto& [when, wait] : deadlines_) {
    if (when.first > now) break;
    over.push_back(wait->session);
  }
  return over;
}

std::vector<Session*> BlockedKeys::sessions() const {
  std::vector<const Wait*> waits;
  for (const auto& [session, wait] : waits_) waits.push_back(wait.get());
  std::sort(waits.begin(), waits.end(),
            [](const Wait* a, const Wait* b) { return a->number < b->number; });
  std::vector<Session*> all;
  for (const Wait* wait : waits) all.push_back(wait->session);
  return all;
}

void BlockedKeys::answer(Session& session, std::string_view reply) {
  const Wait* const wait = find(session);
  REDAN_CHECK(wait != nullptr);
  const bool withheld = wait->reply_withheld;
  forget(session);
  if (!withheld) session.connection->send(reply);
  session.connection->resume_reading();
}

}  // namespace redan
