// Who is down: our own suspicion, what others report, the verdict of the majority, and whether the
// cluster may serve at all.
#include <algorithm>

#include "server/cluster/bus_machine.h"

namespace redan {

using namespace cluster;

namespace {

// Reports are believed, and a failed primary is left failed, for this many node timeouts.
constexpr int kReportValidity = 2, kFailUndo = 2;
// And so long a majority is that of the largest electorate that we knew.
constexpr int kElectorateValidity = 2;
// A primary that was in a minority serves again only this long after it rejoined a majority.
constexpr Nanos kShortestRejoin = Millis(500), kLongestRejoin = Seconds(5);

}  // namespace

// A process that was stopped finds old pings unanswered; that says nothing of the others. But they
// may have replaced us: of what was told to us before, nothing is claimed until that would be
// known.
void ClusterMachine::notice_stall() {
  if (now_ - expected_ < options_.node_timeout / 2) return;
  expected_ = now_;
  claims_wait_until_ = now_ + options_.node_timeout;
  for (auto& [id, node] : view_.nodes()) {
    if (node.ping_sent) node.ping_sent = now_;
  }
}

// When a node that is asked and does not answer becomes suspect: a node timeout after the question.
// Once somebody else has waited that long, we agree as soon as we have not heard it for a timeout
// either, though we asked later: so the first to ask sets the pace, and questions may be rare.
Instant ClusterMachine::silence_ends(const ClusterNode& node) const {
  const Nanos timeout = options_.node_timeout;
  const Instant heard = node.heard.value_or(*node.ping_sent);
  const Instant silent_since = std::max(*node.ping_sent, heard);
  if (node.reports.empty()) return silent_since + timeout;
  return std::max(heard + timeout, silent_since + timeout / 4);
}

void ClusterMachine::check_silence(ClusterNode& node) {
  std::erase_if(node.reports, [&](const auto& report) {
    const ClusterNode* reporter = view_.find(report.first);
    return reporter == nullptr || !counts(*reporter) ||
           now_ - report.second > kReportValidity * options_.node_timeout;
  });
  if (node.suspicion == Suspicion::kNone && node.ping_sent && !node.noaddr) {
    const Instant verdict = silence_ends(node);
    if (now_ > verdict) {
      log(LogLevel::kVerbose, "*** NODE " + node.id.hex() + " possibly failing");
      node.suspicion = Suspicion::kPossible;
      alarm_ = true;
      change();
    } else {
      at(verdict + Nanos(1));
    }
  }
  consider_fail(node);
}

// Somebody does not hear it: do we?
void ClusterMachine::ask_now(ClusterNode& node) {
  soon();
  const bool heard_lately = node.heard && now_ - *node.heard < options_.node_timeout / 8;
  if (!node.ping_sent && !heard_lately) peer(node.id).pinged.reset();
}

// What a primary with slots does not hear; whom it does not name, it hears.
void ClusterMachine::take_reports(From from, const std::vector<NodeId>& suspects) {
  std::vector<NodeId>& before = from.peer.suspects;
  if (before.empty() && suspects.empty()) return;
  if (counts(from.node)) {
    for (const NodeId& id : before) {
      ClusterNode* node = view_.find(id);
      if (node != nullptr) node->reports.erase(from.node.id);
    }
    for (const NodeId& id : suspects) {
      ClusterNode* node = view_.find(id);
      if (node == nullptr || node == &self() || node->handshake) continue;
      if (node->suspicion == Suspicion::kNone && node->reports.empty()) ask_now(*node);
      node->reports[from.node.id] = now_;
      consider_fail(*node);
    }
  }
  before = suspects;
}

void ClusterMachine::consider_fail(ClusterNode& node) {
  if (node.suspicion != Suspicion::kPossible) return;
  const size_t voices = node.reports.size() + (counts(self()) ? 1 : 0);
  if (voices < majority()) return;
  mark_failed(node);
  // Told by replicas, too: the verdict is the primaries', they only pass it on.
  broadcast(Fail{node.id});
}

// Of the primaries with slots. Between hearing that one has become a replica and what its successor
// owns we know too few of them, and a minority would pass for a majority: two could win one epoch.
size_t ClusterMachine::majority() {
  const size_t size = view_.size();
  if (size >= electorate_ || now_ > electorate_until_) {
    electorate_ = size;
    electorate_until_ = now_ + kElectorateValidity * options_.node_timeout;
  }
  return electorate_ / 2 + 1;
}

void ClusterMachine::mark_failed(ClusterNode& node) {
  log(LogLevel::kNotice, "Marking node " + node.id.hex() + " as failing (quorum reached).");
  node.suspicion = Suspicion::kFailed;
  node.failed_at = now_;
  change();
}

void ClusterMachine::on(From from, const Fail& fail) {
  ClusterNode* node = view_.find(fail.failed);
  if (node == nullptr || node == &self() || node->handshake || node->failed()) return;
  log(LogLevel::kNotice,
      "FAIL message received from " + from.node.id.hex() + " about " + fail.failed.hex());
  node->suspicion = Suspicion::kFailed;
  node->failed_at = now_;
  change();
}

void ClusterMachine::answered(ClusterNode& node) {
  if (node.suspicion == Suspicion::kPossible) {
    node.suspicion = Suspicion::kNone;
    change();
  } else if (node.failed()) {
    // A primary with slots had its time to be replaced; if nobody did, it is welcome again.
    if (counts(node) && now_ - node.failed_at <= kFailUndo * options_.node_timeout) return;
    log(LogLevel::kNotice,
        "Clear FAIL state for node " + node.id.hex() + ": it is reachable again");
    node.suspicion = Suspicion::kNone;
    change();
  }
}

void ClusterMachine::update_state() {
  majority();  // Remembers how many there are.
  if (all_assigned_of_ != slots_version_) {
    all_assigned_of_ = slots_version_;
    size_t assigned = 0;
    for (const auto& [id, node] : view_.nodes()) assigned += node.slots.size();
    all_assigned_ = assigned == kSlotCount;
  }
  size_t size = 0, reachable = 0;
  bool owner_failed = false;
  for (const auto& [id, node] : view_.nodes()) {
    if (!counts(node)) continue;
    ++size;
    reachable += !node.suspected();
    owner_failed |= node.failed();
  }
  std::string reason;
  if (options_.require_full_coverage && (!all_assigned_ || owner_failed)) {
    reason = all_assigned_ ? "a node with slots has failed" : "some slots are not assigned";
  }
  if (reachable < size / 2 + 1) {
    reason = "the majority of the primaries is not reachable";
    // Before the first slot is given there is no majority that could have been lost.
    if (size > 0) minority_since_ = now_;
  }
  if (reason.empty() && !view_.ok() && self().is_primary) {
    if (wait_until_ && now_ < *wait_until_) return at(*wait_until_);
    if (minority_since_) {
      const Instant end = *minority_since_ +
                          std::clamp<Nanos>(options_.node_timeout, kShortestRejoin, kLongestRejoin);
      if (now_ < end) return at(end);
    }
  }
  const bool ok = reason.empty();
  if (ok == view_.ok()) {
    if (!ok) view_.set_state(false, reason);
    return;
  }
  log(LogLevel::kNotice,
      ok ? "Cluster state changed: ok" : "Cluster state changed: fail (" + reason + ")");
  view_.set_state(ok, reason);
  view_.touch();
  event(StateChanged{ok});
}

}  // namespace redan
