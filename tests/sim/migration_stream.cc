#include "tests/sim/migration_stream.h"

#include <utility>

#include "tests/sim/migration_node.h"

namespace redan::sim {

using namespace cluster;

Instant MigrationStream::local() const {
  return node_.local();
}

void MigrationStream::crash() {
  in_.reset();
  out_.reset();
}

void MigrationStream::tick(BusEffects& out) {
  const Instant now = local();
  if (out_ != nullptr) {
    MigrationSource::Out asked;
    if (!out_->machine.decided() && !(out_->slots - node_.view().myself().slots).empty()) {
      out_->machine.fail("the slots are not ours any more", asked);
    }
    out_->machine.tick(now, asked);
    perform(asked, out);
  }
  if (in_ != nullptr) {
    MigrationTarget::Out asked;
    in_->machine.tick(now, asked);
    perform(asked, out);
    look_at_replicas(out);
  }
  if (out_ != nullptr && out_->machine.state() == MigrationSource::State::kOver) out_.reset();
  if (in_ != nullptr && in_->machine.state() == MigrationTarget::State::kOver) in_.reset();
}

void MigrationStream::hear(const BusEvent& event, BusEffects& out) {
  MigrationSource::Out source;
  MigrationTarget::Out target;
  if (std::holds_alternative<PauseWrites>(event)) {
    if (out_ != nullptr) out_->machine.fail("a manual failover", source);
    if (in_ != nullptr) in_->machine.fail("a manual failover", target);
  } else if (const auto* asked = std::get_if<MoveAsked>(&event)) {
    if (out_ != nullptr && out_->move == asked->move) out_->machine.fail("the target asks", source);
  } else if (const auto* claimed = std::get_if<MoveClaimed>(&event)) {
    if (out_ != nullptr && out_->move == claimed->move) out_->machine.claimed(source);
  } else if (const auto* back = std::get_if<MoveTakenBack>(&event)) {
    ++node_.net().outcome.taken_back;
    if (out_ != nullptr && out_->move == back->move) out_->machine.taken_back(source);
  } else if (const auto* mine = std::get_if<ImportClaimed>(&event)) {
    ++node_.net().outcome.claimed;
    ++node_.data().offset;
    if (in_ != nullptr && in_->move == mine->move) {
      node_.copies().note_claimed(
          {.move = in_->move, .from = in_->from, .slots = in_->slots, .ready = true});
      in_->machine.claimed(target);
    }
  } else if (const auto* over = std::get_if<ImportOver>(&event)) {
    if (in_ != nullptr && in_->move == over->move) in_->machine.over(over->why, target);
  }
  if (!source.empty()) perform(source, out);
  if (!target.empty()) perform(target, out);
}

// ---- The source.

bool MigrationStream::writes_wait(Slot slot) const {
  return out_ != nullptr && (out_->writes_wait || out_->all_wait) && out_->slots.contains(slot);
}

void MigrationStream::wrote(Slot slot) {
  if (out_ != nullptr && out_->slots.contains(slot)) send_values();
}

void MigrationStream::start_out(MoveId move, NodeId to, const SlotSet& slots,
                                const ConnectionPtr& connection, BusEffects& out) {
  if (out_ != nullptr || !(slots - node_.view().myself().slots).empty()) return;
  out_ =
      std::make_unique<Out>(Out{.move = move, .to = to, .slots = slots, .connection = connection});
  MigrationSource::Out asked;
  out_->machine.start(local(), asked);
  perform(asked, out);
}

template <class Does>
void MigrationStream::tell_target(Does does) {
  ++out_->sent;
  MigrationSource::Out ignored;
  out_->machine.sent(local(), out_->sent, ignored);
  const int to = out_->connection->client;
  node_.world().to_client(out_->connection, [this, to, move = out_->move, does] {
    MigrationNode& other = node_.net().node(to);
    other.input([&target = other.stream(), move, does](BusEffects& out) {
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
void MigrationStream::send_values() {
  if (out_->machine.state() != MigrationSource::State::kSnapshot &&
      out_->machine.state() != MigrationSource::State::kStreaming) {
    return;
  }
  SlotValues part;
  for (const auto& [slot, values] : node_.data().values) {
    if (out_->slots.contains(slot)) part[slot] = values;
  }
  tell_target([part](MigrationStream& target, MigrationTarget::Out&) {
    MovingData& data = target.node_.data();
    for (const auto& [slot, values] : part) data.values[slot] = values;
    ++data.offset;
  });
}

void MigrationStream::perform(MigrationSource::Out& effects, BusEffects& out) {
  using M = MigrationSource;
  World& world = node_.world();
  for (const M::Effect& effect : std::exchange(effects, {})) {
    if (std::holds_alternative<M::BeginSnapshot>(effect)) {
      out_->machine.snapshot_began(local());
      const MoveId move = out_->move;
      world.post(world.now() + Millis(world.rng.between(1, 200)), node_.index(), [this, move] {
        node_.input([this, move](BusEffects& later) {
          if (out_ == nullptr || out_->move != move) return;
          send_values();
          M::Out asked;
          out_->machine.snapshot_done(local(), asked);
          perform(asked, later);
        });
      });
    } else if (std::holds_alternative<M::SnapshotSent>(effect)) {
      tell_target([](MigrationStream& target, MigrationTarget::Out& asked) {
        target.in_->machine.snapshot_sent(target.local(), asked);
      });
    } else if (std::holds_alternative<M::AllSent>(effect)) {
      tell_target([](MigrationStream& target, MigrationTarget::Out& asked) {
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
          node_.machine().give_slots(local(), out_->move, out_->to, out_->slots, out);
      node_.net().outcome.decided += given.ok();
      M::Out asked;
      out_->machine.gave(local(), given ? std::nullopt : std::optional(given.error().message()),
                         asked);
      perform(asked, out);
    } else if (const auto* end = std::get_if<M::Finished>(&effect)) {
      world.note(node_.index(), "out " + std::string(end->moved ? "moved" : end->why));
      if (!end->moved) {
        tell_target([why = end->why](MigrationStream& target, MigrationTarget::Out& asked) {
          target.in_->machine.lost(target.local(), why, asked);
        });
      }
    }
  }
}

// ---- The target.

void MigrationStream::import() {
  if (in_ != nullptr) return;
  const ClusterView& view = node_.view();
  const ClusterNode* owner = view.owner(Slot(0));
  if (owner == nullptr || owner == &view.myself()) return;
  const IncomingSlots incoming{.move = node_.world().rng.node_id(),
                               .from = owner->id,
                               .slots = moving_slots() & owner->slots};
  node_.input([this, incoming](BusEffects& out) {
    if (!node_.machine().begin_import(local(), incoming, out)) return;
    ++node_.net().outcome.moves;
    node_.data().forget(incoming.slots);
    in_ = std::make_unique<In>(
        In{.move = incoming.move, .from = incoming.from, .slots = incoming.slots});
    MigrationTarget::Out asked;
    in_->machine.start(local(), asked);
    perform(asked, out);
  });
}

void MigrationStream::look_at_replicas(BusEffects& out) {
  if (in_ == nullptr || in_->machine.state() != MigrationTarget::State::kEnding) return;
  if (!node_.copies().all_replicas_have(in_->ready_offset)) return;
  MigrationTarget::Out asked;
  in_->machine.replicas_have_it(local(), asked);
  perform(asked, out);
}

void MigrationStream::acknowledge() {
  if (in_ == nullptr || in_->connection == nullptr) return;
  to_source([applied = in_->applied](MigrationStream& source, MigrationSource::Out& asked) {
    source.out_->machine.acked(source.local(), applied, asked);
  });
}

template <class Does>
void MigrationStream::to_source(Does does) {
  const int to = in_->connection->server;
  node_.world().to_server(in_->connection, [this, to, move = in_->move, does] {
    MigrationNode& other = node_.net().node(to);
    other.input([&source = other.stream(), move, does](BusEffects& out) {
      if (source.out_ == nullptr || source.out_->move != move) return;
      MigrationSource::Out asked;
      does(source, asked);
      source.perform(asked, out);
    });
  });
}

void MigrationStream::lost(MoveId move) {
  node_.input([this, move](BusEffects& out) {
    if (in_ == nullptr || in_->move != move) return;
    MigrationTarget::Out asked;
    in_->machine.lost(local(), "the connection ended", asked);
    perform(asked, out);
  });
}

void MigrationStream::dial() {
  const MoveId move = in_->move;
  MigrationNet& net = node_.net();
  int to = -1;
  for (size_t i = 0; i < net.nodes.size(); ++i) {
    if (net.nodes[i]->view().myself().id == in_->from) to = static_cast<int>(i);
  }
  node_.world().connect(
      node_.index(), to,
      [this, move, to](const ConnectionPtr& connection) {
        connection->on_reset = [this, move] { lost(move); };
        node_.input([this, move, to, connection](BusEffects& out) {
          if (in_ == nullptr || in_->move != move) return;
          in_->connection = connection;
          MigrationTarget::Out asked;
          in_->machine.connected(local(), asked);
          in_->machine.accepted(local(), asked);
          perform(asked, out);
          node_.world().to_server(connection, [this, move, to, slots = in_->slots, connection] {
            MigrationNode& source = node_.net().node(to);
            source.input([&source, this, move, slots, connection](BusEffects& effects) {
              source.stream().start_out(move, node_.view().myself().id, slots, connection, effects);
            });
          });
        });
      },
      [this, move] { lost(move); });
}

void MigrationStream::perform(MigrationTarget::Out& effects, BusEffects& out) {
  using M = MigrationTarget;
  ClusterMachine& machine = node_.machine();
  for (const M::Effect& effect : std::exchange(effects, {})) {
    if (std::holds_alternative<M::Dial>(effect)) {
      dial();
    } else if (std::holds_alternative<M::NoteReady>(effect)) {
      node_.copies().note_ready(in_->move);  // Travels with the copies from now on.
      in_->ready_offset = ++node_.data().offset;
    } else if (std::holds_alternative<M::SendReady>(effect)) {
      if (!machine.import_ready(local(), in_->move, out)) continue;
      to_source([applied = in_->applied](MigrationStream& source, MigrationSource::Out& asked) {
        source.out_->machine.acked(source.local(), applied, asked);
        source.out_->machine.ready(source.local(), asked);
      });
    } else if (std::holds_alternative<M::AskSource>(effect)) {
      machine.ask_about_import(local(), in_->move, out);
    } else if (const auto* end = std::get_if<M::EndImport>(&effect)) {
      machine.end_import(local(), in_->move, end->why, out);
    } else if (const auto* over = std::get_if<M::Finished>(&effect)) {
      node_.world().note(node_.index(), "in " + std::string(over->moved ? "moved" : over->why));
    }
  }
}

}  // namespace redan::sim
