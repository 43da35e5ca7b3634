// The cluster bus on gRPC: one stream of ours to each peer that we send to, and the streams that
// peers opened to us. Pings are answered on gRPC's own threads with the last card, so that a slow
// command on the data thread is not taken for death; everything else is handed to the data thread.
//
// All calls and all events are on the data thread. gRPC and protobuf stay in the .cc files.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "server/cluster/bus_effects.h"
#include "server/cluster/bus_machine.h"
#include "server/session/services.h"

namespace redan {

class DataLoop;

class ClusterBus {
 public:
  struct Options {
    std::vector<std::string> bind;  // As the client port's; "-" before an address: may be missing.
    int port = 0;
    bool protected_mode = true;
    // What peers may prove that they know (masterauth, requirepass; those that are set). A stream
    // is taken where one of the caller's is one of ours, or where we have none.
    std::vector<std::string> secrets;
    Millis connect_timeout{1000};
    // cluster-link-sendbuf-limit: beyond it a link is closed; 0: none.
    size_t max_queued_bytes = 0;
    // bio-cpulist, for gRPC's threads; stays as it was at open().
    std::string cpus;
  };
  struct Events {
    // For the machine: what Liveness let through, and who sent it.
    std::function<void(const BusSender& from, const cluster::BusMessage& message)> message;
    std::function<void(NodeId link)> link_up, link_down;
    // Pings that were answered since the last call, for the counters.
    std::function<void(uint64_t pongs)> answered;
    std::function<void()> buffer_limit_exceeded;
  };

  // Listens at once. An error names the address and the remedy.
  static Result<std::unique_ptr<ClusterBus>> open(DataLoop& loop, Options options, Events events);
  ~ClusterBus();  // Closes all streams; no event comes any more.
  ClusterBus(const ClusterBus&) = delete;
  ClusterBus& operator=(const ClusterBus&) = delete;

  void configure(Options options);  // The port and the addresses stay.
  void set_card(const cluster::Card& card);
  // Opens the link where there is none, or where it leads elsewhere now. What cannot be sent is
  // dropped: link_down tells of it.
  void send(const cluster::BusPeer& to, const cluster::BusMessage& message);
  void close(NodeId link);

  std::vector<ClusterLinkFacts> links() const;
  // Connections and messages that were no bus traffic.
  uint64_t nonsense_count() const;

 private:
  struct State;
  explicit ClusterBus(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace redan
