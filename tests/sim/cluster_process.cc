#include "tests/sim/cluster_process.h"

#include <utility>

#include "common/base/check.h"

namespace redan::sim {

using namespace cluster;

namespace {

constexpr Nanos kDropTakesAtMost = Millis(50);

}  // namespace

std::string ClusterNet::ip_of(int index) {
  return "10.1." + std::to_string(index / 250) + "." + std::to_string(index % 250 + 1);
}

ClusterProcess& ClusterNet::add(ClusterOptions options, std::string disk) {
  const int index = world.add_process();
  const std::string ip = ip_of(index);
  at_ip[ip] = index;
  options.announce.port = 6379;
  options.announce.bus_port = 16379;
  nodes.push_back(std::make_unique<ClusterProcess>(*this, index, ip, options, std::move(disk)));
  ClusterProcess& node = *nodes.back();
  node.boot();
  return node;
}

void ClusterNet::move(int index, const std::string& ip) {
  ClusterProcess& moved = node(index);
  moved.crash(false);
  const auto old = at_ip.find(moved.ip_);
  if (old != at_ip.end() && old->second == index) at_ip.erase(old);
  moved.ip_ = ip;
  at_ip[ip] = index;
}

ClusterProcess::ClusterProcess(ClusterNet& net, int index, std::string ip, ClusterOptions options,
                               std::string disk)
    : net_(net),
      index_(index),
      ip_(std::move(ip)),
      options_(std::move(options)),
      disk_(std::move(disk)),
      data_(net, index) {}

void ClusterProcess::boot() {
  const Result<NodesFile> stored = NodesFile::parse(disk_);
  REDAN_CHECK(stored.ok());
  liveness_ = {};
  machine_ = std::make_unique<ClusterMachine>(
      options_, *stored,
      static_cast<uint64_t>(index_) * 77 + net_.world.process(index_).incarnation, local());
  data_.boot();
  input([this](BusEffects& out) { machine_->start(local(), out); });
  input([this](BusEffects& out) { machine_->adopt_loaded_slots(local(), slots_with_keys(), out); });
}

SlotSet ClusterProcess::slots_with_keys() const {
  SlotSet with_keys;
  for (const auto& [key, values] : data_.content()) with_keys.add(key.slot);
  return with_keys;
}

void ClusterProcess::crash(bool silent) {
  if (!alive()) return;
  net_.world.crash(index_, silent);
  inbox_.clear();
  effects_.clear();
  busy_ = false;
  dropping_ = {};
  data_.crash();
  writes_paused_until_.reset();
  waiting_writes_.clear();
}

void ClusterProcess::restart() {
  if (alive()) return;
  net_.world.restart(index_);
  boot();
}

void ClusterProcess::input(std::function<void(BusEffects&)> what) {
  inbox_.push_back(std::move(what));
  take_next();
}

void ClusterProcess::arrive(const Envelope& envelope, int from, NodeId link, NodeId back) {
  const Liveness::Verdict verdict = liveness_.judge(envelope);
  if (verdict.answer) transmit(from, *verdict.answer, {}, link);
  if (!verdict.for_us) return;
  input([this, envelope, from, back](BusEffects& out) {
    machine_->receive(
        local(),
        {.id = envelope.from, .observed_ip = net_.node(from).ip(), .local_ip = ip_, .link = back},
        envelope.message, out);
    // A stream that brings something is open.
    machine_->link_up(local(), envelope.from, out);
  });
}

void ClusterProcess::call(const Request& request, std::function<void(const Answer&)> reply) {
  input([this, request, reply = std::move(reply)](BusEffects&) {
    if (writes_paused_until_ && local() < *writes_paused_until_) {
      waiting_writes_.push_back([this, request, reply] { call(request, reply); });
      return;
    }
    reply(serve(request));
  });
}

Answer ClusterProcess::serve(const Request& request) {
  const Slot slot = request.key.slot;
  const KeyPresence keys{.here = data_.has(request.key) ? 1u : 0u, .total = 1};
  const Route where = route(slot, view().slot(slot), view().ok(), keys,
                            {.write = true, .asking = request.asking}, {});
  const NodeId me = view().myself().id;
  if (const auto* moved = std::get_if<Moved>(&where)) {
    return {.kind = Answer::kMoved, .ip = moved->to->address.ip, .by = me};
  }
  if (const auto* ask = std::get_if<Ask>(&where)) {
    return {.kind = Answer::kAsk, .ip = ask->to->address.ip, .by = me};
  }
  if (!std::holds_alternative<Serve>(where)) return {.kind = Answer::kRefused, .ip = {}, .by = me};
  net_.watch.accepts(*this, request);
  data_.append({.key = request.key, .value = request.value});
  return {.kind = Answer::kOk, .ip = {}, .by = me};
}

void ClusterProcess::resume_writes() {
  writes_paused_until_.reset();
  for (auto& write : std::exchange(waiting_writes_, {})) {
    net_.world.post(net_.world.now(), index_, std::move(write));
  }
}

void ClusterProcess::on(const BusEvent& event) {
  if (const auto* card = std::get_if<Card>(&event)) {
    liveness_.set(card->self, card->heartbeat);
  } else if (const auto* follow = std::get_if<Follow>(&event)) {
    dropping_ = {};  // Its primary says what goes.
    data_.follow(follow->primary, follow->address.ip);
  } else if (std::holds_alternative<BecomePrimary>(event)) {
    data_.lead();
    BusEffects more;
    machine_->look_for_leftovers(local(), slots_with_keys() - dropping_, more);
    for (auto& effect : more.take()) effects_.push_back(std::move(effect));
  } else if (std::holds_alternative<EmptyDatabase>(event)) {
    data_.clear();
  } else if (const auto* drop = std::get_if<DropSlots>(&event)) {
    drop_later(drop->slots);
  } else if (const auto* pause = std::get_if<PauseWrites>(&event)) {
    const Instant until = local() + pause->span;
    writes_paused_until_ = until;
    net_.world.post(net_.world.global(index_, until), index_, [this, until] {
      if (writes_paused_until_ == until) resume_writes();
    });
  } else if (std::holds_alternative<ResumeWrites>(event)) {
    resume_writes();
  }
  net_.watch.happens(*this, event);
}

// Between requests, as the driver does it: a crash may come first.
void ClusterProcess::drop_later(const SlotSet& slots) {
  dropping_ |= slots;
  World& world = net_.world;
  world.post(world.now() + world.rng.span(Nanos(0), kDropTakesAtMost), index_, [this, slots] {
    data_.drop(dropping_ & slots);
    dropping_ -= slots;
  });
}

// What comes (back) here must not meet the old keys.
void ClusterProcess::drop_what_is_wanted() {
  if (dropping_.empty()) return;
  SlotSet wanted = view().myself().slots | view().incoming_slots();
  for (const auto& [slot, from] : view().importing()) wanted.add(slot);
  data_.drop(dropping_ & wanted);
  dropping_ -= wanted;
}

void ClusterProcess::take_next() {
  while (!busy_ && !inbox_.empty() && net_.world.failure.empty()) {
    const auto what = std::move(inbox_.front());
    inbox_.pop_front();
    machine_->set_replication(data_.facts());
    BusEffects out;
    what(out);
    for (auto& effect : out.take()) effects_.push_back(std::move(effect));
    perform();
  }
  if (!busy_) set_timer();
}

void ClusterProcess::perform() {
  while (!busy_ && !effects_.empty()) {
    auto effect = std::move(effects_.front());
    effects_.pop_front();
    if (auto* persist = std::get_if<BusEffects::Persist>(&effect)) {
      busy_ = true;
      World& world = net_.world;
      const Nanos took = world.rng.span(Micros(100), 2 * world.faults.mean_persist);
      world.post(world.now() + took, index_, [this, text = std::move(persist->state)] {
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
  if (!busy_) drop_what_is_wanted();
}

void ClusterProcess::send(const BusEffects::Send& sent) {
  net_.watch.sends(*this, sent);
  const auto there = net_.at_ip.find(sent.to.ip);
  if (there == net_.at_ip.end()) return;
  transmit(there->second, {.from = view().myself().id, .to = sent.to.to, .message = sent.message},
           sent.to.link, {});
}

void ClusterProcess::transmit(int to, const Envelope& envelope, NodeId link, NodeId back) {
  World& world = net_.world;
  net_.watch.travels(envelope);
  const int copies = world.rng.chance(world.faults.duplication) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    if (world.is_cut(index_, to) || world.rng.chance(world.faults.loss)) continue;
    const Nanos delay = Micros(50) + world.rng.span(Nanos(0), 2 * world.faults.mean_delay);
    world.post(world.now() + delay, to, [this, to, envelope, link, back] {
      net_.node(to).arrive(envelope, index_, link, back);
    });
  }
}

void ClusterProcess::set_timer() {
  World& world = net_.world;
  const uint64_t mine = ++timer_;
  const Instant when = machine_->next_deadline();
  if (when == Instant::max()) return;
  world.post(std::max(world.global(index_, when), world.now() + Nanos(1)), index_, [this, mine] {
    if (mine != timer_ || busy_) return;
    input([this](BusEffects& out) { machine_->tick(local(), out); });
  });
}

NodeId made_id(int index) {
  return NodeId(0x1000u + static_cast<uint64_t>(index));
}

std::string made_stranger(int index) {
  return made_id(index).hex() + " :0@0 myself,master - 0 0 0 connected\n" +
         "vars currentEpoch 0 lastVoteEpoch 0\n";
}

std::string made_cluster(int total, int primaries, int self) {
  std::string text;
  for (int i = 0; i < total; ++i) {
    const int primary = i % primaries;
    text += made_id(i).hex() + " " + ClusterNet::ip_of(i) + ":6379@16379 ";
    if (i == self) text += "myself,";
    if (i >= primaries) {
      text += "slave " + made_id(primary).hex() + " 0 0 " + std::to_string(primary + 1) +
              " connected\n";
    } else {
      text += "master - 0 0 " + std::to_string(i + 1) + " connected " +
              std::to_string(kSlotCount * i / primaries) + "-" +
              std::to_string(kSlotCount * (i + 1) / primaries - 1) + "\n";
    }
  }
  const int epoch = std::max(20, primaries);
  return text + "vars currentEpoch " + std::to_string(epoch) + " lastVoteEpoch 0\n";
}

}  // namespace redan::sim
