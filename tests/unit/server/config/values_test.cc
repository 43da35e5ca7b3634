// The structured directives, with the errors that redis-server 7.0.15 gives.
#include "server/config/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/config/registry.h"
#include "server/config/options.h"

namespace redan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Server {
  ServerConfig config;
  Registry registry{config, server_options()};

  // The reason behind "... - ", or "OK".
  std::string set(std::string_view name, std::string_view value) {
    const Result<void> done = registry.set({name, value}, {});
    if (done) return "OK";
    const std::string text = done.error().text();
    const std::string head =
        "ERR CONFIG SET failed (possibly related to argument '" + std::string(name) + "') - ";
    return text.starts_with(head) ? text.substr(head.size()) : text;
  }
  std::string get(std::string_view name) { return registry.value(*registry.find(name)); }
  std::vector<std::string> lines(std::string_view name) {
    return registry.lines(*registry.find(name));
  }
  std::string load(std::vector<std::string> words) {
    const Result<void> read = registry.load_line(words);
    return read ? "OK" : read.error().message();
  }
};

TEST(Values, SavePoints) {
  Server s;
  EXPECT_EQ(s.set("save", "10"), "Invalid save parameters");
  EXPECT_EQ(s.set("save", "abc 1"), "Invalid save parameters");
  EXPECT_EQ(s.set("save", "0 1"), "Invalid save parameters");
  EXPECT_EQ(s.set("save", "900 1 300 10"), "OK");
  EXPECT_THAT(s.config.save, ElementsAre(SavePoint{900, 1}, SavePoint{300, 10}));
  EXPECT_EQ(s.get("save"), "900 1 300 10");
  EXPECT_THAT(s.lines("save"), ElementsAre("900 1", "300 10"));
  EXPECT_EQ(s.set("save", ""), "OK");
  EXPECT_THAT(s.config.save, IsEmpty());
  EXPECT_THAT(s.lines("save"), ElementsAre("\"\""));
}

TEST(Values, TheWordsOfALineMayComeAsOne) {
  Server s;
  s.registry.begin_load();
  EXPECT_EQ(s.load({"save", "60 1 30 2"}), "OK");
  EXPECT_EQ(s.get("save"), "60 1 30 2");
  EXPECT_EQ(s.load({"client-output-buffer-limit", "normal 8mb 0 0"}), "OK");
  EXPECT_THAT(s.get("client-output-buffer-limit"), testing::StartsWith("normal 8388608 0 0 "));
  EXPECT_EQ(s.load({"bind", "::1 127.0.0.1"}), "OK");
  EXPECT_EQ(s.get("bind"), "::1 127.0.0.1");
  EXPECT_EQ(s.lines("bind").size(), 1u);
}

TEST(Values, SaveLinesOfAFileReplaceTheDefaultAndAddUp) {
  Server s;
  s.registry.begin_load();
  EXPECT_EQ(s.load({"save", "60", "1"}), "OK");
  EXPECT_EQ(s.load({"save", "30", "2"}), "OK");
  EXPECT_EQ(s.get("save"), "60 1 30 2");
  EXPECT_EQ(s.load({"save", ""}), "OK");
  EXPECT_EQ(s.get("save"), "");
}

TEST(Values, OutputBufferLimits) {
  Server s;
  constexpr const char* kName = "client-output-buffer-limit";
  EXPECT_EQ(s.set(kName, "normal 1 2"), "Wrong number of arguments in buffer limit configuration.");
  EXPECT_EQ(s.set(kName, "master 1 2 3"),
            "Invalid client class specified in buffer limit configuration.");
  EXPECT_EQ(s.set(kName, "normal a 2 3"),
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
  EXPECT_EQ(s.set(kName, "replica 1mb 2 3 normal 1 2 3"), "OK");
  EXPECT_EQ(s.get(kName), "normal 1 2 3 slave 1048576 2 3 pubsub 33554432 8388608 60");
  EXPECT_THAT(s.lines(kName), ElementsAre("normal 1 2 3", "replica 1mb 2 3", "pubsub 32mb 8mb 60"));
}

TEST(Values, ShutdownFlags) {
  Server s;
  EXPECT_EQ(s.set("shutdown-on-sigint", "foo"),
            "argument(s) must be one of the following: default, save, nosave, now, force");
  EXPECT_EQ(s.set("shutdown-on-sigint", "save nosave"),
            "shutdown options SAVE and NOSAVE can't be used simultaneously");
  EXPECT_EQ(s.set("shutdown-on-sigint", "now SAVE"), "OK");
  EXPECT_EQ(s.get("shutdown-on-sigint"), "save now");
  EXPECT_EQ(s.set("shutdown-on-sigint", "default"), "OK");
  EXPECT_EQ(s.config.shutdown_on_sigint, ShutdownFlags{});
  EXPECT_EQ(s.load({"shutdown-on-sigint"}),
            "argument(s) must be one of the following: default, save, nosave, now, force");
}

TEST(Values, PrimaryAddress) {
  Server s;
  EXPECT_EQ(s.load({"replicaof", "a"}), "wrong number of arguments");
  EXPECT_EQ(s.load({"replicaof", "a", "b"}), "Invalid master port");
  EXPECT_EQ(s.load({"slaveof", "10.0.0.1", "6380"}), "OK");
  EXPECT_EQ(s.get("replicaof"), "10.0.0.1 6380");
  EXPECT_EQ(s.set("replicaof", "10.0.0.1 6380"), "can't set immutable config");
  EXPECT_EQ(s.load({"replicaof", "No", "ONE"}), "OK");
  EXPECT_EQ(s.get("replicaof"), "");
}

TEST(Values, KeyspaceEvents) {
  Server s;
  constexpr const char* kName = "notify-keyspace-events";
  EXPECT_EQ(s.set(kName, "KEQ"), "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
  EXPECT_EQ(s.set(kName, "KEA"), "OK");
  EXPECT_EQ(s.get(kName), "AKE");
  EXPECT_EQ(s.set(kName, "KEg$lshzxetdm"), "OK");
  EXPECT_EQ(s.get(kName), "AKEm");
  EXPECT_EQ(s.set(kName, "xE"), "OK");
  EXPECT_TRUE(s.config.notify_keyspace_events.has(KeyspaceEvents::kExpired));
  EXPECT_FALSE(s.config.notify_keyspace_events.has(KeyspaceEvents::kKeyspace));
  EXPECT_EQ(s.set(kName, ""), "OK");
  EXPECT_EQ(s.get(kName), "");
}

TEST(Values, OomScoresAndPercentiles) {
  Server s;
  EXPECT_EQ(s.set("oom-score-adj-values", "0 1"), "wrong number of arguments");
  EXPECT_EQ(s.set("oom-score-adj-values", "0 1 3000"),
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
  EXPECT_EQ(s.set("oom-score-adj-values", "0 -5 1"), "OK");
  constexpr const char* kName = "latency-tracking-info-percentiles";
  EXPECT_EQ(s.set(kName, "50 101"),
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
  EXPECT_EQ(s.set(kName, "50 x"), "Invalid latency-tracking-info-percentiles parameters");
  EXPECT_EQ(s.set(kName, "50.5 99.99"), "OK");
  EXPECT_EQ(s.get(kName), "50.5 99.99");
  EXPECT_EQ(s.set(kName, ""), "OK");
  EXPECT_EQ(s.get(kName), "");
}

TEST(Values, UsersAndRenames) {
  Server s;
  EXPECT_EQ(s.load({"user", "alice", "on"}), "OK");
  EXPECT_EQ(s.load({"user", "alice", "off"}),
            "Error in user declaration 'alice': Duplicate user found. A user can only be defined "
            "once in config files");
  EXPECT_EQ(s.load({"user"}), "Bad directive or wrong number of arguments");
  EXPECT_EQ(s.load({"rename-command", "get"}), "Bad directive or wrong number of arguments");
  EXPECT_EQ(s.load({"rename-command", "get", ""}), "OK");
  EXPECT_THAT(s.config.rename_command, ElementsAre(ElementsAre("get", "")));
}

TEST(Values, TextsAreChecked) {
  Server s;
  EXPECT_EQ(s.set("proc-title-template", "{foo}"),
            "template format is invalid or contains unknown variables");
  EXPECT_EQ(s.set("proc-title-template", "{title} {port"),
            "template format is invalid or contains unknown variables");
  EXPECT_EQ(s.set("proc-title-template", "{title}:{unixsocket}"), "OK");
  EXPECT_EQ(s.set("cluster-announce-hostname", "a b"),
            "Hostnames may only contain alphanumeric characters, hyphens or dots");
  EXPECT_EQ(s.load({"dbfilename", "a/b"}), "dbfilename can't be a path, just a filename");
  EXPECT_EQ(s.load({"unixsocketperm", "700"}), "OK");
  EXPECT_EQ(s.config.unixsocketperm, 0700);
}

}  // namespace
}  // namespace redan
