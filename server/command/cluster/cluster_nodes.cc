// CLUSTER's verbs about nodes: who belongs to the cluster, who follows whom, epochs.
#include "common/net/endpoint.h"
#include "server/command/cluster/cluster_verbs.h"

namespace redan {
namespace {

constexpr int64_t kBusPortOffset = 10'000;

Result<void> meet(Call& call) {
  if (call.arg_count() > 5) return wrong_words(call);
  const std::string_view ip = call.arg(2);
  const std::optional<int64_t> port = parse_int64(call.arg(3));
  if (!port) return Error("Invalid base port specified: " + std::string(call.arg(3)));
  std::optional<int64_t> bus_port = *port > 65535 ? 0 : *port + kBusPortOffset;
  if (call.arg_count() == 5) bus_port = parse_int64(call.arg(4));
  if (!bus_port) return Error("Invalid bus port specified: " + std::string(call.arg(4)));
  const auto is_port = [](int64_t number) { return number > 0 && number <= 65535; };
  if (!is_ip_address(ip) || !is_port(*port) || !is_port(*bus_port)) {
    return Error("Invalid node address specified: " + std::string(ip) + ":" +
                 std::string(call.arg(3)));
  }
  return perform(call, [&](ClusterVerb& verb) {
    return verb.machine.meet(verb.now, std::string(ip), static_cast<uint16_t>(*port),
                             static_cast<uint16_t>(*bus_port), verb.effects);
  });
}

Result<void> forget(Call& call) {
  // It may be forgotten already, so the machine is asked of a node that the view does not have.
  const std::optional<NodeId> id = NodeId::from_hex(call.arg(2));
  if (!id || id->hex() != call.arg(2)) return unknown_node(call.arg(2));
  return perform(
      call, [&](ClusterVerb& verb) { return verb.machine.forget(verb.now, *id, verb.effects); });
}

Result<void> replicate(Call& call) {
  const ClusterNode* primary = find_node(view_of(call), call.arg(2));
  if (primary == nullptr) return unknown_node(call.arg(2));
  const bool has_keys = call.keyspace().size(0) > 0;
  return perform(call, [&](ClusterVerb& verb) {
    return verb.machine.replicate(verb.now, primary->id, has_keys, verb.effects);
  });
}

Result<void> failover(Call& call) {
  if (call.arg_count() > 3) return wrong_words(call);
  FailoverMode mode = FailoverMode::kGraceful;
  if (call.arg_count() == 3) {
    if (iequals(call.arg(2), "force")) {
      mode = FailoverMode::kForce;
    } else if (iequals(call.arg(2), "takeover")) {
      mode = FailoverMode::kTakeover;
    } else {
      return syntax_error();
    }
  }
  return perform(
      call, [&](ClusterVerb& verb) { return verb.machine.failover(verb.now, mode, verb.effects); });
}

Result<void> reset(Call& call) {
  if (call.arg_count() > 3) return wrong_words(call);
  ResetMode mode = ResetMode::kSoft;
  if (call.arg_count() == 3) {
    if (iequals(call.arg(2), "hard")) {
      mode = ResetMode::kHard;
    } else if (!iequals(call.arg(2), "soft")) {
      return syntax_error();
    }
  }
  const bool has_keys = call.keyspace().size(0) > 0;
  return perform(call, [&](ClusterVerb& verb) {
    return verb.machine.reset(verb.now, mode, has_keys, verb.effects);
  });
}

Result<void> save_config(Call& call) {
  return perform(call, [](ClusterVerb& verb) -> Result<void> {
    verb.machine.save_config(verb.effects);
    return kOk;
  });
}

Result<void> set_config_epoch(Call& call) {
  const Result<int64_t> epoch = integer_arg(call.arg(2));
  if (!epoch) return epoch.error();
  return perform(call, [&](ClusterVerb& verb) {
    return verb.machine.set_config_epoch(verb.now, *epoch, verb.effects);
  });
}

Result<void> bump_epoch(Call& call) {
  bool bumped = false;
  const Result<void> done = call.server().cluster->perform([&](ClusterVerb& verb) -> Result<void> {
    bumped = verb.machine.bump_epoch(verb.now, verb.effects);
    return kOk;
  });
  if (!done) return done;
  call.reply().simple((bumped ? "BUMPED " : "STILL ") +
                      std::to_string(view_of(call).myself().config_epoch.value));
  return kOk;
}

constexpr uint32_t kChanges = kAdmin | kStale | kNoAsyncLoading;

constexpr Command<Call> kVerbs[] = {
    {{.name = "BUMPEPOCH",
      .flags = kChanges,
      .summary = "Advance the cluster config epoch",
      .since = "3.0.0",
      .complexity = "O(1)",
      .hints = "nondeterministic_output"},
     in_cluster<bump_epoch>},
    {{.name = "FAILOVER",
      .syntax = "[options: FORCE|TAKEOVER]",
      .flags = kChanges,
      .summary = "Forces a replica to perform a manual failover of its master.",
      .since = "3.0.0",
      .complexity = "O(1)"},
     in_cluster<failover>},
    {{.name = "FORGET",
      .syntax = "node-id",
      .flags = kChanges,
      .summary = "Remove a node from the nodes table",
      .since = "3.0.0",
      .complexity = "O(1)"},
     in_cluster<forget>},
    {{.name = "MEET",
      .syntax = "ip port:integer [cluster_bus_port:integer]@4.0.0",
      .flags = kChanges,
      .summary = "Force a node cluster to handshake with another node",
      .since = "3.0.0",
      .complexity = "O(1)",
      .history = "4.0.0: Added the optional `cluster_bus_port` argument."},
     in_cluster<meet>},
    {{.name = "REPLICATE",
      .syntax = "node-id",
      .flags = kChanges,
      .summary = "Reconfigure a node as a replica of the specified master node",
      .since = "3.0.0",
      .complexity = "O(1)"},
     in_cluster<replicate>},
    {{.name = "RESET",
      .syntax = "[HARD|SOFT]",
      .flags = kAdmin | kNoScript | kStale,
      .summary = "Reset a Redis Cluster node",
      .since = "3.0.0",
      .complexity = "O(N) where N is the number of known nodes. The command may execute a FLUSHALL "
                    "as a side effect."},
     in_cluster<reset>},
    {{.name = "SAVECONFIG",
      .flags = kChanges,
      .summary = "Forces the node to save cluster state on disk",
      .since = "3.0.0",
      .complexity = "O(1)"},
     in_cluster<save_config>},
    {{.name = "SET-CONFIG-EPOCH",
      .syntax = "config-epoch:integer",
      .flags = kChanges,
      .summary = "Set the configuration epoch in a new node",
      .since = "3.0.0",
      .complexity = "O(1)"},
     in_cluster<set_config_epoch>},
};

}  // namespace

std::span<const Command<Call>> cluster_node_verbs() {
  return kVerbs;
}

}  // namespace redan
