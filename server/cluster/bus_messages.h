// What nodes of a cluster tell each other. Plain values: proto/cluster_bus.proto carries them, a
// codec in server/drivers turns them into protobuf and back. Any message may be lost, arrive twice
// or late; nothing below relies on more.
//
// Small and often, large and rarely: a Heartbeat has digests only; a full NodeState follows where a
// digest is news to the receiver, and at once when its node changed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.h"
#include "common/base/slot_set.h"
#include "common/base/time.h"
#include "server/cluster/handover.h"
#include "server/cluster/node.h"

namespace redan::cluster {

// A node that was forgotten, and for how much longer nobody may bring it back.
struct Forgotten {
  NodeId id;
  Millis left{};
  friend bool operator==(const Forgotten&, const Forgotten&) = default;
};

// "I live", as a question (ping) and as its answer. Whoever reads the wire answers a ping at once
// with the node's last card (effect Card), also from a thread of its own: see liveness.h. The
// machine itself answers none.
struct Heartbeat {
  bool ping = false;
  Epoch current_epoch{};
  Epoch config_epoch{};  // The sender's own; of a replica 0.
  int64_t replication_offset = 0;
  uint64_t state_digest = 0;    // Of the sender's NodeState.
  uint64_t members_digest = 0;  // Of the identities of all nodes that it has met.
  // All that the sender does not hear (PFAIL or FAIL): a node that is missing here is not reported.
  std::vector<NodeId> suspects;
  std::vector<Forgotten> forgotten;
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

// All that a node says of itself. `address.ip` is empty where it does not know it: the receiver
// then takes where the message came from.
struct NodeState {
  NodeId shard_id;
  NodeAddress address;
  bool is_primary = true;
  NodeId primary;
  bool nofailover = false;
  Epoch current_epoch{};
  Epoch config_epoch{};
  SlotSet slots;
  std::map<Slot, NodeId> migrating, importing;  // Of a primary: what it moves. Replicas keep it.
  std::vector<Given> given;                     // Not among `slots` any more.
  friend bool operator==(const NodeState&, const NodeState&) = default;
  // What Heartbeat::state_digest carries; the current epoch and the ip are not part of it.
  uint64_t digest() const;
};

struct StateRequest {
  friend bool operator==(const StateRequest&, const StateRequest&) = default;
};

// First contact. The receiver takes the sender in and answers with Met and the same token.
struct Meet {
  uint64_t token = 0;
  bool by_operator = false;  // CLUSTER MEET: also brings back a node that was forgotten.
  NodeState state;
  friend bool operator==(const Meet&, const Meet&) = default;
};
struct Met {
  uint64_t token = 0;
  NodeState state;
  friend bool operator==(const Met&, const Met&) = default;
};

// All that the sender has met, by the last eight bytes of their identities: sent where the digests
// of members differ. The receiver answers with the Members that are missing there.
struct Roster {
  std::vector<uint64_t> ids;
  friend bool operator==(const Roster&, const Roster&) = default;
};

// Nodes that the sender has met: those that the receiver's roster lacks, or one that the receiver
// does not hear and the sender does.
struct Member {
  NodeId id;
  NodeId shard_id;
  NodeAddress address;
  friend bool operator==(const Member&, const Member&) = default;
};
struct Members {
  std::vector<Member> members;
  friend bool operator==(const Members&, const Members&) = default;
};

// A majority of the primaries with slots does not hear this node.
struct Fail {
  NodeId failed;
  friend bool operator==(const Fail&, const Fail&) = default;
};

// To a node that claims slots with a configuration that is older than their owner's.
struct Update {
  NodeId owner;
  Epoch config_epoch{};
  SlotSet slots;
  friend bool operator==(const Update&, const Update&) = default;
};

// A replica asks for the right to take its primary's slots over.
struct VoteRequest {
  Epoch epoch{};         // The election.
  Epoch config_epoch{};  // Of the primary that it would replace,
  SlotSet slots;         // and that one's slots.
  bool forced = false;  // The primary need not have failed: a manual failover, or it lost its data.
  friend bool operator==(const VoteRequest&, const VoteRequest&) = default;
};
// Yes. A refusal is silence.
struct Vote {
  Epoch epoch{};
  friend bool operator==(const Vote&, const Vote&) = default;
};

// Manual failover: the replica asks its primary to pause writes; the primary then tells where its
// stream ends, again and again while the pause lasts. `attempt` tells late words of an earlier one.
struct FailoverStart {
  uint64_t attempt = 0;
  friend bool operator==(const FailoverStart&, const FailoverStart&) = default;
};
struct FailoverPaused {
  uint64_t attempt = 0;
  int64_t replication_offset = 0;
  friend bool operator==(const FailoverPaused&, const FailoverPaused&) = default;
};

// About a hand-over of slots, between the two shards. Its other message is NodeState::given.
struct HandoverWord {
  enum class Kind {
    kAsk,       // To the giver: was it given? Answered by its state, or by
    kNotGiven,  // no, and it never will be;
    kDeclined   // to the giver: we do not claim it, and never will. Take it back.
  };
  MoveId move;
  Kind kind = Kind::kAsk;
  friend bool operator==(const HandoverWord&, const HandoverWord&) = default;
};

// PUBLISH to all nodes, SPUBLISH to those of the shard.
struct Publish {
  bool sharded = false;
  std::string channel;
  std::string message;
  friend bool operator==(const Publish&, const Publish&) = default;
};

// The answer to a message with another node's name on it.
struct NotMe {
  friend bool operator==(const NotMe&, const NotMe&) = default;
};

using BusMessage =
    std::variant<Heartbeat, NodeState, StateRequest, Meet, Met, Roster, Members, Fail, Update,
                 VoteRequest, Vote, FailoverStart, FailoverPaused, Publish, NotMe, HandoverWord>;

// As it travels. `to` is empty only in the Meet of an operator, who does not know whom he meets.
struct Envelope {
  NodeId from;
  NodeId to;
  BusMessage message;
  friend bool operator==(const Envelope&, const Envelope&) = default;
};

}  // namespace redan::cluster
