#include "common/election/election.h"

#include <algorithm>

#include "common/protocol/mutants.h"

namespace redan {

bool Voter::back(Epoch epoch, NodeId candidate) {
  if (mutants::active("vote_twice") && epoch == ballot_.epoch && ballot_.choice != candidate) {
    ballot_.choice = candidate;
    return true;
  }
  if (epoch <= ballot_.epoch) return false;
  ballot_ = {.epoch = epoch, .choice = candidate};
  return true;
}

void Campaign::count(NodeId voter, const Ballot& ballot) {
  if (ballot.epoch != epoch_ || !ballot.choice) return;
  votes_.emplace(voter, *ballot.choice);
}

size_t Campaign::votes_for(NodeId candidate) const {
  return std::count_if(votes_.begin(), votes_.end(),
                       [&](const auto& vote) { return vote.second == candidate; });
}

bool Campaign::has_rival(NodeId candidate) const {
  return std::any_of(votes_.begin(), votes_.end(),
                     [&](const auto& vote) { return vote.second != candidate; });
}

std::optional<NodeId> Campaign::front_runner() const {
  std::optional<NodeId> best;
  size_t most = 0;
  for (const auto& [voter, candidate] : votes_) {
    const size_t votes = votes_for(candidate);
    if (votes > most || (votes == most && candidate < *best)) {
      most = votes;
      best = candidate;
    }
  }
  return best;
}

std::optional<NodeId> Campaign::leader(size_t electorate, size_t quorum) const {
  const std::optional<NodeId> best = front_runner();
  if (!best) return std::nullopt;
  const size_t votes = votes_for(*best);
  if (votes < electorate / 2 + 1 || votes < quorum) return std::nullopt;
  return best;
}

}  // namespace redan
