// failover: hands a primary's role to a replica, through a sentinel or within a cluster.
#include <cstdio>

#include "clusterctl/console.h"
#include "clusterctl/look.h"
#include "clusterctl/output.h"
#include "clusterctl/sentinel_failover.h"
#include "clusterctl/sentinel_output.h"
#include "clusterctl/sentinel_plan.h"
#include "clusterctl/verbs.h"
#include "common/base/clock.h"

namespace redan {

namespace {

int sentinel_failover(const CommandLine& line, Millis deadline) {
  const std::string name = line.words().size() > 1 ? line.words()[1] : "";
  const Result<TopologyView> view = look(line.address(), line.access);
  if (!view) return failed(view.error());
  const Result<FailoverPlan> plan = plan_failover(*view, line.address(), name);
  if (!plan) return failed(plan.error());
  for (const std::string& warning : plan->warnings) warn(warning);
  const Console console(line);
  if (line.has("dry-run")) {
    console.say("'" + plan->name + "': " + to_text(plan->old_primary) +
                " is handed over to one of " +
                counted(static_cast<int64_t>(plan->candidates.size()), "replica") +
                " by sentinel " + to_text(plan->ask));
    return kDone;
  }
  ExecuteOptions options{.access = line.access, .deadline = deadline};
  if (!line.has("no-probe")) options.probe_key = "redan:clusterctl:probe";
  const Result<FailoverReport> report =
      execute_failover(*plan, options, [&console](const std::string& step) { console.say(step); });
  if (!report) return failed(report.error());
  std::fputs((line.has("json") ? show_json(*plan, *report) : show(*plan, *report)).c_str(), stdout);
  return kDone;
}

// The replica that is to take over: the second word, or the node at the address.
Result<const NodeSnapshot*> chosen_replica(const CommandLine& line,
                                           const ClusterSnapshot& snapshot) {
  Result<const NodeSnapshot*> node =
      snapshot.find(line.words().size() > 1 ? line.words()[1] : to_text(line.address()));
  // The address may be a name for what the cluster knows as an IP.
  if (!node && line.words().size() == 1) {
    for (const NodeSnapshot& each : snapshot.nodes) {
      if (each.self.has("myself") && each.at == snapshot.asked) node = &each;
    }
  }
  if (!node) return node;
  if (!(*node)->is_primary()) return node;
  std::string replicas;
  for (const NodeSnapshot* replica : snapshot.replicas_of((*node)->id())) {
    replicas += "\n  clusterctl failover " + to_text(replica->at);
  }
  if (replicas.empty()) {
    return Error("PLAN", named(**node) +
                             " is a primary and has no replica to take over: attach "
                             "one with add-node --replica");
  }
  return Error("PLAN", named(**node) +
                           " is a primary already; a failover is asked of a replica:" + replicas);
}

int cluster_failover(const CommandLine& line, Millis deadline) {
  const Result<ClusterSnapshot> snapshot = look_at_cluster(line.address(), line.access);
  if (!snapshot) return failed(snapshot.error());
  const Result<const NodeSnapshot*> replica = chosen_replica(line, *snapshot);
  if (!replica) return failed(replica.error());
  const NodeSnapshot* primary = snapshot->find((*replica)->self.primary);
  const std::string old = primary == nullptr ? "an unknown primary" : named(*primary);
  Words request = {"CLUSTER", "FAILOVER"};
  if (line.has("force")) request.push_back("FORCE");
  if (line.has("takeover")) request.push_back("TAKEOVER");
  const Console console(line);
  console.say(named(**replica) + " takes over from " + old +
              (request.size() > 2 ? " (" + request[2] + ")" : ""));
  if (line.has("dry-run")) return kDone;
  Result<NodeClient> client = NodeClient::connect((*replica)->at, line.access);
  if (!client) return failed(client.error());
  const Instant begin = monotonic_now();
  if (Result<Reply> reply = client->ask(request); !reply) {
    return failed(reply.error().with_context(
        "the failover was refused; --force does without the primary, --takeover without a "
        "majority"));
  }
  const NodeId id = (*replica)->id();
  const Result<ClusterSnapshot> after = wait_for_cluster(
      (*replica)->at, line.access, deadline, "the failover", [&](const ClusterSnapshot& now) {
        const NodeSnapshot* node = now.find(id);
        if (node == nullptr || !node->is_primary()) return named(**replica) + " is still a replica";
        return disagreement(now);
      });
  if (!after) return failed(after.error());
  const int64_t ms = whole_ms(monotonic_now() - begin);
  if (line.has("json")) {
    Json json;
    json.open('{').key("new_primary").value(id.hex()).key("address").value(to_text((*replica)->at));
    json.key("total_ms").value(ms).close('}');
    std::fputs(json.take().c_str(), stdout);
  }
  console.say(named(**replica) + " is primary, and every node that answers knows it, after " +
              std::to_string(ms) + " ms.");
  return kDone;
}

}  // namespace

int run_failover(const CommandLine& line) {
  const Result<int64_t> seconds = line.number("timeout", 30, 1, 86400);
  if (!seconds) return usage_error(seconds.error().message());
  if (line.has("force") && line.has("takeover")) {
    return usage_error("--force and --takeover exclude each other");
  }
  const Result<bool> cluster = is_cluster_node(line.address(), line.access);
  if (!cluster) return failed(cluster.error());
  const Millis deadline = Seconds(*seconds);
  return *cluster ? cluster_failover(line, deadline) : sentinel_failover(line, deadline);
}

}  // namespace redan
