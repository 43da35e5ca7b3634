#include "sentinel/drivers/links.h"

#include "common/net/event_loop.h"

namespace redan {

void Links::open(const OpenLink& open) {
  const Key key{open.link, open.part};
  const uint32_t attempt = open.attempt;
  const auto current = [this, key, attempt] {
    const auto found = connections_.find(key);
    return found != connections_.end() && found->second.attempt == attempt;
  };
  LinkEvents events;
  events.up = [this, key, attempt, current](std::string local_ip) {
    if (current()) context_.submit(LinkUp{key.first, key.second, attempt, std::move(local_ip)});
  };
  events.down = [this, key, attempt, current](std::string reason) {
    if (!current()) return;
    // It is one of its callbacks that runs: it goes when this is over.
    const std::unique_ptr<LinkConnection> ending = std::move(connections_[key].end);
    connections_.erase(key);
    context_.submit(LinkDown{key.first, key.second, attempt, std::move(reason)});
  };
  events.answer = [this, key, current](uint64_t request, auto reply) {
    if (current()) context_.submit(Answer{key.first, request, std::move(reply)});
  };
  events.hello = [this, key, current](std::string payload) {
    if (current()) context_.submit(HelloHeard{key.first, std::move(payload)});
  };
  Connection& connection = connections_[key];
  connection.end.reset();
  connection.attempt = attempt;
  connection.end = open.kind == LinkKind::kPeer ? open_peer(context_, open, std::move(events))
                   : open.part == LinkPart::kCommands
                       ? open_node_commands(context_, open, std::move(events))
                       : open_subscription(context_, open, std::move(events));
}

void Links::close(const CloseLink& close) {
  connections_.erase({close.link, close.part});
}

void Links::send(const Send& send) {
  const auto found = connections_.find({send.link, LinkPart::kCommands});
  // A connection that just ended has been told as LinkDown, which answers this too.
  if (found == connections_.end()) return;
  found->second.end->send(send.request, send.message,
                          context_.node_credentials(send.primary).renamed_commands);
}

}  // namespace redan
