// A move from here: the walk over the slots, the stream, the pause, the decision.
#include "common/base/clock.h"
#include "common/log/log.h"
#include "common/resp/buffer.h"
#include "server/cluster/verb.h"
#include "server/drivers/migration_tasks.h"
#include "server/persistence/dump_payload.h"
#include "server/session/session.h"

namespace redan {

namespace {

constexpr size_t kBucketsPerLook = 16;     // at the clock
constexpr size_t kFlushBytes = 64 * 1024;  // of the snapshot, in one piece
constexpr size_t kMostUnsent = 1 << 20;    // What the socket did not take: the walk waits,
// and for the target to apply what it has. So small that the two ends work in turns rather than at
// the same time: two busy threads more would be felt by clients of both nodes.
constexpr uint64_t kMostUnapplied = 192 << 10;
// While clients are served, the walk works for a part of each millisecond only: it and the target
// would keep two processors busy, which clients of both nodes feel.
constexpr Millis kPace(1);
constexpr uint64_t kBytesPerPace = 80 << 10;
constexpr Nanos kPingGap = Seconds(1);

void append_bulk(std::string& to, std::string_view word) {
  to += '$';
  to += std::to_string(word.size());
  to += "\r\n";
  to += word;
  to += "\r\n";
}

}  // namespace

MigrationDriver::Out::Out(MigrationDriver& driver, MoveId move, NodeId target, const SlotSet& slots,
                          Session& session)
    : driver_(driver),
      move_(move),
      target_(target),
      slots_(slots),
      session_(&session),
      machine_(MigrationSource::Limits{}) {
  facts_ = {.id = move.hex(),
            .slots = slots.text(),
            .source = driver.parts_.cluster.view().myself().id,
            .target = target,
            .created_unix_ms = unix_ms(wall_now())};
}

MigrationDriver::Out::~Out() {
  end_snapshot();
}

void MigrationDriver::Out::start() {
  MigrationSource::Out out;
  pinged_ = monotonic_now();
  machine_.start(monotonic_now(), out);
  perform(out);
}

void MigrationDriver::Out::acked(uint64_t total) {
  ++acks_;
  MigrationSource::Out out;
  machine_.acked(monotonic_now(), total, out);
  perform(out);
  if (throttled_ && machine_.behind() <= kMostUnapplied / 2) {
    throttled_ = false;
    driver_.parts_.loop.start(*this);
  }
}

void MigrationDriver::Out::ready(uint64_t total) {
  MigrationSource::Out out;
  machine_.acked(monotonic_now(), total, out);
  machine_.ready(monotonic_now(), out);
  perform(out);
}

void MigrationDriver::Out::claimed() {
  MigrationSource::Out out;
  machine_.claimed(out);
  perform(out);
}

void MigrationDriver::Out::taken_back() {
  MigrationSource::Out out;
  machine_.taken_back(out);
  perform(out);
}

void MigrationDriver::Out::fail(const std::string& why) {
  MigrationSource::Out out;
  machine_.fail(why, out);
  perform(out);
}

void MigrationDriver::Out::tick(Instant now) {
  MigrationSource::Out out;
  const ClusterView& view = driver_.parts_.cluster.view();
  if (!decided() && !(slots_ - view.myself().slots).empty()) {
    machine_.fail("the slots are not ours any more", out);
  }
  if (session_ != nullptr && !over() && now - pinged_ >= kPingGap) {
    pinged_ = now;
    const std::string_view ping[] = {"PING"};
    append(ping);
    flush();
  }
  machine_.tick(now, out);
  perform(out);
}

bool MigrationDriver::Out::takes_effects() const {
  return machine_.state() == MigrationSource::State::kSnapshot ||
         machine_.state() == MigrationSource::State::kStreaming;
}

MigrationFacts MigrationDriver::Out::facts() const {
  MigrationFacts facts = facts_;
  if (facts.state.empty()) facts.state = MigrationSource::name(machine_.state());
  facts.keys = keys_;
  facts.bytes = sent_;
  facts.behind_bytes = machine_.behind();
  facts.write_pause_ms = whole_ms(paused_for_);
  return facts;
}

// --- the stream ---

void MigrationDriver::Out::append(std::span<const std::string_view> args) {
  buffer_ += '*';
  buffer_ += std::to_string(args.size());
  buffer_ += "\r\n";
  for (const std::string_view word : args) append_bulk(buffer_, word);
}

void MigrationDriver::Out::send_word(std::initializer_list<std::string_view> words) {
  std::vector<std::string_view> args = {"CLUSTER", "SYNCSLOTS"};
  args.insert(args.end(), words.begin(), words.end());
  append(args);
  flush();
}

void MigrationDriver::Out::transaction(bool begins) {
  if (!begins && std::exchange(multi_sent_, false)) {
    const std::string_view exec[] = {"EXEC"};
    append(exec);
  }
  in_multi_ = begins;
}

void MigrationDriver::Out::fed(Slot slot, std::span<const std::string_view> args) {
  if (!takes_effects() || !slots_.contains(slot)) return;
  if (in_multi_ && !std::exchange(multi_sent_, true)) {
    const std::string_view multi[] = {"MULTI"};
    append(multi);
  }
  append(args);
}

void MigrationDriver::Out::flush() {
  if (buffer_.empty()) return;
  sent_ += buffer_.size();
  if (session_ != nullptr) {
    session_->connection->send_shared(std::make_shared<const std::string>(std::move(buffer_)));
  }
  buffer_ = {};
  MigrationSource::Out out;
  machine_.sent(monotonic_now(), sent_, out);
  perform(out);
}

// --- the snapshot ---

void MigrationDriver::Out::begin_snapshot() {
  if (!driver_.parts_.snapshots.take_engine([this] { fail("the data set is being replaced"); })) {
    return;  // The machine asks again.
  }
  walking_ = true;
  driver_.parts_.keyspace.begin_snapshot(this, &slots_);
  machine_.snapshot_began(monotonic_now());
  driver_.parts_.loop.start(*this);
  pace();
  pace_timer_ = driver_.parts_.loop.every(kPace, [this] { pace(); });
}

// Requests other than the target's acknowledgements are clients'.
void MigrationDriver::Out::pace() {
  const uint64_t requests = driver_.parts_.requests();
  const bool has_clients = requests - requests_seen_ > acks_ - acks_seen_;
  requests_seen_ = requests;
  acks_seen_ = acks_;
  allowed_ = has_clients ? walked_ + kBytesPerPace : UINT64_MAX;
  if (std::exchange(resting_, false)) driver_.parts_.loop.start(*this);
}

void MigrationDriver::Out::end_snapshot() {
  if (!std::exchange(walking_, false)) return;
  pace_timer_.reset();
  driver_.parts_.loop.stop(*this);
  if (driver_.parts_.keyspace.in_snapshot()) driver_.parts_.keyspace.end_snapshot();
  driver_.parts_.snapshots.release_engine();
}

bool MigrationDriver::Out::run_slice(Nanos budget) {
  if (!walking_ || throttled_ || session_ == nullptr) return false;
  const Instant until = monotonic_now() + budget;
  for (;;) {
    if (session_->connection->pending_bytes() > kMostUnsent || machine_.behind() > kMostUnapplied) {
      throttled_ = true;  // An acknowledgement wakes it.
      return false;
    }
    if (walked_ >= allowed_) {
      resting_ = true;
      flush();
      return false;
    }
    const size_t before = buffer_.size();
    const bool more = driver_.parts_.keyspace.walk_snapshot(kBucketsPerLook);
    walked_ += buffer_.size() - before;
    if (!more) {
      end_snapshot();
      flush();
      MigrationSource::Out out;
      machine_.snapshot_done(monotonic_now(), out);
      perform(out);
      return false;
    }
    if (buffer_.size() >= kFlushBytes) flush();
    if (!walking_) return false;  // It failed.
    if (monotonic_now() >= until) return true;
  }
}

void MigrationDriver::Out::emit(int, const Entry& entry) {
  ++keys_;
  if (!entry.is_string()) {
    const std::string deadline = std::to_string(entry.expires() ? entry.expiry_ms() : 0);
    const std::string payload = dump_value(entry);
    buffer_ += "*6\r\n$7\r\nRESTORE\r\n";
    for (const std::string_view word :
         {entry.key(), std::string_view(deadline), std::string_view(payload),
          std::string_view("ABSTTL"), std::string_view("REPLACE")}) {
      append_bulk(buffer_, word);
    }
    return;
  }
  Entry::Scratch scratch;
  const std::string_view value = entry.string(scratch);
  buffer_ += entry.expires() ? "*5\r\n$3\r\nSET\r\n" : "*3\r\n$3\r\nSET\r\n";
  append_bulk(buffer_, entry.key());
  append_bulk(buffer_, value);
  if (!entry.expires()) return;
  append_bulk(buffer_, "PXAT");
  append_bulk(buffer_, std::to_string(entry.expiry_ms()));
}

// --- what the machine asks for ---

void MigrationDriver::Out::give() {
  const Result<void> given = driver_.parts_.cluster.perform([this](ClusterVerb& verb) {
    return verb.machine.give_slots(verb.now, move_, target_, slots_, verb.effects);
  });
  MigrationSource::Out out;
  machine_.gave(monotonic_now(), given ? std::nullopt : std::optional(given.error().message()),
                out);
  perform(out);
}

void MigrationDriver::Out::perform(MigrationSource::Out& effects) {
  using M = MigrationSource;
  for (const M::Effect& effect : std::exchange(effects, {})) {
    if (std::holds_alternative<M::BeginSnapshot>(effect)) {
      begin_snapshot();
    } else if (std::holds_alternative<M::EndSnapshot>(effect)) {
      end_snapshot();
    } else if (std::holds_alternative<M::SnapshotSent>(effect)) {
      send_word({"SNAPSHOT", std::to_string(keys_)});
    } else if (std::holds_alternative<M::AllSent>(effect)) {
      send_word({"END"});
    } else if (std::holds_alternative<M::PauseWrites>(effect)) {
      paused_at_ = monotonic_now();
      writes_wait_ = true;
      driver_.apply_pauses();
    } else if (std::holds_alternative<M::PauseAll>(effect)) {
      all_wait_ = true;
      driver_.apply_pauses();
    } else if (std::holds_alternative<M::Resume>(effect)) {
      paused_for_ = monotonic_now() - paused_at_;
      writes_wait_ = all_wait_ = false;
      driver_.apply_pauses();
    } else if (std::holds_alternative<M::Give>(effect)) {
      give();
    } else if (const auto* end = std::get_if<M::Finished>(&effect)) {
      facts_.state = end->moved ? "completed" : "failed";
      facts_.last_error = end->why;
      facts_.ended_unix_ms = unix_ms(wall_now());
      if (!end->moved && session_ != nullptr) send_word({"FAIL", end->why});
      // The target hangs up once it has read that. (A close of ours with acknowledgements that we
      // have not read would take the word back.) From one that reads nothing we part.
      if (session_ != nullptr && session_->connection->pending_bytes() > kMostUnsent) {
        session_->connection->close_soon("the move of slots is over");
      }
      session_ = nullptr;
      log_notice("Slots {} to {}: {}", slots_.text(), target_.hex(),
                 end->moved ? "moved" : "not moved: " + end->why);
    }
  }
}

}  // namespace redan
