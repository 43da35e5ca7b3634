// What nodes of the cluster's world must keep at every step, judged by what they tell and do.
#pragma once

#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include "tests/sim/cluster_ledger.h"
#include "tests/sim/cluster_world.h"

namespace redan::sim {

// What must hold at every step, whatever goes wrong.
class Promises : public ClusterWatch {
 public:
  Promises(World& world, ClusterOutcome& outcome) : world_(world), outcome_(outcome) {}
  void keep_in(Ledger& ledger) { ledger_ = &ledger; }
  // How often a majority called a node failed.
  int verdicts() const { return verdicts_; }

  void holds(ClusterProcess& node, const Change& change) override { ledger_->held(node, change); }
  void accepts(ClusterProcess& node, const Request& request) override {
    ledger_->accepted(node, request);
  }
  void sends(ClusterProcess& node, const cluster::BusEffects::Send& sent) override {
    const NodeId me = node.view().myself().id;
    if (const auto* vote = std::get_if<cluster::Vote>(&sent.message)) {
      voted(me, sent.to.to, vote->epoch, node.disk());
    } else if (const auto* heartbeat = std::get_if<cluster::Heartbeat>(&sent.message)) {
      epoch(me, heartbeat->current_epoch);
    }
  }
  void happens(ClusterProcess& node, const cluster::BusEvent& event) override {
    const auto* log = std::get_if<cluster::Log>(&event);
    if (log == nullptr) return;
    world_.note(node.index(), log->text);
    verdicts_ += log->text.rfind("Marking node", 0) == 0;
    const std::string won = "new master of epoch ";
    const size_t at = log->text.find(won);
    if (at == std::string::npos) return;
    const uint64_t number = std::strtoull(log->text.c_str() + at + won.size(), nullptr, 10);
    this->won(node.view().myself(), Epoch(number));
  }

 private:
  void voted(NodeId voter, NodeId candidate, Epoch epoch, const std::string& disk) {
    const auto [it, is_new] = votes_.emplace(std::pair(epoch, voter), candidate);
    outcome_.votes += is_new;
    if (it->second != candidate) {
      world_.fail("two votes of one voter in epoch " + std::to_string(epoch.value));
    }
    const Result<NodesFile> stored = NodesFile::parse(disk);
    if (!stored || stored->last_vote_epoch < epoch) {
      world_.fail("a vote of epoch " + std::to_string(epoch.value) + " is not on disk");
    }
  }
  // Of one shard. Two shards may share an epoch where a primary that was replaced still votes (seed
  // 40723); their claims do not meet, and one of them moves on.
  void won(const ClusterNode& node, Epoch epoch) {
    ++outcome_.elections;
    const auto winner = winners_.emplace(std::pair(epoch, node.shard_id), node.id).first;
    if (winner->second != node.id && ledger_->epochs_are_voted) {
      world_.fail("two winners of epoch " + std::to_string(epoch.value));
    }
  }
  void epoch(NodeId node, Epoch current) {
    Epoch& last = told_[node];
    if (current < last) world_.fail("an epoch went back at " + node.hex());
    last = std::max(last, current);
  }

  World& world_;
  ClusterOutcome& outcome_;
  Ledger* ledger_ = nullptr;
  int verdicts_ = 0;
  std::map<std::pair<Epoch, NodeId>, NodeId> votes_;
  std::map<std::pair<Epoch, NodeId>, NodeId> winners_;
  std::map<NodeId, Epoch> told_;
};

}  // namespace redan::sim
