#include "clusterctl/work.h"

#include <cstdio>

#include "clusterctl/look.h"
#include "clusterctl/output.h"
#include "clusterctl/session.h"
#include "common/base/clock.h"

namespace redan {

Result<MoveOptions> move_options(const CommandLine& line) {
  MoveOptions options{.access = line.access};
  const Result<int64_t> timeout = line.number("timeout", 60'000, 1, 86'400'000);
  if (!timeout) return timeout.error();
  options.timeout = Millis(*timeout);
  const Result<int64_t> pipeline = line.number("pipeline", 0, 1, 1'000'000);
  if (!pipeline) return pipeline.error();
  options.keys_per_migrate = *pipeline;
  options.replace = line.has("replace");
  options.legacy = line.has("legacy");
  return options;
}

Result<void> release_stale_imports(const ClusterSnapshot& snapshot, const Access& access) {
  const std::map<NodeId, std::vector<Slot>> stale = stale_imports(snapshot);
  for (const auto& [id, slots] : stale) {
    Result<NodeClient> node = NodeClient::connect(snapshot.find(id)->at, access);
    if (!node) return node.error();
    for (const Slot slot : slots) {
      node->queue({"CLUSTER", "SETSLOT", std::to_string(slot.value), "STABLE"});
    }
    Result<std::vector<Reply>> replies = node->flush();
    if (!replies) return replies.error();
    for (const Reply& reply : *replies) {
      if (reply.is_error()) return refused(node->at(), "SETSLOT STABLE", reply);
    }
  }
  if (stale.empty()) return kOk;
  const Result<ClusterSnapshot> agreed = wait_for_agreement(snapshot.asked, access, Seconds(20));
  if (!agreed) return agreed.error();
  return kOk;
}

MoveWork::MoveWork(const CommandLine& line, const Console& console, const ClusterSnapshot& snapshot,
                   Moves moves, MoveOptions options)
    : line_(line),
      console_(console),
      snapshot_(snapshot),
      moves_(std::move(moves)),
      options_(std::move(options)) {
  for (const SlotMove& move : moves_) pairs_[{move.from, move.to}].add(move.slot);
}

Result<void> MoveWork::count() {
  std::vector<std::pair<NodeId, NodeId>> order;
  for (const auto& [pair, slots] : pairs_) order.push_back(pair);
  std::vector<Result<int64_t>> counts(order.size(), Result<int64_t>(int64_t{0}));
  for_each_at_once(order.size(), [&](size_t i) {
    Result<NodeClient> node = NodeClient::connect(snapshot_.find(order[i].first)->at, line_.access);
    if (!node) {
      counts[i] = node.error();
      return;
    }
    std::vector<Slot> slots;
    pairs_.at(order[i]).for_each([&](Slot slot) { slots.push_back(slot); });
    Result<std::map<Slot, int64_t>> keys = count_keys(*node, slots);
    if (!keys) {
      counts[i] = keys.error();
      return;
    }
    for (const auto& [slot, number] : *keys) *counts[i] += number;
  });
  for (size_t i = 0; i < order.size(); ++i) {
    if (!counts[i]) return counts[i].error();
    pair_keys_[order[i]] = *counts[i];
    keys_ += *counts[i];
  }
  return kOk;
}

void MoveWork::show_plan() const {
  std::vector<Row> rows = {{"FROM", "TO", "SLOTS", "KEYS", "WHICH"}};
  for (const auto& [pair, slots] : pairs_) {
    std::string which = slots.text();
    if (which.size() > 60) which = which.substr(0, which.rfind(' ', 56)) + " ...";
    rows.push_back({named(*snapshot_.find(pair.first)), named(*snapshot_.find(pair.second)),
                    grouped(static_cast<int64_t>(slots.size())), grouped(pair_keys_.at(pair)),
                    which});
  }
  console_.say(table(rows));
}

void MoveWork::print_json(const std::string& outcome, int64_t ms) const {
  if (!line_.has("json")) return;
  Json json;
  json.open('{').key("plan").open('[');
  for (const auto& [pair, slots] : pairs_) {
    json.open('{').key("from").value(pair.first.hex()).key("to").value(pair.second.hex());
    json.key("slots").value(slots.text()).key("keys").value(pair_keys_.at(pair)).close('}');
  }
  json.close(']').key("outcome").value(outcome).key("moved_slots").value(moved_slots_);
  json.key("moved_keys").value(moved_keys_).key("ms").value(ms).close('}');
  std::fputs(json.take().c_str(), stdout);
}

// A node that has just joined, or started, refuses keys for a second or two.
Result<void> MoveWork::wait_until_serving() const {
  const Result<ClusterSnapshot> ready =
      wait_for_cluster(snapshot_.asked, line_.access, Seconds(10), "a serving cluster",
                       [this](const ClusterSnapshot& now) {
                         for (const auto& [pair, slots] : pairs_) {
                           for (const NodeId& id : {pair.first, pair.second}) {
                             const NodeSnapshot* node = now.find(id);
                             if (node == nullptr || !node->reachable)
                               return id.hex() + " does not answer";
                             if (node->state != "ok")
                               return named(*node) + " says cluster_state:" + node->state;
                           }
                         }
                         return std::string();
                       });
  if (!ready) return ready.error();
  return kOk;
}

int MoveWork::run() {
  if (moves_.empty()) {
    complete_ = true;
    print_json("nothing to do", 0);
    return kDone;
  }
  if (Result<void> counted_keys = count(); !counted_keys) return failed(counted_keys.error());
  show_plan();
  const Answer answer = ask_to_apply(line_);
  if (answer == Answer::kRefused) return kFailed;
  if (answer == Answer::kShowOnly) {
    print_json("not applied", 0);
    return kDone;
  }
  if (before) before();
  if (Result<void> clear = release_stale_imports(snapshot_, line_.access); !clear) {
    return failed(clear.error());
  }
  if (Result<void> ready = wait_until_serving(); !ready) return failed(ready.error());
  watch_signals();
  const auto slots = static_cast<int64_t>(moves_.size());
  // Without keys the slots themselves are what takes time.
  const bool by_keys = keys_ > 0;
  Progress progress(console_, "moving " + counted(slots, "slot"), by_keys ? "keys" : "slots",
                    by_keys ? keys_ : slots);
  std::atomic<int64_t> keys_done = 0;
  std::atomic<int64_t> slots_done = 0;
  options_.moved_keys = [&](int64_t keys) {
    keys_done += keys;
    if (by_keys) progress.add(keys);
  };
  options_.moved_slots = [&](int64_t count) {
    slots_done += count;
    if (!by_keys) progress.add(count);
  };
  options_.stop = interrupted;
  const Instant begin = monotonic_now();
  const Result<void> done = move_slots(snapshot_, moves_, options_);
  const int64_t ms = whole_ms(monotonic_now() - begin);
  progress.end();
  moved_keys_ = keys_done;
  moved_slots_ = slots_done;
  complete_ = done && moved_slots_ == slots;
  if (!done) {
    print_json("failed: " + done.error().message(), ms);
    const int code = failed(done.error());
    console_.say(
        counted(moved_slots_, "slot") + " of " + grouped(slots) +
        " were moved; the same command again goes on with the rest, also after a failover.");
    return code;
  }
  if (!complete_) {
    print_json("interrupted", ms);
    return failed(Error("interrupted after " + counted(moved_slots_, "slot") +
                        "; no slot is open, the same command again moves the rest"));
  }
  const Result<ClusterSnapshot> after =
      wait_for_agreement(snapshot_.asked, line_.access, Seconds(20));
  if (!after) warn(after.error().message());
  console_.say("Moved " + counted(moved_slots_, "slot") + " with " + counted(moved_keys_, "key") +
               " in " + std::to_string(ms) + " ms.");
  print_json("done", ms);
  return kDone;
}

}  // namespace redan
