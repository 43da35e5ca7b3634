// CLUSTER: one command of all its verbs, and what they share.
#include "common/command/docs.h"
#include "server/command/cluster/cluster_verbs.h"
#include "server/command/families.h"

namespace redan {

const ClusterNode* find_node(const ClusterView& view, std::string_view word) {
  const std::optional<NodeId> id = NodeId::from_hex(word);
  return id && id->hex() == word ? view.find(*id) : nullptr;
}

Error unknown_node(std::string_view word) {
  return Error("Unknown node " + std::string(word));
}

Error wrong_words(Call& call) {
  return Error("unknown subcommand or wrong number of arguments for '" +
               std::string(call.arg(1).substr(0, 128)) + "'. Try " + to_upper(call.arg(0)) +
               " HELP.");
}

Result<void> perform(Call& call, const std::function<Result<void>(ClusterVerb&)>& verb) {
  Result<void> done = call.server().cluster->perform(verb);
  if (done) call.reply().ok();
  return done;
}

EndpointType endpoint_type(PreferredEndpoint preferred) {
  switch (preferred) {
    case PreferredEndpoint::kIp:
      return EndpointType::kIp;
    case PreferredEndpoint::kHostname:
      return EndpointType::kHostname;
    case PreferredEndpoint::kUnknownEndpoint:
      break;
  }
  return EndpointType::kUnknown;
}

namespace {

Result<void> help(Call& call) {
  write_help(*call.entry().container, call.arg(0), call.reply());
  return kOk;
}

const Command<Call> kHelp = {{.name = "HELP",
                              .flags = kLoading | kStale,
                              .summary = "Show helpful text about the different subcommands",
                              .since = "5.0.0",
                              .complexity = "O(1)"},
                             in_cluster<help>};

std::vector<Command<Call>> all_verbs() {
  std::vector<Command<Call>> verbs = {kHelp};
  for (const auto part : {cluster_shown_verbs(), cluster_slot_verbs(), cluster_node_verbs(),
                          cluster_migration_verbs()}) {
    verbs.insert(verbs.end(), part.begin(), part.end());
  }
  std::sort(verbs.begin(), verbs.end(),
            [](const auto& a, const auto& b) { return a.spec.name < b.spec.name; });
  return verbs;
}

}  // namespace

CommandFamily<Call> cluster_commands() {
  static const std::vector<Command<Call>> verbs = all_verbs();
  static const Command<Call> commands[] = {{{.name = "CLUSTER",
                                             .summary = "A container for cluster commands",
                                             .since = "3.0.0",
                                             .complexity = "Depends on subcommand."},
                                            nullptr,
                                            verbs}};
  return {.group = Group::kCluster, .commands = commands};
}

}  // namespace redan
