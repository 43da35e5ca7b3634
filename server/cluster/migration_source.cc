#include "server/cluster/migration_source.h"

#include <algorithm>
#include <utility>

namespace redan {

std::string_view MigrationSource::name(State state) {
  switch (state) {
    case State::kWaiting:
      return "waiting";
    case State::kSnapshot:
      return "snapshot";
    case State::kStreaming:
      return "streaming";
    case State::kPaused:
      return "paused";
    case State::kGiven:
      return "given";
    case State::kOver:
      break;
  }
  return "over";
}

void MigrationSource::start(Instant now, Out& out) {
  progress_ = now;
  out.emplace_back(BeginSnapshot{});
}

void MigrationSource::snapshot_began(Instant now) {
  if (state_ != State::kWaiting) return;
  state_ = State::kSnapshot;
  progress_ = now;
}

void MigrationSource::snapshot_done(Instant now, Out& out) {
  if (state_ != State::kSnapshot) return;
  state_ = State::kStreaming;
  out.emplace_back(SnapshotSent{});
  catch_up(now, out);
}

void MigrationSource::sent(Instant now, uint64_t total, Out& out) {
  if (behind() == 0) progress_ = now;
  sent_ = std::max(sent_, total);
  if (state_ == State::kGiven || state_ == State::kOver) return;
  if (behind() > limits_.most_behind) {
    fail("the target does not keep up: it is " + std::to_string(behind()) + " bytes behind", out);
  }
}

void MigrationSource::acked(Instant now, uint64_t total, Out& out) {
  if (total > sent_) return fail("the target acknowledged more than it was sent", out);
  if (total > acked_) progress_ = now;
  acked_ = std::max(acked_, total);
  catch_up(now, out);
}

// Near enough that what is left takes no time.
void MigrationSource::catch_up(Instant now, Out& out) {
  if (state_ != State::kStreaming || behind() > limits_.begin_pause_below) return;
  state_ = State::kPaused;
  paused_ = true;
  paused_at_ = now;
  out.emplace_back(PauseWrites{});
  out.emplace_back(AllSent{});
}

void MigrationSource::ready(Instant now, Out& out) {
  if (state_ != State::kPaused) return fail("the target is ready too early", out);
  if (behind() > 0) return fail("the target is ready without all that was sent", out);
  if (now - paused_at_ > limits_.pause) return tick(now, out);
  out.emplace_back(Give{});
}

void MigrationSource::gave(Instant now, std::optional<std::string> refused, Out& out) {
  if (refused) return fail(*refused, out);
  state_ = State::kGiven;
  given_at_ = now;
  out.emplace_back(PauseAll{});
}

void MigrationSource::claimed(Out& out) {
  if (state_ == State::kGiven) finish(true, "", out);
}

void MigrationSource::taken_back(Out& out) {
  if (state_ == State::kGiven) finish(false, "the target did not take the slots", out);
}

void MigrationSource::fail(const std::string& why, Out& out) {
  if (state_ == State::kGiven || state_ == State::kOver) return;
  if (state_ == State::kSnapshot) out.emplace_back(EndSnapshot{});
  finish(false, why, out);
}

void MigrationSource::finish(bool moved, const std::string& why, Out& out) {
  state_ = State::kOver;
  moved_ = moved;
  if (std::exchange(paused_, false)) out.emplace_back(Resume{});
  out.emplace_back(Finished{.moved = moved, .why = why});
}

void MigrationSource::tick(Instant now, Out& out) {
  switch (state_) {
    case State::kWaiting:
      return out.emplace_back(BeginSnapshot{}), void();
    case State::kSnapshot:
    case State::kStreaming:
      if (behind() > 0 && now - progress_ >= limits_.silence) {
        fail("the target does not answer", out);
      }
      return;
    case State::kPaused:
      if (now - paused_at_ >= limits_.pause) {
        fail("the target was not ready in time: writes wait no longer", out);
      }
      return;
    case State::kGiven:
      if (now - given_at_ >= limits_.hold && std::exchange(paused_, false)) {
        out.emplace_back(Resume{});
      }
      return;
    case State::kOver:
      return;
  }
}

}  // namespace redan
