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
#include "tests/unit/server/session/fake_connection.h"

namespace redan {

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
