// Slots from one node to another as our nodes do it themselves (CLUSTER MIGRATION): the target asks
// the source for a snapshot of the slots and the stream behind it, and takes them over in one step.
// Here the target is told to, and its task is watched. A killed mover leaves a task that ends by
// itself, one way or the other; the same command again waits for it and moves what is left.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "clusterctl/mover.h"

namespace redan {

// A task as CLUSTER MIGRATION STATUS shows it.
struct StreamTask {
  std::string id, state, last_error;
  SlotSet slots;
  bool importing = false;
  int64_t keys = 0;
  bool over() const { return state == "completed" || state == "failed" || state == "canceled"; }
};
// Its reply: an array of tasks, each an array (or map) of names and values. Pure.
Result<std::vector<StreamTask>> read_stream_tasks(const Reply& reply);

class StreamMover : public SlotMover {
 public:
  StreamMover(const NodeSnapshot& from, const NodeSnapshot& to, const MoveOptions& options)
      : from_(from), to_(to), options_(options) {}

  // Do both nodes know how? False also where one does not answer: the other way tells why.
  static bool is_known_to(const NodeSnapshot& from, const NodeSnapshot& to, const Access& access);

  Result<void> move(const std::vector<Slot>& slots) override;

 private:
  Result<SlotSet> left(const SlotSet& wanted);
  Result<std::vector<StreamTask>> tasks(NodeClient& node);
  Result<void> await_running(const SlotSet& wanted);
  Result<StreamTask> watch(const std::string& id);
  Error failed(const StreamTask& task) const;
  void count_keys(int64_t keys);

  const NodeSnapshot& from_;
  const NodeSnapshot& to_;
  const MoveOptions& options_;
  std::optional<NodeClient> target_;
  std::optional<NodeClient> source_;
  int64_t counted_ = 0;  // keys of the running task that were told already
};

}  // namespace redan
