// A node of a cluster with a bus that has no network: what nodes send each other is posted to the
// loop that they share. Files, timers, keyspaces and subscribers are real.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "server/cluster/liveness.h"
#include "server/cluster/verb.h"
#include "server/drivers/cluster_driver.h"
#include "server/keyspace/keyspace.h"
#include "server/session/pubsub.h"
#include "tests/unit/server/drivers/snapshot_fixture.h"
#include "tests/unit/server/session/fake_connection.h"

namespace redan {

// (Names of the bus; tests include this header only.)
using namespace cluster;

class Wire;

struct Wires {
  explicit Wires(DataLoop& its_loop) : loop(its_loop) {}
  DataLoop& loop;
  std::map<int, Wire*> at;  // By port.
  std::function<void(const BusMessage&)> on_send = [](const BusMessage&) {};
};

class Wire final : public ClusterWire {
 public:
  Wire(Wires& all, ClusterBus::Options options, ClusterBus::Events events)
      : wires_(all), port_(options.port), events_(std::move(events)) {
    configure(std::move(options));
    wires_.at[port_] = this;
  }
  ~Wire() override { wires_.at.erase(port_); }

  void configure(ClusterBus::Options options) override { last_options = std::move(options); }
  void set_card(const Card& card) override {
    self_ = card.self;
    liveness_.set(card.self, card.heartbeat);
  }
  // At once, as if the connection was refused, or later.
  void send(const BusPeer& to, const BusMessage& message) override {
    wires_.on_send(message);
    if (wires_.at.count(to.bus_port) == 0) {
      if (open_.erase(to.link) > 0) events_.link_down(to.link);
      return;
    }
    if (open_.insert(to.link).second) events_.link_up(to.link);
    const Envelope envelope{.from = self_, .to = to.to, .message = message};
    wires_.loop.post([&all = wires_, port = port_, to, envelope] {
      const auto receiver = all.at.find(to.bus_port);
      if (receiver == all.at.end()) return;
      const Liveness::Verdict verdict = receiver->second->liveness_.judge(envelope);
      if (verdict.for_us) receiver->second->take(envelope, {});
      const auto sender = all.at.find(port);
      if (!verdict.answer || sender == all.at.end()) return;
      sender->second->take(*verdict.answer, to.link);
    });
  }
  void close(NodeId link) override { open_.erase(link); }
  std::vector<ClusterLinkFacts> links() const override {
    return std::vector<ClusterLinkFacts>(open_.size());
  }

  ClusterBus::Options last_options;

 private:
  void take(const Envelope& envelope, NodeId link) {
    events_.message(
        {.id = envelope.from, .observed_ip = "127.0.0.1", .local_ip = "127.0.0.1", .link = link},
        envelope.message);
  }

  Wires& wires_;
  int port_;
  ClusterBus::Events events_;
  Liveness liveness_;
  NodeId self_;
  std::set<NodeId> open_;
};

struct TestMember {
  TestMember(Wires& wires, const Folder& folder, int port) : loop(wires.loop) {
    session.connection = &listener;
    config.cluster_enabled = true;
    config.port = port;
    config.bind = {"127.0.0.1"};
    config.cluster_node_timeout = 500;
    config.cluster_config_file = folder.file("nodes-" + std::to_string(port) + ".conf");
    revive(wires);
  }
  // The process starts (again), and so far serves nobody.
  void revive(Wires& wires) {
    driver = std::make_unique<ClusterDriver>(ClusterDriver::Parts{
        .loop = loop,
        .config = config,
        .keyspace = keyspace,
        .pubsub = pubsub,
        .replication =
            [this] {
              return ReplicationFacts{
                  .offset = offset, .link_up = true, .contact = monotonic_now()};
            },
        .follow =
            [this](const std::string& host, int to, NodeId) {
              acts.push_back(host.empty() ? "primary" : "follow " + std::to_string(to));
            },
        .hold_writes =
            [this](std::optional<Instant> until) {
              held = until.has_value();
              acts.push_back(held ? "hold" : "go on");
            },
        .feed_deletion =
            [this](std::string_view key) { acts.push_back("DEL " + std::string(key)); },
        .emptied = [this] { acts.push_back("emptied"); },
        .open_wire = [this, &wires](
                         DataLoop&, ClusterBus::Options options,
                         ClusterBus::Events events) -> Result<std::unique_ptr<ClusterWire>> {
          auto opened = std::make_unique<Wire>(wires, std::move(options), std::move(events));
          wire = opened.get();
          return std::unique_ptr<ClusterWire>(std::move(opened));
        },
        .seed = static_cast<uint64_t>(config.port)});
  }
  void start() {
    const Result<void> opened = driver->open();
    ASSERT_TRUE(opened) << opened.error().message();
    driver->start();
  }
  const ClusterView& view() const { return driver->view(); }
  NodeId id() const { return view().myself().id; }
  bool knows_primary(const TestMember& other) const {
    const ClusterNode* node = view().find(other.id());
    return node != nullptr && !node->handshake && node->link_up && node->is_primary;
  }
  template <class Verb>
  void perform(Verb verb) {
    const Result<void> result = driver->perform(verb);
    ASSERT_TRUE(result) << result.error().message();
    driver->batch_done();
  }
  void meet(const TestMember& other) {
    perform([&](ClusterVerb& v) {
      const auto port = static_cast<uint16_t>(other.config.port);
      return v.machine.meet(v.now, "127.0.0.1", port, static_cast<uint16_t>(port + 10'000),
                            v.effects);
    });
  }
  void take_slots(SlotRange range) {
    SlotSet slots;
    slots.add(range);
    perform([&](ClusterVerb& v) { return v.machine.add_slots(v.now, slots, v.effects); });
  }

  DataLoop& loop;
  ServerConfig config;
  Keyspace keyspace{{.databases = 1, .seed = 1, .slots = true}};
  PubSub pubsub;
  FakeConnection listener;
  Session session;
  int64_t offset = 0;
  bool held = false;
  std::vector<std::string> acts;
  Wire* wire = nullptr;
  std::unique_ptr<ClusterDriver> driver;
};

}  // namespace redan
