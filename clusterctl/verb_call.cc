// call and set-timeout: one request to every node.
#include <cstdio>

#include "clusterctl/console.h"
#include "clusterctl/look.h"
#include "clusterctl/output.h"
#include "clusterctl/verbs.h"
#include "common/base/double_text.h"
#include "common/base/parse.h"

namespace redan {

namespace {

// A reply as people read it; of a list, a line for each element.
std::string shown(const Reply& reply, const std::string& indent) {
  switch (reply.kind) {
    case Reply::Kind::kInteger:
      return std::to_string(reply.integer);
    case Reply::Kind::kBoolean:
      return reply.integer != 0 ? "true" : "false";
    case Reply::Kind::kDouble:
      return format_double(reply.real);
    case Reply::Kind::kNull:
      return "(nil)";
    default:
      break;
  }
  if (!reply.is_array()) {
    std::string text = reply.text;
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += indent.size() + 1) {
      text.insert(at + 1, indent);
    }
    return text;
  }
  if (reply.elements.empty()) return "(empty)";
  std::string text;
  for (const Reply& element : reply.elements) {
    text += (text.empty() ? "" : "\n" + indent) + shown(element, indent + "  ");
  }
  return text;
}

struct Answered {
  const NodeSnapshot* node;
  Result<Reply> reply = Reply();
};

std::vector<Answered> call_all(const std::vector<const NodeSnapshot*>& nodes, const Words& request,
                               const Access& access) {
  std::vector<Answered> answers;
  for (const NodeSnapshot* node : nodes) answers.push_back({.node = node});
  for_each_at_once(answers.size(), [&](size_t i) {
    if (!answers[i].node->reachable) {
      answers[i].reply = Error("IOERR", answers[i].node->error);
      return;
    }
    Result<NodeClient> client = NodeClient::connect(answers[i].node->at, access);
    if (!client) {
      answers[i].reply = client.error();
      return;
    }
    answers[i].reply = client->call(request);
  });
  return answers;
}

bool succeeded(const Answered& answer) {
  return answer.reply && !answer.reply->is_error();
}

// Every node's answer; kFailed where one failed.
int report(const CommandLine& line, const std::vector<Answered>& answers) {
  bool all = true;
  Json json;
  json.open('[');
  for (const Answered& answer : answers) {
    all &= succeeded(answer);
    const std::string text =
        answer.reply ? shown(*answer.reply, "  ") : answer.reply.error().message();
    if (line.has("json")) {
      json.open('{').key("id").value(answer.node->id().hex());
      json.key("address").value(to_text(answer.node->at)).key("ok").flag(succeeded(answer));
      json.key("reply").value(text).close('}');
    } else {
      std::printf("%s: %s%s\n", to_text(answer.node->at).c_str(), succeeded(answer) ? "" : "ERROR ",
                  text.c_str());
    }
  }
  json.close(']');
  if (line.has("json")) std::fputs(json.take().c_str(), stdout);
  return all ? kDone : kFailed;
}

}  // namespace

int run_call(const CommandLine& line) {
  if (line.has("only-masters") && line.has("only-replicas")) {
    return usage_error("--only-primaries and --only-replicas exclude each other");
  }
  const Result<ClusterSnapshot> snapshot = look_at_cluster(line.address(), line.access);
  if (!snapshot) return failed(snapshot.error());
  std::vector<const NodeSnapshot*> nodes;
  for (const NodeSnapshot& node : snapshot->nodes) {
    if (line.has("only-masters") && !node.is_primary()) continue;
    if (line.has("only-replicas") && node.is_primary()) continue;
    nodes.push_back(&node);
  }
  const Words request(line.words().begin() + 1, line.words().end());
  if (line.has("dry-run")) {
    std::printf("'%s' would go to %s.\n", request[0].c_str(),
                counted(static_cast<int64_t>(nodes.size()), "node").c_str());
    return kDone;
  }
  return report(line, call_all(nodes, request, line.access));
}

int run_set_timeout(const CommandLine& line) {
  const std::optional<int64_t> ms = parse_int64(line.words()[1]);
  if (!ms || *ms < 100 || *ms > 86'400'000) {
    return usage_error("the node timeout is a number of milliseconds from 100, not '" +
                       line.words()[1] + "'");
  }
  const Result<ClusterSnapshot> snapshot = look_at_cluster(line.address(), line.access);
  if (!snapshot) return failed(snapshot.error());
  std::vector<const NodeSnapshot*> nodes;
  for (const NodeSnapshot& node : snapshot->nodes) nodes.push_back(&node);
  const std::string value = std::to_string(*ms);
  if (line.has("dry-run")) {
    std::printf("cluster-node-timeout would become %s on %s.\n", value.c_str(),
                counted(static_cast<int64_t>(nodes.size()), "node").c_str());
    return kDone;
  }
  const std::vector<Answered> set =
      call_all(nodes, {"CONFIG", "SET", "cluster-node-timeout", value}, line.access);
  std::vector<const NodeSnapshot*> changed;
  for (const Answered& answer : set) {
    if (succeeded(answer)) changed.push_back(answer.node);
  }
  for (const Answered& answer : call_all(changed, {"CONFIG", "REWRITE"}, line.access)) {
    if (succeeded(answer)) continue;
    warn(named(*answer.node) + " has it until its next restart only: " +
         (answer.reply ? answer.reply->text : answer.reply.error().message()));
  }
  return report(line, set);
}

}  // namespace redan
