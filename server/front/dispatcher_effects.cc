// What commands, expiry and eviction did: to replicas and moving slots, and to all who asked to
// hear of keys.
#include "common/base/crc16.h"
#include "common/command/keys.h"
#include "server/front/dispatcher.h"
#include "server/session/key_events.h"
#include "server/session/pubsub.h"
#include "server/session/tracking.h"
#include "server/session/watched_keys.h"

namespace redan {

int64_t Dispatcher::feed(int db, Args args) {
  if (in_transaction_ && !transaction_fed_) {
    transaction_fed_ = true;
    const std::string_view multi[] = {"MULTI"};
    feed_all(db, multi);
  }
  return feed_all(db, args);
}

// Replicas, and nodes to which slots are moving.
int64_t Dispatcher::feed_all(int db, Args args) {
  if (parts_.migration != nullptr && parts_.migration->tapped()) [[unlikely]] {
    parts_.migration->fed(slot_of(args), args);
  }
  return parts_.replication.feed(db, args);
}

// Of what is fed: the keys of one effect lie in one slot.
std::optional<Slot> Dispatcher::slot_of(Args args) {
  if (const std::optional<Slot> slot = parts_.keyspace.known_slot()) return slot;
  const Entry* entry = parts_.commands.find_original(args[0]);
  if (entry == nullptr || !find_keys(*entry->spec, args, fed_keys_)) return std::nullopt;
  if (fed_keys_.empty()) return std::nullopt;
  return slot_of_key(args[static_cast<size_t>(fed_keys_[0].position)]);
}

void Dispatcher::propagate(Session& session, Args args) {
  if (!propagation_.replaced()) {
    session.last_write_offset = feed(session.db, args);
    return;
  }
  const auto commands = propagation_.commands();
  const bool wrap = commands.size() > 1 && !in_transaction_;
  const std::string_view multi[] = {"MULTI"}, exec[] = {"EXEC"};
  if (wrap) feed_all(session.db, multi);
  for (const std::vector<std::string>& command : commands) {
    views_.assign(command.begin(), command.end());
    feed(session.db, views_);
  }
  if (wrap) feed_all(session.db, exec);
  session.last_write_offset = parts_.replication.offset();
}

void Dispatcher::feed_deletion(int db, std::string_view key, bool lazily) {
  const std::string_view deletion[] = {lazily ? "UNLINK" : "DEL", key};
  feed(db, deletion);
}

void Dispatcher::expire_own() {
  constexpr size_t kEnough = 1000;
  parts_.replication.is_replica() ? own_expiry_.expire_some(kEnough) : own_expiry_.clear();
}

void Dispatcher::expired(int db, std::string_view key) {
  feed_deletion(db, key, parts_.config.lazyfree_lazy_expire);
  publish_key_event(parts_.pubsub, parts_.config.notify_keyspace_events,
                    {KeyspaceEvents::kExpired, "expired", key, db});
  parts_.tracking.nobody_changed(key);
}

void Dispatcher::evicted(int db, std::string_view key) {
  publish_key_event(parts_.pubsub, parts_.config.notify_keyspace_events,
                    {KeyspaceEvents::kEvicted, "evicted", key, db});
  feed_deletion(db, key, parts_.config.lazyfree_lazy_eviction);
  parts_.tracking.nobody_changed(key);
}

void Dispatcher::fields_expired(int db, std::string_view key, std::span<const std::string> fields,
                                bool key_goes) {
  std::vector<std::string_view> deletion = {"HDEL", key};
  deletion.insert(deletion.end(), fields.begin(), fields.end());
  feed(db, deletion);
  const KeyspaceEvents enabled = parts_.config.notify_keyspace_events;
  publish_key_event(parts_.pubsub, enabled, {KeyspaceEvents::kHash, "hexpired", key, db});
  if (!key_goes) return;
  publish_key_event(parts_.pubsub, enabled, {KeyspaceEvents::kGeneric, "del", key, db});
}

void Dispatcher::created(int db, std::string_view key) {
  publish_key_event(parts_.pubsub, parts_.config.notify_keyspace_events,
                    {KeyspaceEvents::kNew, "new", key, db});
}

void Dispatcher::missed(int db, std::string_view key) {
  publish_key_event(parts_.pubsub, parts_.config.notify_keyspace_events,
                    {KeyspaceEvents::kKeyMiss, "keymiss", key, db});
}

void Dispatcher::changed(int db, std::string_view key) {
  if (!parts_.watched.empty()) parts_.watched.key_changed(db, key);
  parts_.blocked.key_changed(db, key);
  if (!parts_.tracking.idle()) parts_.tracking.changed(key);
}

void Dispatcher::flushing(int db) {
  parts_.watched.flushing(db, parts_.keyspace);
  parts_.blocked.database_changed(db);
  if (parts_.migration != nullptr) parts_.migration->flushing();
}

void Dispatcher::flushed() {
  parts_.tracking.flushed();
}

}  // namespace redan
