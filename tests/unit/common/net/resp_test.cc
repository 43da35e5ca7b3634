// The server's and the client's end of RESP, talking to each other and to nonsense.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "common/net/endpoint.h"
#include "common/net/event_loop.h"
#include "common/net/listener.h"
#include "common/net/resp_client.h"
#include "common/net/resp_connection.h"
#include "common/net/sync_client.h"
#include "common/resp/writer.h"

namespace redan {
namespace {

using ::testing::HasSubstr;

// Answers PING, ECHO, and BIG (more than the output limit); HOLD waits for `release_held`.
class Server : public RespHandler {
 public:
  explicit Server(EventLoop& loop) {
    auto opened =
        Listener::open(loop.io(), {.bind = {"127.0.0.1"}}, [this, &loop](AcceptedSocket socket) {
          RespConnection::Limits limits;
          limits.max_output_bytes = 1024 * 1024;
          limits.max_query_bytes = 64 * 1024;
          connections.push_back(RespConnection::start(loop.io(), std::move(socket), limits, *this));
        });
    EXPECT_TRUE(opened);
    listener = opened.take();
  }
  int port() const { return listener->endpoints()[0].port; }

  void on_request(RespConnection& connection, std::span<const std::string_view> args) override {
    ReplyWriter reply(connection.out(), Resp::k2);
    if (args[0] == "PING") reply.simple("PONG");
    if (args[0] == "ECHO") reply.bulk(args[1]);
    if (args[0] == "BIG") reply.bulk(std::string(8 * 1024 * 1024, 'x'));
    if (args[0] == "HOLD") connection.hold();
    if (args[0] == "QUIT") {
      reply.ok();
      connection.close_after_reply();
    }
  }
  void on_closed(RespConnection&) override { ++closed; }
  void release_held() {
    for (const auto& connection : connections) {
      ReplyWriter(connection->out(), Resp::k2).simple("LATE");
      connection->release();
    }
  }

  std::unique_ptr<Listener> listener;
  std::vector<std::shared_ptr<RespConnection>> connections;
  int closed = 0;
};

class Resp2 : public ::testing::Test {
 protected:
  Resp2() : server(loop), thread([this] { loop.run(); }) {}
  ~Resp2() override {
    loop.stop();
    thread.join();
  }
  // Runs on the loop and waits for it.
  void on_loop(const std::function<void()>& task) {
    std::promise<void> done;
    loop.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  SyncClient connect() {
    auto client = SyncClient::connect({"127.0.0.1", server.port()}, Millis(5000));
    EXPECT_TRUE(client);
    return client.take();
  }

  EventLoop loop;
  Server server;
  std::thread thread;
};

TEST_F(Resp2, RequestsAreAnsweredInOrder) {
  SyncClient client = connect();
  EXPECT_EQ(client.call({"PING"})->text, "PONG");
  EXPECT_EQ(client.call({"ECHO", "hello"})->text, "hello");
}

TEST_F(Resp2, AnAnswerThatComesLaterKeepsItsPlace) {
  RespClient* client = nullptr;
  std::vector<std::string> answers;
  std::promise<void> all;
  on_loop([&] {
    client = new RespClient(loop.io(), {.to = {"127.0.0.1", server.port()}});
    for (const char* what : {"HOLD", "PING"}) {
      client->request({what}, [&](Result<Reply> reply) {
        answers.push_back(reply ? reply->text : "error");
        if (answers.size() == 2) all.set_value();
      });
    }
  });
  // A second client shows that the first one's requests have arrived.
  EXPECT_EQ(connect().call({"PING"})->text, "PONG");
  on_loop([&] { EXPECT_TRUE(answers.empty()); });
  bool released = false;
  while (!released) {
    on_loop([&] {
      released = server.connections.size() == 2 && client->pending() == 2;
      if (released) server.release_held();
    });
  }
  all.get_future().wait();
  on_loop([&] { delete client; });
  EXPECT_THAT(answers, ::testing::ElementsAre("LATE", "PONG"));
}

TEST_F(Resp2, GarbageIsAnsweredWithOneErrorAndTheEnd) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(server.port()));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  const std::string_view garbage = "*1\r\n$abc\r\n";
  ASSERT_EQ(::send(fd, garbage.data(), garbage.size(), 0), static_cast<ssize_t>(garbage.size()));
  std::string answer;
  char chunk[256];
  for (ssize_t n = 0; (n = ::recv(fd, chunk, sizeof chunk, 0)) > 0;) {
    answer.append(chunk, static_cast<size_t>(n));
  }
  ::close(fd);
  EXPECT_THAT(answer, HasSubstr("-ERR Protocol error"));
  EXPECT_EQ(connect().call({"PING"})->text, "PONG");
}

TEST_F(Resp2, AnOutputThatNobodyReadsEndsTheConnection) {
  SyncClient client = connect();
  EXPECT_FALSE(client.call({"BIG"}));
  EXPECT_EQ(connect().call({"PING"})->text, "PONG");
}

TEST_F(Resp2, QuitIsAnsweredFirst) {
  SyncClient client = connect();
  EXPECT_EQ(client.call({"QUIT"})->text, "OK");
  EXPECT_FALSE(client.call({"PING"}));
}

TEST_F(Resp2, ARefusedConnectionIsToldOnceToEveryRequest) {
  int free_port = 0;
  on_loop([&] {
    Server closed_soon(loop);
    free_port = closed_soon.port();
  });
  std::vector<std::string> told;
  std::promise<void> done;
  std::unique_ptr<RespClient> client;
  on_loop([&] {
    client = std::make_unique<RespClient>(loop.io(),
                                          RespClient::Options{.to = {"127.0.0.1", free_port}});
    client->request({"PING"}, [&](Result<Reply> reply) {
      told.push_back(reply ? "reply" : reply.error().message());
    });
    client->on_closed([&](const Error& why) {
      told.push_back(why.message());
      done.set_value();
    });
  });
  done.get_future().wait();
  on_loop([&] { client.reset(); });
  ASSERT_EQ(told.size(), 2u);
  EXPECT_THAT(told[0], HasSubstr("Connection refused"));
  EXPECT_EQ(told[0], told[1]);
}

TEST_F(Resp2, ABusyPortIsNamed) {
  on_loop([&] {
    const auto second =
        Listener::open(loop.io(), {.bind = {"127.0.0.1"}, .port = server.port()}, [](auto) {});
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message(), HasSubstr("Address already in use"));
    EXPECT_THAT(second.error().message(), HasSubstr(std::to_string(server.port())));
  });
}

TEST(Endpoint, TextIsReadBack) {
  for (const Endpoint& endpoint :
       {Endpoint{"127.0.0.1", 6379}, Endpoint{"::1", 1}, Endpoint{"redis.example.org", 65535}}) {
    const auto parsed = parse_endpoint(to_text(endpoint));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, endpoint);
  }
  for (const char* bad : {"", "host", "host:", ":1", "host:0", "host:65536", "host:1x"}) {
    EXPECT_FALSE(parse_endpoint(bad)) << bad;
  }
}

TEST(Endpoint, LoopbackIsRecognised) {
  for (const char* yes : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(is_loopback(yes)) << yes;
  }
  for (const char* no : {"10.0.0.1", "::2", "localhost", "::ffff:10.0.0.1", ""}) {
    EXPECT_FALSE(is_loopback(no)) << no;
  }
}

}  // namespace
}  // namespace redan
