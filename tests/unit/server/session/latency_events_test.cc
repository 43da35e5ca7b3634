#include "server/session/latency_events.h"

#include <gtest/gtest.h>

namespace redan {
namespace {

TEST(LatencyEvents, KeepTheWorstOfEachSecondAndOfAllTime) {
  LatencyEvents latency;
  latency.add("command", 100, 5);
  latency.add("command", 100, 9);
  latency.add("command", 100, 7);
  latency.add("command", 103, 3);
  const LatencyEvents::Event* event = latency.find("command");
  ASSERT_NE(event, nullptr);
  ASSERT_EQ(event->samples.size(), 2u);
  EXPECT_EQ(event->samples[0].ms, 9);
  EXPECT_EQ(event->samples[1].unix_s, 103);
  EXPECT_EQ(event->worst_ms, 9);
  EXPECT_EQ(latency.find("expire-cycle"), nullptr);
}

TEST(LatencyEvents, ForgetTheOldestSecondsButNotTheWorst) {
  LatencyEvents latency;
  latency.add("command", 0, 1000);
  for (int64_t second = 1; second <= 500; ++second) latency.add("command", second, 2);
  const LatencyEvents::Event* event = latency.find("command");
  EXPECT_EQ(event->samples.size(), LatencyEvents::kMostSamples);
  EXPECT_EQ(event->samples.front().unix_s, 341);
  EXPECT_EQ(event->worst_ms, 1000);
  EXPECT_EQ(LatencyEvents::summary(*event).high_ms, 2);
}

TEST(LatencyEvents, AreForgottenOneByOneOrAllAtOnce) {
  LatencyEvents latency;
  for (const char* name : {"a", "b", "c"}) latency.add(name, 1, 1);
  EXPECT_TRUE(latency.forget("b"));
  EXPECT_FALSE(latency.forget("b"));
  EXPECT_EQ(latency.forget_all(), 2u);
  EXPECT_TRUE(latency.events().empty());
}

TEST(LatencyEvents, ASummaryHasSpreadAndPeriod) {
  LatencyEvents latency;
  latency.add("a", 10, 10);
  EXPECT_EQ(LatencyEvents::summary(*latency.find("a")).period_s, 0);
  latency.add("a", 20, 20);
  latency.add("a", 40, 30);
  const LatencyEvents::Summary facts = LatencyEvents::summary(*latency.find("a"));
  EXPECT_EQ(facts.low_ms, 10);
  EXPECT_EQ(facts.high_ms, 30);
  EXPECT_EQ(facts.average_ms, 20);
  EXPECT_EQ(facts.deviation_ms, 6);
  EXPECT_EQ(facts.period_s, 15);
}

TEST(LatencyEvents, AGraphShowsLevelsAboveAges) {
  LatencyEvents latency;
  latency.add("a", 100, 10);
  latency.add("a", 160, 20);
  latency.add("a", 219, 40);
  EXPECT_EQ(LatencyEvents::graph(*latency.find("a"), 220),
            "  _\n"
            "  |\n"
            " _|\n"
            "_||\n"
            "\n"
            "211\n"
            "mms\n");
}

}  // namespace
}  // namespace redan
