// Replies of a sentinel's commands, around a machine without a network.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <deque>

#include "common/base/parse.h"
#include "sentinel/command/families.h"
#include "tests/unit/sentinel/command/fake_service.h"

namespace redan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class FakePort : public SentinelPort {
 public:
  std::vector<SentinelClient*> clients() override { return {&client}; }
  void disconnect(SentinelClient&) override { closed = true; }
  const SentinelTraffic& traffic() const override { return traffic_; }
  void publish(const std::string&, const std::string&) override {}
  size_t receivers(const std::string&) override { return 0; }
  void pause(Millis span) override { paused = span; }

  SentinelClient client{.id = 3, .address = "127.0.0.1:5000", .authenticated = true};
  bool closed = false;
  std::optional<Millis> paused;

 private:
  SentinelTraffic traffic_;
};

class SentinelCommands : public ::testing::Test {
 protected:
  // The reply as bytes.
  std::string call(std::string_view line, Resp version = Resp::k2) {
    const auto words = split_words(line);
    std::vector<std::string_view> args(words->begin(), words->end());
    ByteBuffer out;
    SentinelCall call{.args = args,
                      .reply = ReplyWriter(out, version),
                      .client = port.client,
                      .port = port,
                      .sentinel = service,
                      .commands = table,
                      .later = [&out, version] {
                        return [&out, version](const std::function<void(ReplyWriter&)>& write) {
                          ReplyWriter reply(out, version);
                          write(reply);
                        };
                      }};
    const auto* entry = table.resolve(args);
    if (entry == nullptr || entry->handler == nullptr) return "unknown";
    if (!entry->accepts(args.size())) return "arity";
    if (Result<void> done = entry->handler(call); !done) call.reply.error(done.error());
    return std::string(out.view());
  }

  const SentinelFamilies families = sentinel_families();
  SentinelTable table{families};
  FakeService service;
  FakePort port;
};

TEST_F(SentinelCommands, APrimaryIsMonitoredShownAndRemoved) {
  EXPECT_EQ(call("SENTINEL MONITOR m 10.0.0.1 6379 2"), "+OK\r\n");
  EXPECT_EQ(call("SENTINEL GET-MASTER-ADDR-BY-NAME m"), "*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n");
  EXPECT_THAT(call("SENTINEL PRIMARY m"), StartsWith("*40\r\n$4\r\nname\r\n$1\r\nm\r\n"));
  EXPECT_THAT(call("SENTINEL MASTER m", Resp::k3), StartsWith("%20\r\n"));
  EXPECT_THAT(call("SENTINEL MASTERS"), StartsWith("*1\r\n*40\r\n"));
  EXPECT_EQ(call("SENTINEL REPLICAS m"), "*0\r\n");
  EXPECT_EQ(call("SENTINEL REMOVE m"), "+OK\r\n");
  EXPECT_EQ(call("SENTINEL GET-MASTER-ADDR-BY-NAME m"), "*-1\r\n");
}

TEST_F(SentinelCommands, ErrorsAreThoseOfRedis) {
  EXPECT_EQ(call("SENTINEL MASTER x"), "-ERR No such master with that name\r\n");
  EXPECT_EQ(call("SENTINEL MONITOR a b c d"), "-ERR Invalid quorum\r\n");
  EXPECT_EQ(call("SENTINEL MONITOR a b 33 1"), "-ERR Invalid IP address or hostname specified\r\n");
  EXPECT_EQ(call("SENTINEL MONITOR a 1.1.1.1 70000 1"), "-ERR Invalid port number.\r\n");
  EXPECT_EQ(call("SENTINEL CONFIG SET foo bar"),
            "-ERR Invalid argument 'foo' to SENTINEL CONFIG SET\r\n");
  EXPECT_EQ(call("SENTINEL DEBUG ping-period 0"),
            "-ERR Invalid argument '0' for SENTINEL DEBUG 'ping-period'\r\n");
  EXPECT_EQ(call("PUBLISH foo bar"),
            "-ERR Only HELLO messages are accepted by Sentinel instances.\r\n");
  EXPECT_THAT(call("SENTINEL IS-MASTER-DOWN-BY-ADDR 10.0.0.1 x 1 *"),
              StartsWith("-ERR value is not"));
  EXPECT_EQ(call("SENTINEL MASTER"), "arity");
  EXPECT_EQ(call("SENTINEL NOPE x"), "unknown");
}

TEST_F(SentinelCommands, APeersQuestionIsAnsweredWithTheVote) {
  EXPECT_EQ(call("SENTINEL IS-MASTER-DOWN-BY-ADDR 10.0.0.1 6379 4 " + NodeId(9).hex()),
            "*3\r\n:1\r\n$40\r\n" + NodeId(9).hex() + "\r\n:4\r\n");
  ASSERT_EQ(service.asked.size(), 1u);
  EXPECT_EQ(service.asked[0].primary, (Address{.ip = "10.0.0.1", .port = 6379}));
  EXPECT_EQ(service.asked[0].epoch, Epoch(4));
  EXPECT_EQ(service.asked[0].candidate, NodeId(9));
}

TEST_F(SentinelCommands, SettingsAndTimingsAreChanged) {
  EXPECT_EQ(call("SENTINEL CONFIG SET announce-port 99"), "+OK\r\n");
  EXPECT_EQ(call("SENTINEL CONFIG GET announce-port"),
            "*2\r\n$13\r\nannounce-port\r\n$2\r\n99\r\n");
  EXPECT_EQ(call("SENTINEL DEBUG info-period 250"), "+OK\r\n");
  EXPECT_THAT(call("SENTINEL DEBUG"), StartsWith("*26\r\n$11\r\nINFO-PERIOD\r\n$3\r\n250\r\n"));
}

TEST_F(SentinelCommands, PasswordsAreCheckedInAuthAndHello) {
  service.config_.requirepass = "right";
  port.client.authenticated = false;
  EXPECT_THAT(call("AUTH wrong"), StartsWith("-WRONGPASS"));
  EXPECT_THAT(call("AUTH somebody right"), StartsWith("-WRONGPASS"));
  EXPECT_THAT(call("HELLO 3"), StartsWith("-NOAUTH"));
  EXPECT_FALSE(port.client.authenticated);
  EXPECT_THAT(call("HELLO 3 AUTH default right SETNAME me"), StartsWith("%6\r\n"));
  EXPECT_TRUE(port.client.authenticated);
  EXPECT_EQ(call("CLIENT GETNAME"), "$2\r\nme\r\n");
  EXPECT_EQ(call("HELLO 4"), "-NOPROTO unsupported protocol version\r\n");
}

TEST_F(SentinelCommands, SubscriptionsAreCountedAndDropped) {
  EXPECT_EQ(call("SUBSCRIBE a b"),
            "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n");
  EXPECT_EQ(call("PING"), "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
  EXPECT_EQ(call("UNSUBSCRIBE a"), "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n");
  call("UNSUBSCRIBE");
  EXPECT_FALSE(port.client.subscribed());
  EXPECT_EQ(call("UNSUBSCRIBE"), "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
}

TEST_F(SentinelCommands, InfoShowsTheSectionsAskedFor) {
  const std::string all = call("INFO");
  for (const char* section : {"# Server", "# Clients", "# Stats", "# CPU", "# Sentinel"}) {
    EXPECT_THAT(all, HasSubstr(section));
  }
  EXPECT_THAT(all, HasSubstr("redis_mode:sentinel\r\n"));
  EXPECT_THAT(call("INFO sentinel"), Not(HasSubstr("# Server")));
  call("SENTINEL SIMULATE-FAILURE crash-after-promotion");
  EXPECT_THAT(call("INFO sentinel"), HasSubstr("sentinel_simulate_failure_flags:2"));
}

TEST_F(SentinelCommands, EveryVerbOfRedisAndItsPrimaryAliasesAreThere) {
  std::vector<std::string> names;
  for (const CommandEntry* sub : table.find("sentinel")->subcommands) {
    names.push_back(std::string(sub->spec->name));
  }
  EXPECT_THAT(names, ElementsAre("CKQUORUM", "CONFIG", "DEBUG", "FAILOVER", "FLUSHCONFIG",
                                 "GET-MASTER-ADDR-BY-NAME", "GET-PRIMARY-ADDR-BY-NAME", "HELP",
                                 "INFO-CACHE", "IS-MASTER-DOWN-BY-ADDR", "IS-PRIMARY-DOWN-BY-ADDR",
                                 "MASTER", "MASTERS", "MONITOR", "MYID", "PENDING-SCRIPTS",
                                 "PRIMARIES", "PRIMARY", "REMOVE", "REPLICAS", "RESET", "SENTINELS",
                                 "SET", "SIMULATE-FAILURE", "SLAVES"));
  for (const CommandEntry* entry : table.entries()) {
    EXPECT_FALSE(entry->spec->summary.empty()) << entry->full_name;
  }
  EXPECT_THAT(call("SENTINEL HELP"), HasSubstr("CKQUORUM"));
}

TEST_F(SentinelCommands, ShutdownAndQuitEndWhatTheyName) {
  EXPECT_EQ(call("SHUTDOWN foo"), "-ERR syntax error\r\n");
  EXPECT_FALSE(service.stopped);
  EXPECT_EQ(call("QUIT"), "+OK\r\n");
  EXPECT_TRUE(port.closed);
  call("SHUTDOWN NOSAVE");
  EXPECT_TRUE(service.stopped);
}

}  // namespace
}  // namespace redan
