// The target's end of one streaming migration, pure: dials the source, lets its stream be applied,
// and says that it is ready once everything is here and at our replicas. Whether the slots become
// ours is ClusterMachine's to tell (handover.cc).
//
//   kConnecting ─ kStarting ─ kSnapshot ─ kStreaming ─ kEnding ─ kReady ─ kOver
//
// Until kReady whatever goes wrong ends it, and the keys that came are dropped. In kReady the
// source may have decided: then only its word ends it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/time.h"

namespace redan {

class MigrationTarget {
 public:
  enum class State { kConnecting, kStarting, kSnapshot, kStreaming, kEnding, kReady, kOver };

  struct Limits {
    Nanos connect = Seconds(5);
    Nanos silence = Seconds(15);     // Nothing comes from the source.
    Nanos replicas = Millis(1'500);  // For our replicas to have everything.
    Nanos word = Millis(1'000);      // For the source's decision, before it is asked.
  };

  // ---- What it asks for, in order.
  struct Dial {};
  struct SendStart {};
  struct NoteReady {};  // To our replicas, behind all keys; they are asked what they have.
  struct SendReady {};  // ClusterMachine::import_ready first: refused, it is failed.
  struct AskSource {};  // ClusterMachine::ask_about_import.
  struct EndImport {    // ClusterMachine::end_import: the keys go, here and at our replicas.
    std::string why;
  };
  struct HangUp {};
  struct Finished {
    bool moved;
    std::string why;
  };
  using Effect =
      std::variant<Dial, SendStart, NoteReady, SendReady, AskSource, EndImport, HangUp, Finished>;
  using Out = std::vector<Effect>;

  explicit MigrationTarget(Limits limits) : limits_(limits) {}

  void start(Instant now, Out& out);
  void connected(Instant now, Out& out);
  void accepted(Instant now, Out& out);  // The source answered OK.
  void heard(Instant now) { heard_ = now; }
  void snapshot_sent(Instant now, Out& out);
  void all_sent(Instant now, Out& out);
  void replicas_have_it(Instant now, Out& out);
  // The connection ended, or could not be opened; the source refused.
  void lost(Instant now, const std::string& why, Out& out);
  // Something here stands against it (an operator, a flush, no memory, a command that failed).
  void fail(const std::string& why, Out& out);
  // From ClusterMachine.
  void claimed(Out& out);
  void over(const std::string& why, Out& out);
  void tick(Instant now, Out& out);  // Ten times a second or more often.

  State state() const { return state_; }
  static std::string_view name(State state);

 private:
  void ask(Out& out);
  void finish(bool moved, const std::string& why, Out& out);

  Limits limits_;
  State state_ = State::kConnecting;
  Instant since_{};  // Of the state.
  Instant heard_{};
  bool asked_ = false;
};

}  // namespace redan
