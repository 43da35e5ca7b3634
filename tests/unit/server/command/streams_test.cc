// Streams: what replicas hear, and what 7.2 does otherwise than the oracle of the conformance
// tests.
#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

using testing::HasSubstr;

struct Streams : CommandTest {
  // The replies do not matter.
  void given(std::initializer_list<std::string_view> lines) {
    for (const std::string_view line : lines) run(line);
    fed();
  }
};

TEST_F(Streams, AnIdThatWasMadeIsWhatReplicasGet) {
  EXPECT_EQ(run("XADD s * f v"), "$15|1700000000000-0|");
  EXPECT_EQ(fed(), "XADD s 1700000000000-0 f v");
  EXPECT_EQ(run("XADD s * f v"), "$15|1700000000000-1|");
  EXPECT_EQ(fed(), "XADD s 1700000000000-1 f v");
  run("XADD s 1700000000001-* f v");
  EXPECT_EQ(fed(), "XADD s 1700000000001-0 f v");
  // The clock went back: ids do not.
  set_now_ms(kNowMs - 5000);
  EXPECT_EQ(run("XADD s * f v"), "$15|1700000000001-1|");
  fed();
  run("xadd s nomkstream 1700000000002-3 f v");
  EXPECT_EQ(fed(), "xadd s nomkstream 1700000000002-3 f v");
  EXPECT_EQ(run("XADD none NOMKSTREAM * f v"), "$-1|");
  EXPECT_EQ(fed(), "");
}

TEST_F(Streams, AnApproximateTrimIsToldByItsResult) {
  for (int i = 1; i <= 250; ++i) run("XADD s " + std::to_string(i) + "-0 f v");
  fed();
  run("XADD s MAXLEN ~ 120 LIMIT 1000 * f v");
  EXPECT_EQ(fed(), "XADD s MAXLEN = 151 LIMIT 1000 1700000000000-0 f v");
  EXPECT_EQ(run("XTRIM s MINID ~ 205"), ":100|");
  EXPECT_EQ(fed(), "XTRIM s MINID = 201-0");
  EXPECT_EQ(run("XTRIM s MAXLEN ~ 50"), ":0|");
  EXPECT_EQ(fed(), "");
  run("XTRIM s MAXLEN 10");
  EXPECT_EQ(fed(), "XTRIM s MAXLEN 10");
  // What a primary says is not limited again.
  session.kind = ClientKind::kPrimary;
  EXPECT_EQ(run("XTRIM s MAXLEN = 5 LIMIT 1"), ":5|");
}

TEST_F(Streams, WhatAGroupWasGivenIsToldAsClaims) {
  given({"XADD s 1-0 f v", "XADD s 2-0 f v", "XADD s 3-0 f v", "XGROUP CREATE s g 0"});
  run("XREADGROUP GROUP g c COUNT 2 STREAMS s >");
  EXPECT_EQ(fed(),
            "XCLAIM s g c 0 1-0 2-0 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 2-0; "
            "XGROUP SETID s g 2-0 ENTRIESREAD 2");
  run("XREADGROUP GROUP g c STREAMS s 0");
  EXPECT_EQ(fed(), "");
  run("XREADGROUP GROUP g d NOACK STREAMS s >");
  EXPECT_EQ(fed(), "XGROUP CREATECONSUMER s g d; XGROUP SETID s g 3-0 ENTRIESREAD 3");
  run("XREADGROUP GROUP g e STREAMS s >");
  EXPECT_EQ(fed(), "XGROUP CREATECONSUMER s g e");
  run("XREADGROUP GROUP g e STREAMS s >");
  EXPECT_EQ(fed(), "");
  run("XACK s g 1-0 7-0");
  EXPECT_EQ(fed(), "XACK s g 1-0 7-0");
  run("XACK s g 1-0");
  EXPECT_EQ(fed(), "");
}

TEST_F(Streams, TheCountOfWhatAGroupReadStaysOneThatXgroupTakes) {
  given({"XGROUP CREATE s g 0 MKSTREAM ENTRIESREAD 9223372036854775806", "XADD s 1-0 f v",
         "XADD s 2-0 f v"});
  run("XREADGROUP GROUP g c NOACK STREAMS s >");
  EXPECT_EQ(fed(),
            "XGROUP CREATECONSUMER s g c; XGROUP SETID s g 2-0 ENTRIESREAD 9223372036854775807");
  // Every entry ever is one more than fits, and so is what has been read of them.
  given(
      {"XSETID s 2-0 ENTRIESADDED 9223372036854775807", "XADD s 3-0 f v", "XGROUP SETID s g 2-0"});
  run("XREADGROUP GROUP g c NOACK STREAMS s >");
  EXPECT_EQ(fed(), "XGROUP SETID s g 3-0 ENTRIESREAD -1");
}

TEST_F(Streams, ClaimsAreToldOneByOne) {
  given({"XADD s 1-0 f v", "XADD s 2-0 f v", "XGROUP CREATE s g 0",
         "XREADGROUP GROUP g c STREAMS s >"});
  run("XCLAIM s g d 0 1-0 2-0 IDLE 100 RETRYCOUNT 5");
  EXPECT_EQ(fed(),
            "XCLAIM s g d 0 1-0 TIME 1699999999900 RETRYCOUNT 5 FORCE JUSTID LASTID 2-0; "
            "XCLAIM s g d 0 2-0 TIME 1699999999900 RETRYCOUNT 5 FORCE JUSTID LASTID 2-0");
  run("XCLAIM s g d 0 9-0 LASTID 7-0");
  EXPECT_EQ(fed(), "XGROUP SETID s g 7-0 ENTRIESREAD 2");
  given({"XDEL s 1-0"});
  EXPECT_EQ(run("XAUTOCLAIM s g c 0 0 JUSTID"), "*3|$3|0-0|*1|$3|2-0|*1|$3|1-0|");
  EXPECT_EQ(fed(),
            "XCLAIM s g d 0 1-0 TIME 1699999999900 RETRYCOUNT 5 FORCE JUSTID LASTID 7-0; "
            "XCLAIM s g c 0 2-0 TIME 1700000000000 RETRYCOUNT 5 FORCE JUSTID LASTID 7-0");
  // A replica that hears the first drops the entry as well, which its stream does not have.
  EXPECT_EQ(run("XPENDING s g - + 10"), "*1|*4|$3|2-0|$1|c|:0|:5|");
}

// 7.2 makes a consumer that asks, whatever it gets.
TEST_F(Streams, AConsumerThatClaimsNothingIsThere) {
  given({"XADD s 1-0 f v", "XGROUP CREATE s g 0"});
  EXPECT_EQ(run("XCLAIM s g c 0 1-0"), "*0|");
  EXPECT_EQ(fed(), "XGROUP CREATECONSUMER s g c");
  EXPECT_EQ(run("XAUTOCLAIM s g d 0 0"), "*3|$3|0-0|*0|*0|");
  EXPECT_EQ(fed(), "XGROUP CREATECONSUMER s g d");
  EXPECT_THAT(run("XINFO GROUPS s"), HasSubstr("$9|consumers|:2|"));
}

TEST_F(Streams, AConsumerIsSeenWhenItAsksAndActiveWhenItGets) {
  given({"XADD s 1-0 f v", "XGROUP CREATE s g 0", "XGROUP CREATECONSUMER s g c"});
  EXPECT_EQ(run("XINFO CONSUMERS s g"),
            "*1|*8|$4|name|$1|c|$7|pending|:0|$4|idle|:0|$8|inactive|:-1|");
  set_now_ms(kNowMs + 10);
  run("XREADGROUP GROUP g c STREAMS s >");
  set_now_ms(kNowMs + 30);
  run("XREADGROUP GROUP g c STREAMS s >");
  set_now_ms(kNowMs + 35);
  EXPECT_EQ(run("XINFO CONSUMERS s g"),
            "*1|*8|$4|name|$1|c|$7|pending|:1|$4|idle|:5|$8|inactive|:25|");
  EXPECT_THAT(run("XINFO STREAM s FULL"),
              HasSubstr("$9|seen-time|:1700000000030|$11|active-time|:1700000000010|"));
  EXPECT_EQ(run("XPENDING s g IDLE 25 - + 10"), "*1|*4|$3|1-0|$1|c|:25|:1|");
  EXPECT_EQ(run("XPENDING s g IDLE 26 - + 10"), "*0|");
  EXPECT_EQ(run("XCLAIM s g d 26 1-0"), "*0|");
  EXPECT_EQ(run("XCLAIM s g d 25 1-0 JUSTID"), "*1|$3|1-0|");
}

// An error leaves no trace: no key that was not there, no id that is used up.
TEST_F(Streams, WhatIsRefusedChangesNothing) {
  for (const char* line :
       {"XADD s 0-0 f v", "XADD s 1-0 f", "XADD s x f v", "XADD s MAXLEN -1 1-0 f v",
        "XGROUP CREATE s g 0", "XGROUP CREATE s g x MKSTREAM"}) {
    EXPECT_THAT(run(line), testing::StartsWith("-")) << line;
  }
  EXPECT_EQ(run("EXISTS s"), ":0|");
  given({"XADD s 5-0 f v"});
  for (const char* line : {"XADD s 5-0 f v", "XADD s 4-* f v", "XDEL s 5-0 x", "XSETID s 4-0",
                           "XACK s g x", "XTRIM s MAXLEN 0 LIMIT 5"}) {
    run(line);
    EXPECT_EQ(fed(), "") << line;
  }
  EXPECT_EQ(run("XLEN s"), ":1|");
}

TEST_F(Streams, AStreamStaysWhenItIsEmpty) {
  given({"XADD s 5-0 f v", "XDEL s 5-0"});
  EXPECT_EQ(run("EXISTS s"), ":1|");
  EXPECT_EQ(run("XADD s 5-0 f v"),
            "-ERR The ID specified in XADD is equal or smaller than the target stream top item|");
  EXPECT_EQ(run("XADD s 5-* f v"), "$3|5-1|");
  given({"XTRIM s MAXLEN 0"});
  EXPECT_EQ(run("EXISTS s"), ":1|");
  keyspace.check_invariants();
}

}  // namespace
}  // namespace redan
