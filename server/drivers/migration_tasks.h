// The two kinds of task of MigrationDriver: a move from here (Out) and one to here (In).
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/cluster/handover.h"
#include "server/cluster/migration_source.h"
#include "server/cluster/migration_target.h"
#include "server/drivers/migration_driver.h"
#include "server/keyspace/keyspace.h"

namespace redan {

class MigrationDriver::Out final : public BackgroundWork, public SnapshotSink {
 public:
  Out(MigrationDriver& driver, MoveId move, NodeId target, const SlotSet& slots, Session& session);
  ~Out() override;

  void start();
  void acked(uint64_t total);
  void ready(uint64_t total);
  void claimed();
  void taken_back();
  void fail(const std::string& why);
  void fed(Slot slot, std::span<const std::string_view> args);
  void transaction(bool begins);
  void flush();
  void tick(Instant now);
  void connection_closed() { session_ = nullptr; }

  bool over() const { return machine_.state() == MigrationSource::State::kOver; }
  bool decided() const { return machine_.decided(); }
  bool takes_effects() const;
  const Session* session() const { return session_; }
  const SlotSet& slots() const { return slots_; }
  MoveId move() const { return move_; }
  bool writes_wait() const { return writes_wait_; }
  bool all_wait() const { return all_wait_; }
  MigrationFacts facts() const;

  // BackgroundWork and SnapshotSink: the walk over the slots.
  bool run_slice(Nanos budget) override;
  void emit(int db, const Entry& entry) override;

 private:
  void perform(MigrationSource::Out& out);
  void send_word(std::initializer_list<std::string_view> words);
  void append(std::span<const std::string_view> args);
  void begin_snapshot();
  void end_snapshot();
  void pace();
  void give();

  MigrationDriver& driver_;
  const MoveId move_;
  const NodeId target_;
  const SlotSet slots_;
  Session* session_;
  MigrationSource machine_;
  std::string buffer_;  // Not handed to the connection yet.
  uint64_t sent_ = 0;   // Bytes, those in buffer_ not counted.
  uint64_t keys_ = 0;
  bool walking_ = false;
  bool throttled_ = false;         // The walk waits for the target,
  bool resting_ = false;           // or for the next turn of pace().
  uint64_t walked_ = 0;            // Bytes that the walk has made,
  uint64_t allowed_ = UINT64_MAX;  // and at which it rests.
  uint64_t requests_seen_ = 0, acks_ = 0, acks_seen_ = 0;
  DataLoop::Timer pace_timer_;
  bool in_multi_ = false;    // The write path is in a transaction,
  bool multi_sent_ = false;  // and the target knows it.
  bool writes_wait_ = false, all_wait_ = false;
  Instant pinged_{};
  Instant paused_at_{};
  Nanos paused_for_{};
  MigrationFacts facts_;
};

class MigrationDriver::In final {
 public:
  In(MigrationDriver& driver, MoveId move, NodeId source, const SlotSet& slots);
  ~In();

  void start();
  void applied(size_t bytes);
  void word(std::span<const std::string_view> args);
  void lost(const std::string& why);
  void fail(const std::string& why);
  void claimed();
  void over(const std::string& why);
  void acknowledge();
  void acknowledge_if_due();
  void tick(Instant now);
  void connection_closed();

  bool is_over() const { return machine_.state() == MigrationTarget::State::kOver; }
  bool is_ready() const { return machine_.state() == MigrationTarget::State::kReady; }
  const Session* session() const { return session_; }
  MoveId move() const { return move_; }
  MigrationFacts facts() const;

 private:
  struct Socket;
  void perform(MigrationTarget::Out& out);
  void dial();
  void send_start();
  void read_answers();
  void answered(std::string line);
  void note(std::string_view state);
  void check_replicas();
  void send_ready();
  void hang_up();

  MigrationDriver& driver_;
  const MoveId move_;
  const NodeId source_;
  const SlotSet slots_;
  MigrationTarget machine_;
  std::shared_ptr<Socket> socket_;  // Until the source has accepted.
  Session* session_ = nullptr;      // From then on.
  int answers_due_ = 0;
  uint64_t applied_ = 0, acked_ = 0;
  int64_t ready_offset_ = 0;  // Of our own stream, behind the note.
  uint64_t keys_ = 0;
  Instant noted_{};
  DataLoop::Timer replicas_timer_;
  MigrationFacts facts_;
};

}  // namespace redan
