// Planted bugs that prove the simulator's checkers. In a build with REDAN_MUTANTS one of them can
// be switched on at run time; in every other build active() is the constant false and costs
// nothing.
//   if (mutants::active("vote_twice")) ...
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace redan::mutants {

inline constexpr std::array<std::string_view, 12> kNames = {
    "vote_twice",              // A voter backs every candidate that asks, also twice in an epoch.
    "vote_not_persisted",      // A vote leaves before it is on disk.
    "promote_without_votes",   // A candidate leads without a majority.
    "offset_before_priority",  // Selection sorts by offset first.
    "stale_info_accepted",     // Selection trusts INFO of any age, and replicas that do not answer.
    "older_config_accepted",   // A hello of a lower config epoch replaces the configuration.
    "config_epoch_not_raised",  // A promotion keeps the old config epoch.
    "demote_without_proof",     // Any replica that says master is demoted at once.
    "order_over_any_link",      // Orders to follow leave over connections that told no role.
    "handover_without_wait",    // A manual failover promotes before the offsets meet.
    "handover_without_pause",   // A manual failover does not pause the writers.
    "empty_primary_followed",   // A replica takes the empty data of a primary that restarted.
};
// Those of the cluster's machine, which has a world and a gate of its own.
inline constexpr std::array<std::string_view, 6> kClusterNames = {
    "cluster_vote_twice",            // A primary votes for every replica that asks.
    "cluster_vote_not_persisted",    // A vote leaves before it is on disk.
    "cluster_stale_claim_accepted",  // A claim on slots wins whatever its epoch.
    "cluster_moves_not_mirrored",    // Replicas do not keep what their primary moves.
    "cluster_forgotten_returns",     // Gossip brings back a node that was just forgotten.
    "cluster_leftovers_not_asked",   // Who takes over drops also what MIGRATE just brought.
};
// Those of slots that change hands: a third world.
inline constexpr std::array<std::string_view, 3> kMigrationNames = {
    "source_deletes_early",     // A source drops the keys before their new owner claims them.
    "import_lost_on_failover",  // A replica that takes over forgets what was coming in.
    "leftovers_stay",           // It does not finish to drop what its shard gave up.
};
inline constexpr size_t kFirstCluster = 1'000;
inline constexpr size_t kFirstMigration = 2'000;

// The place of `name` in the lists; a name that is in none does not compile.
consteval size_t index_of(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return i + 1;
  }
  for (size_t i = 0; i < kClusterNames.size(); ++i) {
    if (kClusterNames[i] == name) return kFirstCluster + i;
  }
  for (size_t i = 0; i < kMigrationNames.size(); ++i) {
    if (kMigrationNames[i] == name) return kFirstMigration + i;
  }
  throw "no such mutant";
}

struct Name {
  size_t index;
  consteval Name(const char* name) : index(index_of(name)) {}  // NOLINT: by design
};

#ifdef REDAN_MUTANTS
// 0: none; else 1 + the index into kNames, or kFirstCluster + the index into kClusterNames,
// or kFirstMigration + the index into kMigrationNames.
inline size_t chosen = 0;
inline bool active(Name name) {
  return chosen == name.index;
}
#else
constexpr bool active(Name) {
  return false;
}
#endif

}  // namespace redan::mutants
