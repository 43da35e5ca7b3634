#include "sentinel/logic/selection.h"

#include <algorithm>

#include "common/base/parse.h"
#include "common/protocol/mutants.h"

namespace redan {

const char* rejection_text(Rejection rejection) {
  switch (rejection) {
    case Rejection::kNone:
      return "fit";
    case Rejection::kDown:
      return "down";
    case Rejection::kDisconnected:
      return "disconnected";
    case Rejection::kSilent:
      return "no PING reply for five ping periods";
    case Rejection::kPriorityZero:
      return "replica-priority 0";
    case Rejection::kStaleInfo:
      return "INFO too old";
    case Rejection::kLinkDownTooLong:
      return "its link to the primary was down too long";
  }
  return "?";
}

Rejection reject(const SelectionInput& in, const Replica& replica) {
  const Primary& primary = *in.primary;
  const Link& link = in.links->at(replica.link);
  if (replica.is_down()) return Rejection::kDown;
  if (!link.commands.up) return Rejection::kDisconnected;
  const bool trusting = mutants::active("stale_info_accepted");
  if (!trusting && in.now - link.last_valid_pong > 5 * in.timings->ping_period) {
    return Rejection::kSilent;
  }
  if (replica.info.priority == 0) return Rejection::kPriorityZero;
  const Nanos oldest =
      primary.is_down() ? 5 * in.timings->ping_period : 3 * in.timings->info_period;
  if (!replica.info_at) return Rejection::kStaleInfo;
  if (!trusting && in.now - *replica.info_at > oldest) return Rejection::kStaleInfo;
  Nanos longest = 10 * primary.options.down_after;
  if (primary.is_down()) longest += in.now - *primary.down_since;
  if (!in.ignore_link_age && replica.info.link_down_seconds > 0 &&
      Seconds(replica.info.link_down_seconds) > longest) {
    return Rejection::kLinkDownTooLong;
  }
  return Rejection::kNone;
}

bool better(const Candidate& a, const Candidate& b) {
  if (mutants::active("offset_before_priority") && a.offset != b.offset) {
    return a.offset > b.offset;
  }
  if (a.priority != b.priority) return a.priority < b.priority;
  if (a.offset != b.offset) return a.offset > b.offset;
  if (a.run_id.empty() != b.run_id.empty()) return b.run_id.empty();
  const std::string left = to_lower(a.run_id), right = to_lower(b.run_id);
  if (left != right) return left < right;
  return a.address < b.address;
}

Selection select_replica(const SelectionInput& in) {
  Selection selection;
  for (const auto& [address, replica] : in.primary->replicas) {
    selection.candidates.push_back({.address = address,
                                    .rejection = reject(in, replica),
                                    .priority = replica.info.priority,
                                    .offset = replica.info.replica_offset,
                                    .run_id = replica.run_id});
  }
  std::stable_sort(selection.candidates.begin(), selection.candidates.end(),
                   [](const Candidate& a, const Candidate& b) {
                     const bool a_fit = a.rejection == Rejection::kNone;
                     const bool b_fit = b.rejection == Rejection::kNone;
                     if (a_fit != b_fit) return a_fit;
                     return better(a, b);
                   });
  return selection;
}

const Address* Selection::chosen() const {
  if (candidates.empty() || candidates.front().rejection != Rejection::kNone) return nullptr;
  return &candidates.front().address;
}

}  // namespace redan
