#include "net.h"

#include "common/base/check.h"

namespace redan::cluster {

Net::Net(int count) {
  for (int i = 0; i < count; ++i) {
    auto node = std::make_unique<TestNode>();
    node->ip = "10.0.0." + std::to_string(i + 1);
    node->options.announce = {.port = 6379, .bus_port = 16379};
    node->options.node_timeout = kTimeout;
    const NodesFile fresh = NodesFile::fresh(NodeId(static_cast<uint64_t>(i) + 1),
                                             NodeId(static_cast<uint64_t>(i) + 101));
    node->machine =
        std::make_unique<ClusterMachine>(node->options, fresh, static_cast<uint64_t>(i) + 7, now_);
    nodes_.push_back(std::move(node));
  }
  for (int i = 0; i < count; ++i) {
    BusEffects out;
    machine(i).start(now_, out);
    perform(i, out);
  }
}

std::unique_ptr<Net> Net::cluster(int primaries, int replicas) {
  auto net = std::make_unique<Net>(primaries + replicas);
  for (int i = 0; i < primaries; ++i) {
    SlotSet slots;
    slots.add(SlotRange{Slot(static_cast<uint16_t>(kSlotCount * i / primaries)),
                        Slot(static_cast<uint16_t>(kSlotCount * (i + 1) / primaries - 1))});
    const Result<void> done = net->with(i, [&](ClusterMachine& m, BusEffects& out) {
      const Result<void> added = m.add_slots(net->now(), slots, out);
      return added ? m.set_config_epoch(net->now(), i + 1, out) : added;
    });
    REDAN_CHECK(done.ok());
  }
  for (int i = 1; i < net->size(); ++i) net->meet(0, i);
  const bool formed = net->run_until([&] {
    for (int i = 0; i < net->size(); ++i) {
      if (net->view(i).known_nodes() != static_cast<size_t>(net->size())) return false;
    }
    return net->all_ok();
  });
  if (!formed) {
    for (int i = 0; i < net->size(); ++i) fputs(net->machine(i).dump(net->now()).c_str(), stderr);
  }
  REDAN_CHECK(formed);
  for (int r = 0; r < replicas; ++r) {
    const Result<void> done = net->with(primaries + r, [&](ClusterMachine& m, BusEffects& out) {
      return m.replicate(net->now(), net->id(r % primaries), false, out);
    });
    REDAN_CHECK(done.ok());
  }
  net->run_for(Seconds(3));
  REDAN_CHECK(net->all_ok());
  for (auto& node : net->nodes_) node->events.clear();
  return net;
}

int Net::at_address(const std::string& ip, uint16_t bus_port) {
  for (int i = 0; i < size(); ++i) {
    if (node(i).ip == ip && node(i).options.announce.bus_port == bus_port) return i;
  }
  return -1;
}

void Net::meet(int from, int to) {
  const Result<void> done = with(from, [&](ClusterMachine& m, BusEffects& out) {
    return m.meet(now_, node(to).ip, 6379, 16379, out);
  });
  REDAN_CHECK(done.ok());
}

void Net::kill(int i) {
  node(i).down = true;
  for (int other = 0; other < size(); ++other) {
    if (other == i || node(other).down) continue;
    BusEffects out;
    machine(other).link_down(now_, id(i), out);
    perform(other, out);
  }
}

void Net::restart(int i, const std::string& new_ip) {
  TestNode& n = node(i);
  if (!new_ip.empty()) n.ip = new_ip;
  Result<NodesFile> stored = NodesFile::parse(n.disk);
  REDAN_CHECK(stored.ok());
  n.machine = std::make_unique<ClusterMachine>(n.options, *stored, 99, now_);
  n.liveness = {};
  n.down = false;
  BusEffects out;
  n.machine->start(now_, out);
  perform(i, out);
}

void Net::isolate(int i, bool is) {
  for (int other = 0; other < size(); ++other) {
    if (other == i) continue;
    cut(i, other, is);
    cut(other, i, is);
  }
}

void Net::facts(int i) {
  TestNode& n = node(i);
  if (n.follow_clock) n.facts.contact = now_;
  n.machine->set_replication(n.facts);
}

void Net::perform(int i, BusEffects& out) {
  TestNode& n = node(i);
  BusEffects more;
  for (auto& effect : out.take()) {
    if (auto* text = std::get_if<BusEffects::Persist>(&effect)) {
      n.disk = text->state;
    } else if (auto* event = std::get_if<BusEvent>(&effect)) {
      if (auto* card = std::get_if<Card>(event)) n.liveness.set(card->self, card->heartbeat);
      if (std::holds_alternative<BecomePrimary>(*event)) {
        n.machine->look_for_leftovers(now_, n.with_keys, more);
      }
      n.events.push_back(std::move(*event));
    } else {
      auto& sent = std::get<BusEffects::Send>(effect);
      Envelope envelope{.from = id(i), .to = sent.to.to, .message = std::move(sent.message)};
      if (record) wire.push_back({i, envelope});
      const int to = at_address(sent.to.ip, sent.to.bus_port);
      if (to < 0) continue;
      post(i, to, std::move(envelope), sent.to.link);
    }
  }
  n.machine->view().check_invariants();
  if (!more.empty()) perform(i, more);
}

void Net::post(int from, int to, Envelope envelope, NodeId link) {
  if (cuts_.count({from, to}) > 0) return;
  flying_.push_back({now_ + Millis(1), from, to, std::move(envelope), link});
}

void Net::deliver(const InFlight& message) {
  TestNode& n = node(message.to);
  if (n.down) return;
  const Liveness::Verdict verdict = n.liveness.judge(message.envelope);
  if (verdict.answer && cuts_.count({message.to, message.from}) == 0) {
    flying_.push_back(
        {now_ + Millis(1), message.to, message.from, *verdict.answer, message.link, true});
  }
  if (!verdict.for_us) return;
  facts(message.to);
  BusEffects out;
  const bool is_answer = std::holds_alternative<NotMe>(message.envelope.message);
  machine(message.to)
      .receive(now_,
               {.id = message.envelope.from,
                .observed_ip = node(message.from).ip,
                .local_ip = n.ip,
                .link = is_answer ? message.link : NodeId()},
               message.envelope.message, out);
  perform(message.to, out);
  if (!message.is_answer && !node(message.from).down &&
      view(message.from).find(message.link) != nullptr) {
    BusEffects up;
    machine(message.from).link_up(now_, message.link, up);
    perform(message.from, up);
  }
}

void Net::run_for(Nanos span) {
  run_until([] { return false; }, span);
}

bool Net::run_until(const std::function<bool()>& done, Nanos limit) {
  const Instant end = now_ + limit;
  for (int same = 0; !done();) {
    Instant next = flying_.empty() ? end : flying_.front().at;
    int who = -1;
    for (int i = 0; i < size(); ++i) {
      if (node(i).down || machine(i).next_deadline() >= next) continue;
      next = machine(i).next_deadline();
      who = i;
    }
    if (next >= end) {
      now_ = end;
      return done();
    }
    same = next <= now_ ? same + 1 : 0;
    REDAN_CHECK(same < 100'000);  // Somebody asks for a tick again and again.
    now_ = std::max(now_, next);
    if (who >= 0) {
      facts(who);
      BusEffects out;
      machine(who).tick(now_, out);
      perform(who, out);
    } else {
      const InFlight message = std::move(flying_.front());
      flying_.pop_front();
      deliver(message);
    }
  }
  return true;
}

bool Net::all_ok() {
  for (int i = 0; i < size(); ++i) {
    if (!node(i).down && !view(i).ok()) return false;
  }
  return true;
}

}  // namespace redan::cluster
