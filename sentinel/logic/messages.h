// What a sentinel says and hears. Requests go out over links, answers come back with the request's
// id; everything a driver observes (a link that opened, a hello, a question of a peer) is an input.
// Plain values: drivers turn them into RESP commands or bus messages and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.h"
#include "common/base/time.h"
#include "sentinel/logic/address.h"

namespace redan {

// One link leads to one data node or one peer sentinel. Peers that watch several primaries with
// us share one link.
using LinkId = Strong<struct LinkIdTag, uint32_t>;
enum class LinkKind { kDataNode, kPeer };
// A data node's link has two connections; a peer's has only commands.
enum class LinkPart { kCommands, kSubscription };

// ---- Requests. `words()` in commands.h gives each as RESP commands.
struct AskPing {};
struct AskInfo {};
struct PublishHello {
  std::string payload;  // The eight comma-separated fields; see hello.h.
};
// REPLICAOF host port, or NO ONE; then CONFIG REWRITE and CLIENT KILL TYPE normal and pubsub: one
// MULTI, so that no client is left talking to a node whose role changed.
struct Reconfigure {
  std::optional<Address> primary;
};
struct PauseWrites {
  Millis span;  // CLIENT PAUSE span WRITE
};
struct UnpauseWrites {};
struct KillScript {};
// SENTINEL IS-MASTER-DOWN-BY-ADDR: is it down for you too, and, with a candidate, do you back it?
struct AskPrimaryDown {
  std::string name;  // The watched primary's name; the bus may carry it, RESP does not.
  Address primary;
  Epoch epoch;
  std::optional<NodeId> candidate;
  bool handover = false;  // Asked for a manual failover: our voters need not rest afterwards.
};
using Request = std::variant<AskPing, AskInfo, PublishHello, Reconfigure, PauseWrites,
                             UnpauseWrites, KillScript, AskPrimaryDown>;

// ---- Answers.
// To everything but AskPrimaryDown: the status, bulk or error text. Of a MULTI, the reply of EXEC
// as a whole: error if any part of it was refused.
struct NodeReply {
  bool error = false;
  std::string text;
};
struct PrimaryDownReply {
  bool down = false;
  std::optional<NodeId> leader;  // "*" is none.
  // Of the ballot. Absent: it was not told, as by a stock sentinel that is not asked for its vote,
  // or by a peer that does not watch this primary.
  std::optional<Epoch> leader_epoch = std::nullopt;
};

// ---- Inputs.
// `attempt` is the one of the OpenLink that led here; an outdated one is ignored.
struct LinkUp {
  LinkId link;
  LinkPart part = LinkPart::kCommands;
  uint32_t attempt = 0;
  std::string local_ip;  // This end of the connection: announced in hellos.
};
struct LinkDown {
  LinkId link;
  LinkPart part = LinkPart::kCommands;
  uint32_t attempt = 0;
  std::string reason;
};
struct Answer {
  LinkId link;
  uint64_t request = 0;
  std::variant<NodeReply, PrimaryDownReply> reply;
};
// A message on __sentinel__:hello: from a data node's subscription, or published to us by a peer
// (then `link` is empty).
struct HelloHeard {
  std::optional<LinkId> link;
  std::string payload;
};
// A peer asks us. Answered by the effect AnswerPeer with the same token, once it may be.
struct PeerQuestion {
  uint64_t token = 0;
  AskPrimaryDown question;
};
// The outcome of a ResolveHost; an empty ip says that the name does not resolve (now).
struct HostResolved {
  std::string hostname;
  std::string ip;
};
using SentinelInput =
    std::variant<LinkUp, LinkDown, Answer, HelloHeard, PeerQuestion, HostResolved>;

}  // namespace redan
