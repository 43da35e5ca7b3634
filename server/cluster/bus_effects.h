// What the cluster's machine asks of its driver. Order is meaning (common/protocol/effects.h): a
// Send or a Card behind a Persist leaves only once that text is on disk. A Persist that fails stops
// the process.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "common/protocol/effects.h"
#include "server/cluster/bus_messages.h"

namespace redan::cluster {

// Whom a message goes to. The driver keeps one stream per `link`, to ip:bus_port, and opens it anew
// when these change. Answers to a node that reached us go the same way.
struct BusPeer {
  NodeId link;  // The key of the node's record: its identity, or a made-up one until it is met.
  NodeId to;    // Envelope::to.
  std::string ip;
  uint16_t bus_port = 0;
};

// ---- Events.
// What pings are answered with from now on, and as whom (Liveness::set).
struct Card {
  NodeId self;
  Heartbeat heartbeat;
};
// Our role. Follow names the primary again when its address changed. BecomePrimary keeps the data
// set; after EmptyDatabase (a replica that was reset) nothing is kept.
struct BecomePrimary {};
struct Follow {
  NodeId primary;
  NodeAddress address;
};
struct EmptyDatabase {};
// Somebody else owns these slots now: their keys go.
struct DropSlots {
  SlotSet slots;
};
// Manual failover: writes of clients wait, expiry and eviction rest, the replication stream gets
// nothing of its own (pings), so that its offset stands still. At most for `span`.
struct PauseWrites {
  Millis span;
};
struct ResumeWrites {};
// Hand-overs (handover.h). To the source of a move: the target asks how it ended. A move that is
// not decided must end before the driver does anything else: it was told that it will never be.
struct MoveAsked {
  MoveId move;
};
// To the source, of a move that it decided: its slots have their new owner; or are ours again, or
// another's business because we are no primary any more.
struct MoveClaimed {
  MoveId move;
};
struct MoveTakenBack {
  MoveId move;
};
// To the target: the slots are ours, or the move is over without that.
struct ImportClaimed {
  MoveId move;
};
struct ImportOver {
  MoveId move;
  std::string why;
};
// The cluster serves (again), or does not.
struct StateChanged {
  bool ok;
};
// A message of another node for the subscribers here.
struct Deliver {
  Publish publish;
};
// The stream of this link makes no progress, or leads to a node that is gone: close it. A later
// Send opens a new one.
struct CloseLink {
  NodeId link;
};
enum class LogLevel { kVerbose, kNotice, kWarning };
struct Log {
  LogLevel level;
  std::string text;
};
using BusEvent = std::variant<Card, BecomePrimary, Follow, EmptyDatabase, DropSlots, PauseWrites,
                              ResumeWrites, MoveAsked, MoveClaimed, MoveTakenBack, ImportClaimed,
                              ImportOver, StateChanged, Deliver, CloseLink, Log>;

// Durable: the text of nodes.conf, replaced whole (write beside, fsync, rename, fsync the folder).
using BusEffects = Effects<BusPeer, BusMessage, std::string, BusEvent>;

}  // namespace redan::cluster
