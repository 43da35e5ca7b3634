#include "server/front/cluster_gate.h"

#include "common/command/keys.h"
#include "server/command/cluster/cluster_verbs.h"

namespace redan {

namespace {

// Channels have slots as keys have.
bool has_shard_channels(const CommandEntry& command) {
  return command.has(kPubSub) && command.has_keys() &&
         (command.spec->keys[0].flags & kKeyNotKey) != 0;
}

}  // namespace

void ClusterGate::read(const CommandEntry& command, Args args, Traits& traits) {
  traits.write |= command.has(kWrite);
  traits.asking |= command.has(kAsking);
  traits.moves_keys |= command.full_name == "migrate";
  if (!command.has_keys() && command.spec->key_finder == nullptr) return;
  if (has_shard_channels(command)) {
    traits.sharded_pubsub = true;
    const auto last =
        command.last_key < 0 ? args.size() : static_cast<size_t>(command.last_key) + 1;
    for (size_t i = 1; i < last; ++i) names_.push_back(args[i]);
    return;
  }
  // Words that cannot be understood are the handler's to refuse.
  if (!find_keys(*command.spec, args, keys_)) return;
  for (const KeyRef& key : keys_) names_.push_back(args[static_cast<size_t>(key.position)]);
}

ClusterGate::Outcome ClusterGate::check(Session& session, const ServerCommands::Entry& command,
                                        Args args) {
  const ClusterView& view = parts_.cluster->view();
  served_ = &view.served();
  Traits traits;
  names_.clear();
  if (command.full_name != "exec") {
    read(command, args, traits);
  } else if (session.in_multi() && !session.transaction->failed) {
    // All that is queued is one call.
    for (const QueuedCommand& queued : session.transaction->queue) {
      queued_.assign(queued.args.begin(), queued.args.end());
      const ServerCommands::Entry* entry = parts_.commands.resolve(queued_);
      if (entry == nullptr) continue;
      read(*entry, queued_, traits);
    }
  }
  if (names_.empty()) return {};

  const EndpointType type = endpoint_type(parts_.config.cluster_preferred_endpoint_type);
  std::optional<Slot> asked;
  const auto refused = [&](const Route& route) -> Outcome {
    return {.refusal = route_error(route, type, came_by_tls(session)),
            .slot = std::nullopt,
            .asked = asked};
  };
  const Slot slot = slot_of_key(names_[0]);
  // Redis tells of a slot without owner before it looks at the next key.
  if (view.owner(slot) == nullptr) {
    return refused(ClusterDown{ClusterDown::Why::kUnbound});
  }
  for (const std::string_view name : names_) {
    if (slot_of_key(name) != slot) return refused(CrossSlot{});
  }
  asked = slot;
  KeyPresence presence;
  if (view.is_moving(slot) && !traits.sharded_pubsub) {
    presence.total = names_.size();
    for (const std::string_view name : names_) {
      if (parts_.keyspace.peek(0, name) != nullptr) ++presence.here;
    }
  }
  const Route where =
      route(slot, view.slot(slot), view.ok(), presence,
            {.write = traits.write,
             .asking = session.asking || traits.asking,
             .readonly = session.readonly,
             .sharded_pubsub = traits.sharded_pubsub,
             .moves_keys = traits.moves_keys},
            {.reads_when_down = parts_.config.cluster_allow_reads_when_down,
             .sharded_pubsub_when_down = parts_.config.cluster_allow_pubsubshard_when_down});
  if (!std::holds_alternative<Serve>(where)) return refused(where);
  return {.refusal = std::nullopt, .slot = slot, .asked = slot};
}

}  // namespace redan
