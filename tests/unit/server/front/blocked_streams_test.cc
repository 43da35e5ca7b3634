// XREAD and XREADGROUP wait, and what ends their waiting. (7.2's ways: a request is executed once
// more, so that its errors are what they would be at that moment.)
#include <gtest/gtest.h>

#include "tests/unit/server/front/dispatcher_fixture.h"

namespace redan {
namespace {

using testing::StartsWith;

class BlockedStreams : public DispatcherFixture {
 protected:
  void block(TestClient& who, std::string_view line) {
    EXPECT_EQ(ask(who, line), "") << line;
    EXPECT_TRUE(blocked.contains(who.session)) << line;
  }
  // What came since, from a client that does not wait any more.
  std::string served(TestClient& who) {
    EXPECT_FALSE(blocked.contains(who.session));
    return who.connection.take();
  }
  void expect_waiting(TestClient& who) {
    EXPECT_EQ(who.connection.take(), "");
    EXPECT_TRUE(blocked.contains(who.session));
  }

  TestClient& a = client();
  TestClient& b = client();
  TestClient& writer = client();
};

TEST_F(BlockedStreams, ANewEntryGoesToAllWhoRead) {
  ask(writer, "XADD s 1-0 f old");
  block(a, "XREAD BLOCK 0 STREAMS s $");
  block(b, "XREAD BLOCK 0 COUNT 1 STREAMS none s 0 1-0");
  ask(writer, "XADD s 2-0 f v");
  EXPECT_EQ(served(a), "*1|*2|$1|s|*1|*2|$3|2-0|*2|$1|f|$1|v|");
  EXPECT_EQ(served(b), "*1|*2|$1|s|*1|*2|$3|2-0|*2|$1|f|$1|v|");
}

// `$` is the last entry at the time of the request, not of a later try.
TEST_F(BlockedStreams, WhatCameAndWentIsNotWaitedFor) {
  block(a, "XREAD BLOCK 0 STREAMS s $");
  ask(writer, "MULTI");
  ask(writer, "XADD s 1-0 f v");
  ask(writer, "XDEL s 1-0");
  ask(writer, "EXEC");
  expect_waiting(a);
  ask(writer, "MULTI");
  ask(writer, "XADD s 2-0 f v");
  ask(writer, "XADD s 3-0 f w");
  ask(writer, "EXEC");
  EXPECT_EQ(served(a), "*1|*2|$1|s|*2|*2|$3|2-0|*2|$1|f|$1|v|*2|$3|3-0|*2|$1|f|$1|w|");
}

TEST_F(BlockedStreams, AReaderWaitsOnWhileItsKeyIsSomethingElse) {
  block(a, "XREAD BLOCK 0 STREAMS s $");
  ask(writer, "SET s text");
  expect_waiting(a);
  ask(writer, "DEL s");
  expect_waiting(a);
  ask(writer, "XADD s 1-0 f v");
  EXPECT_EQ(served(a), "*1|*2|$1|s|*1|*2|$3|1-0|*2|$1|f|$1|v|");
}

TEST_F(BlockedStreams, AnEntryGoesToOneConsumerOfAGroup) {
  ask(writer, "XGROUP CREATE s g $ MKSTREAM");
  block(a, "XREADGROUP GROUP g alice BLOCK 0 STREAMS s >");
  block(b, "XREADGROUP GROUP g bob BLOCK 0 STREAMS s >");
  ask(writer, "XADD s 1-0 f v");
  EXPECT_EQ(served(a), "*1|*2|$1|s|*1|*2|$3|1-0|*2|$1|f|$1|v|");
  expect_waiting(b);
  ask(writer, "XADD s 2-0 f v");
  EXPECT_EQ(served(b), "*1|*2|$1|s|*1|*2|$3|2-0|*2|$1|f|$1|v|");
  EXPECT_EQ(ask(writer, "XPENDING s g"), "*4|:2|$3|1-0|$3|2-0|*2|*2|$5|alice|$1|1|*2|$3|bob|$1|1|");
}

TEST_F(BlockedStreams, AGroupThatGoesIsToldToWhoWaits) {
  const std::string gone =
      "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option|";
  ask(writer, "XGROUP CREATE s g $ MKSTREAM");
  block(a, "XREADGROUP GROUP g alice BLOCK 0 STREAMS s >");
  ask(writer, "XGROUP DESTROY s g");
  EXPECT_EQ(served(a), gone);
  ask(writer, "XGROUP CREATE s g $");
  block(a, "XREADGROUP GROUP g alice BLOCK 0 STREAMS s >");
  ask(writer, "DEL s");
  EXPECT_EQ(served(a), gone);
  ask(writer, "XGROUP CREATE s g $ MKSTREAM");
  block(a, "XREADGROUP GROUP g alice BLOCK 0 STREAMS s >");
  ask(writer, "SET s text");
  EXPECT_THAT(served(a), StartsWith("-WRONGTYPE"));
}

TEST_F(BlockedStreams, InATransactionNobodyWaits) {
  ask(writer, "XGROUP CREATE s g $ MKSTREAM");
  ask(a, "MULTI");
  ask(a, "XREAD BLOCK 0 STREAMS s $");
  ask(a, "XREADGROUP GROUP g alice BLOCK 0 STREAMS s >");
  EXPECT_EQ(ask(a, "EXEC"), "*2|*-1|*-1|");
}

}  // namespace
}  // namespace redan
