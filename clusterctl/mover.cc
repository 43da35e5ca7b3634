#include "clusterctl/mover.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

#include "clusterctl/legacy_mover.h"
#include "clusterctl/stream_mover.h"

namespace redan {

namespace {

// What one source gives, target by target.
struct Worker {
  const NodeSnapshot* from;
  std::vector<std::pair<const NodeSnapshot*, std::vector<Slot>>> targets;
};

Result<std::vector<Worker>> divide_work(const ClusterSnapshot& snapshot, const Moves& moves) {
  std::map<NodeId, std::map<NodeId, std::vector<Slot>>> pairs;
  for (const SlotMove& move : moves) pairs[move.from][move.to].push_back(move.slot);
  std::vector<Worker> workers;
  for (const auto& [from, targets] : pairs) {
    Worker worker{.from = snapshot.find(from), .targets = {}};
    for (const auto& [to, slots] : targets) {
      const NodeSnapshot* target = snapshot.find(to);
      if (worker.from == nullptr || target == nullptr) {
        return Error("PLAN", "a move names a node that is not in the cluster");
      }
      worker.targets.emplace_back(target, slots);
    }
    workers.push_back(std::move(worker));
  }
  return workers;
}

}  // namespace

std::unique_ptr<SlotMover> mover_between(const ClusterSnapshot& snapshot, const NodeSnapshot& from,
                                         const NodeSnapshot& to, const MoveOptions& options) {
  // Slots that are open the old way are finished the old way.
  const bool open = !from.self.migrating.empty() || !to.self.importing.empty();
  if (!options.legacy && !open && StreamMover::is_known_to(from, to, options.access)) {
    return std::make_unique<StreamMover>(from, to, options);
  }
  return std::make_unique<LegacyMover>(snapshot, from, to, options);
}

Result<void> move_slots(const ClusterSnapshot& snapshot, const Moves& moves,
                        const MoveOptions& options) {
  Result<std::vector<Worker>> workers = divide_work(snapshot, moves);
  if (!workers) return workers.error();
  std::mutex mutex;
  std::optional<Error> first;
  MoveOptions shared = options;
  // One worker's trouble ends the others at their next safe point.
  shared.stop = [&] {
    const std::lock_guard<std::mutex> lock(mutex);
    return first.has_value() || (options.stop && options.stop());
  };
  for_each_at_once(workers->size(), [&](size_t i) {
    const Worker& worker = (*workers)[i];
    for (const auto& [to, slots] : worker.targets) {
      Result<void> done = mover_between(snapshot, *worker.from, *to, shared)->move(slots);
      if (done) continue;
      const std::lock_guard<std::mutex> lock(mutex);
      if (!first) first = done.error();
      return;
    }
  });
  if (first) return *first;
  return kOk;
}

void BurstSize::took(int64_t keys, Nanos span) {
  constexpr Millis kShort(4);
  constexpr Millis kLong(8);
  constexpr int64_t kLeast = 8;
  constexpr int64_t kMost = 4096;
  if (span > kLong) {
    keys_ = std::max(kLeast, keys_ / 2);
  } else if (span < kShort && keys * 2 >= keys_) {
    // Only a burst that was full says that a larger one would do.
    keys_ = std::min(kMost, keys_ * 2);
  }
}

}  // namespace redan
