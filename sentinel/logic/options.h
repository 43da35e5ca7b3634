// What an operator can set, what must survive a crash, and the time rules. sentinel.conf is the
// driver's rendering of DurableState and SentinelOptions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/election/election.h"
#include "sentinel/logic/address.h"

namespace redan {

// `sentinel <option> <primary> ...`
struct PrimaryOptions {
  uint32_t quorum = 2;
  Millis down_after{30'000};
  Millis failover_timeout{180'000};
  uint32_t parallel_syncs = 1;
  Millis reboot_down_after{0};  // master-reboot-down-after-period; 0: a reboot is no failure.
  std::string notification_script;
  std::string client_reconfig_script;
  std::string auth_user;
  std::string auth_pass;
  std::map<std::string, std::string> renamed_commands;  // Lower-case name -> name on the nodes.
};

// The periods of SENTINEL DEBUG, and ours.
struct SentinelTimings {
  Millis info_period{10'000};
  Millis ping_period{1'000};
  Millis ask_period{1'000};
  Millis publish_period{2'000};
  Millis tilt_trigger{2'000};
  Millis tilt_period{30'000};
  Millis slave_reconf_timeout{10'000};
  Millis min_link_reconnect_period{15'000};
  Millis election_timeout{10'000};
  Millis default_down_after{30'000};
  Millis default_failover_timeout{180'000};
  Millis script_max_runtime{60'000};
  Millis script_retry_delay{30'000};
  // Ours.
  Millis connect_timeout{700};       // An attempt that hangs longer is given up: its SYN was lost.
  Millis reconnect_pause{200};       // From a refused attempt to the next.
  Millis candidate_delay{100};       // From ODOWN to candidacy: a random part of this.
  Millis fresh_info_wait{300};       // How long a leader waits for offsets of after the failure.
  Millis forced_after{300};          // A manual failover without answers goes on after this.
  Millis handover_budget{400};       // From the pause until the offsets must have met.
  Millis handover_pause{2'000};      // Each CLIENT PAUSE; renewed at a quarter of it.
  Millis handover_promotion{2'000};  // From REPLICAOF NO ONE until the replica must say master.
  Millis fast_poll{10};              // Between INFOs while somebody waits for their outcome.
};

struct SentinelOptions {
  std::string announce_ip;     // Empty: the local address of each link.
  uint16_t announce_port = 0;  // 0: port.
  uint16_t port = 26379;
  bool resolve_hostnames = false;
  bool announce_hostnames = false;
  bool deny_scripts_reconfig = true;
  SentinelTimings timings = {};
};

struct DurablePeer {
  NodeId id;
  Address address;
};

struct DurablePrimary {
  std::string name;
  Address address;
  PrimaryOptions options = {};
  Epoch config_epoch{};
  Ballot ballot = {};  // leader-epoch; the choice may be lost on the way to disk and back.
  std::vector<Address> replicas = {};
  std::vector<DurablePeer> peers = {};
};

// Everything that must be on disk before its consequences are told to anyone.
struct DurableState {
  NodeId id;
  Epoch current_epoch{};
  std::vector<DurablePrimary> primaries = {};
};

// Applies `option value` of SENTINEL SET and of sentinel.conf ("rename-command" takes two values:
// "auth-pass" one). The error carries Redis' text for SENTINEL SET.
Result<void> apply_option(PrimaryOptions& options, const std::string& option,
                          const std::vector<std::string>& values);
// How many values `option` takes; 0: there is no such option.
size_t option_arity(const std::string& option);

}  // namespace redan
