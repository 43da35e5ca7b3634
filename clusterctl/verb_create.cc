// create: makes a cluster of empty nodes. Each step is skipped where it is done already, so that
// the same command finishes what was cut off.
#include <algorithm>
#include <cstdio>

#include "clusterctl/cluster_output.h"
#include "clusterctl/console.h"
#include "clusterctl/lock.h"
#include "clusterctl/look.h"
#include "clusterctl/plan_create.h"
#include "clusterctl/verbs.h"
#include "common/base/clock.h"

namespace redan {

namespace {

std::string show(const CreatePlan& plan) {
  std::vector<Row> rows = {{"PRIMARY", "SLOTS", "COUNT", "REPLICAS"}};
  for (const CreatePlan::Primary& primary : plan.primaries) {
    std::string replicas;
    for (const Endpoint& replica : primary.replicas) {
      replicas += (replicas.empty() ? "" : " ") + to_text(replica);
    }
    const int first = primary.slots.first.value;
    const int last = primary.slots.last.value;
    rows.push_back({to_text(primary.at), std::to_string(first) + "-" + std::to_string(last),
                    std::to_string(last - first + 1), replicas.empty() ? "-" : replicas});
  }
  return table(rows);
}

void add(Json& json, const CreatePlan& plan) {
  json.open('[');
  for (const CreatePlan::Primary& primary : plan.primaries) {
    json.open('{').key("primary").value(to_text(primary.at)).key("slots").open('[');
    json.value(int64_t{primary.slots.first.value}).value(int64_t{primary.slots.last.value});
    json.close(']').key("replicas").open('[');
    for (const Endpoint& replica : primary.replicas) json.value(to_text(replica));
    json.close(']').close('}');
  }
  json.close(']');
}

class Create {
 public:
  Create(const CommandLine& line, std::vector<Endpoint> nodes, CreatePlan plan)
      : access_(line.access), nodes_(std::move(nodes)), plan_(std::move(plan)) {}

  // Connects to all nodes and looks at them; an error names each that cannot be used.
  Result<void> look() {
    seen_.resize(nodes_.size());
    std::vector<std::string> faults(nodes_.size());
    for_each_at_once(nodes_.size(), [&](size_t i) {
      Result<NodeSnapshot> node = look_at_cluster_node(nodes_[i], access_);
      if (!node) {
        faults[i] = node.error().message();
        return;
      }
      seen_[i] = node.take();
    });
    const bool all_answer =
        std::all_of(faults.begin(), faults.end(), [](const auto& fault) { return fault.empty(); });
    stands_ = all_answer && stand_already(seen_);
    if (stands_) return kOk;
    // Members are named by addresses; the cluster knows them by IPs.
    std::vector<Endpoint> members = nodes_;
    for (const NodeSnapshot& node : seen_) members.push_back(node.self.at);
    std::string text;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (faults[i].empty()) faults[i] = unfit_for_create(seen_[i], plan_, members);
      if (!faults[i].empty()) text += "\n  " + faults[i];
    }
    if (!text.empty()) return Error("PLAN", "these nodes cannot form a new cluster:" + text);
    return kOk;
  }

  bool stands() const { return stands_; }

  // Of a cluster that stands: nodes whose link is down may be elsewhere than the others believe, as
  // containers are that were made again. A meeting tells them.
  Result<void> reconnect() {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      std::vector<size_t> lost;
      for (size_t j = 0; j < nodes_.size(); ++j) {
        for (const NodeLine& line : seen_[i].lines) {
          if (i != j && line.id == seen_[j].id() && !line.connected) lost.push_back(j);
        }
      }
      if (Result<void> met = meet(i, lost); !met) return met;
    }
    return kOk;
  }

  Result<void> give_slots() {
    for (const CreatePlan::Primary& primary : plan_.primaries) {
      const NodeSnapshot& node = at(primary.at);
      Result<NodeClient> client = NodeClient::connect(primary.at, access_);
      if (!client) return client.error();
      SlotSet lacking;
      lacking.add(primary.slots);
      lacking -= node.self.slots;
      // A node that knows others, or has an epoch, refuses; it has been here before then.
      if (node.self.config_epoch == 0 && node.lines.size() == 1) {
        Result<Reply> epoch =
            client->ask({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(primary.config_epoch)});
        if (!epoch) return epoch.error();
      }
      if (lacking.empty()) continue;
      Words request = {"CLUSTER", "ADDSLOTSRANGE"};
      for (const SlotRange& range : lacking.ranges()) {
        request.push_back(std::to_string(range.first.value));
        request.push_back(std::to_string(range.last.value));
      }
      Result<Reply> given = client->call(request);
      if (given && given->is_error() && given->text.find("nknown") != std::string::npos) {
        // Before Redis 7 slots are named one by one.
        request = {"CLUSTER", "ADDSLOTS"};
        lacking.for_each([&](Slot slot) { request.push_back(std::to_string(slot.value)); });
        given = client->call(request);
      }
      if (!given) return given.error();
      if (given->is_error()) return refused(primary.at, request[0] + " " + request[1], *given);
    }
    return kOk;
  }

  // Small clusters are introduced each to each, which saves the rounds in which gossip would carry
  // the names; in large ones everybody meets the first few.
  Result<void> introduce() {
    for (size_t i = 1; i < nodes_.size(); ++i) {
      std::vector<size_t> unknown;
      for (size_t j = 0; j < std::min(i, kHubs); ++j) {
        if (!knows(seen_[i], seen_[j].id())) unknown.push_back(j);
      }
      if (Result<void> met = meet(i, unknown); !met) return met;
    }
    return kOk;
  }

  // A node gives up a meeting that came to nothing within its node timeout, and one of the two may
  // then know the other without being known: who does not know whom by then meets again.
  Result<void> wait_until_met(Millis within) {
    constexpr Millis kMeetAgain = Seconds(2);
    Instant introduced = monotonic_now();
    return wait_for(within, "the meeting of the nodes", [&](const ClusterSnapshot& now) {
      const std::string lacking = unmet(now);
      if (!lacking.empty() && monotonic_now() - introduced >= kMeetAgain) {
        introduce_again();
        introduced = monotonic_now();
      }
      return lacking;
    });
  }

  Result<void> attach_replicas() {
    for (const CreatePlan::Primary& primary : plan_.primaries) {
      const NodeId id = at(primary.at).id();
      for (const Endpoint& replica : primary.replicas) {
        const NodeSnapshot& node = at(replica);
        if (!node.is_primary() && node.self.primary == id) continue;
        Result<NodeClient> client = NodeClient::connect(replica, access_);
        if (!client) return client.error();
        Result<Reply> done = client->ask({"CLUSTER", "REPLICATE", id.hex()});
        if (!done) return done.error();
      }
    }
    return kOk;
  }

  // Agreement on slots and replicas, and then that every node serves.
  Result<void> wait_until_agreed(Millis within) {
    return wait_for(within, "agreement on slots and replicas", [this](const ClusterSnapshot& now) {
      for (const CreatePlan::Primary& primary : plan_.primaries) {
        for (const Endpoint& replica : primary.replicas) {
          const NodeSnapshot* node = now.find(at(replica).id());
          if (node == nullptr || node->is_primary()) return to_text(replica) + " is no replica yet";
        }
      }
      return disagreement(now);
    });
  }

  Result<void> wait_until_serving(Millis within) {
    return wait_for(within, "a serving cluster", [](const ClusterSnapshot& now) {
      for (const NodeSnapshot& node : now.nodes) {
        if (node.state != "ok") return named(node) + " says cluster_state:" + node.state;
      }
      return std::string();
    });
  }

  const ClusterSnapshot& last() const { return last_; }

 private:
  static constexpr size_t kHubs = 8;

  std::string unmet(const ClusterSnapshot& now) const {
    for (const NodeSnapshot& expected : seen_) {
      for (const NodeSnapshot& node : now.nodes) {
        if (node.reachable && !knows(node, expected.id())) {
          return named(node) + " does not know " + named(expected);
        }
      }
    }
    if (now.nodes.size() != nodes_.size()) return "not all nodes are seen";
    return disagreement(now);
  }

  // Both ways, and as each node sees it now. What cannot be asked or fails is tried the next time.
  void introduce_again() {
    for_each_at_once(nodes_.size(), [&](size_t i) {
      Result<NodeSnapshot> node = look_at_cluster_node(nodes_[i], access_);
      if (node) seen_[i] = node.take();
    });
    for (size_t i = 0; i < nodes_.size(); ++i) {
      std::vector<size_t> unknown;
      for (size_t j = 0; j < nodes_.size(); ++j) {
        if (i != j && std::min(i, j) < kHubs && !knows(seen_[i], seen_[j].id())) {
          unknown.push_back(j);
        }
      }
      static_cast<void>(meet(i, unknown).ok());
    }
  }

  Result<void> meet(size_t who, const std::vector<size_t>& whom) {
    if (whom.empty()) return kOk;
    Result<NodeClient> client = NodeClient::connect(nodes_[who], access_);
    if (!client) return client.error();
    for (const size_t other : whom) {
      const Endpoint& at = nodes_[other];
      Result<std::string> ip = resolve_now(at.host);
      if (!ip) return ip.error();
      Words request = {"CLUSTER", "MEET", *ip, std::to_string(at.port)};
      // A bus that is not at port + 10000 must be told.
      if (const int bus = seen_[other].self.bus_port; bus != 0 && bus != at.port + 10000) {
        request.push_back(std::to_string(bus));
      }
      client->queue(request);
    }
    Result<std::vector<Reply>> replies = client->flush();
    if (!replies) return replies.error();
    for (const Reply& reply : *replies) {
      if (reply.is_error()) return refused(nodes_[who], "CLUSTER MEET", reply);
    }
    return kOk;
  }

  static bool knows(const NodeSnapshot& node, const NodeId& id) {
    return std::any_of(node.lines.begin(), node.lines.end(), [&](const NodeLine& line) {
      return line.id == id && !line.has("handshake");
    });
  }

  const NodeSnapshot& at(const Endpoint& endpoint) const {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i] == endpoint) return seen_[i];
    }
    return seen_.front();
  }

  Result<void> wait_for(Millis within, const std::string& what,
                        const std::function<std::string(const ClusterSnapshot&)>& missing) {
    Result<ClusterSnapshot> now = wait_for_cluster(nodes_[0], access_, within, what, missing);
    if (!now) return now.error();
    last_ = now.take();
    return kOk;
  }

  const Access access_;
  const std::vector<Endpoint> nodes_;
  const CreatePlan plan_;
  std::vector<NodeSnapshot> seen_;  // in the order of nodes_
  bool stands_ = false;
  ClusterSnapshot last_;
};

// The cluster is there: whatever it lacks to serve comes back by itself, or by a meeting.
int leave_standing(const CommandLine& line, Create& create, Millis within) {
  const Console console(line);
  console.say("These nodes form a cluster already: there is nothing to create.");
  if (!line.has("dry-run")) {
    Result<void> done = create.reconnect();
    if (done) done = create.wait_until_serving(within);
    if (!done) return failed(done.error());
    console.say("It serves.\n\n" + show_nodes(create.last()));
  }
  if (line.has("json")) std::fputs("{\"plan\":[],\"stands\":true}\n", stdout);
  return kDone;
}

}  // namespace

int run_create(const CommandLine& line) {
  const Result<int64_t> replicas = line.number("replicas", 0, 0, 1000);
  if (!replicas) return usage_error(replicas.error().message());
  const Result<int64_t> seconds = line.number("timeout", 60, 1, 86400);
  if (!seconds) return usage_error(seconds.error().message());
  if (Result<void> clear = json_needs_an_answer(line); !clear) {
    return usage_error(clear.error().message());
  }
  std::vector<Endpoint> nodes;
  for (const std::string& word : line.words()) {
    Result<Endpoint> at = parse_endpoint(word);
    if (!at) return usage_error(at.error().message());
    nodes.push_back(at.take());
  }
  const Result<CreatePlan> plan = plan_create(nodes, static_cast<size_t>(*replicas));
  if (!plan) return failed(plan.error());
  Create create(line, nodes, *plan);
  const Result<OperatorLock> lock = OperatorLock::take(nodes, line.access, "create");
  if (!lock) return failed(lock.error());
  if (Result<void> fit = create.look(); !fit) return failed(fit.error());
  if (create.stands()) return leave_standing(line, create, Seconds(*seconds));
  const Console console(line);
  console.say(show(*plan));
  for (const std::string& warning : plan->warnings) warn(warning);
  const Answer answer = ask_to_apply(line);
  if (answer == Answer::kRefused) return kFailed;
  Json json;
  json.open('{').key("plan");
  add(json, *plan);
  if (answer == Answer::kShowOnly) {
    json.close('}');
    if (line.has("json")) std::fputs(json.take().c_str(), stdout);
    return kDone;
  }
  const Millis within = Seconds(*seconds);
  const Instant begin = monotonic_now();
  Result<void> done = create.give_slots();
  if (done) done = create.introduce();
  if (done) done = create.wait_until_met(within);
  const int64_t met_ms = whole_ms(monotonic_now() - begin);
  if (done) console.say("The nodes know each other after " + std::to_string(met_ms) + " ms.");
  if (done) done = create.attach_replicas();
  if (done) done = create.wait_until_agreed(within);
  const int64_t agreed_ms = whole_ms(monotonic_now() - begin);
  if (done) {
    console.say("They agree on slots and replicas after " + std::to_string(agreed_ms) + " ms.");
  }
  if (done) done = create.wait_until_serving(within);
  if (!done) return failed(done.error());
  const int64_t serving_ms = whole_ms(monotonic_now() - begin);
  console.say("The cluster serves after " + std::to_string(serving_ms) + " ms.\n");
  console.say(show_nodes(create.last()));
  json.key("met_ms").value(met_ms).key("agreed_ms").value(agreed_ms);
  json.key("serving_ms").value(serving_ms).close('}');
  if (line.has("json")) std::fputs(json.take().c_str(), stdout);
  return kDone;
}

}  // namespace redan
