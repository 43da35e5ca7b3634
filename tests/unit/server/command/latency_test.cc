// LATENCY and COMMANDLOG: what operators ask when something took long.
#include <gtest/gtest.h>

#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

using Latency = CommandTest;

TEST_F(Latency, EventsAreListedAndForgotten) {
  EXPECT_EQ(run("LATENCY LATEST"), "*0|");
  EXPECT_EQ(run("LATENCY HISTORY command"), "*0|");
  EXPECT_EQ(run("LATENCY GRAPH command"), "-ERR No samples available for event 'command'|");
  logs.latency.add("command", 100, 7);
  logs.latency.add("command", 101, 5);
  EXPECT_EQ(run("LATENCY LATEST"), "*1|*4|$7|command|:101|:5|:7|");
  EXPECT_EQ(run("LATENCY HISTORY command"), "*2|*2|:100|:7|*2|:101|:5|");
  EXPECT_NE(run("LATENCY GRAPH command").find("command - high 7 ms, low 5 ms (all time high 7 ms)"),
            std::string::npos);
  EXPECT_EQ(run("LATENCY RESET other"), ":0|");
  EXPECT_EQ(run("LATENCY RESET command other"), ":1|");
  EXPECT_EQ(run("LATENCY RESET"), ":0|");
}

TEST_F(Latency, TheDoctorSaysWhatToDo) {
  EXPECT_NE(run("LATENCY DOCTOR").find("CONFIG SET latency-monitor-threshold"), std::string::npos);
  config.latency_monitor_threshold = 5;
  EXPECT_NE(run("LATENCY DOCTOR").find("Nothing has held this node up for 5 ms"),
            std::string::npos);
  logs.latency.add("expire-cycle", 100, 7);
  const std::string report = run("LATENCY DOCTOR");
  EXPECT_NE(report.find("1. expire-cycle: 1 spikes (average 7 ms"), std::string::npos);
  EXPECT_NE(report.find("active-expire-effort"), std::string::npos);
}

TEST_F(Latency, HistogramsAreOfTheNamedCommands) {
  stats.commands.resize(commands.size());
  const CommandEntry* get = commands.find("get");
  const CommandEntry* config_get = commands.find_sub(*commands.find("config"), "get");
  for (const CommandEntry* entry : {get, config_get}) {
    auto& histogram = stats.commands[static_cast<size_t>(entry->id)].latency;
    histogram = std::make_unique<LatencyHistogram>();
    histogram->record(1500, 3);
    histogram->record(3000, 1);
  }
  EXPECT_EQ(run("LATENCY HISTOGRAM set nothing"), "*0|");
  EXPECT_EQ(run("LATENCY HISTOGRAM GET"),
            "*2|$3|get|*4|$5|calls|:4|$14|histogram_usec|*4|:2|:3|:4|:4|");
  EXPECT_EQ(run("LATENCY HISTOGRAM config").substr(0, 18), "*2|$10|config|get|");
  EXPECT_EQ(run("LATENCY HISTOGRAM").substr(0, 3), "*4|");
}

TEST_F(Latency, CommandLogsHaveThreeKinds) {
  const std::string_view args[] = {"GET", "k"};
  logs.slow.add({.id = 0, .unix_s = 5, .amount = 70, .args = {}, .peer = "p", .client_name = "n"},
                args, 10);
  logs.large_replies.add(
      {.id = 0, .unix_s = 6, .amount = 9000, .args = {}, .peer = "p", .client_name = ""}, args, 10);
  EXPECT_EQ(run("COMMANDLOG GET -1 slow"), "*1|*6|:0|:5|:70|*2|$3|GET|$1|k|$1|p|$1|n|");
  EXPECT_EQ(run("SLOWLOG GET"), run("COMMANDLOG GET -1 slow"));
  EXPECT_EQ(run("COMMANDLOG GET 5 LARGE-REPLY"), "*1|*6|:0|:6|:9000|*2|$3|GET|$1|k|$1|p|$0||");
  EXPECT_EQ(run("COMMANDLOG LEN large-request"), ":0|");
  EXPECT_EQ(run("COMMANDLOG LEN large-reply"), ":1|");
  EXPECT_EQ(run("COMMANDLOG RESET large-reply"), "+OK|");
  EXPECT_EQ(run("COMMANDLOG LEN large-reply"), ":0|");
  EXPECT_EQ(run("COMMANDLOG LEN slow"), ":1|");
  EXPECT_EQ(run("COMMANDLOG LEN fast"),
            "-ERR type should be one of the following: slow, large-request, large-reply|");
  EXPECT_EQ(run("COMMANDLOG GET -2 slow"), "-ERR count should be greater than or equal to -1|");
}

}  // namespace
}  // namespace redan
