// The source's end of one streaming migration, pure: the snapshot of the slots, the live stream
// behind it, a short pause of these slots, and the decision. What it asks for is performed by
// server/drivers/migration_source_driver; who owns the slots afterwards is ClusterMachine's
// (handover.cc).
//
//   kWaiting ─ kSnapshot ─ kStreaming ─ kPaused ─ kGiven ─ kOver
//
// One connection carries everything, so the target gets all in the order in which it happened: a
// key is sent before the first effect on it, for the snapshot engine emits what a write is about to
// change. Nothing waits for the target but these slots in kPaused: who is too slow fails.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/time.h"

namespace redan {

class MigrationSource {
 public:
  enum class State { kWaiting, kSnapshot, kStreaming, kPaused, kGiven, kOver };

  struct Limits {
    Nanos silence = Seconds(10);           // The target acknowledges nothing, though it could.
    Nanos pause = Millis(2'000);           // Writes of the slots wait at most that long.
    Nanos hold = Millis(1'000);            // After the decision, for the claim.
    uint64_t begin_pause_below = 1 << 18;  // Bytes that the target is behind.
    uint64_t most_behind = 256 << 20;
  };

  // ---- What it asks for, in order.
  struct BeginSnapshot {};  // Answered by snapshot_began(), now or when the engine is free.
  struct EndSnapshot {};
  struct SnapshotSent {};  // Words to the target: behind this one every key was sent once,
  struct AllSent {};       // and behind this one there will be nothing.
  struct PauseWrites {};
  struct PauseAll {};  // The slots have no server for a moment: reads wait too.
  struct Resume {};
  struct Give {};  // ClusterMachine::give_slots, answered by gave() at once.
  struct Finished {
    bool moved;
    std::string why;  // Where it did not.
  };
  using Effect = std::variant<BeginSnapshot, EndSnapshot, SnapshotSent, AllSent, PauseWrites,
                              PauseAll, Resume, Give, Finished>;
  using Out = std::vector<Effect>;

  explicit MigrationSource(Limits limits) : limits_(limits) {}

  void start(Instant now, Out& out);
  void snapshot_began(Instant now);
  void snapshot_done(Instant now, Out& out);
  // All bytes that were handed to the connection, and those that the target has applied.
  void sent(Instant now, uint64_t total, Out& out);
  void acked(Instant now, uint64_t total, Out& out);
  // The target: everything is here and at my replicas.
  void ready(Instant now, Out& out);
  void gave(Instant now, std::optional<std::string> refused, Out& out);
  // From ClusterMachine, after the decision.
  void claimed(Out& out);
  void taken_back(Out& out);
  // The connection ended, the slots went elsewhere, the data was flushed, the operator cancels.
  // Before the decision everything is as it was; afterwards nothing changes.
  void fail(const std::string& why, Out& out);
  void tick(Instant now, Out& out);  // Ten times a second or more often.

  State state() const { return state_; }
  static std::string_view name(State state);
  bool decided() const { return state_ == State::kGiven || (state_ == State::kOver && moved_); }
  uint64_t behind() const { return sent_ - acked_; }

 private:
  void catch_up(Instant now, Out& out);
  void finish(bool moved, const std::string& why, Out& out);

  Limits limits_;
  State state_ = State::kWaiting;
  uint64_t sent_ = 0, acked_ = 0;
  Instant progress_{};  // When it last acknowledged something, or had nothing to.
  Instant paused_at_{}, given_at_{};
  bool paused_ = false;
  bool moved_ = false;
};

}  // namespace redan
