// The sentinel's RESP port: accepts clients, takes each request through the gates and to its
// handler, and delivers events to subscribers. Lives on one loop.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/net/listener.h"
#include "common/net/resp_connection.h"
#include "sentinel/command/call.h"

namespace redan {

class EventLoop;

// Why a connection from `peer` is not taken, as an error reply; empty: it is.
std::string_view refusal(const SentinelConfig& config, size_t clients, std::string_view peer);

class SentinelFront : public SentinelPort, private RespHandler {
 public:
  static Result<std::unique_ptr<SentinelFront>> open(EventLoop& loop, SentinelService& sentinel,
                                                     std::string run_id);
  ~SentinelFront() override;

  std::vector<SentinelClient*> clients() override;
  void disconnect(SentinelClient& client) override;
  const SentinelTraffic& traffic() const override { return traffic_; }
  // Delivers an event to every client that listens to it.
  void publish(const std::string& channel, const std::string& text) override;
  size_t receivers(const std::string& channel) override;
  void pause(Millis span) override;
  void close_all();
  // The first that it listens to; for a configured port of zero the system's choice.
  int port() const { return listener_->endpoints()[0].port; }

 private:
  struct Member {
    std::shared_ptr<RespConnection> connection;
    SentinelClient client;
  };
  using Members = std::map<RespConnection*, std::shared_ptr<Member>>;

  SentinelFront(EventLoop& loop, SentinelService& sentinel, std::string run_id);
  void accept(AcceptedSocket socket);
  void on_request(RespConnection& connection, std::span<const std::string_view> args) override;
  void on_closed(RespConnection& connection) override;
  // True: the reply was taken over and comes later.
  bool execute(const std::shared_ptr<Member>& member, std::span<const std::string_view> args);
  Result<void> dispatch(SentinelCall& call);
  SentinelCall::Finish take_over(const std::shared_ptr<Member>& member);
  void postpone(const std::shared_ptr<Member>& member, std::span<const std::string_view> args);
  void end_pause();
  void close_idle();

  EventLoop& loop_;
  SentinelService& sentinel_;
  SentinelTable commands_;
  SentinelTraffic traffic_;
  std::unique_ptr<Listener> listener_;
  Members members_;
  int64_t last_id_ = 0;
  std::shared_ptr<void> idle_timer_;
  // CLIENT PAUSE: one request of each client that sent one, in their order.
  struct Postponed {
    std::weak_ptr<Member> member;
    std::vector<std::string> words;
  };
  Instant paused_until_{};
  std::vector<Postponed> postponed_;
  std::shared_ptr<void> pause_timer_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace redan
