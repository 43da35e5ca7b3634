// MONITOR: what is executed, to those who watch.
#include "server/front/dispatcher.h"
#include "server/front/redaction.h"
#include "server/session/command_logs.h"

namespace redan {

// Commands of administration are too dangerous to be shown, as in Redis. A request that waited for
// its keys was shown when it began to.
void Dispatcher::tell_monitors(const Session& session, Args args, const Entry& entry) {
  if ((entry.flags & (kAdmin | kSkipMonitor)) != 0 || retrying_ || is_loading()) return;
  std::string from = "?:0";
  if (session.unix_socket) {
    from = "unix:" + parts_.config.unixsocket;
  } else if (session.connection != nullptr) {
    from = session.connection->peer_address();
  }
  const std::vector<std::string_view> words = shown_words(entry, args, parts_.options);
  parts_.logs.monitors.tell(
      {.unix_us = parts_.control.wall_now_us(), .db = session.db, .from = from, .args = words},
      parts_.pubsub);
}

}  // namespace redan
