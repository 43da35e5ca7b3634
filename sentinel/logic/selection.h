// Which replica becomes primary: Redis' filters, then lower priority, larger offset, smaller run
// id. A pure function that gives a reason for each replica it passed over.
#pragma once

#include <string>
#include <vector>

#include "sentinel/logic/instance.h"

namespace redan {

struct SelectionInput {
  const Primary* primary = nullptr;
  const std::map<LinkId, Link>* links = nullptr;
  Instant now{};
  const SentinelTimings* timings = nullptr;
  // Pass over kLinkDownTooLong: for a primary that lives and says that it is a replica, so that
  // nobody is a primary and no replica can have a link. Redis finds no good replica there, ever.
  bool ignore_link_age = false;
};

enum class Rejection {
  kNone,            // Fit to be promoted.
  kDown,            // Subjectively down.
  kDisconnected,    // No command link.
  kSilent,          // No valid PING reply for 5 ping periods.
  kPriorityZero,    // replica-priority 0: never.
  kStaleInfo,       // INFO older than 3 info periods (5 ping periods while the primary is down).
  kLinkDownTooLong  // It lost its primary long before we did.
};
const char* rejection_text(Rejection rejection);

struct Candidate {
  Address address;
  Rejection rejection = Rejection::kNone;
  int64_t priority = 100;
  int64_t offset = 0;
  std::string run_id;
};

struct Selection {
  std::vector<Candidate> candidates;  // The fit ones first, best first; then the others.
  // The best fit replica.
  const Address* chosen() const;
};

Rejection reject(const SelectionInput& in, const Replica& replica);
Selection select_replica(const SelectionInput& in);
// Whether `a` is the better of two fit replicas.
bool better(const Candidate& a, const Candidate& b);

}  // namespace redan
