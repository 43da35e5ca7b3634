#include "server/session/key_events.h"

#include <string>

namespace redan {

void publish_key_event(PubSub& pubsub, KeyspaceEvents enabled, const KeyEvent& event) {
  if (!enabled.has(event.kind)) return;
  if (pubsub.channel_count() == 0 && pubsub.pattern_count() == 0) return;
  const std::string db = std::to_string(event.db);
  const auto channel = [&](std::string_view kind, std::string_view rest) {
    std::string name;
    name.reserve(kind.size() + db.size() + 3 + rest.size());
    return name.append(kind).append(db).append("__:").append(rest);
  };
  if (enabled.has(KeyspaceEvents::kKeyspace)) {
    pubsub.publish(channel("__keyspace@", event.key), event.name);
  }
  if (enabled.has(KeyspaceEvents::kKeyevent)) {
    pubsub.publish(channel("__keyevent@", event.name), event.key);
  }
}

}  // namespace redan
