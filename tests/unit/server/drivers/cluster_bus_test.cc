// Nodes with a bus each, on loopback: a data thread of its own, a card, and a book of what came.
#include "server/drivers/cluster_bus.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <fstream>
#include <future>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>

#include "common/log/log.h"
#include "common/rpc/preface.h"
#include "server/drivers/data_loop.h"
#include "tests/unit/eventually.h"

namespace redan {
namespace {

using namespace cluster;

// A socket that ends with the test.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }
  void say(std::string_view text) const {
    EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // Waits for a word, or for the end of the connection.
  ssize_t hear() const {
    char bytes[256];
    return ::recv(fd_, bytes, sizeof bytes, 0);
  }
  // Was it closed at the other end? What came before is thrown away.
  bool is_closed() const {
    char bytes[256];
    for (;;) {
      const ssize_t size = ::recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
      if (size < 0) return errno != EAGAIN;
      if (size == 0) return true;
    }
  }

 private:
  int fd_;
};

sockaddr_in address_of(const char* ip, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, ip, &address.sin_addr);
  return address;
}

Socket listen_on_loopback(int& port) {
  Socket socket(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address = address_of("127.0.0.1", port);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(socket.fd(), generic, size), 0);
  EXPECT_EQ(::listen(socket.fd(), 16), 0);
  EXPECT_EQ(::getsockname(socket.fd(), generic, &size), 0);
  port = ntohs(address.sin_port);
  return socket;
}

Socket connect_to(int port, const char* from = "127.0.0.1") {
  Socket socket(::socket(AF_INET, SOCK_STREAM, 0));
  const sockaddr_in here = address_of(from, 0), there = address_of("127.0.0.1", port);
  EXPECT_EQ(::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&here), sizeof here), 0);
  EXPECT_EQ(::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&there), sizeof there), 0);
  return socket;
}

int free_port() {
  int port = 0;
  (void)listen_on_loopback(port);
  return port;
}

struct Event {
  enum class Kind { kMessage, kUp, kDown } kind;
  BusSender from;  // Of a message; else its link.
  BusMessage message;
};

class Node {
 public:
  explicit Node(uint64_t number, std::vector<std::string> secrets = {}) : id_(number) {
    options_.bind = {"127.0.0.1"};
    options_.port = free_port();
    options_.secrets = std::move(secrets);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Node() {
    stop();
    loop_.post([this] { loop_.stop(); });
    thread_.join();
  }

  // On the data thread; returns what it returned.
  template <class Call>
  auto run(Call call) {
    auto task = std::make_shared<std::packaged_task<decltype(call())()>>(call);
    auto result = task->get_future();
    loop_.post([task] { (*task)(); });
    return result.get();
  }

  Result<void> try_start() {
    return run([this]() -> Result<void> {
      auto bus = ClusterBus::open(loop_, options_, events());
      if (!bus) return bus.error();
      bus_ = bus.take();
      bus_->set_card({id_, {.config_epoch = Epoch(1), .state_digest = 7}});
      return kOk;
    });
  }
  void start() {
    const Result<void> started = try_start();
    ASSERT_TRUE(started) << started.error().message();
  }
  void stop() {
    run([this] { bus_.reset(); });
  }

  BusPeer as_peer() const {
    return {
        .link = link(), .to = id_, .ip = "127.0.0.1", .bus_port = static_cast<uint16_t>(port())};
  }
  NodeId id() const { return id_; }
  // How others call their link to us: not by our identity, as with a node that was not met yet.
  NodeId link() const { return NodeId(id_.bytes()[19] + 100U); }
  int port() const { return options_.port; }
  ClusterBus::Options& options() { return options_; }

  void send(const BusPeer& to, const BusMessage& message) {
    run([&] { bus_->send(to, message); });
  }
  void send(const Node& to, const BusMessage& message) { send(to.as_peer(), message); }
  void close(const Node& to) {
    run([&] { bus_->close(to.link()); });
  }
  void configure() {
    run([&] { bus_->configure(options_); });
  }
  uint64_t nonsense() {
    return run([&] { return bus_->nonsense_count(); });
  }
  std::vector<ClusterLinkFacts> links() {
    return run([&] { return bus_->links(); });
  }

  // ---- The book.
  std::vector<Event> book() const {
    const std::lock_guard lock(mutex_);
    return book_;
  }
  size_t count(Event::Kind kind) const {
    size_t count = 0;
    for (const Event& event : book()) count += event.kind == kind ? 1 : 0;
    return count;
  }
  template <class Message>
  std::vector<Message> got() const {
    std::vector<Message> messages;
    for (const Event& event : book()) {
      const auto* message = std::get_if<Message>(&event.message);
      if (event.kind == Event::Kind::kMessage && message) messages.push_back(*message);
    }
    return messages;
  }
  uint64_t pongs() const {
    const std::lock_guard lock(mutex_);
    return pongs_;
  }
  int limits_exceeded() const {
    const std::lock_guard lock(mutex_);
    return limits_exceeded_;
  }

  // The data thread works on a slow command for as long as this lives.
  class Blocked {
   public:
    explicit Blocked(Node& node) {
      auto began = std::make_shared<std::promise<void>>();
      node.loop_.post([began, ended = end_.get_future().share()] {
        began->set_value();
        ended.wait();
      });
      began->get_future().wait();
    }
    ~Blocked() { end_.set_value(); }

   private:
    std::promise<void> end_;
  };

 private:
  ClusterBus::Events events() {
    const auto note = [this](Event event) {
      const std::lock_guard lock(mutex_);
      book_.push_back(std::move(event));
    };
    return {.message =
                [note](const BusSender& from, const BusMessage& message) {
                  note({Event::Kind::kMessage, from, message});
                },
            .link_up =
                [note](NodeId link) {
                  note({Event::Kind::kUp, {.link = link}, {}});
                },
            .link_down =
                [note](NodeId link) {
                  note({Event::Kind::kDown, {.link = link}, {}});
                },
            .answered =
                [this](uint64_t pongs) {
                  const std::lock_guard lock(mutex_);
                  pongs_ += pongs;
                },
            .buffer_limit_exceeded =
                [this] {
                  const std::lock_guard lock(mutex_);
                  ++limits_exceeded_;
                }};
  }

  const NodeId id_;
  ClusterBus::Options options_;
  DataLoop loop_;
  std::unique_ptr<ClusterBus> bus_;
  mutable std::mutex mutex_;
  std::vector<Event> book_;
  uint64_t pongs_ = 0;
  int limits_exceeded_ = 0;
  std::thread thread_;
};

using Kind = Event::Kind;

Publish numbered(int i) {
  return {.sharded = false, .channel = "c", .message = std::to_string(i)};
}

// What was logged while it lives.
class LoggedTo {
 public:
  LoggedTo() : path_(testing::TempDir() + "cluster_bus_test." + std::to_string(getpid())) {
    ::unlink(path_.c_str());
    EXPECT_TRUE(open_log({.file = path_}));
  }
  ~LoggedTo() {
    EXPECT_TRUE(open_log({}));
    ::unlink(path_.c_str());
  }
  size_t count(const std::string& text) const {
    std::ifstream file(path_);
    const std::string all(std::istreambuf_iterator<char>(file), {});
    size_t found = 0;
    for (size_t at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++found;
    return found;
  }

 private:
  std::string path_;
};

TEST(ClusterBus, MessagesArriveInOrderWithTheirSender) {
  Node a(1), b(2);
  a.start();
  b.start();
  for (int i = 0; i < 500; ++i) a.send(b, numbered(i));
  ASSERT_TRUE(eventually([&] { return b.count(Kind::kMessage) == 500; }));
  const std::vector<Event> book = b.book();
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(book[i].message, BusMessage(numbered(i)));
    EXPECT_EQ(book[i].from.id, a.id());
    EXPECT_EQ(book[i].from.observed_ip, "127.0.0.1");
    EXPECT_EQ(book[i].from.local_ip, "127.0.0.1");
    EXPECT_TRUE(book[i].from.link.empty());
  }
  ASSERT_TRUE(eventually([&] { return a.count(Kind::kUp) == 1; }));
  EXPECT_EQ(a.book()[0].from.link, b.link());
  EXPECT_EQ(b.count(Kind::kUp), 0U);  // It has no link of its own yet.

  const std::vector<ClusterLinkFacts> ours = a.links(), theirs = b.links();
  ASSERT_EQ(ours.size(), 1U);
  EXPECT_TRUE(ours[0].to);
  EXPECT_EQ(ours[0].node, b.link());
  EXPECT_GT(ours[0].created_unix_ms, 0);
  ASSERT_EQ(theirs.size(), 1U);
  EXPECT_FALSE(theirs[0].to);
  EXPECT_EQ(theirs[0].node, a.id());
}

TEST(ClusterBus, PingsAreAnsweredWhileTheDataThreadIsBusy) {
  Node a(1), b(2);
  a.start();
  b.start();
  a.send(b, numbered(0));
  ASSERT_TRUE(eventually([&] { return b.count(Kind::kMessage) == 1; }));
  {
    const Node::Blocked slow_command(b);
    for (int i = 0; i < 10; ++i) {
      a.send(b, Heartbeat{.ping = true});
      a.send(b, numbered(i));
    }
    ASSERT_TRUE(eventually([&] { return a.got<Heartbeat>().size() == 10; }));
    EXPECT_EQ(b.count(Kind::kMessage), 1U);
    EXPECT_EQ(b.pongs(), 0U);
  }
  const Event pong = a.book().back();
  EXPECT_EQ(pong.from.id, b.id());
  EXPECT_EQ(pong.from.link, b.link());
  EXPECT_EQ(pong.from.observed_ip, "127.0.0.1");
  EXPECT_EQ(std::get<Heartbeat>(pong.message).state_digest, 7U);
  EXPECT_FALSE(std::get<Heartbeat>(pong.message).ping);
  ASSERT_TRUE(eventually([&] { return b.count(Kind::kMessage) == 21 && b.pongs() == 10; }));
}

TEST(ClusterBus, AMessageForAnotherNodeIsAnsweredSo) {
  Node a(1), b(2);
  a.start();
  b.start();
  BusPeer other = b.as_peer();
  other.to = NodeId(9);
  a.send(other, Heartbeat{.ping = true});
  ASSERT_TRUE(eventually([&] { return a.got<NotMe>().size() == 1; }));
  EXPECT_EQ(a.book().back().from.link, b.link());
  EXPECT_EQ(b.count(Kind::kMessage), 0U);
  EXPECT_EQ(b.pongs(), 0U);
}

TEST(ClusterBus, AWrongSecretIsRefusedAndBothSay) {
  const LoggedTo log;
  Node a(1, {"wrong"}), b(2, {"right"});
  a.start();
  b.start();
  a.send(b, numbered(1));
  ASSERT_TRUE(eventually([&] { return a.count(Kind::kDown) == 1; }));
  a.send(b, numbered(2));
  ASSERT_TRUE(eventually([&] { return a.count(Kind::kDown) == 2; }));
  EXPECT_EQ(a.count(Kind::kUp), 0U);
  EXPECT_EQ(b.count(Kind::kMessage), 0U);
  EXPECT_EQ(b.nonsense(), 2U);
  const std::string where = "127.0.0.1:" + std::to_string(b.port());
  EXPECT_EQ(log.count("The cluster bus at " + where +
                      " refused this node: neither 'masterauth' nor 'requirepass' is one of its "
                      "own"),
            1U);
  EXPECT_EQ(log.count("Nonsense on the cluster bus from 127.0.0.1: it does not know our "
                      "'masterauth' or 'requirepass'"),
            1U);

  // While a password is changed a node knows two.
  a.options().secrets = {"new", "right"};
  a.configure();
  a.send(b, numbered(3));
  ASSERT_TRUE(eventually([&] { return b.count(Kind::kMessage) == 1; }));
  b.options().secrets = {"new"};
  b.configure();
  a.close(b);
  a.send(b, numbered(4));
  ASSERT_TRUE(eventually([&] { return b.count(Kind::kMessage) == 2; }));
  // Where nobody asks for a secret, knowing one is no fault.
  b.send(a, numbered(5));
  ASSERT_TRUE(eventually([&] { return a.count(Kind::kMessage) == 1; }));
}

TEST(ClusterBus, GarbageOnThePortIsCountedAndLoggedOnce) {
  const LoggedTo log;
  Node a(1), b(2);
  a.start();
  b.start();
  for (const char* text : {"PING\r\n", "GET / HTTP/1.1\r\n\r\n", "RCmb garbage"}) {
    const Socket stranger = connect_to(b.port());
    stranger.say(text);
    EXPECT_TRUE(eventually([&] { return stranger.is_closed(); }));
  }
  EXPECT_EQ(b.nonsense(), 3U);
  EXPECT_EQ(log.count("Nonsense on the cluster bus from 127.0.0.1: not the bus protocol"), 1U);
  // HTTP/2, and then not.
  const Socket liar = connect_to(b.port());
  liar.say(std::string(kRpcPreface) + std::string(100, 'x'));
  EXPECT_TRUE(eventually([&] { return liar.is_closed(); }));
  a.send(b, numbered(1));
  EXPECT_TRUE(eventually([&] { return b.count(Kind::kMessage) == 1; }));
}

TEST(ClusterBus, AFloodOfConnectionsLeavesRoomForPeers) {
  Node a(1), b(2);
  a.start();
  b.start();
  const auto open_among = [](const std::vector<Socket>& sockets) {
    size_t open = 0;
    for (const Socket& socket : sockets) open += socket.is_closed() ? 0 : 1;
    return open;
  };
  {
    std::vector<Socket> silent;
    for (int i = 0; i < 300; ++i) silent.push_back(connect_to(b.port(), "127.0.0.2"));
    EXPECT_TRUE(eventually([&] { return open_among(silent) == 64; }));
    a.send(b, numbered(1));
    EXPECT_TRUE(eventually([&] { return b.count(Kind::kMessage) == 1; }));
  }
  {
    std::vector<Socket> polite;  // They begin as gRPC does.
    for (int i = 0; i < 300; ++i) {
      polite.push_back(connect_to(b.port(), "127.0.0.3"));
      polite.back().say(kRpcPreface);
      polite.back().hear();  // So that no two are undecided at once.
    }
    EXPECT_EQ(open_among(polite), 256U);
    a.close(b);
    a.send(b, numbered(2));
    EXPECT_TRUE(eventually([&] { return b.count(Kind::kMessage) == 2; }));
  }
  // Those are gone, and the next ones find room.
  const auto finds_room = [&] {
    const Socket next = connect_to(b.port(), "127.0.0.3");
    next.say(kRpcPreface);
    return next.hear() > 0;
  };
  EXPECT_TRUE(eventually(finds_room));
  EXPECT_GT(b.nonsense(), 0U);
}

TEST(ClusterBus, APortThatIsTakenIsNamed) {
  Node a(1);
  int port = 0;
  const Socket other = listen_on_loopback(port);
  a.options().port = port;
  const Result<void> started = a.try_start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message().find("127.0.0.1:" + std::to_string(port)), std::string::npos)
      << started.error().message();
  EXPECT_NE(started.error().message().find("cluster-port"), std::string::npos);
}

TEST(ClusterBus, WhoIsNotThereIsToldSoon) {
  Node a(1);
  a.options().connect_timeout = Millis(300);
  a.start();
  const Node nobody(2);
  a.send(nobody, numbered(1));  // Refused.
  EXPECT_TRUE(eventually([&] { return a.count(Kind::kDown) == 1; }));

  int port = 0;
  const Socket hangs = listen_on_loopback(port);  // The kernel connects, and then nothing.
  BusPeer silent = nobody.as_peer();
  silent.bus_port = static_cast<uint16_t>(port);
  a.send(silent, numbered(2));
  EXPECT_TRUE(eventually([&] { return a.count(Kind::kDown) == 2; }));
  EXPECT_EQ(a.count(Kind::kUp), 0U);
  EXPECT_TRUE(a.links().empty());
}

TEST(ClusterBus, APeerThatDiesIsNoticedAndFoundAgain) {
  Node a(1), b(2);
  a.start();
  b.start();
  a.send(b, numbered(1));
  ASSERT_TRUE(eventually([&] { return a.count(Kind::kUp) == 1; }));
  b.stop();
  ASSERT_TRUE(eventually([&] { return a.count(Kind::kDown) == 1; }));
  EXPECT_EQ(a.book().back().from.link, b.link());
  b.start();
  a.send(b, numbered(2));
  ASSERT_TRUE(eventually([&] { return b.count(Kind::kMessage) == 2; }));
  ASSERT_TRUE(eventually([&] { return a.count(Kind::kUp) == 2; }));
}

TEST(ClusterBus, ALinkIsOpenedAnewWhereItLeadsElsewhere) {
  Node a(1), b(2), c(3);
  a.start();
  b.start();
  c.start();
  a.send(b, numbered(1));
  ASSERT_TRUE(eventually([&] { return a.count(Kind::kUp) == 1; }));
  BusPeer moved = b.as_peer();
  moved.to = c.id();
  moved.bus_port = c.as_peer().bus_port;
  a.send(moved, numbered(2));
  ASSERT_TRUE(eventually([&] { return c.count(Kind::kMessage) == 1; }));
  ASSERT_TRUE(eventually([&] { return a.count(Kind::kUp) == 2; }));
  EXPECT_EQ(a.count(Kind::kDown), 1U);
  EXPECT_EQ(a.links().size(), 1U);
  EXPECT_TRUE(eventually([&] { return b.links().empty(); }));

  a.close(b);  // The link's name, that is.
  ASSERT_TRUE(eventually([&] { return a.count(Kind::kDown) == 2; }));
  EXPECT_TRUE(eventually([&] { return c.links().empty(); }));
}

// A data thread that takes nothing stops the peer's stream, which fills the sender's queue.
TEST(ClusterBus, WhatWaitsIsBoundedAtBothEnds) {
  Node a(1), b(2);
  a.options().max_queued_bytes = 8UL * 1024 * 1024;
  a.start();
  b.start();
  const Publish large{.sharded = false, .channel = "c", .message = std::string(1024 * 1024, 'm')};
  a.send(b, numbered(1));
  ASSERT_TRUE(eventually([&] { return b.count(Kind::kMessage) == 1; }));
  {
    const Node::Blocked slow_command(b);
    EXPECT_TRUE(eventually([&] {
      a.send(b, large);
      return a.limits_exceeded() > 0;
    }));
    EXPECT_GE(a.count(Kind::kDown), 1U);
  }
  // What was on its way arrives, and then the next link works.
  a.send(b, Fail{NodeId(5)});
  EXPECT_TRUE(eventually([&] { return b.got<Fail>().size() == 1; }));
  EXPECT_LT(b.got<Publish>().size(), 40U);
}

TEST(ClusterBus, AMessageThatNoEnvelopeHoldsStaysHere) {
  const LoggedTo log;
  Node a(1), b(2);
  a.start();
  b.start();
  const Publish huge{.sharded = false, .channel = "c", .message = std::string(65 << 20, 'm')};
  a.send(b, huge);
  a.send(b, huge);
  Publish large = huge;
  large.message.resize(60 << 20);
  a.send(b, large);
  ASSERT_TRUE(eventually([&] { return b.count(Kind::kMessage) == 1; }));
  EXPECT_EQ(b.got<Publish>().front().message.size(), large.message.size());
  EXPECT_EQ(log.count("stays on this node: the cluster bus carries up to 67107840"), 1U);
}

TEST(ClusterBus, ItClosesWithStreamsOpenAndMessagesOnTheirWay) {
  for (int round = 0; round < 5; ++round) {
    Node a(1), b(2), c(3);
    a.start();
    b.start();
    c.start();
    for (int i = 0; i < 20; ++i) {
      a.send(b, Heartbeat{.ping = true});
      b.send(c, numbered(i));
      c.send(a, Heartbeat{.ping = true});
      b.send(a, numbered(i));
    }
    // The first to go says no more, while the others still talk to it.
    a.stop();
    const size_t told = a.book().size();
    for (int i = 0; i < 20; ++i) b.send(a, Heartbeat{.ping = true});
    ASSERT_TRUE(eventually([&] { return b.count(Kind::kDown) > 0; }));
    EXPECT_EQ(a.book().size(), told);
  }
}

}  // namespace
}  // namespace redan
