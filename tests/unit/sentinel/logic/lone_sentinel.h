// One sentinel in a scripted world without delays. Nodes and peers answer at once with what the
// test wrote down for them; time moves from deadline to deadline; everything the sentinel announced
// or sent is kept with its time. For what delays, losses and crashes do there is tests/sim.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "sentinel/logic/machine.h"

namespace redan {

inline constexpr Instant kStart{std::chrono::hours(1)};
inline constexpr NodeId kSelf{100};
inline const Address kPrimaryAt{.ip = "10.0.0.1", .port = 6379};
inline const Address kReplicaAt{.ip = "10.0.0.2", .port = 6379};
inline const Address kOtherAt{.ip = "10.0.0.3", .port = 6379};

inline std::ostream& operator<<(std::ostream& out, const Address& address) {
  return out << address.text();
}

// A data node as it would answer.
struct ScriptedNode {
  bool accepts = true;  // Connections.
  bool answers = true;  // Anything at all.
  bool obeys = true;    // Takes the role that it is told.
  bool syncs = true;    // Its link to a new primary comes up.
  NodeReply pong{.error = false, .text = "PONG"};
  NodeReply paused{.error = false, .text = "OK"};
  std::optional<Address> follows;  // Nothing: it is a primary.
  bool link_up = true;
  int link_down_s = -1;
  bool refuses_sync = false;
  int priority = 100;
  int64_t offset = 1000;
  std::string run_id;
  std::vector<Address> replicas;    // What a primary lists.
  std::optional<std::string> info;  // Instead of all that.

  std::string info_text() const;
};

// A peer as it would answer; one that votes backs whoever asks, unless a choice is written down.
struct ScriptedPeer {
  Address at;
  bool accepts = true;
  bool answers = true;
  bool says_down = false;
  bool votes = true;
  std::optional<NodeId> choice;
  // Told instead of the epoch asked for, and where no vote is asked for; otherwise it keeps silent.
  std::optional<Epoch> ballot_epoch;
};

struct Timed {
  Instant at;
  SentinelEffect effect;
};

class LoneSentinel {
 public:
  struct Setup {
    PrimaryOptions options = {.quorum = 1, .down_after = Millis(5'000)};
    SentinelOptions global = {};
    Epoch epoch{3};
    std::vector<Address> replicas = {kReplicaAt};
    size_t peers = 0;
    Address primary = kPrimaryAt;
  };
  explicit LoneSentinel(Setup setup);
  LoneSentinel() : LoneSentinel(Setup()) {}

  ScriptedNode& node(const Address& at) { return nodes[at]; }
  ScriptedPeer& peer(uint64_t id) { return peers[NodeId(id)]; }
  const Primary& primary() const { return *machine.find("m"); }
  const Replica& replica(const Address& at) const { return primary().replicas.at(at); }

  // Until nothing more happens before `end`.
  void run_until(Instant end);
  void run_for(Nanos span) { run_until(now + span); }
  // Until `done`; false if it did not come within `limit`.
  bool run_until(const std::function<bool()>& done, Nanos limit = Seconds(600));
  void hear(const SentinelInput& input);
  Result<void> operate(const std::function<Result<void>(SentinelMachine&, SentinelEffects&)>& verb);
  Result<void> failover();
  Result<void> set(std::vector<std::string> words);
  // The process at `at` is gone: its connections end, new ones are refused.
  void kill(const Address& at);
  // Our connections to the node end, as when another sentinel reconfigures it.
  void cut(const Address& at);
  // A hello on the subscription of the primary.
  void hello(const std::string& payload);
  std::string hello_text(uint64_t id, Epoch current, const Address& primary, Epoch config) const;
  // A peer's question, and what was answered.
  std::optional<PrimaryDownReply> asked(const AskPrimaryDown& question);

  // What was announced: the text of the last one of this type, how often, and when first.
  std::optional<std::string> said(const std::string& type) const;
  size_t count(const std::string& type) const;
  std::optional<Instant> when(const std::string& type) const;
  bool says(const std::string& type) const { return said(type).has_value(); }
  bool waits_for(const std::string& type, Nanos limit = Seconds(600)) {
    return run_until([&] { return says(type); }, limit);
  }
  // Requests of one kind that left for `at`, oldest first.
  template <class Kind>
  std::vector<std::pair<Instant, Kind>> sent(const Address& at) const {
    std::vector<std::pair<Instant, Kind>> found;
    for (const Timed& each : log) {
      const auto* send = std::get_if<Send>(&each.effect);
      if (send == nullptr || homes_.at(send->link) != at) continue;
      if (const auto* kind = std::get_if<Kind>(&send->message)) found.emplace_back(each.at, *kind);
    }
    return found;
  }
  template <class Kind>
  std::vector<Kind> effects() const {
    std::vector<Kind> found;
    for (const Timed& each : log) {
      if (const auto* kind = std::get_if<Kind>(&each.effect)) found.push_back(*kind);
    }
    return found;
  }
  // Forgets what was said and sent.
  void forget() { log.clear(); }

  Instant now = kStart;
  std::map<Address, ScriptedNode> nodes;
  std::map<NodeId, ScriptedPeer> peers;
  // What DNS answers; a name that is not here is never answered, "" is not known.
  std::map<std::string, std::string> dns;
  std::vector<Timed> log;
  SentinelMachine machine;

 private:
  static DurableState state_of(const Setup& setup);
  void perform(SentinelEffects& out);
  void open(const OpenLink& link);
  void answer(const Send& send);
  NodeReply reply_of(ScriptedNode& node, const Request& request);
  void drain();

  struct Wire {
    bool is_peer = false;
    NodeId peer;
  };
  std::deque<SentinelInput> inbox_;
  std::map<LinkId, Address> homes_;
  std::map<LinkId, Wire> wires_;
  uint64_t last_token_ = 0;
};

}  // namespace redan
