// At most one leader per epoch among a set of voters.
// Safety: a voter backs one candidate per epoch, and its ballot is on disk before its vote leaves
// (the owner persists whenever back() says that the ballot changed); a leader needs a majority of
// the voters; two leaders of one epoch would share a voter. The electorate may be told anew with
// each count: a group that grows is counted at its new size.
#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "common/base/ids.h"

namespace redan {

// All that a voter must remember across a crash. The choice may be forgotten (sentinel.conf has
// no word for it): the epoch alone forbids a second vote.
struct Ballot {
  Epoch epoch{};
  std::optional<NodeId> choice{};
  friend bool operator==(const Ballot&, const Ballot&) = default;
};

// The voter's half.
class Voter {
 public:
  explicit Voter(Ballot ballot = {}) : ballot_(ballot) {}

  // A candidate asks for the vote of `epoch`. True: the ballot is now a vote for it and must be on
  // disk before anybody learns of it. False: nothing changed, ballot() says where we stand.
  bool back(Epoch epoch, NodeId candidate);

  const Ballot& ballot() const { return ballot_; }

 private:
  Ballot ballot_;
};

// The candidate's half: one per epoch in which it stands.
class Campaign {
 public:
  Campaign() = default;
  explicit Campaign(Epoch epoch) : epoch_(epoch) {}

  Epoch epoch() const { return epoch_; }
  // What a voter answered. A ballot of another epoch, or one without a choice, counts for nobody.
  // The first choice of a voter stands: a voter that changes its mind is not counted twice.
  void count(NodeId voter, const Ballot& ballot);
  size_t votes_for(NodeId candidate) const;
  // Whether someone else was backed: the epoch may have another leader.
  bool has_rival(NodeId candidate) const;
  // The leader of this epoch, if it is decided: more than half of `electorate` voters, and at
  // least `quorum` of them, backed it.
  std::optional<NodeId> leader(size_t electorate, size_t quorum) const;
  // Who has most votes so far, the lower identity among equals; nobody before the first vote.
  std::optional<NodeId> front_runner() const;

 private:
  Epoch epoch_{};
  std::map<NodeId, NodeId> votes_;  // Voter -> candidate.
};

}  // namespace redan
