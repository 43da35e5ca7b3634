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

// Nobody demotes a primary that was promoted just now as if it were a leftover.
class NoHastyDemotion : public Watcher {
 public:
  explicit NoHastyDemotion(World& world) : world_(world) {}
  void announced(SentinelNode&, const Announce&) override;

 private:
  World& world_;
  Epoch newest_{};
  Nanos promoted_at_{};
  std::string address_;
};

}  // namespace redan::sim
