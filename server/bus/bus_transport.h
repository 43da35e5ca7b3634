// The streams of the cluster's bus, as ClusterBus (server/drivers/cluster_bus.h) uses them. gRPC
// lies behind this interface, in a module that is loaded in cluster mode only (README.md).
//
// Our link to a peer is a stream that we opened: what we tell goes there, and answers come back on
// it. Streams that peers opened to us bring what they tell, and take our answers. Pings are
// answered on gRPC's threads with the last card (server/cluster/liveness.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "server/cluster/bus_effects.h"
#include "server/cluster/bus_machine.h"
#include "server/session/services.h"

namespace redan {

// Whatever calls the transport does so on the data thread.
class BusTransport {
 public:
  struct Options {
    std::vector<std::string> secrets;
    Millis connect_timeout{1000};
    size_t max_queued_bytes = 0;  // 0: what is sane for the memory's sake.
  };
  struct Events {
    // ---- On any thread.
    // Runs a task on the data thread; false: it takes no more.
    std::function<bool(std::function<void()>)> post;
    // A peer that said nonsense.
    std::function<void(const std::string& peer, const std::string& what)> nonsense;
    // What an operator must know, once for each `about`.
    std::function<void(const std::string& about, const std::string& text)> warn;
    std::function<void(const std::string& text)> verbose;

    // ---- On the data thread.
    std::function<void(const BusSender& from, const cluster::BusMessage& message)> message;
    // Once for each stream of ours that ended, whatever ended it.
    std::function<void(NodeId link)> link_up, link_down;
    std::function<void(uint64_t pongs)> answered;
    std::function<void()> buffer_limit_exceeded;
    // Our address on the way to `ip`.
    std::function<std::string(const std::string& ip)> local_ip_for;
  };

  // Ends all streams and waits until no thread is in an event.
  virtual ~BusTransport() = default;

  virtual void configure(Options options) = 0;
  virtual void set_card(const cluster::Card& card) = 0;
  // Takes a connected socket that began to speak HTTP/2. False: there are too many from there; the
  // descriptor stays the caller's.
  virtual bool adopt(int fd, const std::string& peer_ip, const std::string& local_ip) = 0;
  virtual void send(const cluster::BusPeer& to, const cluster::BusMessage& message) = 0;
  virtual void close(NodeId link) = 0;
  virtual std::vector<ClusterLinkFacts> links() const = 0;
};

// The module's entry points. Program and module pass C++ objects to each other, so they must be of
// one build: the version and what tells layouts apart say so.
inline constexpr char kBusModuleBuild[] = REDAN_VERSION " 1";
inline constexpr const char* kBusModuleFile = "redan-bus.so";
inline constexpr const char* kBusModuleVersion = "redan_bus_version";
inline constexpr const char* kBusModuleOpen = "redan_bus_open";
using BusModuleOpen = BusTransport* (*)(BusTransport::Options&&, BusTransport::Events&&);
using BusModuleVersion = const char* (*)();

}  // namespace redan
