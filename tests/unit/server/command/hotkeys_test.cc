#include <gtest/gtest.h>

#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

using HotKeysCommand = CommandTest;

TEST_F(HotKeysCommand, IsStartedStoppedAndReset) {
  EXPECT_EQ(run("HOTKEYS GET"), "$-1|");
  EXPECT_EQ(run("HOTKEYS STOP"), "$-1|");
  EXPECT_EQ(run("HOTKEYS START METRICS 2 CPU NET COUNT 2 SAMPLE 5 DURATION 10"), "+OK|");
  EXPECT_EQ(run("HOTKEYS START METRICS 1 CPU"),
            "-ERR hotkeys tracking is already running: HOTKEYS STOP ends it|");
  EXPECT_EQ(run("HOTKEYS RESET"), "-ERR hotkeys tracking is running: HOTKEYS STOP ends it first|");
  logs.hot_keys.call(3000, 8);
  for (const char* key : {"a", "b", "c", "b"}) logs.hot_keys.key(key, 2000, 10);
  const std::string start = std::to_string(keyspace.now_ms());
  EXPECT_EQ(run("HOTKEYS STOP"), "+OK|");
  EXPECT_EQ(run("HOTKEYS GET"),
            "*18|$15|tracking-active|:0|$12|sample-ratio|:5|$14|selected-slots|*0|$25|"
            "all-commands-all-slots-us|:15|$32|net-bytes-all-commands-all-slots|:40|$29|"
            "collection-start-time-unix-ms|:" +
                start +
                "|$22|collection-duration-ms|:0|$14|by-cpu-time-us|*4|$1|b|:4|$1|a|:2|$12|"
                "by-net-bytes|*4|$1|b|:20|$1|a|:10|");
  EXPECT_EQ(run("HOTKEYS RESET"), "+OK|");
  EXPECT_EQ(run("HOTKEYS GET"), "$-1|");
}

TEST_F(HotKeysCommand, SaysWhatItDoesNotUnderstand) {
  EXPECT_EQ(run("HOTKEYS START COUNT 5").substr(0, 23), "-ERR METRICS is missing");
  EXPECT_EQ(run("HOTKEYS START METRICS 2 CPU").substr(0, 17), "-ERR METRICS want");
  EXPECT_EQ(run("HOTKEYS START METRICS 3 CPU NET NET").substr(0, 31),
            "-ERR value is out of range, val");
  EXPECT_EQ(run("HOTKEYS START METRICS 1 CPU SLOTS 1 5"),
            "-ERR SLOTS can only be used in cluster mode|");
  EXPECT_EQ(run("HOTKEYS START METRICS 1 CPU NOW"), "-ERR syntax error|");
  EXPECT_FALSE(logs.hot_keys.active());
}

}  // namespace
}  // namespace redan
