// What must hold in every run, whatever goes wrong. Each watches the effects as they take place
// and fails the world at the first breach.
#pragma once

#include <map>
#include <string>

#include "tests/sim/sentinel_node.h"

namespace redan::sim {

inline constexpr char kName[] = "mymaster";

// At most one sentinel leads in an epoch, and an epoch promotes at most one replica.
class OneLeaderPerEpoch : public Watcher {
 public:
  explicit OneLeaderPerEpoch(World& world) : world_(world) {}
  // How many sentinels there are. With a quorum below the majority, whoever has not yet heard of
  // the others elects himself, as in Redis: the promise begins when a sentinel knows its group.
  void set_group(size_t sentinels) { group_ = sentinels; }
  void announced(SentinelNode&, const Announce&) override;
  void sent(SentinelNode&, const Send&) override;

 private:
  World& world_;
  size_t group_ = 1;
  std::map<Epoch, int> leaders_;
  std::map<Epoch, Address> promoted_;
};

// A voter tells at most one choice per epoch, and only what is on its disk.
class OneVotePerEpoch : public Watcher {
 public:
  explicit OneVotePerEpoch(World& world) : world_(world) {}
  void answered(SentinelNode&, const AskPrimaryDown&, const PrimaryDownReply&) override;
  void sent(SentinelNode&, const Send&) override;

 private:
  void told(SentinelNode&, Epoch, NodeId choice);
  World& world_;
  std::map<std::pair<int, Epoch>, NodeId> votes_;
};

// The epochs that a sentinel told never go back, also across its crashes, and a configuration
// epoch means one address.
class EpochsOnlyGrow : public Watcher {
 public:
  explicit EpochsOnlyGrow(World& world) : world_(world) {}
  void sent(SentinelNode&, const Send&) override;

 private:
  World& world_;
  std::map<int, Epoch> current_, config_;
  std::map<Epoch, Address> address_of_;
};

// The chosen replica is fit, and none that is fit is better.
class BestReplicaChosen : public Watcher {
 public:
  explicit BestReplicaChosen(World& world) : world_(world) {}
  void announced(SentinelNode&, const Announce&) override;

 private:
  World& world_;
};

// The primary of the newest configuration is not demoted by a sentinel of an older one, from the
// moment in which the promotion took effect on the node; a configuration is there once its leader
// announces it (one that gave up before, for another configuration, made none). Judged by what data
// nodes carry out: an order that reaches nobody harms nobody. Redis' own rule, which demotes
// whoever said master for four hello periods, is allowed from then on: no proof is asked of it, and
// a sentinel that hears nobody for so long cannot know better.
class NewestPrimaryStays : public Watcher {
 public:
  explicit NewestPrimaryStays(World& world) : world_(world) {}
  void carried_out(SentinelNode&, const Order&) override;
  void announced(SentinelNode&, const Announce&) override;

 private:
  struct Promotion {
    int node = -1;
    Nanos at{};
    std::string demoted_by;  // Against this check; empty: nobody did.
  };
  void check();
  World& world_;
  Epoch newest_{};
  std::map<Epoch, Promotion> promotions_;
};

}  // namespace redan::sim
