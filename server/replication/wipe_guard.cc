#include "server/replication/wipe_guard.h"

namespace redan {

WipeGuard::Verdict WipeGuard::judge(WipeRule rule, const Held& held, const Offer& offer) {
  if (rule == WipeRule::kNever || !vouched_ || held.keys == 0) return Verdict::kAccept;
  // However much it grows meanwhile: what it lost does not come back by that.
  if (!refused_.empty() && offer.id == refused_) return Verdict::kRefuse;
  const bool shorter = rule == WipeRule::kShorter && offer.offset < held.offset;
  if (offer.same_history || !(shorter || offer.known_empty)) return Verdict::kAccept;
  if (offer.id != doubted_) {
    doubted_ = offer.id;
    role_ = Role::kUnknown;
  }
  switch (role_) {
    case Role::kUnknown:
      return Verdict::kAskRole;
    case Role::kReplica:
      return Verdict::kAccept;
    case Role::kPrimary:
      break;
  }
  refused_ = offer.id;
  return Verdict::kRefuse;
}

}  // namespace redan
