#include <gtest/gtest.h>

#include <string>

#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

class HyperLogLogs : public CommandTest {
 protected:
  void TearDown() override { keyspace.check_invariants(); }
  void add(std::string_view key, int from, int to) {
    for (int i = from; i < to; ++i) run_args({"PFADD", key, std::to_string(i)});
  }
  int64_t count(std::string_view keys) {
    const std::string reply = run("PFCOUNT " + std::string(keys));
    EXPECT_EQ(reply[0], ':') << reply;
    return std::stoll(reply.substr(1));
  }
};

TEST_F(HyperLogLogs, OnlyWhatRaisesARegisterIsAChange) {
  EXPECT_EQ(run("PFADD h"), ":1|");
  EXPECT_EQ(fed(), "PFADD h");
  EXPECT_EQ(run("PFADD h a b"), ":1|");
  EXPECT_EQ(fed(), "PFADD h a b");
  EXPECT_EQ(run("PFADD h b a"), ":0|");
  EXPECT_EQ(run("PFADD h"), ":0|");
  EXPECT_EQ(fed(), "");
}

TEST_F(HyperLogLogs, ACountIsComputedOnceAndReplicated) {
  run("PFADD h a b c");
  fed();
  const uint64_t before = keyspace.dirty();
  EXPECT_EQ(run("PFCOUNT h"), ":3|");
  EXPECT_EQ(keyspace.dirty(), before + 1);
  EXPECT_EQ(run("GETRANGE h 8 15"), "$8|" + std::string("\3\0\0\0\0\0\0\0", 8) + "|");
  EXPECT_EQ(run("PFCOUNT h"), ":3|");
  EXPECT_EQ(keyspace.dirty(), before + 1);
  run("PFADD h d");
  EXPECT_EQ(run("GETRANGE h 8 15"), "$8|" + std::string("\3\0\0\0\0\0\0\x80", 8) + "|");
  EXPECT_EQ(run("PFCOUNT h"), ":4|");
}

TEST_F(HyperLogLogs, AReplicasClientsLeaveItsDataAlone) {
  run("PFADD h a b c");
  replication.replica = true;
  const uint64_t before = keyspace.dirty();
  EXPECT_EQ(run("PFCOUNT h"), ":3|");
  EXPECT_EQ(keyspace.dirty(), before);
  session.kind = ClientKind::kPrimary;
  EXPECT_EQ(run("PFCOUNT h"), ":3|");
  EXPECT_EQ(keyspace.dirty(), before + 1);
}

TEST_F(HyperLogLogs, ManyElementsMakeADenseOneThatKeepsItsDeadline) {
  run("PFADD h first");
  run("EXPIRE h 100");
  add("h", 0, 20'000);
  EXPECT_EQ(run("PFDEBUG ENCODING h"), "+dense|");
  EXPECT_EQ(run("STRLEN h"), ":12304|");
  EXPECT_EQ(run("TTL h"), ":100|");
  EXPECT_NEAR(static_cast<double>(count("h")), 20'001, 400);
}

TEST_F(HyperLogLogs, UnionsAndMerges) {
  add("a", 0, 300);
  add("b", 200, 5000);
  EXPECT_EQ(run("PFDEBUG ENCODING a"), "+sparse|");
  EXPECT_EQ(run("PFDEBUG ENCODING b"), "+dense|");
  const int64_t all = count("a b none");
  EXPECT_NEAR(static_cast<double>(all), 5000, 100);
  fed();
  EXPECT_EQ(run("PFMERGE a b none"), "+OK|");
  EXPECT_EQ(fed(), "PFMERGE a b none");
  EXPECT_EQ(run("PFDEBUG ENCODING a"), "+dense|");
  EXPECT_EQ(count("a"), all);
  EXPECT_EQ(run("PFMERGE new none"), "+OK|");
  EXPECT_EQ(count("new"), 0);
}

TEST_F(HyperLogLogs, WhatIsRefusedChangesNothing) {
  const std::string corrupt = "-INVALIDOBJ Corrupted HLL object detected|";
  const std::string none = "-WRONGTYPE Key is not a valid HyperLogLog string value.|";
  run("SET text hello");
  run("PFADD good x");
  // 10 001 registers.
  const std::string bad = std::string("HYLL\x01", 5) + std::string(10, '\0') + "\x80\x67\x10";
  run_args({"SET", "bad", bad});
  fed();
  const std::string digest = run("DEBUG DIGEST");
  for (const char* command : {"PFADD text a", "PFCOUNT text", "PFCOUNT good text",
                              "PFMERGE new text", "PFMERGE text good", "PFDEBUG GETREG text"}) {
    EXPECT_EQ(run(command), none) << command;
  }
  for (const char* command : {"PFCOUNT bad", "PFCOUNT good bad", "PFMERGE new bad",
                              "PFMERGE bad good", "PFDEBUG GETREG bad", "PFDEBUG TODENSE bad"}) {
    EXPECT_EQ(run(command), corrupt) << command;
  }
  // "ab" falls to register 719, "a" to 12 711, which is behind the last run.
  EXPECT_EQ(run("PFADD bad ab a"), corrupt);
  EXPECT_EQ(fed(), "");
  EXPECT_EQ(run("DEBUG DIGEST"), digest);
  EXPECT_EQ(run("PFDEBUG NOPE good"), "-ERR Unknown PFDEBUG subcommand 'NOPE'|");
  EXPECT_EQ(run("PFDEBUG ENCODING none"), "-ERR The specified key does not exist|");
}

TEST_F(HyperLogLogs, SelfTest) {
  EXPECT_EQ(run("PFSELFTEST"), "+OK|");
}

}  // namespace
}  // namespace redan
