// MONITOR through the dispatcher: what is shown to whom, and when; and what no log shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/front/redaction.h"
#include "tests/unit/server/front/dispatcher_fixture.h"

namespace redan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class MonitorTest : public DispatcherFixture {
 protected:
  MonitorTest() { EXPECT_EQ(ask(watcher, "MONITOR"), "+OK|"); }

  // What `from` asks for, as the watcher sees it, without times and addresses.
  std::string shown(TestClient& from, std::string_view line) {
    ask(from, line);
    return seen();
  }
  std::string seen() {
    std::string text = watcher.connection.take();
    for (const std::string_view part : {"0.000000 ", " 127.0.0.1:1"}) {
      for (size_t at; (at = text.find(part)) != std::string::npos;) text.erase(at, part.size());
    }
    return text;
  }

  TestClient& watcher = client();
  TestClient& other = client();
};

TEST_F(MonitorTest, ALineHasTimeDatabaseAddressAndQuotedWords) {
  ask(other, {"SET", "k", std::string_view("a\0\n\r\t\a\b\"\\\xff v", 12)});
  EXPECT_EQ(watcher.connection.take(),
            "+0.000000 [0 127.0.0.1:1] \"SET\" \"k\" \"a\\x00\\n\\r\\t\\a\\b\\\"\\\\\\xff v\"|");
  EXPECT_EQ(shown(other, "SELECT 3"), "+[3] \"SELECT\" \"3\"|");
  EXPECT_EQ(shown(other, "get ''"), "+[3] \"get\" \"\"|");
  config.unixsocket = "/run/redan";
  other.session.unix_socket = true;
  EXPECT_EQ(shown(other, "PING"), "+[3 unix:/run/redan] \"PING\"|");
}

TEST_F(MonitorTest, AdministrationAndWhatIsRefusedIsNotShown) {
  for (const char* line : {"CONFIG GET port", "CLIENT LIST", "NOSUCH", "GET", "SLOWLOG GET",
                           "MODULE LIST", "CLIENT NOSUCH"}) {
    EXPECT_EQ(shown(other, line), "") << line;
  }
  EXPECT_EQ(shown(other, "CLIENT GETNAME"), "+[0] \"CLIENT\" \"GETNAME\"|");
  EXPECT_EQ(shown(other, "SET k"), "");
  ask(other, "SET k v");
  EXPECT_EQ(seen(), "+[0] \"SET\" \"k\" \"v\"|");
  // It was executed, though in vain.
  EXPECT_EQ(shown(other, "LPUSH k v"), "+[0] \"LPUSH\" \"k\" \"v\"|");
}

TEST_F(MonitorTest, ATransactionIsShownWhenItIsExecuted) {
  EXPECT_EQ(shown(other, "MULTI"), "+[0] \"MULTI\"|");
  EXPECT_EQ(shown(other, "SET a 1"), "");
  EXPECT_EQ(shown(other, "CONFIG GET port"), "");
  EXPECT_EQ(shown(other, "MONITOR"), "");
  EXPECT_EQ(send(other, {"EXEC"}), Executed::kDone);
  EXPECT_THAT(other.connection.take(),
              HasSubstr("-ERR MONITOR isn't allowed for DENY BLOCKING client|"));
  EXPECT_EQ(seen(), "+[0] \"SET\" \"a\" \"1\"|+[0] \"EXEC\"|");
}

TEST_F(MonitorTest, WhatABlockedClientAsksForIsShownOnce) {
  EXPECT_EQ(shown(other, "BLPOP list 0"), "+[0] \"BLPOP\" \"list\" \"0\"|");
  TestClient& third = client();
  EXPECT_EQ(shown(third, "RPUSH list x"), "+[0] \"RPUSH\" \"list\" \"x\"|");
  EXPECT_EQ(other.connection.take(), "*2|$4|list|$1|x|");
}

// In the middle of an array a line would be taken for an element.
TEST_F(MonitorTest, WhatAWatcherAsksForComesBehindItsReply) {
  EXPECT_EQ(shown(watcher, "PING"), "");
  ask(watcher, "MULTI"), ask(watcher, "PING"), ask(watcher, "ECHO x");
  EXPECT_EQ(ask(watcher, "EXEC"),
            "*2|+PONG|$1|x|+0.000000 [0 127.0.0.1:1] \"PING\"|"
            "+0.000000 [0 127.0.0.1:1] \"ECHO\" \"x\"|+0.000000 [0 127.0.0.1:1] \"EXEC\"|");
}

TEST_F(MonitorTest, AWatcherTouchesNoKeysUntilItIsReset) {
  EXPECT_EQ(ask(watcher, "GET k"), "-ERR Replica can't interact with the keyspace|");
  EXPECT_EQ(ask(watcher, "MONITOR"), "");
  EXPECT_EQ(ask(watcher, "RESET"), "+RESET|");
  EXPECT_EQ(ask(watcher, "GET k"), "$-1|");
  EXPECT_EQ(shown(other, "PING"), "");
  EXPECT_TRUE(logs.monitors.empty());
}

TEST_F(MonitorTest, WhoeverIsGoneIsToldNothing) {
  dispatcher.closed(watcher.session);
  EXPECT_EQ(shown(other, "PING"), "");
}

TEST_F(MonitorTest, NothingIsSentToWhoeverWantsNoReplies) {
  send(watcher, {"CLIENT", "REPLY", "OFF"});
  watcher.connection.take();
  EXPECT_EQ(shown(other, "PING"), "");
  ask(watcher, "CLIENT REPLY ON");
  EXPECT_EQ(shown(other, "PING"), "+[0] \"PING\"|");
}

TEST_F(MonitorTest, ReplicasAreRefusedWithoutAWord) {
  other.session.kind = ClientKind::kReplica;
  EXPECT_EQ(ask(other, "MONITOR"), "");
  EXPECT_EQ(ask(other, "RESET"), "-ERR can only reset normal client connections|");
}

TEST_F(MonitorTest, SecretsAreNotShown) {
  EXPECT_EQ(shown(other, "AUTH secret"), "+[0] \"AUTH\" \"(redacted)\"|");
  EXPECT_EQ(shown(other, "HELLO 2 AUTH user secret SETNAME me"),
            "+[0] \"HELLO\" \"2\" \"AUTH\" \"(redacted)\" \"(redacted)\" \"SETNAME\" \"me\"|");
}

TEST_F(MonitorTest, LogsShowNoSecretsEither) {
  config.slowlog_log_slower_than = 0;
  config.slowlog_max_len = 10;
  logs.slow.reset();
  ask(other, "AUTH secret");
  ask(other, "CONFIG SET timeout 0 requirepass secret");
  std::vector<std::vector<std::string>> logged;
  for (const SlowLog::Entry& entry : logs.slow.entries()) logged.push_back(entry.args);
  using Words = std::vector<std::string>;
  EXPECT_THAT(logged,
              ElementsAre(Words{"CONFIG", "SET", "timeout", "0", "requirepass", "(redacted)"},
                          Words{"AUTH", "(redacted)"}));
}

TEST_F(MonitorTest, SecretsOfEachCommand) {
  const auto words = [&](std::string_view line) {
    const auto args = *split_words(line);
    const std::vector<std::string_view> views(args.begin(), args.end());
    const CommandEntry* entry = commands.find(views[0]);
    if (entry->is_container()) entry = commands.find_sub(*commands.find(views[0]), views[1]);
    std::string text;
    for (const auto word : shown_words(*entry, views, options)) {
      text += (text.empty() ? "" : " ") + std::string(word == "(redacted)" ? "-" : word);
    }
    return text;
  };
  EXPECT_EQ(words("AUTH a b c"), "AUTH - - -");
  EXPECT_EQ(words("HELLO"), "HELLO");
  EXPECT_EQ(words("HELLO 3 setname auth auth a b"), "HELLO 3 setname auth auth - -");
  EXPECT_EQ(words("HELLO 3 AUTH a"), "HELLO 3 AUTH -");
  EXPECT_EQ(words("MIGRATE h 1 k 0 1 REPLACE auth pw COPY"),
            "MIGRATE h 1 k 0 1 REPLACE auth - COPY");
  EXPECT_EQ(words("MIGRATE h 1 '' 0 1 AUTH2 u pw KEYS auth k"),
            "MIGRATE h 1  0 1 AUTH2 - - KEYS auth k");
  EXPECT_EQ(words("MIGRATE h 1 k 0 1 AUTH2 u"), "MIGRATE h 1 k 0 1 AUTH2 -");
  EXPECT_EQ(words("CONFIG SET masterauth pw port 1 tls-key-file-pass x requirepass"),
            "CONFIG SET masterauth - port 1 tls-key-file-pass - requirepass");
  EXPECT_EQ(words("ACL SETUSER bob on >secret"), "ACL SETUSER - - -");
  EXPECT_EQ(words("ACL GETUSER bob"), "ACL GETUSER bob");
  EXPECT_EQ(words("GET auth"), "GET auth");
}

}  // namespace
}  // namespace redan
