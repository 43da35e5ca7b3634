#include "common/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "common/metrics/info_writer.h"
#include "common/metrics/prometheus.h"

namespace redan {
namespace {

using testing::HasSubstr;

struct LinkMetrics {
  Counter drops{"redan_link_drops_total", "Links dropped\nfor \\ silence."};
  Gauge lag_bytes{"redan_link_lag_bytes", "Bytes behind."};
  Histogram wait{"redan_link_wait_seconds", "Waiting."};
  template <class Visit>
  void visit(Visit&& each) const {
    each(drops), each(lag_bytes), each(wait);
  }
};

TEST(Metrics, PrometheusTextHasHelpTypeAndValues) {
  LinkMetrics metrics;
  metrics.drops.add(3);
  metrics.lag_bytes.set(-7);
  metrics.wait.record_us(1);
  metrics.wait.record_us(1500000);
  PrometheusWriter out;
  metrics.visit(out);
  EXPECT_THAT(out.text(),
              HasSubstr("# HELP redan_link_drops_total Links dropped\\nfor \\\\ silence.\n"
                        "# TYPE redan_link_drops_total counter\nredan_link_drops_total 3\n"));
  EXPECT_THAT(out.text(),
              HasSubstr("# TYPE redan_link_lag_bytes gauge\nredan_link_lag_bytes -7\n"));
  EXPECT_THAT(out.text(), HasSubstr("redan_link_wait_seconds_bucket{le=\"1e-06\"} 1\n"));
  EXPECT_THAT(out.text(), HasSubstr("redan_link_wait_seconds_bucket{le=\"1.048576\"} 1\n"));
  EXPECT_THAT(out.text(), HasSubstr("redan_link_wait_seconds_bucket{le=\"2.097152\"} 2\n"));
  EXPECT_THAT(out.text(), HasSubstr("redan_link_wait_seconds_bucket{le=\"+Inf\"} 2\n"
                                    "redan_link_wait_seconds_sum 1.500001\n"
                                    "redan_link_wait_seconds_count 2\n"));
}

TEST(Metrics, PercentilesLieWithinTheirBucket) {
  Histogram histogram("h", "h");
  EXPECT_EQ(histogram.percentile_us(50), 0u);
  for (uint64_t us = 1; us <= 1000; ++us) histogram.record_us(us);
  EXPECT_EQ(histogram.percentile_us(50), 512u);
  EXPECT_EQ(histogram.percentile_us(99.9), 1024u);
  EXPECT_EQ(histogram.percentile_us(0.1), 1u);
  histogram.record_us(UINT64_MAX);  // Longer than any bucket.
  EXPECT_EQ(histogram.count(), 1001u);
  histogram.reset();
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.in_bucket(0), 0u);
}

TEST(Metrics, EdgesOfBuckets) {
  for (size_t bucket = 1; bucket < Histogram::kBuckets; ++bucket) {
    Histogram histogram("h", "h");
    histogram.record_us(Histogram::bound_us(bucket));
    histogram.record_us(Histogram::bound_us(bucket - 1) + 1);
    EXPECT_EQ(histogram.in_bucket(bucket), 2u) << bucket;
  }
}

TEST(Metrics, CountersAddUpOverThreads) {
  Counter counter("c", "c");
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&counter] {
        for (int i = 0; i < 10000; ++i) counter.add();
      });
    }
  }
  EXPECT_EQ(counter.value(), 40000u);
  counter.reset();
  EXPECT_EQ(counter.value(), 0u);
}

TEST(InfoWriter, SectionsAndFields) {
  InfoWriter info;
  info.section("Server");
  info.field("redis_version", "7.2.0");
  info.field("flag", true);
  info.field("small", uint8_t{65});
  info.section("Stats");
  info.field("ratio", 0.5);
  info.field("precise", 1.0 / 3, 6);
  info.field("big", UINT64_MAX);
  EXPECT_EQ(info.text(),
            "# Server\r\nredis_version:7.2.0\r\nflag:1\r\nsmall:65\r\n\r\n"
            "# Stats\r\nratio:0.50\r\nprecise:0.333333\r\nbig:18446744073709551615\r\n");
}

}  // namespace
}  // namespace redan
