// CLUSTER FAILOVER: the replica asks its primary to hold writes, waits until it has all of its
// stream, and only then stands for election: nothing that was acknowledged is lost.
#include "common/protocol/mutants.h"
#include "server/cluster/bus_machine.h"

namespace redan {

using namespace cluster;

namespace {

constexpr Nanos kManualTimeout = Seconds(5);
// The replica gives up before its primary does, also by a slower clock: it must not win when writes
// have gone on.
constexpr Nanos kReplicaTimeout = Millis(4'500);
constexpr Nanos kAgain = Millis(100);
constexpr Nanos kLook = Millis(10);

}  // namespace

Result<void> ClusterMachine::failover(Instant now, FailoverMode mode, BusEffects& out) {
  begin(now);
  if (self().is_primary) return Error("You should send CLUSTER FAILOVER to a replica");
  const ClusterNode* primary = my_primary();
  if (primary == nullptr) return Error("I'm a replica but my master is unknown to me");
  if (mode == FailoverMode::kGraceful && (primary->failed() || !primary->link_up)) {
    return Error("Master is down or failed, please use CLUSTER FAILOVER FORCE");
  }
  if (mode != FailoverMode::kTakeover && !has_data()) {
    return Error("I hold no data of my master yet, wait for the synchronization or use TAKEOVER");
  }
  // Somebody has taken over already, and we have not heard who. A second leader would lead nothing,
  // and keep keys that are another's.
  if (mode == FailoverMode::kTakeover && !primary->has_slots()) {
    return Error("My master owns no slots: there is nothing to take over");
  }
  end_manual_failover();
  if (mode == FailoverMode::kTakeover) {
    log(LogLevel::kWarning, "Taking over the master (user request).");
    set_epoch(Epoch(std::max(view_.current_epoch(), primary->config_epoch).value + 1));
    win(view_.current_epoch());
  } else {
    manual_until_ = now_ + kReplicaTimeout;
    manual_again_ = now_;
    manual_ready_ = mode == FailoverMode::kForce;
    manual_attempt_ = rng_.next();
    election_at_.reset();
    asked_ = false;
    log(LogLevel::kWarning, manual_ready_ ? "Forced failover user request accepted."
                                          : "Manual failover user request accepted.");
  }
  soon();
  settle(out);
  return kOk;
}

void ClusterMachine::on(From from, const FailoverStart& start) {
  if (!self().is_primary || from.node.is_primary || from.node.primary != self().id) return;
  if (manual_until_ && manual_attempt_ == start.attempt) return;  // Told twice.
  end_manual_failover();
  manual_until_ = now_ + kManualTimeout;
  manual_replica_ = from.node.id;
  manual_attempt_ = start.attempt;
  log(LogLevel::kWarning, "Manual failover requested by replica " + from.node.id.hex() + ".");
  event(PauseWrites{std::chrono::duration_cast<Millis>(2 * kManualTimeout)});
  // The offset is told in the next tick, when the pause is in force.
  manual_again_ = now_;
  soon();
}

void ClusterMachine::on(From from, const FailoverPaused& paused) {
  if (!manual_until_ || self().is_primary || self().primary != from.node.id) return;
  if (manual_offset_ || manual_attempt_ != paused.attempt) return;
  manual_offset_ = paused.replication_offset;
  soon();
}

void ClusterMachine::step_manual_failover() {
  if (!manual_until_) return;
  if (now_ >= *manual_until_) {
    log(LogLevel::kWarning, "Manual failover timed out.");
    return end_manual_failover();
  }
  at(*manual_until_);
  if (self().is_primary) {
    if (now_ >= manual_again_) {
      manual_again_ = now_ + kAgain;
      if (const ClusterNode* replica = view_.find(manual_replica_)) {
        send(*replica,
             FailoverPaused{.attempt = manual_attempt_, .replication_offset = replication_.offset});
      }
    }
    return at(manual_again_);
  }
  if (manual_ready_) return;
  if (manual_offset_) {
    manual_ready_ = replication_.offset >= *manual_offset_;
    if (!manual_ready_) at(now_ + kLook);
    return;
  }
  if (now_ >= manual_again_) {
    manual_again_ = now_ + kAgain;
    if (const ClusterNode* primary = my_primary()) send(*primary, FailoverStart{manual_attempt_});
  }
  at(manual_again_);
}

void ClusterMachine::end_manual_failover() {
  if (!manual_until_) return;
  if (!manual_replica_.empty()) event(ResumeWrites{});
  manual_until_.reset();
  manual_replica_ = {};
  manual_offset_.reset();
  manual_ready_ = false;
}

}  // namespace redan
