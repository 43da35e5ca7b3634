// fix: makes slots whole again that are open, without an owner, or with several.
#include <algorithm>
#include <cstdio>

#include "clusterctl/cluster_output.h"
#include "clusterctl/console.h"
#include "clusterctl/legacy_mover.h"
#include "clusterctl/plan_fix.h"
#include "clusterctl/session.h"
#include "clusterctl/verbs.h"
#include "clusterctl/work.h"

namespace redan {

namespace {

Result<KeyCounts> count_broken(const ClusterSnapshot& snapshot, const SlotSet& broken,
                               const Access& access) {
  std::vector<Slot> slots;
  broken.for_each([&](Slot slot) { slots.push_back(slot); });
  KeyCounts counts;
  for (const NodeSnapshot* node : snapshot.primaries()) {
    Result<NodeClient> client = NodeClient::connect(node->at, access);
    if (!client) return client.error();
    Result<std::map<Slot, int64_t>> keys = count_keys(*client, slots);
    if (!keys) return keys.error();
    for (const auto& [slot, number] : *keys) {
      if (number > 0) counts[slot][node->id()] = number;
    }
  }
  return counts;
}

// Repairs alike in one row: the same owner, the same steps.
std::string show(const ClusterSnapshot& snapshot, const FixPlan& plan) {
  std::map<std::string, SlotSet> groups;
  const auto name = [&](const NodeId& id) { return named(*snapshot.find(id)); };
  for (const SlotMove& move : plan.finished) {
    groups["finish the move from " + name(move.from) + " to " + name(move.to)].add(move.slot);
  }
  for (const SlotRepair& repair : plan.repairs) {
    std::string text = (repair.claim ? "give to " : "close at ") + name(repair.owner);
    for (const NodeId& id : repair.dropping) text += ", take from " + name(id);
    for (const NodeId& id : repair.giving) text += ", bring keys from " + name(id);
    groups[text].add(repair.slot);
  }
  std::vector<Row> rows = {{"COUNT", "REPAIR", "SLOTS"}};
  for (const auto& [text, slots] : groups) {
    std::string which = slots.text();
    if (which.size() > 60) which = which.substr(0, which.rfind(' ', 56)) + " ...";
    rows.push_back({std::to_string(slots.size()), text, which});
  }
  return table(rows);
}

class Fix {
 public:
  Fix(const ClusterSnapshot& snapshot, const FixPlan& plan, const MoveOptions& options)
      : snapshot_(snapshot), plan_(plan), options_(options) {}

  Result<void> run() {
    if (Result<void> done = settle_owners(); !done) return done;
    if (Result<void> done = mark_open(); !done) return done;
    if (Result<void> done = release_stale_imports(snapshot_, options_.access); !done) return done;
    // Nodes refuse commands with keys until all slots are covered again.
    Result<ClusterSnapshot> ready =
        wait_for_cluster(snapshot_.asked, options_.access, Seconds(20), "a cluster that serves",
                         [this](const ClusterSnapshot& now) { return not_serving(now); });
    if (!ready) return ready.error();
    for (const auto& [pair, slots] : pairs()) {
      LegacyMover mover(snapshot_, *snapshot_.find(pair.first), *snapshot_.find(pair.second),
                        options_);
      if (Result<void> done = mover.gather(slots); !done) return done;
    }
    return move_slots(snapshot_, plan_.finished, options_);
  }

 private:
  Result<NodeClient> client(const NodeId& id) const {
    return NodeClient::connect(snapshot_.find(id)->at, options_.access);
  }

  static Words with_slots(const char* verb, const std::vector<Slot>& slots) {
    Words request = {"CLUSTER", verb};
    for (const Slot slot : slots) request.push_back(std::to_string(slot.value));
    return request;
  }

  // Whoever claims what it shall not own drops it; then owners claim, with an epoch above all.
  Result<void> settle_owners() {
    std::map<NodeId, std::vector<Slot>> drops;
    std::map<NodeId, std::vector<Slot>> claims;
    std::set<NodeId> winners;
    for (const SlotRepair& repair : plan_.repairs) {
      for (const NodeId& id : repair.dropping) drops[id].push_back(repair.slot);
      if (repair.claim) claims[repair.owner].push_back(repair.slot);
      if (repair.claim || !repair.dropping.empty()) winners.insert(repair.owner);
    }
    for (const auto& [id, slots] : drops) {
      Result<NodeClient> node = client(id);
      if (!node) return node.error();
      Result<Reply> dropped = node->ask(with_slots("DELSLOTS", slots));
      if (!dropped) return dropped.error();
    }
    for (const auto& [id, slots] : claims) {
      Result<NodeClient> node = client(id);
      if (!node) return node.error();
      // What it believes to be another's it must unlearn first.
      SlotSet elsewhere;
      for (const NodeLine& line : snapshot_.find(id)->lines) {
        if (line.id != id) elsewhere |= line.slots;
      }
      std::vector<Slot> unlearned;
      std::copy_if(slots.begin(), slots.end(), std::back_inserter(unlearned),
                   [&](Slot slot) { return elsewhere.contains(slot); });
      if (!unlearned.empty()) {
        Result<Reply> dropped = node->ask(with_slots("DELSLOTS", unlearned));
        if (!dropped) return dropped.error();
      }
      Result<Reply> claimed = node->ask(with_slots("ADDSLOTS", slots));
      if (!claimed) return claimed.error();
    }
    for (const NodeId& id : winners) {
      Result<NodeClient> node = client(id);
      if (!node) return node.error();
      Result<Reply> bumped = node->ask({"CLUSTER", "BUMPEPOCH"});
      if (!bumped) return bumped.error();
    }
    return kOk;
  }

  // Owners close their slots. Who still holds keys says that it imports them: should we be cut off,
  // the next fix sees by that where keys are.
  Result<void> mark_open() {
    for (const SlotRepair& repair : plan_.repairs) {
      const std::string slot = std::to_string(repair.slot.value);
      for (const NodeId& id : repair.giving) {
        Result<NodeClient> node = client(id);
        if (!node) return node.error();
        Result<Reply> marked =
            node->ask({"CLUSTER", "SETSLOT", slot, "IMPORTING", repair.owner.hex()});
        if (!marked) return marked.error();
      }
      for (const NodeId& id : repair.closing) {
        const bool gives =
            std::find(repair.giving.begin(), repair.giving.end(), id) != repair.giving.end();
        if (gives) continue;
        Result<NodeClient> node = client(id);
        if (!node) return node.error();
        Result<Reply> closed = node->ask({"CLUSTER", "SETSLOT", slot, "STABLE"});
        if (!closed) return closed.error();
      }
    }
    return kOk;
  }

  std::map<std::pair<NodeId, NodeId>, std::vector<Slot>> pairs() const {
    std::map<std::pair<NodeId, NodeId>, std::vector<Slot>> result;
    for (const SlotRepair& repair : plan_.repairs) {
      for (const NodeId& id : repair.giving) result[{id, repair.owner}].push_back(repair.slot);
    }
    return result;
  }

  std::string not_serving(const ClusterSnapshot& now) const {
    if (pairs().empty() && plan_.finished.empty()) return "";
    for (const NodeSnapshot* node : now.primaries()) {
      if (node->state != "ok") return named(*node) + " says cluster_state:" + node->state;
    }
    return disagreement(now);
  }

  const ClusterSnapshot& snapshot_;
  const FixPlan& plan_;
  const MoveOptions options_;
};

void add(Json& json, const FixPlan& plan) {
  json.open('{').key("finished_moves").value(static_cast<int64_t>(plan.finished.size()));
  json.key("repairs").open('[');
  for (const SlotRepair& repair : plan.repairs) {
    json.open('{').key("slot").value(int64_t{repair.slot.value});
    json.key("owner").value(repair.owner.hex()).key("claim").flag(repair.claim);
    for (const auto& [name, ids] : {std::pair("dropping", &repair.dropping),
                                    {"closing", &repair.closing},
                                    {"giving", &repair.giving}}) {
      json.key(name).open('[');
      for (const NodeId& id : *ids) json.value(id.hex());
      json.close(']');
    }
    json.close('}');
  }
  json.close(']').close('}');
}

}  // namespace

int run_fix(const CommandLine& line) {
  if (Result<void> clear = json_needs_an_answer(line); !clear) {
    return usage_error(clear.error().message());
  }
  Result<MoveOptions> options = move_options(line);
  if (!options) return usage_error(options.error().message());
  const bool unreachable = line.has("fix-with-unreachable-masters");
  const Result<Session> session = Session::begin(line.address(), line.access, "fix");
  if (!session) return failed(session.error());
  const ClusterSnapshot& snapshot = session->snapshot;
  const Result<KeyCounts> keys =
      count_broken(snapshot, broken_slots(snapshot, unreachable), line.access);
  if (!keys) return failed(keys.error());
  const Result<FixPlan> plan = plan_fix(snapshot, *keys, unreachable);
  if (!plan) return failed(plan.error());
  const Console console(line);
  for (const std::string& warning : plan->warnings) warn(warning);
  Json json;
  json.open('{').key("plan");
  add(json, *plan);
  Answer answer = Answer::kShowOnly;
  if (plan->empty()) {
    console.say("Nothing to fix: no slot is open, without an owner or with several.");
  } else {
    console.say(show(snapshot, *plan));
    answer = ask_to_apply(line);
    if (answer == Answer::kRefused) return kFailed;
  }
  int64_t moved = 0;
  if (answer == Answer::kApply) {
    std::atomic<int64_t> count = 0;
    options->moved_keys = [&](int64_t number) { count += number; };
    options->moved_slots = [](int64_t) {};
    if (Result<void> done = Fix(snapshot, *plan, *options).run(); !done) {
      return failed(done.error());
    }
    moved = count;
    // Sound again means that everybody knows.
    const Result<ClusterSnapshot> after = wait_for_cluster(
        line.address(), line.access, Seconds(20), "the repair", [&](const ClusterSnapshot& now) {
          const SlotSet left = broken_slots(now, unreachable);
          if (!left.empty()) return "slots " + left.text() + " are not whole";
          return disagreement(now);
        });
    if (!after) return failed(after.error());
    console.say("Fixed: every slot has one owner; " + counted(moved, "key") + " moved.");
  }
  json.key("applied").flag(answer == Answer::kApply).key("moved_keys").value(moved).close('}');
  if (line.has("json")) std::fputs(json.take().c_str(), stdout);
  return kDone;
}

}  // namespace redan
