#include <gtest/gtest.h>

#include "tests/unit/a_locale.h"
#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

class Sort : public CommandTest {
 protected:
  void TearDown() override { keyspace.check_invariants(); }
};

TEST_F(Sort, NumbersAndText) {
  run("RPUSH l 10 9 -1 2.5");
  EXPECT_EQ(run("SORT l"), "*4|$2|-1|$3|2.5|$1|9|$2|10|");
  EXPECT_EQ(run("SORT l ALPHA DESC LIMIT 0 2"), "*2|$1|9|$3|2.5|");
  EXPECT_EQ(run("SORT l LIMIT 3 100"), "*1|$2|10|");
  EXPECT_EQ(run("SORT l LIMIT 100 1"), "*0|");
  EXPECT_EQ(run("SORT l BY nosort DESC LIMIT 1 2"), "*2|$2|-1|$1|9|");
  run("RPUSH l word");
  EXPECT_EQ(run("SORT l"), "-ERR One or more scores can't be converted into double|");
}

TEST_F(Sort, ANumberEndsAtItsFirstZeroByte) {
  using namespace std::string_literals;
  run(R"(RPUSH l 3 "2\x00x" 1)");
  EXPECT_EQ(run("SORT l"), "*3|$1|1|$3|2\0x|$1|3|"s);
}

TEST_F(Sort, TextInTheOrderOfTheLocaleButNotWhatIsStored) {
  auto order = Collation::of_locale(a_locale());
  ASSERT_TRUE(order) << "localedef and the package `locales` are needed";
  control.order = std::move(*order);
  run("RPUSH l b A a B");
  run("MSET w_a B w_A a w_b A");
  EXPECT_EQ(run("SORT l ALPHA"), "*4|$1|a|$1|A|$1|b|$1|B|");
  EXPECT_EQ(run("SORT_RO l ALPHA DESC LIMIT 0 2"), "*2|$1|B|$1|b|");
  EXPECT_EQ(run("SORT l ALPHA BY w_*"), "*4|$1|B|$1|A|$1|b|$1|a|");
  // Replicas may have another locale.
  EXPECT_EQ(run("SORT l ALPHA STORE d"), ":4|");
  EXPECT_EQ(run("LRANGE d 0 -1"), "*4|$1|A|$1|B|$1|a|$1|b|");
}

TEST_F(Sort, WeightsAndValuesOfOtherKeys) {
  run("SADD ids 1 2 3");
  run("MSET w_1 20 w_2 10 n_1 ann n_2 bob");
  run("HSET u_3 name cem");
  EXPECT_EQ(run("SORT ids BY w_* GET # GET n_* GET u_*->name"),
            "*9|$1|3|$-1|$3|cem|$1|2|$3|bob|$-1|$1|1|$3|ann|$-1|");
  session.resp = Resp::k3;
  EXPECT_EQ(run("SORT ids BY w_* GET n_* LIMIT 0 1"), "*1|_|");
}

// A field whose time has come is there to nobody, in a compact hash and in a large one.
TEST_F(Sort, FieldsThatExpiredAreNoWeights) {
  const std::string digits(65, '0');
  run("RPUSH ids 1 2"), run("HSET w_1 f 2 g a"), run("HSET w_2 f 1 g " + digits);
  EXPECT_EQ(run("SORT ids BY w_*->f"), "*2|$1|2|$1|1|");
  run("HPEXPIRE w_1 10 FIELDS 2 f g"), run("HPEXPIRE w_2 10 FIELDS 2 f g");
  EXPECT_EQ(run("SORT ids BY w_*->f GET w_*->g"), "*2|$65|" + digits + "|$1|a|");
  set_now_ms(kNowMs + 10);
  EXPECT_EQ(run("SORT ids BY w_*->f GET # GET w_*->g"), "*4|$1|1|$-1|$1|2|$-1|");
}

TEST_F(Sort, WhatIsStoredIsAListAndReplicatedAsOne) {
  run("ZADD z 1 b 2 a");
  run("SET d old EX 100");
  fed();
  EXPECT_EQ(run("SORT z ALPHA GET # GET nothing STORE d"), ":4|");
  EXPECT_EQ(fed(), "DEL d; RPUSH d a  b ");
  EXPECT_EQ(run("LRANGE d 0 -1"), "*4|$1|a|$0||$1|b|$0||");
  EXPECT_EQ(run("TTL d"), ":-1|");
  EXPECT_EQ(run("SORT none STORE d"), ":0|");
  EXPECT_EQ(fed(), "DEL d");
  EXPECT_EQ(run("SORT none STORE d"), ":0|");
  EXPECT_EQ(fed(), "");
  // The source itself.
  run("RPUSH l 3 1 2");
  EXPECT_EQ(run("SORT l STORE l"), ":3|");
  EXPECT_EQ(run("LRANGE l 0 -1"), "*3|$1|1|$1|2|$1|3|");
}

}  // namespace
}  // namespace redan
