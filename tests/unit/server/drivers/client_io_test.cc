#include "server/drivers/client_io.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace redan {
namespace {

// Answers each request, and at the end of the batch streams it to the replica.
struct Primary final : RequestHandler {
  explicit Primary(DataLoop& l) : loop(l), io(loop, *this) {}

  void opened(Session&) override {}
  RequestLimits limits(const Session&) const override { return {}; }
  void input_begins() override {}
  void input_ends() override {}
  void malformed(Session&, std::string_view) override {}
  void batch_begins() override {}
  void closed(Session&) override {}
  Executed execute(Session&, std::span<const std::string_view>, std::string_view,
                   ReplyWriter& reply) override {
    executed = true;
    reply.ok();
    return Executed::kDone;
  }
  void batch_done() override {
    if (!std::exchange(executed, false)) return;
    replica->connection->send("stream\r\n");
    loop.stop();
  }

  DataLoop& loop;
  ClientIo io;
  Session* replica = nullptr;
  bool executed = false;
};

// Answers each request with 100 KB.
struct Talker final : RequestHandler {
  explicit Talker(DataLoop& l) : loop(l), io(loop, *this) {}

  void opened(Session&) override {}
  RequestLimits limits(const Session&) const override { return {}; }
  void input_begins() override {}
  void input_ends() override {}
  void malformed(Session&, std::string_view) override {}
  void batch_begins() override {}
  void closed(Session& session) override { gone.push_back(session.id); }
  Executed execute(Session& session, std::span<const std::string_view>, std::string_view,
                   ReplyWriter& reply) override {
    ++calls[session.id];
    reply.bulk(std::string(100'000, 'x'));
    return Executed::kDone;
  }
  void batch_done() override {
    if (++batches == 3) loop.stop();
  }
  // A client that reads nothing and has asked so often.
  Session& client(int questions, ClientKind kind = ClientKind::kNormal) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    others.push_back(ends[1]);
    std::string requests;
    for (int i = 0; i < questions; ++i) requests += "PING\r\n";
    return *io.adopt(ends[0], kind, requests);
  }
  ~Talker() override {
    for (const int end : others) ::close(end);
  }

  DataLoop& loop;
  ClientIo io;
  std::map<uint64_t, int> calls;
  std::vector<uint64_t> gone;
  std::vector<int> others;
  int batches = 0;
};

TEST(ClientIo, WhoHoldsMostIsClosedWithinItsTurn) {
  DataLoop loop;
  Talker talker(loop);
  talker.io.configure({.limits = {.memory = 6'000'000}});  // A buffer is up to twice its content.
  Session& modest = talker.client(10);
  Session& spared = talker.client(15);
  spared.no_evict = true;
  Session& greedy = talker.client(1000);
  const uint64_t greedy_id = greedy.id;
  loop.run();
  EXPECT_EQ(talker.gone, std::vector{greedy_id});
  EXPECT_EQ(talker.io.stats().evicted, 1u);
  EXPECT_EQ(talker.calls[modest.id], 10);
  EXPECT_EQ(talker.calls[spared.id], 15);
  // It was stopped, not only closed afterwards.
  EXPECT_LT(talker.calls[greedy_id], 40);
}

TEST(ClientIo, ServersAreNotClosedForTheirMemory) {
  DataLoop loop;
  Talker talker(loop);
  talker.io.configure({.limits = {.memory = 200'000}});
  talker.client(30, ClientKind::kReplica);
  talker.client(30, ClientKind::kPrimary);
  talker.client(30, ClientKind::kMigration);
  loop.run();
  EXPECT_EQ(talker.io.stats().evicted, 0u);
  EXPECT_EQ(talker.calls.size(), 3u);
}

TEST(ClientIo, WithoutALimitNobodyIsClosedAndWithANewOneAtOnce) {
  DataLoop loop;
  Talker talker(loop);
  talker.client(30);
  talker.client(10);
  loop.run();
  EXPECT_EQ(talker.io.stats().evicted, 0u);
  talker.io.configure({.limits = {.memory = 2'500'000}});
  EXPECT_EQ(talker.io.stats().evicted, 1u);
  talker.io.configure({.limits = {.memory = 300'000}});
  EXPECT_EQ(talker.io.stats().evicted, 2u);
}

// A process may be killed between any two system calls: what is acknowledged must be on its way.
TEST(ClientIo, TheStreamLeavesBeforeTheRepliesToWhatItHolds) {
  // Client and replica share one socket, so that the order of the bytes is the order of the writes.
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  DataLoop loop;
  Primary primary(loop);
  primary.replica = primary.io.adopt(::dup(ends[0]), ClientKind::kReplica, "");
  Session* const client = primary.io.adopt(ends[0], ClientKind::kNormal, "PING\r\n");
  ASSERT_NE(primary.replica, nullptr);
  ASSERT_NE(client, nullptr);
  loop.run();
  char bytes[64];
  const ssize_t got = ::recv(ends[1], bytes, sizeof bytes, 0);
  EXPECT_EQ(std::string_view(bytes, got > 0 ? static_cast<size_t>(got) : 0), "stream\r\n+OK\r\n");
  ::close(ends[1]);
}

// Notes what is asked of it, in order.
struct Recorder final : RequestHandler {
  explicit Recorder(DataLoop& l) : loop(l), io(loop, *this) {}

  void opened(Session&) override { heard.emplace_back("open"); }
  RequestLimits limits(const Session&) const override { return {}; }
  void malformed(Session&, std::string_view) override {}
  void batch_begins() override { heard.emplace_back("batch"); }
  void input_begins() override { heard.emplace_back("input"); }
  void input_ends() override {}
  void look_ahead(const Session&, const RequestsAhead& requests) override {
    heard.push_back("look at " + std::to_string(requests.size()));
  }
  Executed execute(Session& session, std::span<const std::string_view> args, std::string_view,
                   ReplyWriter& reply) override {
    heard.push_back(std::to_string(session.id) + " " + std::string(args[0]));
    if (std::exchange(refuses, "") == args[0]) return Executed::kLater;
    reply.ok();
    return Executed::kDone;
  }
  void batch_done() override {
    heard.emplace_back("done");
    if (heard.size() >= enough) loop.stop();
  }
  void closed(Session&) override {}

  DataLoop& loop;
  ClientIo io;
  size_t enough = 0;
  std::string refuses;  // the first time
  std::vector<std::string> heard;
};

TEST(ClientIo, AnnouncesEachClientsInputBeforeItsRequests) {
  DataLoop loop;
  Recorder handler(loop);
  int ends[2][2];
  for (auto& pair : ends) {
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    handler.io.adopt(pair[0], ClientKind::kNormal, "");
    ASSERT_EQ(::send(pair[1], "A\r\nB\r\n", 6, 0), 6);
  }
  handler.heard.clear();
  handler.enough = 8;
  loop.run();
  EXPECT_EQ(handler.heard, (std::vector<std::string>{"batch", "input", "1 A", "1 B", "input", "2 A",
                                                     "2 B", "done"}));
  for (auto& pair : ends) ::close(pair[1]);
}

// What a client sends, byte by byte or at once, in the kernel before the loop looks.
struct Sender {
  Sender(Recorder& handler, std::string_view bytes) {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    session = handler.io.adopt(ends[0], ClientKind::kNormal, "");
    EXPECT_EQ(::send(ends[1], bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  ~Sender() { ::close(ends[1]); }
  int ends[2];
  Session* session;
};

TEST(ClientIo, LetsTheHandlerLookAheadWhereMoreThanOneRequestIsThere) {
  DataLoop loop;
  Recorder handler(loop);
  const std::string a = "*1\r\n$1\r\nA\r\n", b = "*1\r\n$1\r\nB\r\n";
  const Sender first(handler, a + b + "C\r\n" + a + b + "*1\r\n$1"), second(handler, a);
  handler.heard.clear();
  handler.enough = 11;
  loop.run();
  EXPECT_EQ(handler.heard,
            (std::vector<std::string>{"batch", "input", "look at 2", "1 A", "1 B", "1 C",
                                      "look at 2", "1 A", "1 B", "input", "2 A", "done"}));
}

// Requests that were read ahead, but not executed, come again.
TEST(ClientIo, ForgetsWhatItReadAheadWhenARequestHasToWait) {
  DataLoop loop;
  Recorder handler(loop);
  std::string sent;
  for (const char* name : {"A", "B", "C"}) sent += "*1\r\n$1\r\n" + std::string(name) + "\r\n";
  const Sender client(handler, sent), other(handler, sent);
  handler.heard.clear();
  handler.refuses = "A";
  handler.enough = 8;
  loop.run();
  EXPECT_EQ(handler.heard, (std::vector<std::string>{"batch", "input", "look at 3", "1 A", "input",
                                                     "look at 3", "2 A", "2 B", "2 C", "done"}));
  handler.heard.clear();
  handler.enough = 5;
  client.session->connection->resume_reading();
  loop.run();
  EXPECT_EQ(handler.heard,
            (std::vector<std::string>{"batch", "input", "look at 3", "1 A", "1 B", "1 C", "done"}));
}

TEST(ClientIo, AcceptsSomeConnectionsInATurnAndTheOthersInTheNext) {
  DataLoop loop;
  Recorder handler(loop);
  handler.io.configure({.accepts_per_turn = 2});
  const std::string path = "/tmp/redan-client-io-test-" + std::to_string(::getpid());
  ASSERT_TRUE(handler.io.listen_unix(path, 0).ok());
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  int clients[5];
  for (int& client : clients) {
    client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  handler.enough = 11;
  loop.run();
  EXPECT_EQ(handler.heard,
            (std::vector<std::string>{"batch", "open", "open", "done", "batch", "open", "open",
                                      "done", "batch", "open", "done"}));
  for (const int client : clients) ::close(client);
  ::unlink(path.c_str());
}

// Leaves the client that sends HOLD without an answer, and reads no more from it.
struct Holder final : RequestHandler {
  explicit Holder(DataLoop& l) : loop(l), io(loop, *this) {}

  void opened(Session&) override {}
  RequestLimits limits(const Session&) const override { return {}; }
  void malformed(Session&, std::string_view) override {}
  void batch_begins() override {}
  void input_begins() override {}
  void input_ends() override {}
  void batch_done() override {}
  Executed execute(Session& session, std::span<const std::string_view> args, std::string_view,
                   ReplyWriter&) override {
    heard.emplace_back(args[0]);
    session.connection->stop_reading();
    return Executed::kDone;
  }
  void closed(Session&) override {
    heard.emplace_back("closed");
    loop.stop();
  }

  DataLoop& loop;
  ClientIo io;
  std::vector<std::string> heard;
};

// A client that waits for a list's element and is gone must not be given one.
TEST(ClientIo, SeesThatAClientIsGoneWhileItIsNotRead) {
  DataLoop loop;
  Holder handler(loop);
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  handler.io.adopt(ends[0], ClientKind::kNormal, "");
  ASSERT_EQ(::send(ends[1], "HOLD\r\nNEXT\r\n", 12, 0), 12);
  ASSERT_EQ(::shutdown(ends[1], SHUT_WR), 0);  // It could still read.
  const DataLoop::Timer give_up = loop.after(Millis(20'000), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(handler.heard, (std::vector<std::string>{"HOLD", "closed"}));
  ::close(ends[1]);
}

}  // namespace
}  // namespace redan
