// Keyspace notifications (notify-keyspace-events): what happened to a key, told to whoever listens
// on __keyspace@<db>__:<key> or __keyevent@<db>__:<event>. They stay on this node: replicas tell
// of what they apply themselves. Handlers use Call::notify.
#pragma once

#include <string_view>

#include "server/config/server_config.h"
#include "server/session/pubsub.h"

namespace redan {

struct KeyEvent {
  KeyspaceEvents::Class kind;
  std::string_view name;  // "set", "rename_to"
  std::string_view key;
  int db;
};

void publish_key_event(PubSub& pubsub, KeyspaceEvents enabled, const KeyEvent& event);

}  // namespace redan
