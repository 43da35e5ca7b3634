#include "tests/sim/cluster_ledger.h"

namespace redan::sim {
namespace {

constexpr Nanos kTimeout = Seconds(1);
constexpr int kHops = 5;

std::string name_of(Key key) {
  return "slot " + std::to_string(key.slot.value) + " key " + std::to_string(key.number);
}

}  // namespace

void Ledger::accepted(ClusterProcess& by, const Request& request) {
  writes_[request.value] = {.key = request.key, .by = by.index(), .at = net_.world.now()};
  const ClusterNode& me = by.view().myself();
  const auto [first, is_new] =
      acknowledger_.emplace(std::pair(request.key.slot, me.config_epoch), me.id);
  if (epochs_are_voted && !request.asking && first->second != me.id) {
    net_.world.fail("two nodes acknowledge writes of slot " +
                    std::to_string(request.key.slot.value) + " in epoch " +
                    std::to_string(me.config_epoch.value));
  }
}

void Ledger::acknowledged(const Request& request) {
  Entry& entry = writes_.at(request.value);
  acknowledged_ += !entry.acknowledged;
  entry.acknowledged = true;
}

bool Ledger::held_by_shard(const ClusterProcess& of, const Change& change) const {
  const NodeId shard = of.view().myself().shard_id;
  for (const auto& node : net_.nodes) {
    if (node->view().myself().shard_id != shard) continue;
    if (!node->data().has(change.key, change.value)) return false;
  }
  return true;
}

void Ledger::held(ClusterProcess& by, const Change& change) {
  if (change.value != 0) {
    const auto entry = writes_.find(change.value);
    if (entry != writes_.end()) entry->second.safe |= held_by_shard(by, change);
    return;
  }
  // The key moves on: it is as safe as it becomes where it goes.
  for (auto& [value, entry] : writes_) {
    if (entry.key == change.key) entry.safe = false;
  }
}

size_t Ledger::count_lost(bool all) {
  size_t lost = 0;
  for (const auto& [value, entry] : writes_) {
    if (!entry.acknowledged) continue;
    bool kept = false;
    for (const auto& node : net_.nodes) {
      const ClusterNode* owner = node->view().owner(entry.key.slot);
      kept |= owner == &node->view().myself() && node->data().has(entry.key, value);
    }
    if (kept) continue;
    ++lost;
    if (!all && !entry.safe) continue;
    net_.world.fail("write " + std::to_string(value) + " of " + name_of(entry.key) +
                    ", acknowledged by node " + std::to_string(entry.by) + " at " +
                    std::to_string(whole_ms(entry.at)) + " ms, is lost" +
                    (entry.safe ? " though its whole shard had it" : ""));
  }
  return lost;
}

std::string Ledger::misplaced() const {
  for (const auto& node : net_.nodes) {
    const ClusterNode& me = node->view().myself();
    const std::string who = "node " + std::to_string(node->index());
    if (me.is_primary) {
      for (const auto& [key, values] : node->data().content()) {
        if (!me.slots.contains(key.slot)) return who + " holds " + name_of(key) + " of others";
      }
      continue;
    }
    if (!node->data().in_sync()) return who + " is not in sync with its primary";
    for (const auto& other : net_.nodes) {
      if (other->view().myself().id != me.primary) continue;
      if (other->data().content() != node->data().content()) return who + " is no copy";
    }
  }
  return "";
}

Clients::Clients(ClusterNet& net, Ledger& ledger, int count, std::vector<Key> keys, uint64_t seed)
    : net_(net), ledger_(ledger), keys_(std::move(keys)), draw_(seed) {
  clients_.resize(static_cast<size_t>(count));
  for (Client& client : clients_) client.home = static_cast<int>(draw_.below(net.size()));
}

void Clients::start() {
  for (Client& client : clients_) go_on(client, Millis(1));
}

Nanos Clients::travel() {
  Nanos time = Micros(50) + net_.world.rng.span(Nanos(0), 2 * net_.world.faults.mean_delay);
  for (int i = 0; i < 3 && net_.world.rng.chance(net_.world.faults.loss); ++i) time += Millis(200);
  return time;
}

void Clients::go_on(Client& client, Nanos after) {
  net_.world.after(after, [this, &client, generation = generation_] {
    if (generation == generation_) write(client);
  });
}

void Clients::write(Client& client) {
  const uint64_t call = ++client.call;
  const Key key = keys_[draw_.below(keys_.size())];
  const auto known = net_.at_ip.find(client.owner[key.slot]);
  const int to =
      known == net_.at_ip.end() ? static_cast<int>(draw_.below(net_.size())) : known->second;
  net_.world.after(kTimeout, [this, &client, call, generation = generation_, slot = key.slot] {
    if (client.call != call || generation != generation_) return;
    client.owner.erase(slot);  // Asks somebody else for the way.
    write(client);
  });
  send(client, {.key = key, .value = ledger_.next_value()}, to, 0);
}

void Clients::send(Client& client, const Request& request, int to, int hops) {
  World& world = net_.world;
  if (world.is_cut(client.home, to)) return;
  const uint64_t call = client.call;
  world.post(world.now() + travel(), to, [this, &client, call, request, to, hops] {
    net_.node(to).call(request, [this, &client, call, request, to, hops](const Answer& answer) {
      if (net_.world.is_cut(to, client.home)) return;
      net_.world.after(travel(), [this, &client, call, request, hops, answer] {
        if (client.call == call) answered(client, request, answer, hops);
      });
    });
  });
}

void Clients::answered(Client& client, const Request& request, const Answer& answer, int hops) {
  const auto there = net_.at_ip.find(answer.ip);
  if (answer.kind == Answer::kOk) {
    ledger_.acknowledged(request);
  } else if (answer.kind == Answer::kMoved && there != net_.at_ip.end() && hops < kHops) {
    client.owner[request.key.slot] = answer.ip;
    return send(client, request, there->second, hops + 1);
  } else if (answer.kind == Answer::kAsk && there != net_.at_ip.end() && hops < kHops) {
    Request asking = request;
    asking.asking = true;
    return send(client, asking, there->second, hops + 1);
  } else {
    client.owner.erase(request.key.slot);
  }
  ++client.call;
  go_on(client, draw_.span(Millis(10), Millis(120)));
}

}  // namespace redan::sim
