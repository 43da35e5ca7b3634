// Keeps a replica from giving up its data for less: a primary that comes back without its data must
// not take it from its replicas too.
//
// Suspicious is a full sync from the primary that this replica was online with since it was told to
// follow it, under another history and without a key, or (if that is asked for) with an offset
// below the one held here: such a primary restarted and lost something. Somebody who says REPLICAOF
// anew says that he means it, and clears all doubt. A primary that is itself a replica may have
// been given another history by its own primary; so a doubtful one is asked for its role first,
// once for each history that it offers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/config/server_config.h"

namespace redan {

class WipeGuard {
 public:
  struct Held {
    int64_t offset = 0;
    uint64_t keys = 0;
  };
  struct Offer {
    std::string_view id;
    int64_t offset = 0;
    bool same_history = false;
    bool known_empty = false;  // after it was read; before, nobody knows
  };
  enum class Verdict : uint8_t { kAccept, kAskRole, kRefuse };

  void follow() { *this = {}; }
  void online() { vouched_ = true, refused_.clear(), doubted_.clear(); }
  Verdict judge(WipeRule rule, const Held& held, const Offer& offer);
  // What ROLE said while a verdict was kAskRole; an answer that is none counts as a primary's.
  void answered(bool is_replica) { role_ = is_replica ? Role::kReplica : Role::kPrimary; }
  // The history that was refused last; empty: none since the link was up.
  const std::string& refused() const { return refused_; }

 private:
  enum class Role : uint8_t { kUnknown, kPrimary, kReplica };
  bool vouched_ = false;
  std::string doubted_;  // the history that role_ belongs to
  Role role_ = Role::kUnknown;
  std::string refused_;
};

}  // namespace redan
