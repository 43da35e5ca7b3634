#include <gtest/gtest.h>

#include <algorithm>

#include "server/command/node/memory_report.h"
#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Memory : public CommandTest {
 protected:
  int64_t usage(std::string_view key) {
    const std::string reply = run("MEMORY USAGE " + std::string(key));
    return std::stoll(reply.substr(1));
  }
};

TEST_F(Memory, UsageGrowsAndShrinksWithTheValue) {
  run("SET k v");
  const int64_t small = usage("k");
  EXPECT_GT(small, 0);
  EXPECT_LT(small, 64);
  run("SETRANGE k 100000 x");
  EXPECT_GT(usage("k"), 100'000);
  run("SET k v");
  EXPECT_EQ(usage("k"), small);
  for (int i = 0; i < 2000; ++i) run("SADD s member:" + std::to_string(i));
  const int64_t full = usage("s");
  EXPECT_GT(full, 2000 * 16);
  EXPECT_EQ(full, static_cast<int64_t>(keyspace.peek(0, "s")->memory_bytes()));
  for (int i = 0; i < 1990; ++i) run("SREM s member:" + std::to_string(i));
  EXPECT_LT(usage("s"), full / 4);
}

TEST_F(Memory, StatsNameEachDatabaseThatHasKeys) {
  run("SET k v");
  run("SELECT 3");
  run("SET k v");
  const std::string reply = run("MEMORY STATS");
  EXPECT_THAT(reply, HasSubstr("$4|db.0|"));
  EXPECT_THAT(reply, HasSubstr("$4|db.3|"));
  EXPECT_THAT(reply, testing::Not(HasSubstr("$4|db.1|")));
  EXPECT_THAT(reply, HasSubstr("keys.count|:2|"));
}

TEST_F(Memory, TheReportAddsUp) {
  stats.startup_memory = 1000;
  const MemoryReport report = memory_report(parts_);
  EXPECT_EQ(report.overhead(), 1000 + report.tables);
  EXPECT_EQ(report.dataset(), std::max<int64_t>(report.use.used - report.overhead(), 0));
  EXPECT_GE(report.peak, report.use.used);
  EXPECT_EQ(stats.peak_memory, static_cast<uint64_t>(report.peak));
}

}  // namespace
}  // namespace redan
