// What replies cannot show: what replicas hear of lists. Replies are compared with Redis by
// tests/conformance.
#include <gtest/gtest.h>

#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

using Lists = CommandTest;

TEST_F(Lists, WhatPopsSomeOfSeveralListsIsToldAsThePopOfOne) {
  run("RPUSH l a b c d e");
  fed();
  EXPECT_EQ(run("LMPOP 2 none l RIGHT COUNT 2"), "*2|$1|l|*2|$1|e|$1|d|");
  EXPECT_EQ(fed(), "RPOP l 2");
  EXPECT_EQ(run("BLPOP none l 0"), "*2|$1|l|$1|a|");
  EXPECT_EQ(fed(), "LPOP l");
  EXPECT_EQ(run("BLMPOP 0 1 l LEFT COUNT 9"), "*2|$1|l|*2|$1|b|$1|c|");
  EXPECT_EQ(fed(), "LPOP l 2");  // As many as there were.
}

TEST_F(Lists, AMoveIsToldWithoutItsTimeout) {
  run("RPUSH l a b");
  fed();
  EXPECT_EQ(run("BLMOVE l m LEFT RIGHT 10"), "$1|a|");
  EXPECT_EQ(fed(), "LMOVE l m LEFT RIGHT");
  EXPECT_EQ(run("BRPOPLPUSH l m 10"), "$1|b|");
  EXPECT_EQ(fed(), "RPOPLPUSH l m");
  EXPECT_EQ(run("LMOVE m m LEFT RIGHT"), "$1|b|");
  EXPECT_EQ(fed(), "LMOVE m m LEFT RIGHT");
}

TEST_F(Lists, WhatChangesNothingIsNotTold) {
  run("RPUSH l a b");
  fed();
  for (const char* line : {"LTRIM l 0 -1", "LREM l 0 none", "LINSERT l BEFORE none x", "LPOP l 0",
                           "LPUSHX none x", "LMOVE none l LEFT LEFT", "LPOP none",
                           "BLMOVE none l LEFT LEFT 1", "BLPOP none 1", "LMPOP 1 none LEFT"}) {
    run(line);
    EXPECT_EQ(fed(), "") << line;
  }
  EXPECT_EQ(run("LRANGE l 0 -1"), "*2|$1|a|$1|b|");
}

TEST_F(Lists, ChangesCountAsInRedis) {
  const auto changes = [&](std::string_view line) {
    const uint64_t before = keyspace.dirty();
    run(line);
    return keyspace.dirty() - before;
  };
  EXPECT_EQ(changes("RPUSH l a b c d e f g h"), 8u);
  EXPECT_EQ(changes("LSET l 0 x"), 1u);
  EXPECT_EQ(changes("LPOP l 2"), 2u);
  EXPECT_EQ(changes("LTRIM l 1 -2"), 2u);
  EXPECT_EQ(changes("LMOVE l m LEFT RIGHT"), 1u);
  EXPECT_EQ(changes("LREM l 0 e"), 1u);
  EXPECT_EQ(changes("RPOPLPUSH l l"), 1u);
}

}  // namespace
}  // namespace redan
