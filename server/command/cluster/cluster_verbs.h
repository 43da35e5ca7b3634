// The verbs of CLUSTER, in three parts; cluster.cc makes one command of them. Each works on the
// ClusterService, whose machine decides (server/cluster); here are the words and the replies.
#pragma once

#include <span>
#include <string_view>

#include "server/cluster/route.h"
#include "server/cluster/verb.h"
#include "server/cluster/view.h"
#include "server/command/call.h"

namespace redan {

std::span<const Command<Call>> cluster_shown_verbs();      // What is: NODES, SLOTS, SHARDS ...
std::span<const Command<Call>> cluster_slot_verbs();       // Slots and their keys.
std::span<const Command<Call>> cluster_node_verbs();       // Membership, roles, epochs.
std::span<const Command<Call>> cluster_migration_verbs();  // Slots that move with their keys.

// A handler for cluster nodes only.
template <Result<void> (*handler)(Call&)>
Result<void> in_cluster(Call& call) {
  if (call.server().cluster == nullptr) {
    return Error("This instance has cluster support disabled");
  }
  return handler(call);
}

inline const ClusterView& view_of(Call& call) {
  return call.server().cluster->view();
}

// The node with this identity, which Redis compares letter by letter; nullptr: none.
const ClusterNode* find_node(const ClusterView& view, std::string_view word);
Error unknown_node(std::string_view word);
// A verb that takes several numbers of words got another one.
Error wrong_words(Call& call);
// Runs a verb on the machine; OK is the answer, unless it refuses.
Result<void> perform(Call& call, const std::function<Result<void>(ClusterVerb&)>& verb);

EndpointType endpoint_type(PreferredEndpoint preferred);

// Whether this client is told of ports for TLS: of those that came by it. None does yet.
inline bool came_by_tls(const Session&) {
  return false;
}

}  // namespace redan
