#include "tests/sim/migration_node.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace redan::sim {
namespace {

constexpr Nanos kCopyGap = Millis(20);
constexpr Nanos kDropTakesAtMost = Millis(50);

}  // namespace

using namespace cluster;

MigrationNode::MigrationNode(MigrationNet& net, int index, ClusterOptions options, std::string disk)
    : net_(net), index_(index), options_(std::move(options)), disk_(std::move(disk)) {
  net_.world.add_process();
  boot();
}

void MigrationNode::boot() {
  Result<NodesFile> stored = NodesFile::parse(disk_);
  REDAN_CHECK(stored.ok());
  liveness_ = {};
  paused_until_.reset();
  copies_.boot();
  machine_ = std::make_unique<ClusterMachine>(
      options_, *stored,
      static_cast<uint64_t>(index_) * 77 + net_.world.process(index_).incarnation, local());
  input([this](BusEffects& out) {
    machine_->start(local(), out);
    machine_->adopt_loaded_slots(local(), data_.slots_with_keys(), out);
  });
  beat();
}

void MigrationNode::crash(bool silent) {
  if (!alive()) return;
  net_.world.crash(index_, silent);
  inbox_.clear();
  effects_.clear();
  busy_ = false;
  dropping_ = {};
  stream_.crash();
  copies_.crash();
}

void MigrationNode::restart() {
  if (alive()) return;
  net_.world.restart(index_);
  boot();
}

void MigrationNode::input(std::function<void(BusEffects&)> what) {
  inbox_.push_back(std::move(what));
  take_next();
}

void MigrationNode::arrive(const Envelope& envelope, int from) {
  const Liveness::Verdict verdict = liveness_.judge(envelope);
  if (verdict.answer) transmit(from, *verdict.answer);
  if (!verdict.for_us) return;
  input([this, envelope, from](BusEffects& out) {
    machine_->receive(local(),
                      {.id = envelope.from,
                       .observed_ip = MigrationNet::ip_of(from),
                       .local_ip = MigrationNet::ip_of(index_)},
                      envelope.message, out);
    machine_->link_up(local(), envelope.from, out);
  });
}

void MigrationNode::write(Slot slot) {
  input([this, slot](BusEffects&) {
    if (!owns(slot) || !view().ok() || writes_pause(slot)) return;
    const uint32_t value = ++net_.books.written;
    data_.values[slot].push_back(value);
    ++data_.offset;
    copies_.wrote(slot, value);
    stream_.wrote(slot);
  });
}

bool MigrationNode::writes_pause(Slot slot) const {
  return (paused_until_ && local() < *paused_until_) || stream_.writes_wait(slot);
}

void MigrationNode::import() {
  if (running() && view().myself().is_primary) stream_.import();
}

// Replication, and the clock of the stream's ends.
void MigrationNode::beat() {
  net_.world.post(net_.world.now() + kCopyGap, index_, [this] {
    input([this](BusEffects& out) {
      if (view().myself().is_primary) copies_.send_to_all();
      stream_.tick(out);
    });
    beat();
  });
}

// Between requests, as the driver does it: a crash may come first.
void MigrationNode::drop_later(const SlotSet& slots) {
  dropping_ |= slots;
  const Nanos when = net_.world.now() + net_.world.rng.span(Nanos(0), kDropTakesAtMost);
  net_.world.post(when, index_, [this, slots] { drop_now(slots); });
}

void MigrationNode::drop_now(const SlotSet& slots) {
  data_.forget(dropping_ & slots);
  dropping_ -= slots;
}

void MigrationNode::take_next() {
  while (!busy_ && !inbox_.empty() && net_.world.failure.empty()) {
    const auto what = std::move(inbox_.front());
    inbox_.pop_front();
    const std::optional<Instant> copied_at = copies_.copied_at();
    machine_->set_replication({.offset = data_.offset,
                               .link_up = copied_at && local() - *copied_at < Seconds(1),
                               .contact = copied_at.value_or(local() - Seconds(1'000))});
    BusEffects out;
    what(out);
    for (auto& effect : out.take()) effects_.push_back(std::move(effect));
    perform();
  }
  if (!busy_) set_timer();
}

void MigrationNode::perform() {
  while (!busy_ && !effects_.empty()) {
    auto effect = std::move(effects_.front());
    effects_.pop_front();
    if (auto* persist = std::get_if<BusEffects::Persist>(&effect)) {
      busy_ = true;
      const Nanos took = net_.world.rng.span(Micros(100), 2 * net_.world.faults.mean_persist);
      net_.world.post(net_.world.now() + took, index_, [this, text = std::move(persist->state)] {
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

void MigrationNode::on(const BusEvent& event) {
  BusEffects more;
  if (const auto* card = std::get_if<Card>(&event)) {
    liveness_.set(card->self, card->heartbeat);
  } else if (const auto* log = std::get_if<Log>(&event)) {
    net_.world.note(index_, log->text);
  } else if (const auto* drop = std::get_if<DropSlots>(&event)) {
    net_.world.note(index_, "drops " + drop->slots.text());
    drop_later(drop->slots);
  } else if (const auto* pause = std::get_if<PauseWrites>(&event)) {
    paused_until_ = local() + pause->span;
  } else if (std::holds_alternative<ResumeWrites>(event)) {
    paused_until_.reset();
  } else if (std::holds_alternative<BecomePrimary>(event)) {
    ++net_.outcome.elections;
    copies_.became_primary();
    machine_->look_for_leftovers(local(), data_.slots_with_keys() - dropping_, more);
  } else if (std::holds_alternative<Follow>(event)) {
    dropping_ = {};  // Its primary says what goes.
    copies_.follows();
  }
  stream_.hear(event, more);
  for (auto& effect : more.take()) effects_.push_back(std::move(effect));
}

void MigrationNode::send(const BusEffects::Send& sent) {
  const NodeId me = view().myself().id;
  for (size_t i = 0; i < net_.nodes.size(); ++i) {
    if (MigrationNet::ip_of(static_cast<int>(i)) != sent.to.ip) continue;
    transmit(static_cast<int>(i), {.from = me, .to = sent.to.to, .message = sent.message});
  }
}

void MigrationNode::transmit(int to, const Envelope& envelope) {
  World& world = net_.world;
  const int copies = world.rng.chance(world.faults.duplication) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    if (world.is_cut(index_, to) || world.rng.chance(world.faults.loss)) continue;
    const Nanos delay = Micros(50) + world.rng.span(Nanos(0), 2 * world.faults.mean_delay);
    world.post(world.now() + delay, to,
               [this, to, envelope] { net_.node(to).arrive(envelope, index_); });
  }
}

void MigrationNode::set_timer() {
  const uint64_t mine = ++timer_;
  const Instant when = machine_->next_deadline();
  if (when == Instant::max()) return;
  World& world = net_.world;
  world.post(std::max(world.global(index_, when), world.now() + Nanos(1)), index_, [this, mine] {
    if (mine != timer_ || busy_) return;
    input([this](BusEffects& out) { machine_->tick(local(), out); });
  });
}

}  // namespace redan::sim
