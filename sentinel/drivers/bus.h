// Our end of the sentinel bus: takes questions and hellos of peers on port + 10000 and hands them
// to the loop, where the answer to a question may come later (once the ballot is on disk). Refuses
// peers that the policy does not admit; counts what is no bus traffic, logs it once per peer, and
// drops it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "sentinel/logic/messages.h"

namespace redan {

class EventLoop;
class OwnerLoop;

// Ports end at 65535; there the bus goes 10000 below.
constexpr int bus_port(int port) {
  return port <= 55535 ? port + 10000 : port - 10000;
}

class SentinelBusServer {
 public:
  struct Options {
    std::vector<std::string> bind;
    int port = 0;
    bool protected_mode = false;
    std::string secret;
    NodeId self;
  };
  using Answer = std::function<void(const PrimaryDownReply&)>;
  struct Events {
    std::function<void(AskPrimaryDown question, Answer answer)> question;
    std::function<void(std::string hello)> hello;
  };

  // Its gRPC server is there from now on, whether or not anybody can reach it: the channels of our
  // links must not be the last of gRPC (common/rpc/calls_in_hand.h).
  SentinelBusServer(EventLoop& loop, std::shared_ptr<OwnerLoop> owner, Options options,
                    Events events);
  ~SentinelBusServer();
  SentinelBusServer(const SentinelBusServer&) = delete;
  SentinelBusServer& operator=(const SentinelBusServer&) = delete;

  // May be tried again where it failed.
  Result<void> listen();
  uint64_t nonsense_count() const;

 private:
  struct State;
  EventLoop& loop_;
  const Options options_;
  std::shared_ptr<State> state_;
};

}  // namespace redan
