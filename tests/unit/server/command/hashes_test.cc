#include <gtest/gtest.h>

#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

using Hashes = CommandTest;

TEST_F(Hashes, SetAndGet) {
  EXPECT_EQ(run("HSET h f v g 17"), ":2|");
  EXPECT_EQ(fed(), "HSET h f v g 17");
  EXPECT_EQ(run("HSET h f w"), ":0|");
  EXPECT_EQ(run("HGET h f"), "$1|w|");
  EXPECT_EQ(run("HGET h g"), "$2|17|");
  EXPECT_EQ(run("HMGET h g none"), "*2|$2|17|$-1|");
  EXPECT_EQ(fed(), "HSET h f w");
  session.resp = Resp::k3;
  EXPECT_EQ(run("HGETALL h"), "%2|$1|f|$1|w|$1|g|$2|17|");
  EXPECT_EQ(run("HGETALL none"), "%0|");
  EXPECT_EQ(run("HRANDFIELD h 9 WITHVALUES"), "*2|*2|$1|f|$1|w|*2|$1|g|$2|17|");
}

TEST_F(Hashes, SumsAreReplicatedAsResults) {
  EXPECT_EQ(run("HINCRBYFLOAT h f 0.1"), "$3|0.1|");
  EXPECT_EQ(fed(), "HSET h f 0.1");
  EXPECT_EQ(run("HINCRBYFLOAT h f 0.2"), "$3|0.3|");
  EXPECT_EQ(fed(), "HSET h f 0.3");
  EXPECT_EQ(run("HINCRBY h n 5"), ":5|");
  EXPECT_EQ(fed(), "HINCRBY h n 5");
}

TEST_F(Hashes, WhatChangesNothingIsNotReplicated) {
  run("HSET h f v"), fed();
  EXPECT_EQ(run("HSETNX h f w"), ":0|");
  EXPECT_EQ(run("HDEL h none"), ":0|");
  EXPECT_EQ(run("HDEL none f"), ":0|");
  EXPECT_EQ(run("HINCRBY h f 1"), "-ERR hash value is not an integer|");
  EXPECT_EQ(run("HINCRBY none f 9223372036854775808"),
            "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("HSET h f"), "-ERR wrong number of arguments for 'hset' command|");
  EXPECT_EQ(fed(), "");
  EXPECT_EQ(run("EXISTS none"), ":0|");
}

TEST_F(Hashes, TheKeyGoesWithItsLastField) {
  run("HSET h f v g w"), fed();
  EXPECT_EQ(run("HDEL h f f g none"), ":2|");
  EXPECT_EQ(fed(), "HDEL h f f g none");
  EXPECT_EQ(run("EXISTS h"), ":0|");
  for (int i = 0; i < 200; ++i) run("HSET large f" + std::to_string(i) + " v");
  EXPECT_EQ(run("OBJECT ENCODING large"), "$9|hashtable|");
  for (int i = 0; i < 199; ++i) run("HDEL large f" + std::to_string(i));
  EXPECT_EQ(run("EXISTS large"), ":1|");
  EXPECT_EQ(run("HDEL large f199"), ":1|");
  EXPECT_EQ(run("EXISTS large"), ":0|");
  keyspace.check_invariants();
}

TEST_F(Hashes, ScanWithoutValues) {
  run("HSET h f v g w");
  EXPECT_EQ(run("HSCAN h 0 NOVALUES"), "*2|$1|0|*2|$1|f|$1|g|");
  EXPECT_EQ(run("HSCAN h 0 MATCH g NOVALUES"), "*2|$1|0|*1|$1|g|");
}

TEST_F(Hashes, ACopyStandsForItself) {
  for (const int fields : {1, 100, 1000}) {
    for (int i = 0; i < fields; ++i)
      run("HSET h f" + std::to_string(i) + " " + std::to_string(i * i));
    const std::string digest = run("DEBUG DIGEST-VALUE h");
    run("COPY h copy");
    EXPECT_EQ(run("DEBUG DIGEST-VALUE copy"), digest);
    run("HSET copy f0 other");
    EXPECT_NE(run("DEBUG DIGEST-VALUE copy"), digest);
    EXPECT_EQ(run("DEBUG DIGEST-VALUE h"), digest);
    run("DEL h copy");
  }
}

}  // namespace
}  // namespace redan
