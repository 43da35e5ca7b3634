#include "tests/sim/big_cluster.h"

#include <algorithm>
#include <cstdio>
#include <functional>

#include "server/bus/bus_codec.h"
#include "tests/sim/cluster_process.h"

namespace redan::sim {
namespace {

using namespace cluster;

// What gRPC (5) and HTTP/2 (9) put before each message; TCP and IP are counted for neither.
constexpr size_t kFraming = 14;
constexpr Nanos kPatience = Seconds(60);

Faults calm_network() {
  Faults faults;
  faults.mean_delay = Micros(500);
  faults.mean_persist = Millis(2);
  faults.clock_drift = 0.0001;
  return faults;
}

class Meter : public ClusterWatch {
 public:
  void travels(const Envelope& envelope) override {
    wire_.Clear();
    encode(envelope, wire_);
    bytes += wire_.ByteSizeLong() + kFraming;
    ++by_kind[envelope.message.index()];
  }
  uint64_t bytes = 0;
  std::array<uint64_t, std::variant_size_v<BusMessage>> by_kind{};

 private:
  bus_wire::Envelope wire_;
};

class Scene {
 public:
  explicit Scene(const BigCluster& options)
      : options_(options), world_(options.seed, calm_network()), net_(world_, meter_) {
    const int total = options.primaries + options.replicas;
    for (int i = 0; i < total; ++i) {
      net_.add(machine_options(), made_cluster(total, options.primaries, i));
      // Not all in one moment, or their rounds would stay together.
      world_.run_until(world_.now() + options.node_timeout / 4 / total);
    }
  }

  BigReport run() {
    world_.run_until(world_.now() + std::max<Nanos>(options_.rest, Seconds(4)));
    rest();
    move_slot();
    for (int i = 0; i < options_.failures; ++i) lose_primary(i);
    join();
    report_.failure = world_.failure;
    return report_;
  }

 private:
  ClusterOptions machine_options() const {
    ClusterOptions options;
    options.node_timeout = std::chrono::duration_cast<Millis>(options_.node_timeout);
    options.require_full_coverage = false;
    return options;
  }

  void rest() {
    meter_.bytes = 0;
    meter_.by_kind = {};
    world_.run_until(world_.now() + options_.rest);
    const double each =
        static_cast<double>(net_.size()) * std::chrono::duration<double>(options_.rest).count();
    report_.at_rest.bytes_per_second = static_cast<double>(meter_.bytes) / each;
    for (size_t kind = 0; kind < meter_.by_kind.size(); ++kind) {
      report_.by_kind[kind] = static_cast<double>(meter_.by_kind[kind]) / each;
      report_.at_rest.messages_per_second += report_.by_kind[kind];
    }
    report_.of_redis =
        redis_bus_at_rest(net_.size(), options_.node_timeout, Seconds(30), options_.seed);
  }

  // From now until `what` holds; fails the world where it takes a minute.
  Nanos until(const char* name, const std::function<bool()>& what) {
    const Nanos began = world_.now();
    while (world_.failure.empty() && !what()) {
      if (world_.now() - began > kPatience) world_.fail(std::string("no agreement: ") + name);
      world_.run_until(world_.now() + Millis(1));
    }
    return world_.now() - began;
  }
  bool all(const std::function<bool(const ClusterView&)>& what) const {
    return std::all_of(net_.nodes.begin(), net_.nodes.end(),
                       [&](const auto& node) { return !node->alive() || what(node->view()); });
  }

  // The first slot of the first primary goes to the second one.
  void move_slot() {
    const Slot slot(0);
    ClusterProcess& target = net_.node(1);
    const NodeId to = target.view().myself().id;
    target.input([&](BusEffects& out) {
      ClusterMachine& machine = target.machine();
      const NodeId from = net_.node(0).view().myself().id;
      if (!machine.set_slot_importing(target.local(), slot, from, out) ||
          !machine.set_slot_node(target.local(), slot, to, 0, out)) {
        world_.fail("SETSLOT was refused");
      }
    });
    report_.slot_agreed = until("a slot", [&] {
      return all([&](const ClusterView& view) {
        return view.owner(slot) != nullptr && view.owner(slot)->id == to;
      });
    });
  }

  void lose_primary(int i) {
    const int victim = 10 + i;
    const NodeId lost = net_.node(victim).view().myself().id;
    const Slot slot = net_.node(victim).view().myself().slots.ranges()[0].first;
    // At another moment of its round each time.
    world_.run_until(world_.now() + Seconds(5) + world_.rng.span(Nanos(0), Seconds(1)));
    net_.node(victim).crash(true);
    const auto is_failed = [&](const ClusterView& view) {
      const ClusterNode* node = view.find(lost);
      return node == nullptr || node->failed();
    };
    Nanos passed = until("a failure", [&] { return all(is_failed); });
    report_.failed.push_back(passed);
    if (options_.replicas <= victim) return;
    ClusterProcess& heir = net_.node(options_.primaries + victim);
    const auto owned_by_heir = [&](const ClusterView& view) {
      return view.owner(slot) != nullptr && view.owner(slot)->id == heir.view().myself().id;
    };
    passed += until("an heir", [&] { return owned_by_heir(heir.view()); });
    report_.taken_over.push_back(passed);
    passed += until("an heir's slots", [&] { return all(owned_by_heir); });
    report_.agreed.push_back(passed);
  }

  void join() {
    world_.run_until(world_.now() + Seconds(5));
    ClusterProcess& guest =
        net_.add(machine_options(), made_stranger(static_cast<int>(net_.size())));
    const NodeId id = guest.view().myself().id;
    net_.node(0).input([&](BusEffects& out) {
      const std::string ip = ClusterNet::ip_of(guest.index());
      if (!net_.node(0).machine().meet(net_.node(0).local(), ip, 6379, 16379, out)) {
        world_.fail("MEET was refused");
      }
    });
    // Nobody can be introduced to the dead.
    const size_t alive = net_.size() - static_cast<size_t>(options_.failures);
    report_.joined = until("a guest", [&] {
      return guest.view().known_nodes() == alive && all([&](const ClusterView& view) {
               const ClusterNode* node = view.find(id);
               return node != nullptr && !node->handshake;
             });
    });
  }

  BigCluster options_;
  Meter meter_;
  World world_;
  ClusterNet net_;
  BigReport report_;
};

std::string times(const std::vector<Nanos>& list) {
  std::string text;
  for (const Nanos time : list) text += " " + std::to_string(whole_ms(time));
  return text;
}

}  // namespace

BigReport measure(const BigCluster& options) {
  return Scene(options).run();
}

std::string BigReport::text() const {
  char head[256];
  std::snprintf(head, sizeof head,
                "at rest, each node: %.0f bytes/s in %.1f messages/s; Redis: %.0f bytes/s in %.1f "
                "packets/s; share %.1f %%\n",
                at_rest.bytes_per_second, at_rest.messages_per_second, of_redis.bytes_per_second,
                of_redis.messages_per_second,
                100 * at_rest.bytes_per_second / of_redis.bytes_per_second);
  return head + std::string("a dead primary, ms until failed for all:") + times(failed) +
         "; replaced:" + times(taken_over) + "; agreed by all:" + times(agreed) +
         "\na slot agreed by all after " + std::to_string(whole_ms(slot_agreed)) +
         " ms; a new node known to all after " + std::to_string(whole_ms(joined)) + " ms\n" +
         (failure.empty() ? "" : failure + "\n");
}

}  // namespace redan::sim
