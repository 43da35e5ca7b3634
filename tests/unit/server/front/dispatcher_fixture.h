// The command fixture's parts behind a dispatcher, which takes requests as connections bring them,
// from several sessions whose connections remember what they were sent.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/front/dispatcher.h"
#include "tests/unit/server/command/command_fixture.h"

namespace redan {

class FakeConnection : public Connection {
 public:
  void send(std::string_view bytes) override { sent += bytes; }
  void send_shared(std::shared_ptr<const std::string> block, size_t from) override {
    sent += std::string_view(*block).substr(from);
  }
  size_t pending_bytes() const override { return 0; }
  void when_drained(std::function<void()> callback) override { callback(); }
  void close_after_replies() override { closing = true; }
  void close_soon(std::string_view) override { closing = true; }
  void stop_reading() override { reading = false; }
  void resume_reading() override { reading = true; }
  void gather_packets() override {}
  std::string peer_address() const override { return "127.0.0.1:1"; }
  std::string local_address() const override { return "127.0.0.1:2"; }
  int descriptor() const override { return -1; }

  // RESP with '|' for each end of a line, what came since the last question.
  std::string take() {
    std::string text = std::exchange(sent, {});
    for (size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos;)
      text.replace(at, 2, "|");
    return text;
  }

  std::string sent;
  bool reading = true;
  bool closing = false;
};

struct TestClient {
  explicit TestClient(uint64_t id) {
    session.id = id;
    session.authenticated = session.unlimited = true;
    session.connection = &connection;
  }
  Session session;
  FakeConnection connection;
};

class DispatcherFixture : public CommandTest {
 protected:
  explicit DispatcherFixture(const std::vector<CommandFamily<Call>>& families = server_families())
      : CommandTest({.databases = 16, .seed = 1}, families) {
    stats.commands.resize(commands.size());
    session.authenticated = session.unlimited = true;
    keyspace.observe(&dispatcher);
    transactions.dispatcher = &dispatcher;
  }
  ~DispatcherFixture() override {
    for (const auto& client : clients_) dispatcher.closed(client->session);
  }

  TestClient& client() {
    clients_.push_back(std::make_unique<TestClient>(clients_.size() + 1));
    return *clients_.back();
  }

  // The request's reply goes where the connection keeps what it sends.
  Executed send(TestClient& from, const std::vector<std::string_view>& args) {
    ByteBuffer out;
    ReplyWriter reply(out, from.session.resp);
    dispatcher.batch_begins();
    const Executed executed = dispatcher.execute(from.session, args, "", reply);
    from.connection.sent += out.view();
    return executed;
  }
  std::string ask(TestClient& from, std::string_view line) {
    const auto words = split_words(line);
    EXPECT_TRUE(words.has_value()) << line;
    return ask(from, std::vector<std::string_view>(words->begin(), words->end()));
  }
  std::string ask(TestClient& from, const std::vector<std::string_view>& args) {
    EXPECT_EQ(send(from, args), Executed::kDone);
    return from.connection.take();
  }
  const CommandStats& counted(std::string_view name) {
    return stats.commands[static_cast<size_t>(commands.find(name)->id)];
  }

  Dispatcher dispatcher{parts_};

 private:
  std::vector<std::unique_ptr<TestClient>> clients_;
};

}  // namespace redan
