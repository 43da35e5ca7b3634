#include "tests/sim/big_cluster.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace redan::sim {
namespace {

TEST(BigCluster, AtRestItSendsLessThanATenthOfRedisAndNewsReachEverybodyAtOnce) {
  const BigReport report =
      measure({.primaries = 100, .replicas = 100, .rest = Seconds(3), .failures = 1});
  std::printf("%s", report.text().c_str());
  ASSERT_EQ(report.failure, "");
  EXPECT_LT(report.at_rest.bytes_per_second, report.of_redis.bytes_per_second / 10);
  EXPECT_GT(report.at_rest.messages_per_second, 199) << "everybody speaks with everybody";
  EXPECT_LT(report.agreed.at(0), Millis(1'500));
  EXPECT_LT(report.slot_agreed, Millis(100));
  EXPECT_LT(report.joined, Seconds(2));
}

TEST(BigCluster, ItIsLeanToo) {
  for (const Nanos timeout : {Seconds(2), Seconds(15)}) {
    const BigReport report = measure(
        {.primaries = 40, .replicas = 0, .node_timeout = timeout, .rest = timeout, .failures = 0});
    EXPECT_EQ(report.failure, "");
    EXPECT_LT(report.at_rest.bytes_per_second, report.of_redis.bytes_per_second / 10);
  }
}

}  // namespace
}  // namespace redan::sim
