#include <gtest/gtest.h>

#include "common/base/parse.h"
#include "server/command/strings/lcs.h"
#include "server/command/strings/value_condition.h"
#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

using Strings = CommandTest;

TEST_F(Strings, SetAndGet) {
  EXPECT_EQ(run("GET k"), "$-1|");
  EXPECT_EQ(run("SET k v"), "+OK|");
  EXPECT_EQ(fed(), "SET k v");
  EXPECT_EQ(run("GET k"), "$1|v|");
  EXPECT_EQ(fed(), "");
  session.resp = Resp::k3;
  EXPECT_EQ(run("GET none"), "_|");
}

TEST_F(Strings, SetIfTheValueIsAsExpected) {
  EXPECT_EQ(run("SET k v IFEQ v"), "$-1|");
  EXPECT_EQ(fed(), "");
  EXPECT_EQ(run("SET k 1 IFNE v"), "+OK|");  // No value is not equal to any.
  EXPECT_EQ(fed(), "SET k 1");
  EXPECT_EQ(run("SET k w IFEQ 2 GET"), "$1|1|");
  EXPECT_EQ(fed(), "");
  EXPECT_EQ(run("SET k w IFEQ 1 GET"), "$1|1|");
  EXPECT_EQ(run("SET k w IFNE w"), "$-1|");
  EXPECT_EQ(run("DIGEST k"), "$16|" + value_digest_hex("w") + "|");
  EXPECT_EQ(run("DIGEST none"), "$-1|");
  EXPECT_EQ(run("SET k x IFDEQ " + to_upper(value_digest_hex("w")) + " EX 100"), "+OK|");
  EXPECT_EQ(run("SET k y IFDNE " + value_digest_hex("x") + " KEEPTTL"), "$-1|");
  EXPECT_EQ(run("SET k y IFDNE " + value_digest_hex("w") + " KEEPTTL"), "+OK|");
  EXPECT_EQ(run("TTL k"), ":100|");
  EXPECT_EQ(run("SET k z IFDEQ 12"),
            "-ERR a digest has exactly 16 hexadecimal digits, as DIGEST answers it|");
  EXPECT_EQ(run("SET k z IFEQ y NX"), "-ERR syntax error|");
  EXPECT_EQ(run("SET k z XX IFEQ y"), "-ERR syntax error|");
  EXPECT_EQ(run("SET k z IFEQ"), "-ERR syntax error|");
}

// The empty one is in xxHash's own tests, the other in the documentation of DIGEST.
TEST_F(Strings, DigestsAreXxh3) {
  EXPECT_EQ(value_digest_hex(""), "2d06800538d394c2");
  EXPECT_EQ(value_digest_hex("Hello world"), "b6acb9d84a38ff74");
}

TEST_F(Strings, DeleteIfTheValueIsAsExpected) {
  EXPECT_EQ(run("DELEX k IFEQ v"), ":0|");
  EXPECT_EQ(run("DELEX k IFNE v"), ":0|");
  run("SET k v");
  fed();
  EXPECT_EQ(run("DELIFEQ k w"), ":0|");
  EXPECT_EQ(run("DELEX k IFNE v"), ":0|");
  EXPECT_EQ(fed(), "");
  EXPECT_EQ(run("DELEX k IFDEQ " + value_digest_hex("v")), ":1|");
  EXPECT_EQ(fed(), "DEL k");
  run("SET k v");
  EXPECT_EQ(run("DELIFEQ k v"), ":1|");
  run("SET k v");
  EXPECT_EQ(run("DELEX k"), ":1|");
  EXPECT_EQ(run("DELEX k"), ":0|");
  EXPECT_EQ(run("DELEX k IFEQ v IFNE w"), "-ERR syntax error|");
  EXPECT_EQ(run("DELEX k SOON"), "-ERR syntax error|");
}

TEST_F(Strings, SeveralKeysWithOneDeadline) {
  EXPECT_EQ(run("MSETEX 2 a 1 b 2 EX 10"), ":1|");
  const std::string deadline = std::to_string(keyspace.now_ms() + 10'000);
  EXPECT_EQ(fed(), "SET a 1 PXAT " + deadline + "; SET b 2 PXAT " + deadline);
  EXPECT_EQ(run("TTL b"), ":10|");
  EXPECT_EQ(run("MSETEX 2 b 3 c 4 NX"), ":0|");
  EXPECT_EQ(run("MSETEX 2 b 3 c 4 XX"), ":0|");
  EXPECT_EQ(fed(), "");
  EXPECT_EQ(run("MSETEX 1 b 3 KEEPTTL XX"), ":1|");
  EXPECT_EQ(run("TTL b"), ":10|");
  EXPECT_EQ(run("MSETEX 1 b 4"), ":1|");
  EXPECT_EQ(run("TTL b"), ":-1|");
  for (const char* numkeys : {"0", "-1", "x"}) {
    EXPECT_EQ(run(std::string("MSETEX ") + numkeys + " a 1"), "-ERR invalid numkeys value|");
  }
  for (const char* call : {"MSETEX 2 a 1 b", "MSETEX 9223372036854775807 a 1"}) {
    EXPECT_EQ(run(call), "-ERR wrong number of key-value pairs|");
  }
  EXPECT_EQ(run("MSETEX 1 a 1 GET"), "-ERR syntax error|");
  EXPECT_EQ(run("MSETEX 1 a 1 EX 0"), "-ERR invalid expire time in 'msetex' command|");
}

TEST_F(Strings, ConditionsOfSet) {
  EXPECT_EQ(run("SET k v XX"), "$-1|");
  EXPECT_EQ(fed(), "");
  EXPECT_EQ(run("SET k v NX"), "+OK|");
  EXPECT_EQ(run("SET k w NX"), "$-1|");
  EXPECT_EQ(run("SET k w XX"), "+OK|");
  EXPECT_EQ(run("SET k x NX XX"), "-ERR syntax error|");
  EXPECT_EQ(run("GET k"), "$1|w|");
}

TEST_F(Strings, SetWithGetAnswersTheOldValueAndReplicatesWithoutIt) {
  EXPECT_EQ(run("SET k a GET"), "$-1|");
  EXPECT_EQ(fed(), "SET k a");
  EXPECT_EQ(run("SET k b GET KEEPTTL"), "$1|a|");
  EXPECT_EQ(fed(), "SET k b KEEPTTL");
  EXPECT_EQ(run("SET k c NX GET"), "$1|b|");
  EXPECT_EQ(fed(), "");
}

TEST_F(Strings, DeadlinesAreReplicatedAsPointsInTime) {
  EXPECT_EQ(run("SET k v EX 10"), "+OK|");
  EXPECT_EQ(fed(), "SET k v PXAT 1700000010000");
  EXPECT_EQ(run("PTTL k"), ":10000|");
  EXPECT_EQ(run("SETEX k 7 w"), "+OK|");
  EXPECT_EQ(fed(), "SET k w PXAT 1700000007000");
  EXPECT_EQ(run("PSETEX k 5 w"), "+OK|");
  EXPECT_EQ(fed(), "SET k w PXAT 1700000000005");
  EXPECT_EQ(run("SET k x EXAT 1700000100 XX"), "+OK|");
  EXPECT_EQ(fed(), "SET k x PXAT 1700000100000");
  EXPECT_EQ(run("SET k y"), "+OK|");
  EXPECT_EQ(run("TTL k"), ":-1|");
}

TEST_F(Strings, DeadlinesThatCannotBe) {
  EXPECT_EQ(run("SET k v EX 0"), "-ERR invalid expire time in 'set' command|");
  EXPECT_EQ(run("SET k v PX -1"), "-ERR invalid expire time in 'set' command|");
  EXPECT_EQ(run("SET k v EX 9223372036854775807"), "-ERR invalid expire time in 'set' command|");
  EXPECT_EQ(run("SET k v PX 9223372036854775807"), "-ERR invalid expire time in 'set' command|");
  EXPECT_EQ(run("SET k v EX ten"), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("SET k v EX \"\""), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("SET k v EX"), "-ERR syntax error|");
  EXPECT_EQ(run("SET k v EX 1 PX 1"), "-ERR syntax error|");
  EXPECT_EQ(run("SET k v EX 1 KEEPTTL"), "-ERR syntax error|");
  EXPECT_EQ(run("SETEX k 0 v"), "-ERR invalid expire time in 'setex' command|");
  EXPECT_EQ(run("EXISTS k"), ":0|");
}

TEST_F(Strings, GetexMovesAndTakesAwayTheDeadline) {
  run("SET k v");
  fed();
  EXPECT_EQ(run("GETEX k"), "$1|v|");
  EXPECT_EQ(fed(), "");
  EXPECT_EQ(run("GETEX k EX 3"), "$1|v|");
  EXPECT_EQ(fed(), "PEXPIREAT k 1700000003000");
  EXPECT_EQ(run("GETEX k PERSIST"), "$1|v|");
  EXPECT_EQ(fed(), "PERSIST k");
  EXPECT_EQ(run("GETEX k PERSIST"), "$1|v|");
  EXPECT_EQ(fed(), "");
  EXPECT_EQ(run("GETEX k PXAT 1"), "$1|v|");
  EXPECT_EQ(fed(), "DEL k");
  EXPECT_EQ(run("EXISTS k"), ":0|");
  EXPECT_EQ(run("GETEX k KEEPTTL"), "-ERR syntax error|");
}

TEST_F(Strings, GetdelAndGetset) {
  EXPECT_EQ(run("GETSET k a"), "$-1|");
  EXPECT_EQ(fed(), "SET k a");
  EXPECT_EQ(run("GETDEL k"), "$1|a|");
  EXPECT_EQ(fed(), "DEL k");
  EXPECT_EQ(run("GETDEL k"), "$-1|");
  EXPECT_EQ(fed(), "");
}

TEST_F(Strings, ManyKeysAtOnce) {
  EXPECT_EQ(run("MSET a 1 b 2"), "+OK|");
  EXPECT_EQ(run("MGET a none b"), "*3|$1|1|$-1|$1|2|");
  EXPECT_EQ(run("MSETNX c 3 a 4"), ":0|");
  EXPECT_EQ(run("MSETNX c 3 d 4"), ":1|");
  EXPECT_EQ(run("MSET a 1 b"), "-ERR wrong number of arguments for 'mset' command|");
  EXPECT_EQ(run("MSETNX a 1 b"), "-ERR wrong number of arguments for 'msetnx' command|");
}

TEST_F(Strings, CountersStopAtTheirBounds) {
  EXPECT_EQ(run("INCR n"), ":1|");
  EXPECT_EQ(run("INCRBY n 9223372036854775806"), ":9223372036854775807|");
  EXPECT_EQ(run("INCR n"), "-ERR increment or decrement would overflow|");
  EXPECT_EQ(run("DECRBY n 9223372036854775807"), ":0|");
  EXPECT_EQ(run("DECRBY n -9223372036854775808"), "-ERR decrement would overflow|");
  run("SET n abc");
  EXPECT_EQ(run("INCR n"), "-ERR value is not an integer or out of range|");
  run("SET n 5 EX 100");
  run("INCR n");
  EXPECT_EQ(run("TTL n"), ":100|");
}

TEST_F(Strings, CountersSeeNumbersThatWereAppended) {
  run("SET n 1");
  run("APPEND n 2");
  EXPECT_EQ(run("INCR n"), ":13|");
}

TEST_F(Strings, FloatSumsAreReplicatedAsTheirResult) {
  run("SET f 10.50");
  fed();
  EXPECT_EQ(run("INCRBYFLOAT f 0.1"), "$4|10.6|");
  EXPECT_EQ(fed(), "SET f 10.6 KEEPTTL");
  run("SET huge " + std::string(309, '9'));
  EXPECT_THAT(run("INCRBYFLOAT huge 1"), testing::StartsWith("$309|99999"));
  EXPECT_EQ(run("INCRBYFLOAT f inf"), "-ERR increment would produce NaN or Infinity|");
  EXPECT_EQ(run("INCRBYFLOAT f x"), "-ERR value is not a valid float|");
}

TEST_F(Strings, AppendAndRanges) {
  EXPECT_EQ(run("APPEND s abc"), ":3|");
  EXPECT_EQ(run("APPEND s def"), ":6|");
  EXPECT_EQ(run("GETRANGE s -3 -1"), "$3|def|");
  EXPECT_EQ(run("GETRANGE s 2 100"), "$4|cdef|");
  EXPECT_EQ(run("GETRANGE s 5 2"), "$0||");
  EXPECT_EQ(run("GETRANGE s -1 -3"), "$0||");
  EXPECT_EQ(run("SUBSTR s 0 0"), "$1|a|");
  EXPECT_EQ(run("SETRANGE s 8 x"), ":9|");
  EXPECT_EQ(run("GETRANGE s 5 -1"), std::string("$4|f\0\0x|", 8));
  EXPECT_EQ(run("STRLEN s"), ":9|");
  EXPECT_EQ(run("SETRANGE none 5 \"\""), ":0|");
  EXPECT_EQ(run("EXISTS none"), ":0|");
  EXPECT_EQ(run("SETRANGE s -1 x"), "-ERR offset is out of range|");
}

TEST_F(Strings, NoStringOutgrowsTheBulkLimit) {
  config.proto_max_bulk_len = 1000;
  const std::string too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)|";
  EXPECT_EQ(run("SETRANGE s 999 xx"), too_long);
  EXPECT_EQ(run("SETRANGE s 9223372036854775807 xx"), too_long);
  EXPECT_EQ(run("SETRANGE s 998 xx"), ":1000|");
  EXPECT_EQ(run("APPEND s x"), too_long);
  EXPECT_EQ(run("STRLEN s"), ":1000|");
}

TEST_F(Strings, LcsInItsThreeForms) {
  run("MSET a ohmytext b mynewtext");
  EXPECT_EQ(run("LCS a b"), "$6|mytext|");
  EXPECT_EQ(run("LCS a b LEN"), ":6|");
  EXPECT_EQ(run("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN"),
            "*4|$7|matches|*1|*3|*2|:4|:7|*2|:5|:8|:4|$3|len|:6|");
  EXPECT_EQ(run("LCS a none"), "$0||");
  EXPECT_EQ(run("LCS a b LEN IDX"),
            "-ERR If you want both the length and indexes, please just use IDX.|");
}

// Every subsequence of the shorter one, by brute force.
size_t brute_force_lcs(std::string_view a, std::string_view b) {
  size_t best = 0;
  for (uint32_t mask = 0; mask < 1u << a.size(); ++mask) {
    size_t length = 0;
    size_t at = 0;
    bool fits = true;
    for (size_t i = 0; i < a.size() && fits; ++i) {
      if ((mask >> i & 1) == 0) continue;
      at = b.find(a[i], at);
      fits = at != std::string_view::npos;
      ++at;
      ++length;
    }
    if (fits) best = std::max(best, length);
  }
  return best;
}

TEST(Lcs, IsAsLongAsAnyAndItsMatchesAreIt) {
  Rng rng(3);
  for (int round = 0; round < 300; ++round) {
    std::string a;
    std::string b;
    for (uint64_t i = rng.below(9); i > 0; --i) a += static_cast<char>('a' + rng.below(3));
    for (uint64_t i = rng.below(12); i > 0; --i) b += static_cast<char>('a' + rng.below(3));
    const LcsResult result = longest_common_subsequence(a, b);
    EXPECT_EQ(result.common.size(), brute_force_lcs(a, b)) << a << " " << b;
    std::string joined;
    for (auto match = result.matches.rbegin(); match != result.matches.rend(); ++match) {
      EXPECT_EQ(a.substr(match->a_first, match->length()),
                b.substr(match->b_first, match->length()));
      joined += a.substr(match->a_first, match->length());
    }
    EXPECT_EQ(joined, result.common);
  }
}

}  // namespace
}  // namespace redan
