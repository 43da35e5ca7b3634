// add-node and del-node.
#include <algorithm>
#include <cstdio>

#include "clusterctl/cluster_output.h"
#include "clusterctl/console.h"
#include "clusterctl/plan_members.h"
#include "clusterctl/session.h"
#include "clusterctl/verbs.h"

namespace redan {

namespace {

constexpr Seconds kPatience(30);

Result<void> tell(const Endpoint& at, const Access& access, const Words& request) {
  Result<NodeClient> client = NodeClient::connect(at, access);
  if (!client) return client.error();
  Result<Reply> reply = client->ask(request);
  if (!reply) return reply.error();
  return kOk;
}

// Functions are part of every primary: a new one gets those of the others (Redis 7).
Result<void> copy_functions(const Endpoint& from, const Endpoint& to, const Access& access) {
  Result<NodeClient> source = NodeClient::connect(from, access);
  if (!source) return source.error();
  Result<Reply> dump = source->call({"FUNCTION", "DUMP"});
  if (!dump) return dump.error();
  if (!dump->is_text()) return kOk;  // A node from before functions.
  Result<NodeClient> target = NodeClient::connect(to, access);
  if (!target) return target.error();
  Result<Reply> restored = target->ask({"FUNCTION", "RESTORE", dump->text, "REPLACE"});
  if (!restored) return restored.error();
  return kOk;
}

class Join {
 public:
  Join(const CommandLine& line, const Console& console, const ClusterSnapshot& snapshot,
       const NodeSnapshot& joining, const JoinPlan& plan)
      : access_(line.access),
        console_(console),
        snapshot_(snapshot),
        joining_(joining),
        plan_(plan) {}

  Result<void> run() {
    if (plan_.meet) {
      if (Result<void> met = meet(); !met) return met;
    }
    if (!plan_.replicate) {
      if (plan_.primary) return kOk;
      Result<void> copied = copy_functions(snapshot_.primaries().front()->at, joining_.at, access_);
      if (!copied) return copied;
      // Whoever gives it slots next shall find it ready.
      return wait("a new node that serves", [this](const ClusterSnapshot& now) {
        const NodeSnapshot* node = now.find(joining_.id());
        const NodeSnapshot* asked = now.find(snapshot_.primaries().front()->id());
        if (node == nullptr || !node->reachable) return named(joining_) + " does not answer";
        // In a cluster that is down there is nothing to wait for.
        if (node->state == "ok" || asked == nullptr || asked->state != "ok") return std::string();
        return named(joining_) + " says cluster_state:" + node->state;
      });
    }
    Result<void> asked = tell(joining_.at, access_, {"CLUSTER", "REPLICATE", plan_.primary->hex()});
    if (!asked) return asked;
    return wait("the new replica's link", [this](const ClusterSnapshot& now) {
      const NodeSnapshot* node = now.find(joining_.id());
      if (node == nullptr || node->is_primary()) return named(joining_) + " is no replica yet";
      if (node->link != "up") return named(joining_) + " has link " + node->link;
      return disagreement(now);
    });
  }

 private:
  Result<void> meet() {
    const std::vector<const NodeSnapshot*> primaries = snapshot_.primaries();
    if (primaries.empty()) return Error("PLAN", "no primary answers that could be met");
    // Told to several, so that no single link decides how fast all know.
    size_t told = 0;
    for (const NodeSnapshot* member : primaries) {
      const Endpoint& to = member->self.at;
      Words request = {"CLUSTER", "MEET", to.host, std::to_string(to.port)};
      if (const int bus = member->self.bus_port; bus != 0 && bus != to.port + 10000) {
        request.push_back(std::to_string(bus));
      }
      if (Result<void> met = tell(joining_.at, access_, request); !met) return met;
      if (++told == 8) break;
    }
    console_.say(named(joining_) + " meets the cluster.");
    return wait("the meeting", [this](const ClusterSnapshot& now) {
      for (const NodeSnapshot& node : now.nodes) {
        if (!node.reachable) continue;
        const auto known = [&](const NodeId& id) {
          return std::any_of(node.lines.begin(), node.lines.end(), [&](const NodeLine& line) {
            return line.id == id && !line.has("handshake");
          });
        };
        if (!known(joining_.id())) return named(node) + " does not know it";
        if (node.id() != joining_.id()) continue;
        for (const NodeSnapshot& other : snapshot_.nodes) {
          if (!known(other.id())) return named(joining_) + " does not know " + named(other);
        }
      }
      return disagreement(now);
    });
  }

  Result<void> wait(const std::string& what,
                    const std::function<std::string(const ClusterSnapshot&)>& missing) {
    Result<ClusterSnapshot> now =
        wait_for_cluster(snapshot_.asked, access_, kPatience, what, missing);
    if (!now) return now.error();
    return kOk;
  }

  const Access access_;
  const Console& console_;
  const ClusterSnapshot& snapshot_;
  const NodeSnapshot& joining_;
  const JoinPlan& plan_;
};

std::string name_of(const ClusterSnapshot& snapshot, const NodeId& id) {
  const NodeSnapshot* node = snapshot.find(id);
  return node == nullptr ? id.hex() : named(*node);
}

Result<void> leave(const ClusterSnapshot& snapshot, const LeavePlan& plan, const Access& access,
                   const Console& console) {
  for (const LeavePlan::Rehoming& each : plan.rehomed) {
    Result<void> done =
        tell(snapshot.find(each.replica)->at, access, {"CLUSTER", "REPLICATE", each.primary.hex()});
    if (!done) return done;
    console.say(name_of(snapshot, each.replica) + " follows " + name_of(snapshot, each.primary));
  }
  // All at once: gossip of one that still knows it would bring it back to one that forgot.
  std::vector<std::optional<Error>> errors(plan.forgetting.size());
  for_each_at_once(plan.forgetting.size(), [&](size_t i) {
    const NodeSnapshot* node = snapshot.find(plan.forgetting[i]);
    Result<NodeClient> client = NodeClient::connect(node->at, access);
    if (!client) {
      errors[i] = client.error();
      return;
    }
    Result<Reply> reply = client->call({"CLUSTER", "FORGET", plan.leaving.hex()});
    if (!reply) {
      errors[i] = reply.error();
    } else if (reply->is_error() && reply->text.find("Unknown node") == std::string::npos) {
      errors[i] = refused(node->at, "CLUSTER FORGET", *reply);
    }
  });
  for (const std::optional<Error>& error : errors) {
    if (error) {
      return error->with_context("not every node forgot it; repeat this within a minute");
    }
  }
  console.say(counted(static_cast<int64_t>(plan.forgetting.size()), "node") + " forgot it.");
  if (!plan.reset) return kOk;
  Result<void> reset = tell(snapshot.find(plan.leaving)->at, access, {"CLUSTER", "RESET", "SOFT"});
  // A primary that still holds keys refuses to be reset; it is out of the cluster all the same.
  if (!reset) warn(reset.error().message() + "; FLUSHALL and CLUSTER RESET it before it is reused");
  return kOk;
}

}  // namespace

int run_add_node(const CommandLine& line) {
  if (Result<void> clear = json_needs_an_answer(line); !clear) {
    return usage_error(clear.error().message());
  }
  Words rest(line.words().begin() + 1, line.words().end());
  if (rest.size() == 2) rest = {rest[0] + ":" + rest[1]};
  const Result<Endpoint> at = parse_endpoint(rest[0]);
  if (!at) return usage_error(at.error().message());
  if (line.has("master-id") && !line.has("slave")) {
    return usage_error("--primary-id says whom a replica follows: add --replica");
  }
  const Result<Session> session = Session::begin(*at, line.access, "add-node");
  if (!session) return failed(session.error());
  const Result<NodeSnapshot> joining = look_at_cluster_node(line.address(), line.access);
  if (!joining) return failed(joining.error());
  JoinGoal goal{.as_replica = line.has("slave"), .primary = std::nullopt};
  if (line.has("master-id")) {
    const Result<const NodeSnapshot*> primary = session->snapshot.find(line.text("master-id"));
    if (!primary) return failed(primary.error());
    goal.primary = (*primary)->id();
  }
  const Result<JoinPlan> plan = plan_join(session->snapshot, *joining, goal);
  if (!plan) return failed(plan.error());
  const Console console(line);
  std::string text = named(*joining) + (plan->meet ? " joins the cluster" : " is in the cluster");
  text += plan->primary ? " as a replica of " + name_of(session->snapshot, *plan->primary)
                        : " as a primary without slots (rebalance --use-empty-primaries gives it "
                          "some)";
  console.say(text + ".");
  Json json;
  json.open('{').key("node").value(joining->id().hex()).key("meet").flag(plan->meet);
  json.key("primary");
  plan->primary ? json.value(plan->primary->hex()) : json.null();
  const Answer answer = ask_to_apply(line);
  if (answer == Answer::kRefused) return kFailed;
  if (answer == Answer::kApply) {
    const Result<void> done = Join(line, console, session->snapshot, *joining, *plan).run();
    if (!done) return failed(done.error());
    console.say("Done: all nodes know it.");
  }
  json.key("applied").flag(answer == Answer::kApply).close('}');
  if (line.has("json")) std::fputs(json.take().c_str(), stdout);
  return kDone;
}

int run_del_node(const CommandLine& line) {
  if (Result<void> clear = json_needs_an_answer(line); !clear) {
    return usage_error(clear.error().message());
  }
  Result<Session> session = Session::begin(line.address(), line.access, "del-node");
  if (!session) return failed(session.error());
  const Result<const NodeSnapshot*> node = session->snapshot.find(line.words()[1]);
  if (!node) return failed(node.error());
  const Result<LeavePlan> plan = plan_leave(session->snapshot, (*node)->id());
  if (!plan) return failed(plan.error());
  const Console console(line);
  console.say(named(**node) + " leaves the cluster; " +
              counted(static_cast<int64_t>(plan->forgetting.size()), "node") + " are told.");
  for (const LeavePlan::Rehoming& each : plan->rehomed) {
    console.say("Its replica " + name_of(session->snapshot, each.replica) + " will follow " +
                name_of(session->snapshot, each.primary) + ".");
  }
  for (const std::string& warning : plan->warnings) warn(warning);
  const Answer answer = ask_to_apply(line);
  if (answer == Answer::kRefused) return kFailed;
  if (answer == Answer::kApply) {
    const Result<void> done = leave(session->snapshot, *plan, line.access, console);
    if (!done) return failed(done.error());
  }
  Json json;
  json.open('{').key("node").value(plan->leaving.hex());
  json.key("forgetting").value(static_cast<int64_t>(plan->forgetting.size()));
  json.key("applied").flag(answer == Answer::kApply).close('}');
  if (line.has("json")) std::fputs(json.take().c_str(), stdout);
  return kDone;
}

}  // namespace redan
