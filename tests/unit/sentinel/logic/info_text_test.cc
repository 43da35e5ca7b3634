// What is read out of INFO, and what is passed over.
#include "sentinel/logic/info_text.h"

#include <gtest/gtest.h>

namespace redan {
namespace {

const std::string kRun(40, 'f');

TEST(InfoText, APrimaryListsItsReplicas) {
  const InfoText info = parse_info(
      "# Server\r\nredis_version:7.0.15\r\nrun_id:" + kRun +
      "\r\n\r\n# Replication\r\nrole:master\r\nconnected_slaves:2\r\n"
      "slave0:ip=10.0.0.2,port=6379,state=online,offset=14,lag=1\r\n"
      "slave1:ip=::1,port=6380,state=wait_bgsave,offset=0,lag=0\r\nmaster_repl_offset:14\r\n");
  EXPECT_EQ(info.run_id, kRun);
  EXPECT_EQ(info.is_primary, true);
  ASSERT_EQ(info.replicas.size(), 2u);
  EXPECT_EQ(info.replicas[0], (Address{.ip = "10.0.0.2", .port = 6379}));
  EXPECT_EQ(info.replicas[1], (Address{.ip = "::1", .port = 6380}));
  EXPECT_EQ(info.primary_offset, 14);
}

TEST(InfoText, AReplicaTellsWhomItFollowsAndHowWell) {
  const InfoText info = parse_info(
      "role:slave\nmaster_host:10.0.0.1\nmaster_port:6379\nmaster_link_status:down\n"
      "master_link_down_since_seconds:17\nslave_repl_offset:99\nslave_priority:0\n"
      "replica_announced:0\n");
  EXPECT_EQ(info.is_primary, false);
  EXPECT_EQ(info.primary_host, "10.0.0.1");
  EXPECT_EQ(info.primary_port, 6379);
  EXPECT_FALSE(info.link_up);
  EXPECT_EQ(info.link_down_seconds, 17);
  EXPECT_EQ(info.replica_offset, 99);
  EXPECT_EQ(info.priority, 0);
  EXPECT_FALSE(info.announced);
  EXPECT_TRUE(parse_info("role:slave\nmaster_link_status:up\n").link_up);
}

TEST(InfoText, WhatIsNotToldHasTheValuesOfANodeWithoutIt) {
  const InfoText info = parse_info("");
  EXPECT_FALSE(info.is_primary);
  EXPECT_EQ(info.priority, 100);
  EXPECT_EQ(info.link_down_seconds, -1);
  EXPECT_TRUE(info.announced);
  EXPECT_TRUE(info.run_id.empty());
}

TEST(InfoText, TheOldFormOfAReplicaLineIsRead) {
  const InfoText info = parse_info("role:master\r\nslave0:10.0.0.2,6379,online\r\n");
  ASSERT_EQ(info.replicas.size(), 1u);
  EXPECT_EQ(info.replicas[0], (Address{.ip = "10.0.0.2", .port = 6379}));
}

class BadLine : public testing::TestWithParam<std::string> {};

TEST_P(BadLine, IsPassedOver) {
  const InfoText info = parse_info("role:master\r\n" + GetParam() + "\r\nslave_priority:7\r\n");
  EXPECT_EQ(info.is_primary, true);
  EXPECT_TRUE(info.replicas.empty()) << GetParam();
  EXPECT_TRUE(info.run_id.empty());
  EXPECT_EQ(info.priority, 7) << "the line behind it is read";
}

INSTANTIATE_TEST_SUITE_P(
    , BadLine,
    testing::Values("slave0:", "slave0:ip=,port=6379", "slave0:ip=10.0.0.2,port=0",
                    "slave0:ip=10.0.0.2,port=65536", "slave0:ip=10.0.0.2", "slave0:port=6379",
                    "slave0:10.0.0.2,6379", "slavex:ip=10.0.0.2,port=6379",
                    "slave:ip=10.0.0.2,port=6379", "slave0 ip=10.0.0.2,port=6379", "run_id:short",
                    "no colon here", ":", "role:sentinel", "\r", std::string("\0\0\0", 3)));

TEST(InfoText, NumbersThatAreNoneFallBack) {
  const InfoText info = parse_info(
      "role:slave\nmaster_port:70000\nmaster_link_down_since_seconds:x\nslave_repl_offset:12a\n"
      "slave_priority:99999999999999999999\n");
  EXPECT_EQ(info.primary_port, 0);
  EXPECT_EQ(info.link_down_seconds, -1);
  EXPECT_EQ(info.replica_offset, 0);
  EXPECT_EQ(info.priority, 100);
}

TEST(InfoText, AnEndlessListOfReplicasIsCutOff) {
  std::string text = "role:master\n";
  for (int i = 0; i < 1100; ++i) {
    text += "slave" + std::to_string(i) + ":ip=10.0.0.2,port=" + std::to_string(1000 + i) + "\n";
  }
  EXPECT_EQ(parse_info(text).replicas.size(), 1024u);
}

}  // namespace
}  // namespace redan
