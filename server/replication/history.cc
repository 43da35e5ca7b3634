#include "server/replication/history.h"

#include <algorithm>

#include "common/base/parse.h"
#include "server/replication/backlog.h"

namespace redan {

SyncVerdict History::judge(std::string_view id, int64_t wanted, const Backlog& backlog) const {
  if (!iequals(id, id_)) {
    if (!iequals(id, previous_id_) || previous_until_ < 0) return SyncVerdict::kUnknownHistory;
    if (wanted > previous_until_) return SyncVerdict::kBranchedOff;
  }
  if (!backlog.active()) return SyncVerdict::kNoBacklog;
  if (wanted < backlog.first_byte()) return SyncVerdict::kTooOld;
  if (wanted > backlog.offset() + 1) return SyncVerdict::kTooNew;
  return SyncVerdict::kContinue;
}

bool History::well_formed(std::string_view id) {
  const auto hex = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  return id.size() == kIdSize && std::all_of(id.begin(), id.end(), hex);
}

}  // namespace redan
