// The sentinel's port from outside: who is let in, which requests pass the gates, what the limits
// are, and how replies come. Over real sockets on the loopback.
#include "sentinel/front/sentinel_front.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "common/base/clock.h"
#include "common/net/event_loop.h"
#include "tests/unit/sentinel/command/fake_service.h"

namespace redan {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class LiveService : public FakeService {
 public:
  LiveService() {
    config_.bind = {"127.0.0.1"};
    config_.tcp_backlog = 16;
    config_.maxclients = 100;
    config_.protected_mode = true;
  }
  Instant now() const override { return monotonic_now(); }
};

// A connection that sends bytes and reads to the end.
class RawClient {
 public:
  explicit RawClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = 20, .tv_usec = 0};  // A test that waits in vain fails.
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view bytes) {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // What comes next is `text`.
  void expect(std::string_view text) { EXPECT_EQ(read_until(text), text); }
  // Up to the first `last`, or the end.
  std::string read_until(std::string_view last) {
    std::string all;
    char byte = 0;
    while (!all.ends_with(last) && ::recv(fd_, &byte, 1, 0) == 1) all += byte;
    return all;
  }
  std::string read_to_the_end() {
    std::string all;
    char chunk[4096];
    for (ssize_t n = 0; (n = ::recv(fd_, chunk, sizeof chunk, 0)) > 0;) {
      all.append(chunk, static_cast<size_t>(n));
    }
    return all;
  }

 private:
  int fd_;
};

class Front : public ::testing::Test {
 protected:
  ~Front() override {
    if (!thread_.joinable()) return;
    on_loop([this] { front_.reset(); });
    loop_.stop();
    thread_.join();
  }
  // With the configuration that the service has by then.
  void open() {
    auto opened = SentinelFront::open(loop_, service, std::string(40, 'a'));
    ASSERT_TRUE(opened);
    front_ = opened.take();
    port = front_->port();
    thread_ = std::thread([this] { loop_.run(); });
  }
  void on_loop(const std::function<void()>& task) {
    std::promise<void> done;
    loop_.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  // What is answered to `lines` on a connection of their own; QUIT, which is always allowed, ends
  // it.
  std::string ask(const std::vector<std::string>& lines) {
    RawClient client(port);
    for (const std::string& line : lines) client.send(line + "\r\n");
    client.send("QUIT\r\n");
    return client.read_to_the_end();
  }
  SentinelFront& front() { return *front_; }

  LiveService service;
  int port = 0;

 private:
  EventLoop loop_;
  std::unique_ptr<SentinelFront> front_;
  std::thread thread_;
};

const std::string kNoAuthError = "-NOAUTH Authentication required.\r\n";

TEST_F(Front, WithAPasswordNothingIsAnsweredBeforeIt) {
  service.config_.requirepass = "secret";
  open();
  EXPECT_EQ(ask({"PING", "SENTINEL MASTERS", "CLIENT ID"}),
            kNoAuthError + kNoAuthError + kNoAuthError + "+OK\r\n");
  EXPECT_EQ(ask({"AUTH wrong", "PING"}),
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n" + kNoAuthError +
                "+OK\r\n");
  EXPECT_EQ(ask({"AUTH secret", "PING"}), "+OK\r\n+PONG\r\n+OK\r\n");
  EXPECT_EQ(ask({"AUTH default secret", "RESET", "PING"}),
            "+OK\r\n+RESET\r\n" + kNoAuthError + "+OK\r\n");
  EXPECT_THAT(ask({"HELLO 3 AUTH default secret"}), StartsWith("%6\r\n$6\r\nserver\r\n"));
}

TEST_F(Front, StrangersHaveTheSmallLimitsOfRequestsUntilTheyAreKnown) {
  service.config_.requirepass = "secret";
  open();
  EXPECT_THAT(ask({"*11"}), HasSubstr("unauthenticated multibulk length"));
  EXPECT_THAT(ask({"*2", "$4", "AUTH", "$16385"}), HasSubstr("unauthenticated bulk length"));
  std::string eleven = "*11\r\n$4\r\nPING\r\n";
  for (int i = 0; i < 10; ++i) eleven += "$1\r\nx\r\n";
  eleven.resize(eleven.size() - 2);  // ask() ends each line.
  EXPECT_EQ(ask({"AUTH secret", eleven}),
            "+OK\r\n-ERR wrong number of arguments for 'ping' command\r\n+OK\r\n");
}

TEST_F(Front, UnknownWordsAndWrongCountsAreNamed) {
  open();
  EXPECT_EQ(ask({"GET key"}),
            "-ERR unknown command 'GET', with args beginning with: 'key' \r\n+OK\r\n");
  EXPECT_EQ(ask({"SENTINEL NOSUCH x"}),
            "-ERR unknown subcommand 'NOSUCH'. Try SENTINEL HELP.\r\n+OK\r\n");
  EXPECT_EQ(ask({"SENTINEL"}), "-ERR wrong number of arguments for 'sentinel' command\r\n+OK\r\n");
  EXPECT_EQ(ask({"CLIENT ID now"}),
            "-ERR wrong number of arguments for 'client|id' command\r\n+OK\r\n");
  EXPECT_EQ(ask({"PING a b"}), "-ERR wrong number of arguments for 'ping' command\r\n+OK\r\n");
}

TEST_F(Front, ASubscriberOfResp2CanDoLittleElse) {
  open();
  const std::string subscribed = "*3\r\n$9\r\nsubscribe\r\n$3\r\n+sd\r\n:1\r\n";
  EXPECT_EQ(
      ask({"SUBSCRIBE +sd", "CLIENT ID", "PING"}),
      subscribed +
          "-ERR Can't execute 'client|id': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / "
          "QUIT / RESET are allowed in this context\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n+OK\r\n");
  EXPECT_EQ(ask({"SUBSCRIBE +sd", "UNSUBSCRIBE +sd", "PING"}),
            subscribed + "*3\r\n$11\r\nunsubscribe\r\n$3\r\n+sd\r\n:0\r\n+PONG\r\n+OK\r\n");
  EXPECT_EQ(ask({"SUBSCRIBE +sd", "RESET", "PING"}), subscribed + "+RESET\r\n+PONG\r\n+OK\r\n");
  EXPECT_THAT(ask({"HELLO 3", "SUBSCRIBE +sd", "ACL WHOAMI"}),
              HasSubstr(">3\r\n$9\r\nsubscribe\r\n$3\r\n+sd\r\n:1\r\n$7\r\ndefault\r\n"));
}

TEST_F(Front, EventsReachWhoListensByNameOrPattern) {
  open();
  RawClient named(port), all(port);
  named.send("SUBSCRIBE +sdown\r\n");
  named.expect("*3\r\n$9\r\nsubscribe\r\n$6\r\n+sdown\r\n:1\r\n");
  all.send("PSUBSCRIBE *\r\n");
  all.expect("*3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:1\r\n");
  on_loop([this] {
    EXPECT_EQ(front().receivers("+sdown"), 2u);
    EXPECT_EQ(front().receivers("-sdown"), 1u);
    front().publish("+sdown", "master m");
  });
  named.expect("*3\r\n$7\r\nmessage\r\n$6\r\n+sdown\r\n$8\r\nmaster m\r\n");
  all.expect("*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$6\r\n+sdown\r\n$8\r\nmaster m\r\n");
}

TEST_F(Front, OneMoreClientThanMaxclientsIsSentAway) {
  service.config_.maxclients = 1;
  open();
  RawClient first(port);
  first.send("PING\r\n");
  first.expect("+PONG\r\n");
  EXPECT_EQ(RawClient(port).read_to_the_end(), "-ERR max number of clients reached\r\n");
  first.send("INFO stats\r\n");
  EXPECT_THAT(first.read_until("rejected_connections:1"), HasSubstr("# Stats"));
}

TEST(Refusal, ProtectedModeIsForWhoHasNoPasswordAndComesFromElsewhere) {
  SentinelConfig config{};
  config.maxclients = 10;
  config.protected_mode = true;
  EXPECT_THAT(refusal(config, 0, "10.0.0.1"), StartsWith("-DENIED Redan is running in protected"));
  EXPECT_EQ(refusal(config, 0, "127.0.0.1"), "");
  EXPECT_EQ(refusal(config, 0, "::1"), "");
  EXPECT_THAT(refusal(config, 10, "127.0.0.1"), StartsWith("-ERR max number of clients"));
  config.requirepass = "secret";
  EXPECT_EQ(refusal(config, 0, "10.0.0.1"), "");
  config.requirepass.clear();
  config.protected_mode = false;
  EXPECT_EQ(refusal(config, 0, "10.0.0.1"), "");
}

// As redis-sentinel 7.0.15 answers the same lines; QUIT adds its OK, where replies are wanted.
TEST_F(Front, RepliesAreLeftOutAsTheClientWishes) {
  open();
  EXPECT_EQ(ask({"CLIENT REPLY OFF", "PING", "NOSUCH", "CLIENT REPLY ON", "PING"}),
            "+OK\r\n+PONG\r\n+OK\r\n");
  EXPECT_EQ(ask({"CLIENT REPLY SKIP", "PING", "PING x"}), "$1\r\nx\r\n+OK\r\n");
  EXPECT_EQ(ask({"CLIENT REPLY SKIP", "CLIENT REPLY SKIP", "PING a", "PING b"}),
            "$1\r\nb\r\n+OK\r\n");
  EXPECT_EQ(ask({"CLIENT REPLY OFF", "CLIENT REPLY SKIP", "PING a", "CLIENT REPLY ON"}),
            "+OK\r\n+OK\r\n");
  EXPECT_EQ(ask({"CLIENT REPLY OFF", "SUBSCRIBE x", "NOSUCH", "PING"}),
            "*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n");
  EXPECT_EQ(ask({"CLIENT REPLY OFF", "SENTINEL FLUSHCONFIG", "CLIENT REPLY ON"}), "+OK\r\n+OK\r\n")
      << "an answer that comes later is left out too";
  EXPECT_EQ(ask({"CLIENT REPLY MAYBE"}), "-ERR syntax error\r\n+OK\r\n");
}

TEST_F(Front, APauseLetsAllClientsWaitAndKeepsTheirOrder) {
  open();
  RawClient before(port);
  before.send("CLIENT PAUSE 200\r\n");
  before.expect("+OK\r\n");
  const Instant paused = monotonic_now();
  EXPECT_EQ(ask({"PING a", "PING b"}), "$1\r\na\r\n$1\r\nb\r\n+OK\r\n");
  EXPECT_GE(monotonic_now() - paused, Millis(190));
  EXPECT_EQ(ask({"PING"}), "+PONG\r\n+OK\r\n");
}

TEST_F(Front, APauseOfWritesHoldsNobodyAndItsErrorsAreRedis) {
  open();
  EXPECT_EQ(ask({"CLIENT PAUSE 1000000 WRITE", "PING", "CLIENT UNPAUSE"}),
            "+OK\r\n+PONG\r\n+OK\r\n+OK\r\n");
  EXPECT_EQ(ask({"CLIENT PAUSE x"}), "-ERR timeout is not an integer or out of range\r\n+OK\r\n");
  EXPECT_EQ(ask({"CLIENT PAUSE -1"}), "-ERR timeout is negative\r\n+OK\r\n");
  EXPECT_EQ(ask({"CLIENT PAUSE 1 some"}), "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n+OK\r\n");
}

TEST_F(Front, TheDefaultUserIsTheOnlyOne) {
  open();
  EXPECT_EQ(ask({"ACL WHOAMI", "ACL USERS"}), "$7\r\ndefault\r\n*1\r\n$7\r\ndefault\r\n+OK\r\n");
  EXPECT_EQ(ask({"ACL SETUSER eve"}),
            "-ERR unknown subcommand 'SETUSER'. Try ACL HELP.\r\n+OK\r\n");
}

}  // namespace
}  // namespace redan
