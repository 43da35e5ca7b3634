#include "tests/sim/migration_world.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "common/base/check.h"
#include "server/cluster/bus_machine.h"
#include "server/cluster/liveness.h"
#include "server/cluster/migration_source.h"
#include "server/cluster/migration_target.h"
#include "tests/sim/world.h"

namespace redan::sim {
namespace {

using namespace cluster;

constexpr int kShards = 3;
constexpr int kNodes = 2 * kShards;
constexpr Nanos kCopyGap = Millis(20);
constexpr Nanos kDropTakesAtMost = Millis(50);

SlotSet moving_slots() {
  SlotSet slots;
  slots.add(SlotRange{Slot(0), Slot(2)});
  return slots;
}

// What a node holds of the moving slots: every write that reached it.
using Data = std::map<Slot, std::vector<uint32_t>>;

// What replication carries: all of it, each time. (Order and atomicity are those of a stream.)
struct Copy {
  int from = 0;
  uint64_t life = 0;
  int64_t offset = 0;
  Data data;
  std::map<MoveId, IncomingSlots> notes;
};

struct Books {
  std::map<Slot, std::set<uint32_t>> acknowledged;
  uint32_t written = 0;
};

std::string ip_of(int index) {
  return "10.1.0." + std::to_string(index + 1);
}

class Node;
using Nodes = std::vector<std::unique_ptr<Node>>;

class Node {
 public:
  Node(World& world, MigrationOutcome& outcome, Books& books, Nodes& all, int index,
       ClusterOptions options, std::string disk)
      : world_(world),
        outcome_(outcome),
        books_(books),
        all_(all),
        index_(index),
        options_(options),
        disk_(std::move(disk)) {
    world_.add_process();
    boot();
  }

  bool alive() const { return world_.process(index_).alive; }
  bool running() const { return alive() && !world_.process(index_).paused; }
  const ClusterView& view() const { return machine_->view(); }
  ClusterMachine& machine() { return *machine_; }
  Instant local() const { return world_.local(index_); }
  const Data& data() const { return data_; }
  bool owns(Slot slot) const { return view().owner(slot) == &view().myself(); }
  bool is_idle() const { return in_ == nullptr && out_ == nullptr; }

  void crash(bool silent) {
    if (!alive()) return;
    world_.crash(index_, silent);
    inbox_.clear();
    effects_.clear();
    busy_ = false;
    dropping_ = {};
    in_.reset();
    out_.reset();
    pending_.clear();
  }
  void restart() {
    if (alive()) return;
    world_.restart(index_);
    boot();
  }
  void input(std::function<void(BusEffects&)> what) {
    inbox_.push_back(std::move(what));
    take_next();
  }
  void arrive(const Envelope& envelope, int from) {
    const Liveness::Verdict verdict = liveness_.judge(envelope);
    if (verdict.answer) transmit(from, *verdict.answer);
    if (!verdict.for_us) return;
    input([this, envelope, from](BusEffects& out) {
      machine_->receive(
          local(), {.id = envelope.from, .observed_ip = ip_of(from), .local_ip = ip_of(index_)},
          envelope.message, out);
      machine_->link_up(local(), envelope.from, out);
    });
  }

  // ---- Clients: a write that this node accepts. It counts once the replica has it.
  void write(Slot slot) {
    input([this, slot](BusEffects&) {
      if (!owns(slot) || !view().ok() || writes_pause(slot)) return;
      const uint32_t value = ++books_.written;
      data_[slot].push_back(value);
      pending_.push_back({++offset_, slot, value});
      if (out_ != nullptr && out_->slots.contains(slot)) stream();
    });
  }

  // ---- The operator's tool: imports what is elsewhere.
  void import() {
    if (!running() || in_ != nullptr || !view().myself().is_primary) return;
    const ClusterNode* owner = view().owner(Slot(0));
    if (owner == nullptr || owner == &view().myself()) return;
    const IncomingSlots incoming{
        .move = world_.rng.node_id(), .from = owner->id, .slots = moving_slots() & owner->slots};
    input([this, incoming](BusEffects& out) {
      if (!machine_->begin_import(local(), incoming, out)) return;
      ++outcome_.moves;
      forget_data(incoming.slots);
      in_ = std::make_unique<In>(
          In{.move = incoming.move, .from = incoming.from, .slots = incoming.slots});
      MigrationTarget::Out asked;
      in_->machine.start(local(), asked);
      perform(asked, out);
    });
  }

 private:
  struct Write {
    int64_t offset;
    Slot slot;
    uint32_t value;
  };
  struct Out {
    MoveId move;
    NodeId to;
    SlotSet slots;
    ConnectionPtr connection;
    MigrationSource machine{MigrationSource::Limits{}};
    uint64_t sent = 0;
    bool writes_wait = false, all_wait = false;
  };
  struct In {
    MoveId move;
    NodeId from;
    SlotSet slots;
    ConnectionPtr connection;
    MigrationTarget machine{MigrationTarget::Limits{}};
    uint64_t applied = 0;
    int64_t ready_offset = -1;
  };

  void boot() {
    Result<NodesFile> stored = NodesFile::parse(disk_);
    REDAN_CHECK(stored.ok());
    liveness_ = {};
    paused_until_.reset();
    copied_at_.reset();
    noted_.clear();
    claimed_.clear();
    replica_at_.clear();
    machine_ = std::make_unique<ClusterMachine>(
        options_, *stored, static_cast<uint64_t>(index_) * 77 + world_.process(index_).incarnation,
        local());
    input([this](BusEffects& out) {
      machine_->start(local(), out);
      machine_->adopt_loaded_slots(local(), slots_with_keys(), out);
    });
    beat();
  }
  SlotSet slots_with_keys() const {
    SlotSet with_keys;
    for (const auto& [slot, values] : data_) with_keys.add(slot);
    return with_keys;
  }

  // ---- Replication, and the clock of the stream's ends.
  void beat() {
    world_.post(world_.now() + kCopyGap, index_, [this] {
      input([this](BusEffects& out) {
        const Instant now = local();
        if (view().myself().is_primary) {
          for (size_t i = 0; i < all_.size(); ++i) send_copy(static_cast<int>(i));
        }
        if (out_ != nullptr) {
          MigrationSource::Out asked;
          if (!out_->machine.decided() && !(out_->slots - view().myself().slots).empty()) {
            out_->machine.fail("the slots are not ours any more", asked);
          }
          out_->machine.tick(now, asked);
          perform(asked, out);
        }
        if (in_ != nullptr) {
          MigrationTarget::Out asked;
          in_->machine.tick(now, asked);
          perform(asked, out);
          check_replicas(out);
        }
        tidy();
      });
      beat();
    });
  }

  void send_copy(int to) {
    if (to == index_ || world_.is_cut(index_, to)) return;
    Copy copy{index_, world_.process(index_).incarnation, offset_, data_, view().incoming()};
    for (auto& [move, note] : copy.notes) note.ready = noted_.count(move) > 0;
    // (A stream says it once.)
    if (world_.now() - claimed_at_ < Seconds(2)) {
      copy.notes.insert(claimed_.begin(), claimed_.end());
    }
    const Nanos delay = Micros(50) + world_.rng.span(Nanos(0), 2 * world_.faults.mean_delay);
    copy_at_[to] = std::max(copy_at_[to] + Nanos(1), world_.now() + delay);
    world_.post(copy_at_[to], to, [this, to, copy = std::move(copy)] {
      Node& replica = *all_[static_cast<size_t>(to)];
      replica.input([&replica, copy](BusEffects& out) { replica.apply(copy, out); });
    });
  }

  void apply(const Copy& copy, BusEffects& out) {
    const ClusterNode& me = view().myself();
    if (me.is_primary || me.primary != all_[static_cast<size_t>(copy.from)]->view().myself().id) {
      return;
    }
    data_ = copy.data;
    offset_ = copy.offset;
    copied_at_ = local();
    for (const auto& [move, note] : copy.notes) machine_->note_import(local(), note, out);
    for (const auto& [move, note] : std::map<MoveId, IncomingSlots>(view().incoming())) {
      if (copy.notes.count(move) == 0) machine_->forget_import(local(), move, out);
    }
    if (world_.is_cut(index_, copy.from)) return;
    const Nanos delay = Micros(50) + world_.rng.span(Nanos(0), 2 * world_.faults.mean_delay);
    world_.post(world_.now() + delay, copy.from, [this, copy, by = index_] {
      Node& primary = *all_[static_cast<size_t>(copy.from)];
      if (world_.process(copy.from).incarnation != copy.life) return;
      primary.input([&primary, by, offset = copy.offset](BusEffects& effects) {
        primary.replica_has(by, offset);
        primary.check_replicas(effects);
      });
    });
  }

  void replica_has(int replica, int64_t offset) {
    const NodeId id = all_[static_cast<size_t>(replica)]->view().myself().id;
    const ClusterNode* node = view().find(id);
    if (!view().myself().is_primary || node == nullptr || node->primary != view().myself().id) {
      return;
    }
    replica_at_[id] = offset;
    while (!pending_.empty() && pending_.front().offset <= offset) {
      books_.acknowledged[pending_.front().slot].insert(pending_.front().value);
      ++outcome_.acknowledged;
      pending_.pop_front();
    }
  }

  void check_replicas(BusEffects& out) {
    if (in_ == nullptr || in_->machine.state() != MigrationTarget::State::kEnding) return;
    for (const ClusterNode* replica : view().replicas_of(view().myself().id)) {
      const auto at = replica_at_.find(replica->id);
      if (!replica->failed() && (at == replica_at_.end() || at->second < in_->ready_offset)) return;
    }
    MigrationTarget::Out asked;
    in_->machine.replicas_have_it(local(), asked);
    perform(asked, out);
  }

  // ---- The source.
  bool writes_pause(Slot slot) const {
    if (paused_until_ && local() < *paused_until_) return true;
    return out_ != nullptr && (out_->writes_wait || out_->all_wait) && out_->slots.contains(slot);
  }

  void start_out(MoveId move, NodeId to, const SlotSet& slots, const ConnectionPtr& connection,
                 BusEffects& out) {
    if (out_ != nullptr || !(slots - view().myself().slots).empty()) return;
    out_ = std::make_unique<Out>(
        Out{.move = move, .to = to, .slots = slots, .connection = connection});
    MigrationSource::Out asked;
    out_->machine.start(local(), asked);
    perform(asked, out);
  }

  template <class Does>
  void tell_target(Does does) {
    ++out_->sent;
    MigrationSource::Out ignored;
    out_->machine.sent(local(), out_->sent, ignored);
    const int to = out_->connection->client;
    world_.to_client(out_->connection, [this, to, move = out_->move, does] {
      Node& target = *all_[static_cast<size_t>(to)];
      target.input([&target, move, does](BusEffects& out) {
        if (target.in_ == nullptr || target.in_->move != move) return;
        ++target.in_->applied;
        MigrationTarget::Out asked;
        target.in_->machine.heard(target.local());
        does(target, asked);
        target.perform(asked, out);
        target.acknowledge();
      });
    });
  }

  // A write of these slots goes to the target; here: all that the slots hold.
  void stream() {
    if (out_->machine.state() != MigrationSource::State::kSnapshot &&
        out_->machine.state() != MigrationSource::State::kStreaming) {
      return;
    }
    Data part;
    for (const auto& [slot, values] : data_) {
      if (out_->slots.contains(slot)) part[slot] = values;
    }
    tell_target([part](Node& target, MigrationTarget::Out&) {
      if (target.in_ == nullptr) return;
      for (const auto& [slot, values] : part) target.data_[slot] = values;
      ++target.offset_;
    });
  }

  void perform(MigrationSource::Out& effects, BusEffects& out) {
    using M = MigrationSource;
    for (const M::Effect& effect : std::exchange(effects, {})) {
      if (std::holds_alternative<M::BeginSnapshot>(effect)) {
        out_->machine.snapshot_began(local());
        const MoveId move = out_->move;
        world_.post(world_.now() + Millis(world_.rng.between(1, 200)), index_, [this, move] {
          input([this, move](BusEffects& later) {
            if (out_ == nullptr || out_->move != move) return;
            stream();
            M::Out asked;
            out_->machine.snapshot_done(local(), asked);
            perform(asked, later);
          });
        });
      } else if (std::holds_alternative<M::SnapshotSent>(effect)) {
        tell_target([](Node& target, MigrationTarget::Out& asked) {
          target.in_->machine.snapshot_sent(target.local(), asked);
        });
      } else if (std::holds_alternative<M::AllSent>(effect)) {
        tell_target([](Node& target, MigrationTarget::Out& asked) {
          target.in_->machine.all_sent(target.local(), asked);
        });
      } else if (std::holds_alternative<M::PauseWrites>(effect)) {
        out_->writes_wait = true;
      } else if (std::holds_alternative<M::PauseAll>(effect)) {
        out_->all_wait = true;
      } else if (std::holds_alternative<M::Resume>(effect)) {
        out_->writes_wait = out_->all_wait = false;
      } else if (std::holds_alternative<M::Give>(effect)) {
        const Result<void> given =
            machine_->give_slots(local(), out_->move, out_->to, out_->slots, out);
        outcome_.decided += given.ok();
        M::Out asked;
        out_->machine.gave(local(), given ? std::nullopt : std::optional(given.error().message()),
                           asked);
        perform(asked, out);
      } else if (const auto* end = std::get_if<M::Finished>(&effect)) {
        world_.note(index_, "out " + std::string(end->moved ? "moved" : end->why));
        if (!end->moved) {
          tell_target([why = end->why](Node& target, MigrationTarget::Out& asked) {
            target.in_->machine.lost(target.local(), why, asked);
          });
        }
      }
    }
  }

  // ---- The target.
  void acknowledge() {
    if (in_ == nullptr || in_->connection == nullptr) return;
    to_source([applied = in_->applied](Node& source, MigrationSource::Out& asked) {
      source.out_->machine.acked(source.local(), applied, asked);
    });
  }

  template <class Does>
  void to_source(Does does) {
    const int to = in_->connection->server;
    world_.to_server(in_->connection, [this, to, move = in_->move, does] {
      Node& source = *all_[static_cast<size_t>(to)];
      source.input([&source, move, does](BusEffects& out) {
        if (source.out_ == nullptr || source.out_->move != move) return;
        MigrationSource::Out asked;
        does(source, asked);
        source.perform(asked, out);
      });
    });
  }

  void lost(MoveId move) {
    input([this, move](BusEffects& out) {
      if (in_ == nullptr || in_->move != move) return;
      MigrationTarget::Out asked;
      in_->machine.lost(local(), "the connection ended", asked);
      perform(asked, out);
    });
  }

  void dial() {
    const MoveId move = in_->move;
    int to = -1;
    for (size_t i = 0; i < all_.size(); ++i) {
      if (all_[i]->view().myself().id == in_->from) to = static_cast<int>(i);
    }
    world_.connect(
        index_, to,
        [this, move, to](const ConnectionPtr& connection) {
          connection->on_reset = [this, move] { lost(move); };
          input([this, move, to, connection](BusEffects& out) {
            if (in_ == nullptr || in_->move != move) return;
            in_->connection = connection;
            MigrationTarget::Out asked;
            in_->machine.connected(local(), asked);
            in_->machine.accepted(local(), asked);
            perform(asked, out);
            world_.to_server(connection, [this, move, to, slots = in_->slots, connection] {
              Node& source = *all_[static_cast<size_t>(to)];
              source.input([&source, this, move, slots, connection](BusEffects& effects) {
                source.start_out(move, view().myself().id, slots, connection, effects);
              });
            });
          });
        },
        [this, move] { lost(move); });
  }

  void perform(MigrationTarget::Out& effects, BusEffects& out) {
    using M = MigrationTarget;
    for (const M::Effect& effect : std::exchange(effects, {})) {
      if (std::holds_alternative<M::Dial>(effect)) {
        dial();
      } else if (std::holds_alternative<M::NoteReady>(effect)) {
        noted_.insert(in_->move);  // Travels with the copies from now on.
        in_->ready_offset = ++offset_;
      } else if (std::holds_alternative<M::SendReady>(effect)) {
        if (!machine_->import_ready(local(), in_->move, out)) continue;
        to_source([applied = in_->applied](Node& source, MigrationSource::Out& asked) {
          source.out_->machine.acked(source.local(), applied, asked);
          source.out_->machine.ready(source.local(), asked);
        });
      } else if (std::holds_alternative<M::AskSource>(effect)) {
        machine_->ask_about_import(local(), in_->move, out);
      } else if (const auto* end = std::get_if<M::EndImport>(&effect)) {
        machine_->end_import(local(), in_->move, end->why, out);
      } else if (const auto* over = std::get_if<M::Finished>(&effect)) {
        world_.note(index_, "in " + std::string(over->moved ? "moved" : over->why));
      }
    }
  }

  void tidy() {
    if (out_ != nullptr && out_->machine.state() == MigrationSource::State::kOver) out_.reset();
    if (in_ != nullptr && in_->machine.state() == MigrationTarget::State::kOver) in_.reset();
  }

  // Between requests, as the driver does it: a crash may come first.
  void drop_later(const SlotSet& slots) {
    dropping_ |= slots;
    const Nanos when = world_.now() + world_.rng.span(Nanos(0), kDropTakesAtMost);
    world_.post(when, index_, [this, slots] { drop_now(slots); });
  }
  void drop_now(const SlotSet& slots) {
    forget_data(dropping_ & slots);
    dropping_ -= slots;
  }
  void forget_data(const SlotSet& slots) {
    slots.for_each([this](Slot slot) { data_.erase(slot); });
    ++offset_;
  }

  // ---- The cluster's machine.
  void take_next() {
    while (!busy_ && !inbox_.empty() && world_.failure.empty()) {
      const auto what = std::move(inbox_.front());
      inbox_.pop_front();
      const bool fresh = copied_at_ && local() - *copied_at_ < Seconds(1);
      machine_->set_replication({.offset = offset_,
                                 .link_up = fresh,
                                 .contact = copied_at_.value_or(local() - Seconds(1'000))});
      BusEffects out;
      what(out);
      for (auto& effect : out.take()) effects_.push_back(std::move(effect));
      perform();
    }
    if (!busy_) set_timer();
  }

  void perform() {
    while (!busy_ && !effects_.empty()) {
      auto effect = std::move(effects_.front());
      effects_.pop_front();
      if (auto* persist = std::get_if<BusEffects::Persist>(&effect)) {
        busy_ = true;
        const Nanos took = world_.rng.span(Micros(100), 2 * world_.faults.mean_persist);
        world_.post(world_.now() + took, index_, [this, text = std::move(persist->state)] {
          disk_ = text;
          busy_ = false;
          perform();
          take_next();
        });
      } else if (auto* event = std::get_if<BusEvent>(&effect)) {
        on(*event);
      } else {
        send(std::get<BusEffects::Send>(effect));
      }
    }
    // What comes (back) here must not meet the old keys.
    if (!busy_ && !dropping_.empty()) drop_now(view().myself().slots | view().incoming_slots());
  }

  void on(const BusEvent& event) {
    BusEffects none;
    MigrationSource::Out source;
    MigrationTarget::Out target;
    if (const auto* card = std::get_if<Card>(&event)) {
      liveness_.set(card->self, card->heartbeat);
    } else if (const auto* log = std::get_if<Log>(&event)) {
      world_.note(index_, log->text);
    } else if (const auto* drop = std::get_if<DropSlots>(&event)) {
      world_.note(index_, "drops " + drop->slots.text());
      drop_later(drop->slots);
    } else if (const auto* pause = std::get_if<PauseWrites>(&event)) {
      paused_until_ = local() + pause->span;
      if (out_ != nullptr) out_->machine.fail("a manual failover", source);
      if (in_ != nullptr) in_->machine.fail("a manual failover", target);
    } else if (std::holds_alternative<ResumeWrites>(event)) {
      paused_until_.reset();
    } else if (std::holds_alternative<BecomePrimary>(event)) {
      ++outcome_.elections;
      replica_at_.clear();
      pending_.clear();
      machine_->look_for_leftovers(local(), slots_with_keys() - dropping_, none);
    } else if (std::holds_alternative<Follow>(event)) {
      dropping_ = {};  // Its primary says what goes.
      pending_.clear();
    } else if (const auto* asked = std::get_if<MoveAsked>(&event)) {
      if (out_ != nullptr && out_->move == asked->move) {
        out_->machine.fail("the target asks", source);
      }
    } else if (const auto* claimed = std::get_if<MoveClaimed>(&event)) {
      if (out_ != nullptr && out_->move == claimed->move) out_->machine.claimed(source);
    } else if (const auto* back = std::get_if<MoveTakenBack>(&event)) {
      ++outcome_.taken_back;
      if (out_ != nullptr && out_->move == back->move) out_->machine.taken_back(source);
    } else if (const auto* mine = std::get_if<ImportClaimed>(&event)) {
      ++outcome_.claimed;
      if (in_ != nullptr && in_->move == mine->move) {
        claimed_.clear();
        claimed_at_ = world_.now();
        claimed_[in_->move] = {
            .move = in_->move, .from = in_->from, .slots = in_->slots, .ready = true};
      }
      ++offset_;
      if (in_ != nullptr && in_->move == mine->move) in_->machine.claimed(target);
    } else if (const auto* over = std::get_if<ImportOver>(&event)) {
      if (in_ != nullptr && in_->move == over->move) in_->machine.over(over->why, target);
    }
    if (!source.empty()) perform(source, none);
    if (!target.empty()) perform(target, none);
    for (auto& effect : none.take()) effects_.push_back(std::move(effect));
  }

  void send(const BusEffects::Send& sent) {
    const NodeId me = view().myself().id;
    for (size_t i = 0; i < all_.size(); ++i) {
      if (ip_of(static_cast<int>(i)) != sent.to.ip) continue;
      transmit(static_cast<int>(i), {.from = me, .to = sent.to.to, .message = sent.message});
    }
  }

  void transmit(int to, Envelope envelope) {
    const int copies = world_.rng.chance(world_.faults.duplication) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      if (world_.is_cut(index_, to) || world_.rng.chance(world_.faults.loss)) continue;
      const Nanos delay = Micros(50) + world_.rng.span(Nanos(0), 2 * world_.faults.mean_delay);
      world_.post(world_.now() + delay, to, [this, to, envelope] {
        all_[static_cast<size_t>(to)]->arrive(envelope, index_);
      });
    }
  }

  void set_timer() {
    const uint64_t mine = ++timer_;
    const Instant when = machine_->next_deadline();
    if (when == Instant::max()) return;
    world_.post(std::max(world_.global(index_, when), world_.now() + Nanos(1)), index_,
                [this, mine] {
                  if (mine != timer_ || busy_) return;
                  input([this](BusEffects& out) { machine_->tick(local(), out); });
                });
  }

  World& world_;
  MigrationOutcome& outcome_;
  Books& books_;
  Nodes& all_;
  int index_;
  ClusterOptions options_;
  std::string disk_;
  Data data_;
  SlotSet dropping_;  // Of lost slots, whose keys are not gone yet.
  int64_t offset_ = 1;
  std::unique_ptr<ClusterMachine> machine_;
  Liveness liveness_;
  std::deque<std::function<void(BusEffects&)>> inbox_;
  std::deque<BusEffects::Effect> effects_;
  bool busy_ = false;
  uint64_t timer_ = 0;
  std::optional<Instant> paused_until_, copied_at_;
  std::deque<Write> pending_;
  std::map<NodeId, int64_t> replica_at_;
  std::map<int, Nanos> copy_at_;
  std::set<MoveId> noted_;  // What our replicas are told to be ready,
  Nanos claimed_at_{};
  std::map<MoveId, IncomingSlots> claimed_;  // and what they hear no more of, if they heard of it.
  std::unique_ptr<Out> out_;
  std::unique_ptr<In> in_;
};

class Scene {
 public:
  Scene(uint64_t seed, bool tracing) : draw_(seed * 2 + 1), world_(seed, faults_of(draw_)) {
    world_.tracing = tracing;
    ClusterOptions options;
    options.node_timeout = Millis(draw_.between(1'000, 2'500));
    options.allow_replica_migration = false;
    std::string members;
    for (int i = 0; i < kNodes; ++i) members += line(i);
    for (int i = 0; i < kNodes; ++i) {
      options.announce = {.ip = ip_of(i), .port = 6379, .bus_port = 16379};
      std::string disk = members + "vars currentEpoch 20 lastVoteEpoch 0\n";
      const std::string mine = id(i).hex();
      disk.insert(disk.find(" ", disk.find(mine + " 10.1") + 41) + 1, "myself,");
      nodes_.push_back(std::make_unique<Node>(world_, outcome_, books_, nodes_, i, options, disk));
    }
  }

  MigrationOutcome run() {
    world_.run_until(Seconds(4));
    clients();
    storm();
    calm();
    outcome_.ok = world_.failure.empty();
    outcome_.failure = world_.failure;
    outcome_.faults = world_.faults.text();
    outcome_.hash = world_.hash();
    outcome_.events = world_.events;
    if (world_.tracing) {
      outcome_.trace = world_.trace();
      for (const auto& node : nodes_) outcome_.trace += node->machine().dump(node->local());
    }
    return outcome_;
  }

 private:
  static NodeId id(int index) { return NodeId(0x1000u + static_cast<uint64_t>(index)); }

  static Faults faults_of(Rng& rng) {
    Faults faults = Faults::drawn_from(rng);
    faults.clogs = false;
    faults.mean_delay = std::min<Nanos>(faults.mean_delay, Millis(20));
    return faults;
  }

  std::string line(int i) const {
    const int shard = i % kShards;
    std::string text = id(i).hex() + " " + ip_of(i) + ":6379@16379 ";
    if (i >= kShards) {
      return text + "slave " + id(shard).hex() + " 0 0 " + std::to_string(shard + 1) +
             " connected\n";
    }
    return text + "master - 0 0 " + std::to_string(i + 1) + " connected " +
           std::to_string(kSlotCount * i / kShards) + "-" +
           std::to_string(kSlotCount * (i + 1) / kShards - 1) + "\n";
  }

  // Whoever says that he serves the slot gets the write.
  void clients() {
    world_.after(Millis(draw_.between(2, 30)), [this] {
      if (closed_) return;
      const Slot slot(static_cast<uint16_t>(draw_.below(3)));
      std::vector<Node*> serving;
      for (size_t i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i]->running() && nodes_[i]->owns(slot)) serving.push_back(nodes_[i].get());
      }
      if (!serving.empty()) serving[draw_.below(serving.size())]->write(slot);
      clients();
    });
  }

  // The primary of a shard, as its own nodes see it.
  Node* primary_of(int shard) {
    for (const int i : {shard, shard + kShards}) {
      Node& node = *nodes_[static_cast<size_t>(i)];
      if (node.running() && node.view().myself().is_primary) return &node;
    }
    return nullptr;
  }

  void storm() {
    const Nanos end = world_.now() + Millis(draw_.between(5'000, 12'000));
    int shard = 1;
    while (world_.now() < end && world_.failure.empty()) {
      // To and fro, and now and then to a third.
      if (Node* target = primary_of(shard)) target->import();
      // Most mishaps fall into the move, some into what follows.
      const Nanos soon = Millis(draw_.between(0, draw_.chance(0.7) ? 260 : 2'000));
      world_.run_until(world_.now() + soon);
      if (draw_.chance(0.8)) mishap();
      world_.run_until(world_.now() + Millis(draw_.between(100, 2'500)));
      if (draw_.chance(0.5)) shard = static_cast<int>(draw_.below(kShards));
    }
  }

  void mishap() {
    const Faults& f = world_.faults;
    const int victim = static_cast<int>(draw_.below(kNodes));
    const Nanos span = Millis(draw_.between(50, 6'000));
    Node* node = nodes_[static_cast<size_t>(victim)].get();
    switch (draw_.below(6)) {
      case 0:
      case 1:
      case 2:
        if (!f.crashes) return;
        node->crash(draw_.chance(0.4));
        return world_.after(draw_.chance(0.6) ? span : span / 20, [node] { node->restart(); });
      case 3:
        if (!f.pauses) return;
        world_.pause(victim);
        return world_.after(span, [this, victim] { world_.resume(victim); });
      case 4: {
        if (!f.cuts) return;
        const int other = static_cast<int>(draw_.below(kNodes));
        world_.cut(victim, other, true);
        if (draw_.chance(0.7)) world_.cut(other, victim, true);
        return world_.after(span, [this] { world_.heal(); });
      }
      default:
        if (!node->running()) return;
        node->input([node](BusEffects& out) {
          static_cast<void>(
              node->machine().failover(node->local(), FailoverMode::kGraceful, out).ok());
        });
    }
  }

  // The same command again, until the slots are there; then everything fits together.
  void calm() {
    if (!world_.failure.empty()) return;
    world_.note(-1, "calm");
    world_.heal();
    world_.faults.loss = world_.faults.duplication = 0;
    world_.faults.mean_delay = std::min<Nanos>(world_.faults.mean_delay, Millis(5));
    for (int i = 0; i < kNodes; ++i) {
      world_.resume(i);
      nodes_[static_cast<size_t>(i)]->restart();
    }
    const Nanos end = world_.now() + Seconds(60);
    bool done = false;
    while (!done && world_.now() < end && world_.failure.empty()) {
      if (Node* target = primary_of(2)) target->import();
      done = world_.run_until(world_.now() + Seconds(2), [this] { return settled(); });
    }
    if (!done) world_.fail("the move does not end within 60 s of calm");
    closed_ = true;
    world_.run_until(world_.now() + Seconds(1));
    if (!world_.run_until(world_.now() + Seconds(20), [this] { return left_over().empty(); })) {
      return world_.fail(left_over());
    }
    for (const auto& [slot, values] : books_.acknowledged) {
      const Data& data = primary_of(2) == nullptr ? Data() : primary_of(2)->data();
      const auto there = data.find(slot);
      for (const uint32_t value : values) {
        if (there == data.end() ||
            !std::binary_search(there->second.begin(), there->second.end(), value)) {
          return world_.fail("write " + std::to_string(value) + " of slot " +
                             std::to_string(slot.value) + " was acknowledged and is lost");
        }
      }
    }
  }

  // Keys of slots that another shard owns; empty: none.
  std::string left_over() {
    Node* target = primary_of(2);
    if (target == nullptr) return "nobody leads the shard where the slots are";
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const ClusterNode& me = nodes_[i]->view().myself();
      if (me.shard_id == target->view().myself().shard_id || nodes_[i]->data().empty()) continue;
      return "node " + std::to_string(i) + " keeps keys of slot " +
             std::to_string(nodes_[i]->data().begin()->first.value) + ", which another owns";
    }
    return "";
  }

  bool settled() {
    Node* target = primary_of(2);
    if (target == nullptr) return false;
    for (const auto& node : nodes_) {
      const ClusterView& view = node->view();
      if (!view.ok() || !view.given().empty() || !view.incoming().empty()) return false;
      if (view.assigned().size() != kSlotCount || !node->is_idle()) return false;
      for (uint16_t slot = 0; slot < 3; ++slot) {
        if (view.owner(Slot(slot))->id != target->view().myself().id) return false;
        if (view.unclaimed().contains(Slot(slot))) return false;
      }
    }
    return true;
  }

  Rng draw_;
  World world_;
  MigrationOutcome outcome_;
  Books books_;
  Nodes nodes_;
  bool closed_ = false;
};

}  // namespace

MigrationOutcome run_migration_seed(uint64_t seed, bool tracing) {
  return Scene(seed, tracing).run();
}

}  // namespace redan::sim
