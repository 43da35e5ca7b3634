// A peer that is no node of ours speaks to the transport over a socket pair, by protobuf's own
// means.
#include "server/bus/grpc_transport.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel_posix.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "proto/cluster_bus.grpc.pb.h"
#include "server/bus/bus_codec.h"
#include "server/bus/bus_link.h"
#include "tests/unit/eventually.h"

namespace redan {
namespace {

using namespace cluster;

// The data thread is the test's, and takes what was posted when the test says so.
class Stage {
 public:
  explicit Stage(std::vector<std::string> secrets = {}) {
    transport_ = open_grpc_transport({.secrets = std::move(secrets)}, events());
    transport_->set_card({NodeId(1), {.state_digest = 7}});
  }
  ~Stage() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    transport_.reset();
  }

  size_t posted() const {
    const std::lock_guard lock(mutex_);
    return posted_.size();
  }
  bool pump_one() {
    std::function<void()> task;
    {
      const std::lock_guard lock(mutex_);
      if (posted_.empty()) return false;
      task = std::move(posted_.front());
      posted_.pop_front();
    }
    task();
    return true;
  }
  void pump() {
    while (pump_one()) {
    }
  }
  template <class Holds>
  bool pumped_until(Holds holds) {
    return eventually([&] {
      pump();
      return holds();
    });
  }
  std::vector<std::string> nonsense() const {
    const std::lock_guard lock(mutex_);
    return nonsense_;
  }
  BusTransport& transport() { return *transport_; }

  std::vector<std::pair<BusSender, BusMessage>> messages;
  uint64_t pongs = 0;

 private:
  BusTransport::Events events() {
    BusTransport::Events events;
    events.post = [this](std::function<void()> task) {
      const std::lock_guard lock(mutex_);
      if (closed_) return false;
      posted_.push_back(std::move(task));
      return true;
    };
    events.nonsense = [this](const std::string& peer, const std::string& what) {
      const std::lock_guard lock(mutex_);
      nonsense_.push_back(peer + ": " + what);
    };
    events.message = [this](const BusSender& from, const BusMessage& message) {
      messages.emplace_back(from, message);
    };
    events.answered = [this](uint64_t count) { pongs += count; };
    return events;
  }

  mutable std::mutex mutex_;
  std::deque<std::function<void()>> posted_;
  std::vector<std::string> nonsense_;
  bool closed_ = false;
  std::unique_ptr<BusTransport> transport_;
};

class Peer {
 public:
  explicit Peer(Stage& stage) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    EXPECT_TRUE(stage.transport().adopt(ends[0], "10.0.0.7", "10.0.0.1"));
    stub_ = v1::ClusterBus::NewStub(grpc::CreateInsecureChannelFromFd("peer", ends[1]));
    open();
  }
  ~Peer() { call_->TryCancel(); }

  // A stream; the one before is over.
  void open() {
    stream_.reset();
    call_ = std::make_unique<grpc::ClientContext>();
    stream_ = stub_->Link(call_.get());
  }
  bool is_taken() {
    stream_->WaitForInitialMetadata();
    return call_->GetServerInitialMetadata().contains(kBusTakenKey);
  }
  bool say(const bus_wire::Envelope& envelope) { return stream_->Write(envelope); }
  bool say(const Envelope& envelope) {
    bus_wire::Envelope wire;
    encode(envelope, wire);
    return say(wire);
  }
  Envelope hear() {
    bus_wire::Envelope wire;
    EXPECT_TRUE(stream_->Read(&wire));
    return decode(wire).take();
  }
  grpc::Status end() { return stream_->Finish(); }

 private:
  std::unique_ptr<v1::ClusterBus::Stub> stub_;
  std::unique_ptr<grpc::ClientContext> call_;
  std::unique_ptr<grpc::ClientReaderWriter<bus_wire::Envelope, bus_wire::Envelope>> stream_;
};

const Envelope kPing{.from = NodeId(2), .to = NodeId(1), .message = Heartbeat{.ping = true}};

TEST(GrpcTransport, AnswersAPingAndTellsWhereItCameFrom) {
  Stage stage;
  Peer peer(stage);
  EXPECT_TRUE(peer.is_taken());
  EXPECT_TRUE(peer.say(kPing));
  const Envelope pong = peer.hear();
  EXPECT_EQ(pong.from, NodeId(1));
  EXPECT_EQ(pong.to, NodeId(2));
  EXPECT_EQ(std::get<Heartbeat>(pong.message).state_digest, 7U);
  ASSERT_TRUE(stage.pumped_until([&] { return stage.messages.size() == 1 && stage.pongs == 1; }));
  EXPECT_EQ(stage.messages[0].first.id, NodeId(2));
  EXPECT_EQ(stage.messages[0].first.observed_ip, "10.0.0.7");
  EXPECT_EQ(stage.messages[0].first.local_ip, "10.0.0.1");
  EXPECT_EQ(stage.messages[0].second, kPing.message);
}

TEST(GrpcTransport, NonsenseEndsTheStreamWithItsName) {
  Stage stage;
  Peer peer(stage);
  bus_wire::Envelope wire;
  encode(kPing, wire);
  wire.set_from("short");
  EXPECT_TRUE(peer.say(wire));
  const grpc::Status status = peer.end();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "bad from");
  EXPECT_EQ(stage.nonsense(), std::vector<std::string>{"10.0.0.7: bad from"});

  peer.open();
  EXPECT_TRUE(peer.say(bus_wire::Envelope()));
  EXPECT_EQ(peer.end().error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  // More than an envelope holds is refused by gRPC.
  peer.open();
  encode(kPing, wire);
  wire.mutable_publish()->set_message(std::string(kMaxBusMessageBytes, 'm'));
  (void)peer.say(wire);
  EXPECT_EQ(peer.end().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);

  peer.open();
  EXPECT_TRUE(peer.say(kPing));
  EXPECT_EQ(peer.hear().from, NodeId(1));
  ASSERT_TRUE(stage.pumped_until([&] { return stage.messages.size() == 1; }));
}

TEST(GrpcTransport, WhoShowsNoSecretIsNotHeard) {
  Stage stage({"one", "two"});
  Peer peer(stage);
  EXPECT_FALSE(peer.is_taken());
  (void)peer.say(kPing);
  EXPECT_EQ(peer.end().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  stage.pump();
  EXPECT_TRUE(stage.messages.empty());
  EXPECT_EQ(stage.nonsense().size(), 1U);
}

TEST(GrpcTransport, WhoAsksAndDoesNotListenLosesAnswers) {
  Stage stage;
  Heartbeat card;
  card.suspects.assign(1000, NodeId(3));
  stage.transport().set_card({NodeId(1), card});
  Peer peer(stage);
  constexpr size_t kPings = 1000;  // Their answers are more than sockets and windows hold.
  for (size_t i = 0; i < kPings; ++i) {
    ASSERT_TRUE(peer.say(kPing));
    stage.pump();
  }
  ASSERT_TRUE(stage.pumped_until([&] { return stage.messages.size() == kPings; }));
  EXPECT_LT(stage.pongs, kPings);
  const std::vector<ClusterLinkFacts> links = stage.transport().links();
  ASSERT_EQ(links.size(), 1U);
  EXPECT_LT(links[0].queued_bytes, 65U * 1000 * 23);
}

// What came over goes to the data thread only as far as the inlet lets it; the peer holds the rest.
TEST(GrpcTransport, AStreamIsNotReadOnWhereTheDataThreadTakesNothing) {
  Stage stage;
  Peer peer(stage);
  const Envelope large{.from = NodeId(2),
                       .to = NodeId(1),
                       .message = Publish{false, "c", std::string(1 << 20, 'm')}};
  std::atomic<int> said = 0;
  std::thread talker([&] {
    for (; said < 30; ++said) EXPECT_TRUE(peer.say(large));
  });
  ASSERT_TRUE(eventually([&] { return stage.posted() == 4; }));
  while (stage.messages.size() < 30) {
    EXPECT_LE(stage.posted(), 5U);
    stage.pump_one();
  }
  talker.join();
}

}  // namespace
}  // namespace redan
