#include <gtest/gtest.h>

#include <string>

#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

class Bitmaps : public CommandTest {
 protected:
  void TearDown() override { keyspace.check_invariants(); }
};

TEST_F(Bitmaps, SetbitGrowsAStringToWhatTheBitNeeds) {
  EXPECT_EQ(run("SETBIT k 7 1"), ":0|");
  EXPECT_EQ(fed(), "SETBIT k 7 1");
  EXPECT_EQ(run("STRLEN k"), ":1|");
  EXPECT_EQ(run("SETBIT k 4000 1"), ":0|");
  EXPECT_EQ(run("STRLEN k"), ":501|");
  EXPECT_EQ(run("SETBIT k 4000 0"), ":1|");
  EXPECT_EQ(run("GETBIT k 7"), ":1|");
  EXPECT_EQ(run("GETBIT k 4000"), ":0|");
  EXPECT_EQ(run("GETBIT k 4294967295"), ":0|");
  EXPECT_EQ(run("GETBIT none 0"), ":0|");
  // The reserve of a string that grows is at most a megabyte.
  EXPECT_EQ(run("SETBIT big 80000000 1"), ":0|");
  EXPECT_LT(keyspace.entry_bytes(0), 12'000'000U);
}

TEST_F(Bitmaps, ABitThatIsSoAlreadyIsNoChange) {
  run("SETBIT k 3 1");
  fed();
  EXPECT_EQ(run("SETBIT k 3 1"), ":1|");
  EXPECT_EQ(run("SETBIT k 2 0"), ":0|");
  EXPECT_EQ(fed(), "");
  // A longer string is one.
  EXPECT_EQ(run("SETBIT k 8 0"), ":0|");
  EXPECT_EQ(fed(), "SETBIT k 8 0");
  EXPECT_EQ(run("SETBIT fresh 0 0"), ":0|");
  EXPECT_EQ(fed(), "SETBIT fresh 0 0");
  EXPECT_EQ(run("STRLEN fresh"), ":1|");
}

TEST_F(Bitmaps, ANumberBecomesTextAndKeepsItsDeadline) {
  run("SET k 12 EX 100");
  EXPECT_EQ(run("SETBIT k 6 1"), ":0|");
  EXPECT_EQ(run("GET k"), "$2|32|");
  EXPECT_EQ(run("OBJECT ENCODING k"), "$3|raw|");
  EXPECT_EQ(run("TTL k"), ":100|");
  run("SET short abc");
  EXPECT_EQ(run("SETBIT short 0 1"), ":0|");
  EXPECT_EQ(run("OBJECT ENCODING short"), "$3|raw|");
}

TEST_F(Bitmaps, WrongOffsetsAndValues) {
  const std::string bad_offset = "-ERR bit offset is not an integer or out of range|";
  const std::string bad_bit = "-ERR bit is not an integer or out of range|";
  for (const char* offset : {"-1", "x", "1.5", "4294967296", "9223372036854775807", "\"\""}) {
    EXPECT_EQ(run(std::string("SETBIT k ") + offset + " 1"), bad_offset) << offset;
    EXPECT_EQ(run(std::string("GETBIT k ") + offset), bad_offset) << offset;
    EXPECT_EQ(run(std::string("BITFIELD k GET u8 ") + offset), bad_offset) << offset;
    EXPECT_EQ(run(std::string("BITFIELD k SET u8 #") + offset + " 1"), bad_offset) << offset;
  }
  for (const char* bit : {"2", "-1", "x", "\"\"", "9223372036854775807"}) {
    EXPECT_EQ(run(std::string("SETBIT k 1 ") + bit), bad_bit) << bit;
  }
  config.proto_max_bulk_len = 1'000'000;
  EXPECT_EQ(run("SETBIT k 8000000 1"), bad_offset);
  EXPECT_EQ(run("SETBIT k 7999999 1"), ":0|");
  EXPECT_EQ(run("EXISTS none"), ":0|");
}

TEST_F(Bitmaps, BitcountOfRanges) {
  run("SET k foobar");
  EXPECT_EQ(run("BITCOUNT k"), ":26|");
  EXPECT_EQ(run("BITCOUNT k 0 0"), ":4|");
  EXPECT_EQ(run("BITCOUNT k 1 1 BYTE"), ":6|");
  EXPECT_EQ(run("BITCOUNT k 5 30 BIT"), ":17|");
  EXPECT_EQ(run("BITCOUNT k -2 -1"), ":7|");
  EXPECT_EQ(run("BITCOUNT k -1 -2"), ":0|");
  EXPECT_EQ(run("BITCOUNT k -100 -99"), ":4|");
  EXPECT_EQ(run("BITCOUNT k -99 -100"), ":0|");
  EXPECT_EQ(run("BITCOUNT k 9223372036854775807 9223372036854775807 BIT"), ":0|");
  EXPECT_EQ(run("BITCOUNT k -9223372036854775808 9223372036854775807 BIT"), ":26|");
  EXPECT_EQ(run("BITCOUNT none"), ":0|");
  // As Redis 7.2: the words are read before the key.
  EXPECT_EQ(run("BITCOUNT none 0"), "-ERR syntax error|");
  EXPECT_EQ(run("BITCOUNT none 0 x"), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("BITCOUNT none 0 1 BITS"), "-ERR syntax error|");
}

TEST_F(Bitmaps, BitposWithAndWithoutAnEnd) {
  run("SET k \"\\xff\\xf0\\x00\"");
  EXPECT_EQ(run("BITPOS k 0"), ":12|");
  EXPECT_EQ(run("BITPOS k 1"), ":0|");
  EXPECT_EQ(run("BITPOS k 1 2"), ":-1|");
  EXPECT_EQ(run("BITPOS k 1 1 2 BIT"), ":1|");
  EXPECT_EQ(run("BITPOS k 0 2 5 BIT"), ":-1|");
  EXPECT_EQ(run("BITPOS k 0 -12 -1 BIT"), ":12|");
  run("SET ones \"\\xff\\xff\"");
  EXPECT_EQ(run("BITPOS ones 0"), ":16|");
  EXPECT_EQ(run("BITPOS ones 0 1"), ":16|");
  EXPECT_EQ(run("BITPOS ones 0 0 -1"), ":-1|");
  EXPECT_EQ(run("BITPOS ones 0 2"), ":-1|");
  run("SET empty \"\"");
  EXPECT_EQ(run("BITPOS empty 0"), ":-1|");
  EXPECT_EQ(run("BITPOS none 0"), ":0|");
  EXPECT_EQ(run("BITPOS none 1"), ":-1|");
  EXPECT_EQ(run("BITPOS k 2"), "-ERR The bit argument must be 1 or 0.|");
  EXPECT_EQ(run("BITPOS k 1 0 1 BIT 3"), "-ERR syntax error|");
}

TEST_F(Bitmaps, BitopStoresDeletesAndTakesADeadlineAway) {
  run("SET a abc");
  run("SET b 12");
  EXPECT_EQ(run("SET d old EX 100"), "+OK|");
  EXPECT_EQ(run("BITOP OR d a b none"), ":3|");
  EXPECT_EQ(run("GET d"), "$3|qrc|");
  EXPECT_EQ(run("TTL d"), ":-1|");
  EXPECT_EQ(run("BITOP AND d a b"), ":3|");
  EXPECT_EQ(run("GET d"), "$3|!\"" + std::string(1, '\0') + "|");
  // A source may be the target; text that looks like a number stays text.
  EXPECT_EQ(run("BITOP OR b b"), ":2|");
  EXPECT_EQ(run("GET b"), "$2|12|");
  EXPECT_EQ(run("OBJECT ENCODING b"), "$3|raw|");
  EXPECT_EQ(run("BITOP NOT a a"), ":3|");
  EXPECT_EQ(run("BITOP NOT a a"), ":3|");
  EXPECT_EQ(run("GET a"), "$3|abc|");
  fed();
  EXPECT_EQ(run("BITOP XOR d none"), ":0|");
  EXPECT_EQ(fed(), "BITOP XOR d none");
  EXPECT_EQ(run("EXISTS d"), ":0|");
  EXPECT_EQ(run("BITOP XOR d none"), ":0|");
  EXPECT_EQ(fed(), "");
  EXPECT_EQ(run("BITOP NOT d a b"), "-ERR BITOP NOT must be called with a single source key.|");
  EXPECT_EQ(run("BITOP NAND d a b"), "-ERR syntax error|");
}

TEST_F(Bitmaps, BitopOfLongStrings) {
  const std::string a(5000, '\x0f'), b(4000, '\xff');
  run_args({"SET", "a", a});
  run_args({"SET", "b", b});
  EXPECT_EQ(run("BITOP AND a a b"), ":5000|");
  EXPECT_EQ(run("BITCOUNT a"), ":16000|");
  EXPECT_EQ(run("BITOP NOT c a"), ":5000|");
  EXPECT_EQ(run("BITCOUNT c"), ":24000|");
}

TEST_F(Bitmaps, BitfieldGetsSetsAndIncrements) {
  EXPECT_EQ(run("BITFIELD k SET i8 #1 -3 GET i8 8 INCRBY u4 0 9 GET u8 0"), "*4|:0|:-3|:9|:144|");
  EXPECT_EQ(fed(), "BITFIELD k SET i8 #1 -3 GET i8 8 INCRBY u4 0 9 GET u8 0");
  EXPECT_EQ(run("BITFIELD k OVERFLOW SAT INCRBY u4 0 9 OVERFLOW FAIL INCRBY u4 0 1"),
            "*2|:15|$-1|");
  fed();
  EXPECT_EQ(run("BITFIELD k OVERFLOW FAIL INCRBY u4 0 1"), "*1|$-1|");
  EXPECT_EQ(run("BITFIELD k SET u4 0 15"), "*1|:15|");
  EXPECT_EQ(run("BITFIELD k"), "*0|");
  EXPECT_EQ(run("BITFIELD none GET u8 0"), "*1|:0|");
  EXPECT_EQ(fed(), "");
  EXPECT_EQ(run("EXISTS none"), ":0|");
  // The string grew, although the step failed.
  EXPECT_EQ(run("BITFIELD none OVERFLOW FAIL SET u2 30 7"), "*1|$-1|");
  EXPECT_EQ(fed(), "BITFIELD none OVERFLOW FAIL SET u2 30 7");
  EXPECT_EQ(run("STRLEN none"), ":4|");
  session.resp = Resp::k3;
  EXPECT_EQ(run("BITFIELD k OVERFLOW FAIL INCRBY u4 0 1"), "*1|_|");
}

TEST_F(Bitmaps, BitfieldRefusesBeforeItDoesAnything) {
  const std::string bad_type =
      "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but "
      "i64 is.|";
  EXPECT_EQ(run("BITFIELD k SET u8 0 1 GET u64 0"), bad_type);
  EXPECT_EQ(run("BITFIELD k SET u8 0 1 GET"), "-ERR syntax error|");
  EXPECT_EQ(run("BITFIELD k SET u8 0"), "-ERR syntax error|");
  EXPECT_EQ(run("BITFIELD k SET u8 0 x"), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("BITFIELD k OVERFLOW NEVER"), "-ERR Invalid OVERFLOW type specified|");
  EXPECT_EQ(run("BITFIELD_RO k SET u8 0 1"), "-ERR BITFIELD_RO only supports the GET subcommand|");
  EXPECT_EQ(run("EXISTS k"), ":0|");
  EXPECT_EQ(run("BITFIELD_RO k GET u8 0 GET u8 1"), "*2|:0|:0|");
}

}  // namespace
}  // namespace redan
