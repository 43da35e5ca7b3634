// info, check, nodes: they look and change nothing; help and completion speak of clusterctl itself.
#include <cstdio>

#include "clusterctl/cluster_output.h"
#include "clusterctl/console.h"
#include "clusterctl/look.h"
#include "clusterctl/sentinel_output.h"
#include "clusterctl/sentinel_view.h"
#include "clusterctl/verbs.h"

namespace redan {

namespace {

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

}  // namespace

int run_info(const CommandLine& line) {
  const Result<bool> cluster = is_cluster_node(line.address(), line.access);
  if (!cluster) return failed(cluster.error());
  if (!*cluster) {
    const Result<TopologyView> view = look(line.address(), line.access);
    if (!view) return failed(view.error());
    print(line.has("json") ? show_json(*view) : show(*view));
    return healthy(*view) ? kDone : kNotHealthy;
  }
  const Result<ClusterSnapshot> snapshot = look_at_cluster(line.address(), line.access);
  if (!snapshot) return failed(snapshot.error());
  const std::vector<Finding> findings = check_cluster(*snapshot);
  print(line.has("json") ? show_json(*snapshot, findings) : show_info(*snapshot));
  return sound(findings) ? kDone : kNotHealthy;
}

int run_check(const CommandLine& line) {
  const Result<ClusterSnapshot> snapshot = look_at_cluster(line.address(), line.access);
  if (!snapshot) return failed(snapshot.error());
  const std::vector<Finding> findings = check_cluster(*snapshot);
  print(line.has("json") ? show_json(*snapshot, findings)
                         : show_info(*snapshot) + "\n" + show(findings));
  return sound(findings) ? kDone : kNotHealthy;
}

int run_nodes(const CommandLine& line) {
  const Result<ClusterSnapshot> snapshot = look_at_cluster(line.address(), line.access);
  if (!snapshot) return failed(snapshot.error());
  print(line.has("json") ? show_json(*snapshot, check_cluster(*snapshot)) : show_nodes(*snapshot));
  return kDone;
}

int run_completion(const CommandLine& line) {
  const Result<std::string> script = completion(line.words()[0], all_verbs(), common_options());
  if (!script) return usage_error(script.error().message());
  print(*script);
  return kDone;
}

int run_help(const CommandLine& line) {
  if (line.words().empty()) {
    print(help(all_verbs(), common_options()));
    return kDone;
  }
  for (const VerbSpec& verb : all_verbs()) {
    if (verb.name != line.words()[0]) continue;
    print(help(verb, common_options()));
    return kDone;
  }
  return usage_error("unknown verb '" + line.words()[0] + "'");
}

}  // namespace redan
