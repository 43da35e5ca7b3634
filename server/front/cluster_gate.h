// Is a call of a cluster node's client served here, and if not, where? The keys come from the
// command's declaration, the answer from server/cluster/route.h; here is what lies between: the
// slots of the keys, how many of them are here where a slot is on the move, and what EXEC brings
// together. Asked for every request of a cluster node; a node by itself never does.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/crc16.h"
#include "common/base/result.h"
#include "server/cluster/view.h"
#include "server/command/call.h"

namespace redan {

class ClusterGate {
 public:
  using Args = std::span<const std::string_view>;
  explicit ClusterGate(ServerParts& parts) : parts_(parts) {}

  // The slot of a call whose one key, at a fixed place, lies in a slot that is ours and stays:
  // nearly every request. kUnknown says nothing: check() has to look.
  static constexpr int kUnknown = -1;
  int quickly_ours(const Session& session, const CommandEntry& command, Args args) const {
    if (command.only_key == 0 || session.asking) return kUnknown;
    const Slot slot = slot_of_key(args[static_cast<size_t>(command.only_key)]);
    return served_->contains(slot) ? slot.value : kUnknown;
  }

  // The whole question. A call without keys is served, and has no slot.
  struct Outcome {
    std::optional<Error> refusal;
    std::optional<Slot> slot;
    std::optional<Slot> asked = std::nullopt;  // of all keys, served here or not
  };
  Outcome check(Session& session, const ServerCommands::Entry& command, Args args);

 private:
  // What a call's declaration says, and its keys added to names_.
  struct Traits {
    bool write = false;
    bool asking = false;
    bool sharded_pubsub = false;
    bool moves_keys = false;
  };
  void read(const CommandEntry& command, Args args, Traits& traits);

  ServerParts& parts_;
  static constexpr SlotSet kNone{};
  const SlotSet* served_ = &kNone;  // The view's, since check() asked for it first.
  std::vector<KeyRef> keys_;
  std::vector<std::string_view> names_;
  std::vector<std::string_view> queued_;
};

}  // namespace redan
