#include "server/cluster/migration_target.h"

#include <utility>

namespace redan {

std::string_view MigrationTarget::name(State state) {
  switch (state) {
    case State::kConnecting:
      return "connecting";
    case State::kStarting:
      return "starting";
    case State::kSnapshot:
      return "snapshot";
    case State::kStreaming:
      return "streaming";
    case State::kEnding:
      return "ending";
    case State::kReady:
      return "ready";
    case State::kOver:
      break;
  }
  return "over";
}

void MigrationTarget::start(Instant now, Out& out) {
  since_ = heard_ = now;
  out.emplace_back(Dial{});
}

void MigrationTarget::connected(Instant now, Out& out) {
  if (state_ != State::kConnecting) return;
  state_ = State::kStarting;
  since_ = heard_ = now;
  out.emplace_back(SendStart{});
}

void MigrationTarget::accepted(Instant now, Out& out) {
  if (state_ != State::kStarting) return fail("the source's answer came out of turn", out);
  state_ = State::kSnapshot;
  since_ = heard_ = now;
}

void MigrationTarget::snapshot_sent(Instant now, Out& out) {
  if (state_ != State::kSnapshot) return fail("the source's words came out of turn", out);
  state_ = State::kStreaming;
  since_ = heard_ = now;
}

void MigrationTarget::all_sent(Instant now, Out& out) {
  if (state_ != State::kStreaming) return fail("the source's words came out of turn", out);
  state_ = State::kEnding;
  since_ = heard_ = now;
  out.emplace_back(NoteReady{});
}

void MigrationTarget::replicas_have_it(Instant now, Out& out) {
  if (state_ != State::kEnding) return;
  state_ = State::kReady;
  since_ = now;
  out.emplace_back(SendReady{});
}

void MigrationTarget::lost(Instant now, const std::string& why, Out& out) {
  heard_ = now;
  if (state_ == State::kReady) return ask(out);
  fail(why, out);
}

void MigrationTarget::ask(Out& out) {
  if (std::exchange(asked_, true)) return;
  out.emplace_back(AskSource{});
}

void MigrationTarget::fail(const std::string& why, Out& out) {
  if (state_ == State::kOver) return;
  out.emplace_back(EndImport{why});
  finish(false, why, out);
}

void MigrationTarget::claimed(Out& out) {
  if (state_ != State::kOver) finish(true, "", out);
}

void MigrationTarget::over(const std::string& why, Out& out) {
  if (state_ != State::kOver) finish(false, why, out);
}

void MigrationTarget::finish(bool moved, const std::string& why, Out& out) {
  state_ = State::kOver;
  out.emplace_back(HangUp{});
  out.emplace_back(Finished{.moved = moved, .why = why});
}

void MigrationTarget::tick(Instant now, Out& out) {
  switch (state_) {
    case State::kConnecting:
    case State::kStarting:
      if (now - since_ >= limits_.connect) fail("the source does not answer", out);
      return;
    case State::kSnapshot:
    case State::kStreaming:
      if (now - heard_ >= limits_.silence) fail("the source is silent", out);
      return;
    case State::kEnding:
      if (now - since_ >= limits_.replicas) fail("our replicas do not keep up", out);
      return;
    case State::kReady:
      if (now - since_ >= limits_.word) ask(out);
      return;
    case State::kOver:
      return;
  }
}

}  // namespace redan
