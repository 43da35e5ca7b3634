// What a sentinel knows of each watched primary, its replicas and the peers that watch it too.
// Plain records, owned by SentinelMachine; rules read them, only the machine changes them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/base/ids.h"
#include "common/base/time.h"
#include "common/election/election.h"
#include "sentinel/logic/info_text.h"
#include "sentinel/logic/messages.h"
#include "sentinel/logic/options.h"

namespace redan {

enum class RequestKind { kPing, kInfo, kPublish, kReconfigure, kPause, kUnpause, kScript, kAsk };

// A request on its way: which, since when, and for AskPrimaryDown on behalf of which primary.
struct PendingRequest {
  RequestKind kind = RequestKind::kPing;
  Instant sent{};
  std::string primary;
  Address about;  // Of AskPrimaryDown: which primary.
};

// One connection of a link.
struct Channel {
  bool up = false;
  uint32_t attempt = 0;                  // 0: never tried.
  std::optional<Instant> attempt_since;  // An attempt that is under way.
  Instant retry_at{};                    // While down and not under way.
  Instant up_since{};
};

struct Link {
  LinkId id;
  LinkKind kind = LinkKind::kDataNode;
  Address address;
  std::string primary;
  NodeId peer;
  Channel commands;
  Channel subscription;
  std::string local_ip;
  std::map<uint64_t, PendingRequest> pending;
  bool proven = false;                      // Answered something since it is up.
  std::optional<Instant> unanswered_since;  // The first PING that no valid reply followed.
  Instant last_ping{};
  Instant last_pong{};        // The last reply to a PING, of any kind.
  Instant last_valid_pong{};  // +PONG, -LOADING, -MASTERDOWN.
  Instant heard_at{};         // The last message of the subscription.
};

// What primaries, replicas and peers have in common.
struct Instance {
  LinkId link;
  Address address;
  std::string run_id;
  std::optional<Instant> down_since;  // SDOWN.
  Instant last_down{};                // When it last went down; zero: never.
  bool script_kill_sent = false;

  bool is_down() const { return down_since.has_value(); }
};

// What INFO told of a data node, with when it changed.
struct DataNode : Instance {
  std::optional<Instant> info_at;  // When the last INFO was received.
  Instant info_sent_at{};          // When the INFO that info_at answered was sent.
  Instant next_info{};             // Not later than this, whatever the period.
  Instant info_asked{};            // When the last INFO left.
  Instant next_publish{};
  bool says_primary = false;  // role of the last INFO; at first what we believe.
  Instant role_since{};
  // The connection (its attempt) over which it last told its role, and since when it tells this
  // same role over it: who reconfigures a node cuts every other connection to it, so that nobody
  // changed its role since then.
  uint32_t told_over = 0;
  Instant told_since{};
  // It was the primary until a configuration of this epoch replaced it, and has not been seen as
  // a replica since: if it still says master it is a leftover, not a newer decision.
  std::optional<Epoch> superseded_by;
  std::optional<Instant> proof_asked;  // When the peers were asked whether it was elected anew.
  Instant last_demotion{};
  InfoText info = {};
  std::string info_raw;  // For SENTINEL INFO-CACHE.
};

enum class ReconfStep { kNone, kSent, kInProgress, kDone };

struct Replica : DataNode {
  Instant source_since{};  // When the primary that it says it follows last changed.
  ReconfStep reconf = ReconfStep::kNone;
  Instant reconf_sent{};
  bool promoted = false;
};

struct Peer : Instance {
  NodeId id;
  Instant told_asked{};              // When the last question was sent that it answered, and
  std::optional<Epoch> told_ballot;  // the epoch of its ballot in that answer.
  bool says_down = false;            // Of our primary.
  Instant asked_at{};
  Instant last_down_reply{};
  Ballot vote = {};  // The last ballot it told us.
  Instant last_hello{};
  Instant next_publish{};
  Epoch told_config_epoch{};  // Of its last hello.
};

enum class FailoverState {
  kNone,
  kWaitStart,
  kSelectReplica,
  kHandOver,  // Manual: writers paused, the replica catches up. Shown as send_slaveof_noone.
  kSendPromotion,
  kWaitPromotion,
  kReconfigureReplicas,
  kUpdateConfig,
};
const char* failover_state_name(FailoverState state);

// A pause of writers that we hold on a node; lifted when it follows the new primary, or on abort.
struct WritePause {
  Address node;
  Instant asked_at{};  // The pause lasts at least handover_pause from here.
  Instant began{};
  std::optional<Instant> granted_at;
  bool refused = false;
  std::optional<int64_t> target_offset;  // Its offset after the pause.
  Instant target_at{};
};

struct Primary : DataNode {
  std::string name;
  PrimaryOptions options;
  Epoch config_epoch{};
  Voter voter;
  std::optional<Instant> odown_since;
  Instant last_odown{};
  std::optional<Instant> reboot_since;  // A reboot that master-reboot-down-after-period watches.

  FailoverState state = FailoverState::kNone;
  Instant state_since{};
  Instant last_attempt{};  // Ours or the one we voted for; zero: none.
  std::optional<Instant> candidate_at;
  Campaign campaign;
  bool forced = false;   // SENTINEL FAILOVER.
  bool elected = false;  // +elected-leader was announced.
  Instant election_since{};
  std::optional<Address> promoted;
  uint32_t promotion_over = 0;  // The connection (its attempt) that the last promotion left over.
  std::optional<WritePause> pause;

  std::map<Address, Replica> replicas;
  std::map<NodeId, Peer> peers;

  bool failing_over() const { return state != FailoverState::kNone; }
  size_t electorate() const { return peers.size() + 1; }
};

}  // namespace redan
