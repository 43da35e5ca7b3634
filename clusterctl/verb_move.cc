// reshard and rebalance: both make a list of moves, show it and carry it out.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "clusterctl/cluster_output.h"
#include "clusterctl/console.h"
#include "clusterctl/journal.h"
#include "clusterctl/mover.h"
#include "clusterctl/session.h"
#include "clusterctl/verbs.h"
#include "clusterctl/work.h"
#include "common/base/double_text.h"
#include "common/base/parse.h"

namespace redan {

namespace {

// `known_replica`: the word stands in a request that was begun, so it may have lost a failover
// since.
Result<NodeId> primary_named(const ClusterSnapshot& snapshot, const std::string& word,
                             bool known_replica = false) {
  Result<const NodeSnapshot*> node = snapshot.find(word);
  if (!node) return node.error();
  if ((*node)->is_primary() || known_replica) return (*node)->id();
  const NodeSnapshot* primary = snapshot.acting_for((*node)->id());
  return Error("PLAN", named(**node) + " is a replica" +
                           (primary == nullptr ? "" : " of " + named(*primary)) +
                           "; slots belong to primaries");
}

// Moves that were begun and can be finished; an error where open slots need a judgement.
Result<Moves> begun(const ClusterSnapshot& snapshot) {
  const std::string unfit = unfit_for_moves(snapshot);
  if (!unfit.empty()) {
    return Error("PLAN",
                 "slots cannot be moved while the cluster is not sound (clusterctl fix):" + unfit);
  }
  SlotSet unclear;
  Moves moves = begun_moves(snapshot, unclear);
  if (unclear.empty()) return moves;
  return Error("PLAN", "slots " + unclear.text() +
                           " are open in a way that is no move to be finished: clusterctl fix");
}

// What the command line does not say is asked for, as redis-cli does. Replicas are named too: the
// request may be one that a failover cut off.
Result<ReshardGoal> reshard_goal(const CommandLine& line, const ClusterSnapshot& snapshot) {
  ReshardGoal goal;
  const bool ask_operator = !line.has("json") && !said_yes(line);
  const auto word_for = [&](const char* option, const std::string& question,
                            const std::string& fallback) -> Result<std::string> {
    if (line.has(option)) return line.text(option);
    if (!fallback.empty() && !ask_operator) return fallback;
    return ask_for(question, std::string("--") + option);
  };
  Result<std::string> slots = word_for("slots", "How many slots (1 to 16384)? ", "");
  if (!slots) return slots.error();
  const std::optional<int64_t> count = parse_int64(trim(*slots));
  if (!count || *count < 1 || *count > kSlotCount) {
    return Error("--slots takes a number from 1 to 16384, not '" + *slots + "'");
  }
  goal.slots = *count;
  Result<std::string> to = word_for("to", "To which node (id or address)? ", "");
  if (!to) return to.error();
  Result<NodeId> target = primary_named(snapshot, std::string(trim(*to)), true);
  if (!target) return target.error();
  goal.to = *target;
  Result<std::string> from =
      word_for("from", "From which nodes (ids with commas, or all)? ", "all");
  if (!from) return from.error();
  for (const std::string_view part : split(*from, ',')) {
    const std::string word(trim(part));
    if (word.empty() || word == "all") continue;
    Result<NodeId> source = primary_named(snapshot, word, true);
    if (!source) return source.error();
    goal.from.push_back(*source);
  }
  std::sort(goal.from.begin(), goal.from.end());
  return goal;
}

Result<void> all_primaries(const ClusterSnapshot& snapshot, const ReshardGoal& goal) {
  std::vector<NodeId> ids = goal.from;
  ids.push_back(goal.to);
  for (const NodeId& id : ids) {
    if (Result<NodeId> primary = primary_named(snapshot, id.hex()); !primary) {
      return primary.error();
    }
  }
  return kOk;
}

// What became of a reshard that was cut off, for the operator.
std::string describe(const ClusterSnapshot& snapshot, const Moves& planned, const Remainder& rest,
                     const std::string& path) {
  std::string text = "This reshard was cut off before: " +
                     counted(static_cast<int64_t>(rest.left.size()), "slot") + " of " +
                     grouped(static_cast<int64_t>(planned.size())) +
                     " are left. (To begin anew, remove " + path + ")";
  for (const auto& [before, now] : rest.replaced) {
    const NodeSnapshot* old = snapshot.find(before);
    text += "\n" + (old == nullptr ? before.hex() : named(*old)) +
            " lost its slots in a failover; " + named(*snapshot.find(now)) + " stands in for it.";
  }
  return text;
}

std::string request_text(const ReshardGoal& goal) {
  std::string text = std::to_string(goal.slots) + " to " + goal.to.hex() + " from";
  for (const NodeId& id : goal.from) text += " " + id.hex();
  return text;
}

}  // namespace

int run_reshard(const CommandLine& line) {
  if (Result<void> clear = json_needs_an_answer(line); !clear) {
    return usage_error(clear.error().message());
  }
  Result<MoveOptions> options = move_options(line);
  if (!options) return usage_error(options.error().message());
  const Result<Session> session = Session::begin(line.address(), line.access, "reshard");
  if (!session) return failed(session.error());
  const ClusterSnapshot& snapshot = session->snapshot;
  const Console console(line);
  if (!line.has("slots") || !line.has("to")) console.say(show_nodes(snapshot));
  const Result<ReshardGoal> goal = reshard_goal(line, snapshot);
  if (!goal) return failed(goal.error());
  const Result<Moves> open = begun(snapshot);
  if (!open) return failed(open.error());
  const MoveJournal journal(request_text(*goal));
  Result<Moves> moves = Moves();
  SlotSet elsewhere;
  if (const std::optional<Moves> unfinished = journal.unfinished()) {
    const Remainder rest = still_to_do(snapshot, *unfinished);
    console.say(describe(snapshot, *unfinished, rest, journal.path()));
    moves = rest.left;
    elsewhere = rest.elsewhere;
  } else {
    if (Result<void> fit = all_primaries(snapshot, *goal); !fit) return failed(fit.error());
    moves = plan_reshard(snapshot, *goal, *open);
    if (!moves) return failed(moves.error());
  }
  // Open slots of other moves are finished too: none is left open.
  for (const SlotMove& move : *open) {
    if (std::find(moves->begin(), moves->end(), move) == moves->end()) moves->push_back(move);
  }
  MoveWork work(line, console, snapshot, *moves, *options);
  work.before = [&] { journal.begin(*moves); };
  const int code = work.run();
  if (code != kDone || !work.complete()) return code;
  journal.finished();
  if (elsewhere.empty()) return kDone;
  return failed(Error("PLAN", counted(static_cast<int64_t>(elsewhere.size()), "slot") +
                                  " of the plan were not moved, because somebody gave them to "
                                  "others since, or their target is gone: " +
                                  elsewhere.text()));
}

int run_rebalance(const CommandLine& line) {
  if (Result<void> clear = json_needs_an_answer(line); !clear) {
    return usage_error(clear.error().message());
  }
  Result<MoveOptions> options = move_options(line);
  if (!options) return usage_error(options.error().message());
  RebalanceGoal goal;
  goal.use_empty_primaries = line.has("use-empty-masters");
  if (line.has("threshold")) {
    const std::optional<double> percent = parse_double(line.text("threshold"));
    if (!percent || *percent < 0 || *percent > 100) {
      return usage_error("--threshold takes per cent from 0 to 100, not '" +
                         line.text("threshold") + "'");
    }
    goal.threshold_percent = *percent;
  }
  const Result<Session> session = Session::begin(line.address(), line.access, "rebalance");
  if (!session) return failed(session.error());
  for (const std::string& word : line.all("weight")) {
    const size_t equals = word.rfind('=');
    const std::optional<double> weight =
        equals == std::string::npos ? std::nullopt : parse_double(word.substr(equals + 1));
    if (!weight || *weight < 0 || *weight > 1e6) {
      return usage_error("--weight takes NODE=WEIGHT with a weight of at least 0, not '" + word +
                         "'");
    }
    const Result<NodeId> id = primary_named(session->snapshot, word.substr(0, equals));
    if (!id) return failed(id.error());
    goal.weights[*id] = *weight;
  }
  const Result<Moves> open = begun(session->snapshot);
  if (!open) return failed(open.error());
  const Console console(line);
  // Open slots are finished first; the plan counts them where they will be.
  ClusterSnapshot expected = session->snapshot;
  for (const SlotMove& move : *open) {
    for (NodeSnapshot& node : expected.nodes) {
      if (node.id() == move.from) node.self.slots.remove(move.slot);
      if (node.id() == move.to) node.self.slots.add(move.slot);
    }
  }
  const Result<RebalancePlan> plan = plan_rebalance(expected, goal);
  if (!plan) return failed(plan.error());
  // A slot that both lists name would have to move twice; its balance can wait for the next run.
  Moves moves = *open;
  for (const SlotMove& move : plan->moves) {
    const bool twice = std::any_of(open->begin(), open->end(),
                                   [&](const SlotMove& other) { return other.slot == move.slot; });
    if (!twice) moves.push_back(move);
  }
  if (moves.empty()) {
    console.say("Nothing to do: every primary is within " + format_double(goal.threshold_percent) +
                "% of its share.");
  }
  return MoveWork(line, console, session->snapshot, moves, *options).run();
}

}  // namespace redan
