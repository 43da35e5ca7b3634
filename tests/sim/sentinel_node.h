// One sentinel of the simulation: the machine, and a driver that performs its effects in order,
// one input at a time, on a disk whose writes take time and may be cut off by a crash.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sentinel/logic/machine.h"
#include "tests/sim/data_node.h"
#include "tests/sim/world.h"

namespace redan::sim {

inline Address sentinel_address(int index) {
  return {.ip = "10.0.1." + std::to_string(index + 1), .port = 26379};
}

class SentinelNode;

// Checkers watch every effect at the moment it takes place.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void sent(SentinelNode&, const Send&) {}
  virtual void answered(SentinelNode&, const AskPrimaryDown&, const PrimaryDownReply&) {}
  virtual void announced(SentinelNode&, const Announce&) {}
  // The data node carries out an order that `by` sent when its configuration (for a promotion: its
  // campaign) was the one of `epoch`.
  struct Order {
    int node;
    bool was_primary;
    bool promotes;
    Epoch epoch;
  };
  virtual void carried_out(SentinelNode&, const Order&) {}
  virtual void restarted(SentinelNode&) {}
};

// Everything a sentinel can reach: who lives at which address.
struct Field {
  World& world;
  DataNodes& data;
  std::vector<std::unique_ptr<SentinelNode>>& sentinels;
  std::vector<Watcher*>& watchers;
};

class SentinelNode {
 public:
  SentinelNode(Field field, int index, DurableState state, SentinelOptions options);

  void start();
  void crash(bool silent);
  void restart();

  int index() const { return index_; }
  int process() const { return process_; }
  bool alive() const { return field_.world.process(process_).alive; }
  SentinelMachine& machine() { return *machine_; }
  const DurableState& disk() const { return disk_; }
  Instant local() const { return field_.world.local(process_); }
  // An operator's command, run like any other input.
  void command(std::function<void(SentinelMachine&, Instant, SentinelEffects&)> verb);

 private:
  struct Wire {
    ConnectionPtr connection;
    uint32_t attempt = 0;
    bool is_peer = false;
    int target = -1;
  };
  using Key = std::pair<LinkId, LinkPart>;
  void input(SentinelInput what);
  void take_next();
  void perform();
  void perform_one(SentinelEffect& effect);
  void open(const OpenLink& link);
  void send(const Send& send);
  void question(const AskPrimaryDown& asked, ConnectionPtr from,
                std::function<void(PrimaryDownReply)> reply);
  void set_timer();

  Field field_;
  int index_;
  int process_;
  SentinelOptions options_;
  std::unique_ptr<SentinelMachine> machine_;
  DurableState disk_;
  std::optional<DurableState> writing_;
  std::deque<std::function<void(SentinelEffects&)>> inbox_;
  std::deque<SentinelEffect> effects_;
  bool busy_ = false;
  std::map<Key, Wire> wires_;
  struct Asked {
    AskPrimaryDown question;
    ConnectionPtr connection;
    std::function<void(PrimaryDownReply)> reply;
  };
  std::map<uint64_t, Asked> asked_;
  uint64_t last_token_ = 0;
  uint64_t timer_ = 0;
};

}  // namespace redan::sim
