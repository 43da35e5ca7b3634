#include "server/drivers/migration_driver.h"

#include <algorithm>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/rng.h"
#include "common/resp/writer.h"
#include "server/cluster/verb.h"
#include "server/drivers/migration_tasks.h"
#include "server/session/session.h"

namespace redan {

namespace {

constexpr Millis kTick = Millis(20);
constexpr size_t kMostRemembered = 32;

}  // namespace

Result<SlotSet> slots_of_words(std::span<const std::string_view> words) {
  SlotSet all;
  for (const std::string_view word : words) {
    const Result<SlotSet> slots = SlotSet::parse(word);
    if (!slots) return slots.error();
    all |= *slots;
  }
  return all;
}

MigrationDriver::MigrationDriver(Parts parts)
    : parts_(std::move(parts)), rng_(parts_.seed != 0 ? parts_.seed : system_seed()) {}

MigrationDriver::~MigrationDriver() = default;

void MigrationDriver::stop() {
  stopping_ = true;
  timer_.reset();
  outs_.clear();
  ins_.clear();
}

// --- verbs ---

Result<std::string> MigrationDriver::import(const SlotSet& slots) {
  const ClusterView& view = parts_.cluster.view();
  const ClusterNode* source = nullptr;
  std::optional<Error> wrong;
  slots.for_each([&](Slot slot) {
    if (wrong) return;
    const ClusterNode* owner = view.owner(slot);
    if (owner == nullptr) {
      wrong = Error("Slot " + std::to_string(slot.value) + " has no owner");
    } else if (owner == &view.myself()) {
      wrong = Error("Slot " + std::to_string(slot.value) + " is served here already");
    } else if (source != nullptr && owner != source) {
      wrong = Error("The slots have several owners: import those of one owner at a time");
    }
    source = owner;
  });
  if (wrong) return *wrong;
  if (source == nullptr) return Error("No slots are named");
  if (source->failed()) return Error("The owner of the slots, " + source->id.hex() + ", is down");
  const IncomingSlots incoming{.move = rng_.node_id(), .from = source->id, .slots = slots};
  const Result<void> begun = parts_.cluster.perform([&](ClusterVerb& verb) {
    return verb.machine.begin_import(verb.now, incoming, verb.effects);
  });
  if (!begun) return begun.error();
  // What an old dump or a crash left there must not mix with what comes.
  slots.for_each([&](Slot slot) {
    if (parts_.keyspace.slot_size(slot) > 0) {
      parts_.keyspace.drop_slot(slot, Keyspace::Free::kLazily);
    }
  });
  ins_.push_back(std::make_unique<In>(*this, incoming.move, source->id, slots));
  watch();
  ins_.back()->start();
  return incoming.move.hex();
}

std::vector<MigrationFacts> MigrationDriver::tasks() const {
  std::vector<MigrationFacts> all = past_;
  for (const auto& out : outs_) all.push_back(out->facts());
  for (const auto& in : ins_) all.push_back(in->facts());
  return all;
}

Result<int64_t> MigrationDriver::cancel(std::optional<std::string_view> id) {
  int64_t cancelled = 0;
  for (const auto& in : ins_) {
    if (in->is_over() || (id && in->move().hex() != *id)) continue;
    in->fail("canceled");
    ++cancelled;
  }
  for (const auto& out : outs_) {
    if (out->over() || out->decided() || (id && out->move().hex() != *id)) continue;
    out->fail("canceled");
    ++cancelled;
  }
  watch();
  return cancelled;
}

// --- words ---

Result<void> MigrationDriver::syncslots(Session& session, std::span<const std::string_view> args,
                                        ReplyWriter& reply) {
  const std::string_view word = args[2];
  if (session.kind == ClientKind::kMigration) {
    if (In* in = in_of(session)) in->word(args);
    return kOk;
  }
  if (word == "NOTE" || word == "FORGET") return note(session, args);
  if (word == "START") return start_out(session, args, reply);
  const std::optional<uint64_t> parsed =
      parse_uint64(args.size() == 5 ? args[4] : std::string_view());
  if ((word != "ACK" && word != "READY") || !parsed) {
    return Error("CLUSTER SYNCSLOTS is for nodes that stream slots to each other");
  }
  const uint64_t total = parsed.value_or(0);
  for (const auto& out : outs_) {
    if (out->session() != &session || out->move().hex() != args[3]) continue;
    word == "ACK" ? out->acked(total) : out->ready(total);
    return kOk;
  }
  // It is over: nothing is left to be said.
  return kOk;
}

Result<void> MigrationDriver::start_out(Session& session, std::span<const std::string_view> args,
                                        ReplyWriter& reply) {
  if (args.size() < 6) return Error("CLUSTER SYNCSLOTS START move target slot [slot ...]");
  const std::optional<NodeId> move = NodeId::from_hex(args[3]), target = NodeId::from_hex(args[4]);
  const Result<SlotSet> slots = slots_of_words(args.subspan(5));
  if (!move || !target) return Error("That is no node's id");
  if (!slots) return slots.error();
  const ClusterView& view = parts_.cluster.view();
  const ClusterNode* to = view.find(*target);
  if (!view.myself().is_primary) return Error("I am no master");
  if (to == nullptr || to == &view.myself() || to->handshake || !to->is_primary) {
    return Error("Node " + target->hex() + " is no other master that I know");
  }
  const SlotSet foreign = *slots - view.myself().slots;
  if (slots->empty() || !foreign.empty()) {
    return Error("Slots " + foreign.text() + " are not mine");
  }
  for (const auto& out : outs_) {
    if (!out->over() && !(out->slots() & *slots).empty()) {
      return Error("Slot " + std::to_string((out->slots() & *slots).ranges()[0].first.value) +
                   " is on its way to another node already");
    }
  }
  for (const auto* moves : {&view.migrating(), &view.importing()}) {
    for (const auto& [slot, node] : *moves) {
      if (slots->contains(slot)) {
        return Error("Slot " + std::to_string(slot.value) + " is open (SETSLOT): close it first");
      }
    }
  }
  reply.ok();
  outs_.push_back(std::make_unique<Out>(*this, *move, *target, *slots, session));
  watch();
  // Behind the reply, and not from within a command.
  parts_.loop.post([this, id = *move] {
    for (const auto& out : outs_) {
      if (out->move() == id && !out->over()) out->start();
    }
  });
  return kOk;
}

// From our primary's stream.
Result<void> MigrationDriver::note(Session& session, std::span<const std::string_view> args) {
  if (session.kind != ClientKind::kPrimary) {
    return Error("CLUSTER SYNCSLOTS is for nodes that stream slots to each other");
  }
  const std::optional<NodeId> move =
      args.size() > 3 ? NodeId::from_hex(args[3]) : std::optional<NodeId>();
  if (!move) return Error("That is no move's id");
  if (args[2] == "FORGET") {
    return parts_.cluster.perform([&](ClusterVerb& verb) -> Result<void> {
      verb.machine.forget_import(verb.now, *move, verb.effects);
      return kOk;
    });
  }
  if (args.size() < 7) return Error("The note is cut off");
  const std::optional<NodeId> source = NodeId::from_hex(args[4]);
  const Result<SlotSet> slots = slots_of_words(args.subspan(6));
  if (!source || !slots) return Error("The note is no note");
  const IncomingSlots incoming{
      .move = *move, .from = *source, .slots = *slots, .ready = args[5] == "READY"};
  return parts_.cluster.perform([&](ClusterVerb& verb) -> Result<void> {
    verb.machine.note_import(verb.now, incoming, verb.effects);
    return kOk;
  });
}

// --- the write path ---

void MigrationDriver::fed(std::optional<Slot> slot, std::span<const std::string_view> args) {
  const bool multi = args.size() == 1 && iequals(args[0], "multi");
  const bool exec = args.size() == 1 && iequals(args[0], "exec");
  for (const auto& out : outs_) {
    if (multi || exec) {
      out->transaction(multi);
    } else if (slot) {
      out->fed(*slot, args);
    }
  }
}

MigrationDriver::In* MigrationDriver::in_of(const Session& session) {
  for (const auto& in : ins_) {
    if (in->session() == &session) return in.get();
  }
  return nullptr;
}

void MigrationDriver::applied(Session& session, size_t bytes) {
  if (In* in = in_of(session)) in->applied(bytes);
}

void MigrationDriver::apply_failed(Session& session, const Error& error) {
  if (In* in = in_of(session)) {
    in->fail("an effect of the source could not be applied here: " + error.text());
  }
}

void MigrationDriver::session_closed(Session& session) {
  for (const auto& out : outs_) {
    if (out->session() != &session) continue;
    out->connection_closed();
    out->fail("the connection to the target ended");
  }
  if (session.kind != ClientKind::kMigration) return;
  if (In* in = in_of(session)) in->connection_closed();
}

void MigrationDriver::batch_done() {
  for (const auto& out : outs_) out->flush();
  for (const auto& in : ins_) in->acknowledge_if_due();
}

void MigrationDriver::flushing() {
  for (const auto& out : outs_) out->fail("the data of the source was flushed");
  for (const auto& in : ins_) in->fail("the data of the target was flushed");
}

void MigrationDriver::data_replaced() {
  static_cast<void>(parts_.cluster
                        .perform([](ClusterVerb& verb) -> Result<void> {
                          verb.machine.data_replaced(verb.now, verb.effects);
                          return kOk;
                        })
                        .ok());
}

// --- ClusterMachine's events ---

void MigrationDriver::on(const cluster::BusEvent& event) {
  const auto out_of = [&](MoveId move) -> Out* {
    for (const auto& out : outs_) {
      if (out->move() == move) return out.get();
    }
    return nullptr;
  };
  const auto in_of_move = [&](MoveId move) -> In* {
    for (const auto& in : ins_) {
      if (in->move() == move) return in.get();
    }
    return nullptr;
  };
  if (std::holds_alternative<cluster::PauseWrites>(event)) {
    // The replica that takes over waits for our stream to stand still, and must not find slots
    // given away that it has not heard of.
    for (const auto& out : outs_) out->fail("a manual failover of the source begins");
    for (const auto& in : ins_) in->fail("a manual failover of the target begins");
  } else if (const auto* asked = std::get_if<cluster::MoveAsked>(&event)) {
    if (Out* out = out_of(asked->move)) out->fail("the target lost the connection");
  } else if (const auto* claimed = std::get_if<cluster::MoveClaimed>(&event)) {
    if (Out* out = out_of(claimed->move)) out->claimed();
  } else if (const auto* back = std::get_if<cluster::MoveTakenBack>(&event)) {
    if (Out* out = out_of(back->move)) out->taken_back();
  } else if (const auto* import = std::get_if<cluster::ImportClaimed>(&event)) {
    if (In* in = in_of_move(import->move)) in->claimed();
  } else if (const auto* over = std::get_if<cluster::ImportOver>(&event)) {
    if (In* in = in_of_move(over->move)) in->over(over->why);
  }
}

// --- housekeeping ---

void MigrationDriver::apply_pauses() {
  SlotSet writes, all;
  for (const auto& out : outs_) {
    if (out->writes_wait()) writes |= out->slots();
    if (out->all_wait()) all |= out->slots();
  }
  parts_.pause_slots(writes, all);
}

void MigrationDriver::remember(MigrationFacts facts) {
  if (past_.size() == kMostRemembered) past_.erase(past_.begin());
  past_.push_back(std::move(facts));
}

void MigrationDriver::watch() {
  tapped_ = !outs_.empty();
  if (outs_.empty() && ins_.empty()) {
    timer_.reset();
  } else if (timer_ == nullptr && !stopping_) {
    timer_ = parts_.loop.every(kTick, [this] { tick(); });
  }
}

void MigrationDriver::tick() {
  const Instant now = monotonic_now();
  for (const auto& out : outs_) out->tick(now);
  for (const auto& in : ins_) {
    if (!in->is_over()) in->tick(now);
  }
  for (auto it = outs_.begin(); it != outs_.end();) {
    if (!(*it)->over()) {
      ++it;
      continue;
    }
    remember((*it)->facts());
    it = outs_.erase(it);
  }
  for (auto it = ins_.begin(); it != ins_.end();) {
    if (!(*it)->is_over()) {
      ++it;
      continue;
    }
    remember((*it)->facts());
    it = ins_.erase(it);
  }
  // The timer that runs us ends only once we are through.
  if (outs_.empty() && ins_.empty()) parts_.loop.post([this] { watch(); });
  tapped_ = !outs_.empty();
}

}  // namespace redan
