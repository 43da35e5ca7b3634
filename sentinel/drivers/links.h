// The machine's links made real: connections to data nodes (commands, and a subscription to
// __sentinel__:hello) and to peers (the bus among ours, RESP to stock sentinels). Performs
// OpenLink, CloseLink and Send; what comes back goes to `submit` as inputs. Lives on one loop. A
// connection that ends is told once as LinkDown and forgotten; the machine decides when to open it
// again.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "common/base/ids.h"
#include "sentinel/logic/effects.h"
#include "sentinel/logic/messages.h"

namespace redan {

class CallsInHand;
class EventLoop;
class OwnerLoop;

// How to introduce ourselves to a server.
struct Credentials {
  std::string user;
  std::string password;
  std::map<std::string, std::string> renamed_commands;
};

struct LinkContext {
  EventLoop* loop = nullptr;
  std::shared_ptr<OwnerLoop> owner;  // For calls that return on gRPC's threads.
  std::shared_ptr<CallsInHand> calls;
  NodeId self;
  std::string source_address;
  Millis connect_timeout{700};
  std::function<void(SentinelInput)> submit;
  // Of the data nodes of a primary, and of peers.
  std::function<Credentials(const std::string& primary)> node_credentials;
  std::function<Credentials()> peer_credentials;
  std::function<std::string()> bus_secret;
};

// One connection. Calls `up`, `down` and `answer` from the loop, never from within its own methods.
class LinkConnection {
 public:
  virtual ~LinkConnection() = default;
  virtual void send(uint64_t request, const Request& message,
                    const std::map<std::string, std::string>& renamed) = 0;
};

struct LinkEvents {
  std::function<void(std::string local_ip)> up;
  std::function<void(std::string reason)> down;
  std::function<void(uint64_t request, std::variant<NodeReply, PrimaryDownReply>)> answer;
  std::function<void(std::string payload)> hello;
};

std::unique_ptr<LinkConnection> open_node_commands(LinkContext& context, const OpenLink& open,
                                                   LinkEvents events);
std::unique_ptr<LinkConnection> open_subscription(LinkContext& context, const OpenLink& open,
                                                  LinkEvents events);
// Finds out by asking both ways which kind of sentinel is there: the bus if it answers as the
// sentinel we expect, RESP otherwise.
std::unique_ptr<LinkConnection> open_peer(LinkContext& context, const OpenLink& open,
                                          LinkEvents events);
// Halves of the former. `up` of the RESP half means that a PING was answered.
std::unique_ptr<LinkConnection> open_resp_peer(LinkContext& context, const OpenLink& open,
                                               LinkEvents events);
std::unique_ptr<LinkConnection> open_bus_peer(LinkContext& context, const OpenLink& open,
                                              LinkEvents events);

class Links {
 public:
  explicit Links(LinkContext context) : context_(std::move(context)) {}
  void open(const OpenLink& open);
  void close(const CloseLink& close);
  void send(const Send& send);
  void close_all() { connections_.clear(); }

 private:
  using Key = std::pair<LinkId, LinkPart>;
  struct Connection {
    uint32_t attempt = 0;
    std::unique_ptr<LinkConnection> end;
  };

  LinkContext context_;
  std::map<Key, Connection> connections_;
};

}  // namespace redan
