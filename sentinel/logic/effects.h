// What the sentinel's machine asks of its drivers. Order is meaning: an effect is performed only
// after every effect before it succeeded, so an AnswerPeer or a Send behind a Persist leaves only
// once that state is on disk. A Persist that fails stops the process.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sentinel/logic/messages.h"
#include "sentinel/logic/options.h"

namespace redan {

// Opens one connection of a link (again). A data node's command connection authenticates with
// auth_user/auth_pass of `primary` and names itself sentinel-<first 8 of id>-cmd; its subscription
// (…-pubsub) subscribes to __sentinel__:hello. Answered by LinkUp or LinkDown with the attempt.
struct OpenLink {
  LinkId link;
  LinkPart part = LinkPart::kCommands;
  LinkKind kind = LinkKind::kDataNode;
  uint32_t attempt = 0;
  Address address;
  std::string primary;  // Whose credentials and renamed commands apply; for a peer: one of them.
  NodeId peer;          // kPeer: whom we expect there.
};
// Closes one connection; no LinkDown needs to follow. Requests under way are forgotten.
struct CloseLink {
  LinkId link;
  LinkPart part = LinkPart::kCommands;
};
struct Send {
  LinkId link;
  uint64_t request = 0;
  std::string primary;  // Whose renamed commands apply.
  Request message;
};
struct Persist {
  DurableState state;
};
enum class EventLevel { kDebug, kVerbose, kNotice, kWarning };
// Logged at its level, published on the channel `type` (kDebug is not).
struct Announce {
  EventLevel level = EventLevel::kNotice;
  std::string type;  // "+switch-master"
  std::string text;  // "mymaster 127.0.0.1 6379 127.0.0.1 6380"
};
struct RunScript {
  std::string path;
  std::vector<std::string> args;
};
struct AnswerPeer {
  uint64_t token = 0;
  PrimaryDownReply reply;
};
struct ResolveHost {
  std::string hostname;
};

using SentinelEffect =
    std::variant<OpenLink, CloseLink, Send, Persist, Announce, RunScript, AnswerPeer, ResolveHost>;

class SentinelEffects {
 public:
  void add(SentinelEffect effect) { list_.push_back(std::move(effect)); }
  bool empty() const { return list_.empty(); }
  std::vector<SentinelEffect> take() { return std::exchange(list_, {}); }

 private:
  std::vector<SentinelEffect> list_;
};

}  // namespace redan
