#include <gtest/gtest.h>

#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

using Hashes = CommandTest;

// Fields that expire, in a compact hash and in a large one.
class ExpiringHashes : public CommandTest, public testing::WithParamInterface<bool> {
 protected:
  ExpiringHashes() {
    EncodingLimits limits;
    if (!GetParam()) limits.hash_entries = 0;
    keyspace.set_limits(limits);
  }
};

INSTANTIATE_TEST_SUITE_P(, ExpiringHashes, testing::Bool(),
                         [](const auto& compact) { return compact.param ? "Compact" : "Large"; });

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

// --- deadlines of fields ---

TEST_P(ExpiringHashes, DeadlinesOfFields) {
  run("HSET h f v g w h x"), fed();
  EXPECT_EQ(run("HEXPIRE h 10 FIELDS 3 f none g"), "*3|:1|:-2|:1|");
  EXPECT_EQ(fed(), "HPEXPIREAT h 1700000010000 FIELDS 2 f g");
  EXPECT_EQ(run("HTTL h FIELDS 3 f h none"), "*3|:10|:-1|:-2|");
  EXPECT_EQ(run("HPTTL h FIELDS 1 f"), "*1|:10000|");
  EXPECT_EQ(run("HEXPIRETIME h FIELDS 1 f"), "*1|:1700000010|");
  EXPECT_EQ(run("HPEXPIRETIME h FIELDS 1 f"), "*1|:1700000010000|");
  EXPECT_EQ(run("HPEXPIREAT h 1700000010001 FIELDS 1 f"), "*1|:1|");
  EXPECT_EQ(run("HTTL h FIELDS 1 f"), "*1|:11|");
  EXPECT_EQ(run("HEXPIREAT h 1700000020 FIELDS 1 f"), "*1|:1|");
  EXPECT_EQ(run("HPEXPIRE h 5 FIELDS 1 f"), "*1|:1|");
  EXPECT_EQ(run("HPTTL h FIELDS 1 f"), "*1|:5|");
  fed();
  EXPECT_EQ(run("HPERSIST h FIELDS 3 f h none"), "*3|:1|:-1|:-2|");
  EXPECT_EQ(fed(), "HPERSIST h FIELDS 1 f");
  EXPECT_EQ(run("HTTL h FIELDS 1 f"), "*1|:-1|");
  EXPECT_EQ(run("HPERSIST h FIELDS 1 f"), "*1|:-1|");
  EXPECT_EQ(fed(), "");
  for (const char* name : {"HEXPIRE none 10", "HTTL none", "HPTTL none", "HPERSIST none"}) {
    EXPECT_EQ(run(std::string(name) + " FIELDS 2 a b"), "*2|:-2|:-2|") << name;
  }
  EXPECT_EQ(run("EXISTS none"), ":0|");
}

TEST_P(ExpiringHashes, ConditionsOfDeadlines) {
  run("HSET h f v g w"), run("HPEXPIRE h 100 FIELDS 1 f"), fed();
  EXPECT_EQ(run("HPEXPIRE h 200 NX FIELDS 2 f g"), "*2|:0|:1|");
  EXPECT_EQ(fed(), "HPEXPIREAT h 1700000000200 FIELDS 1 g");
  run("HPERSIST h FIELDS 1 g");
  EXPECT_EQ(run("HPEXPIRE h 100 XX FIELDS 2 f g"), "*2|:1|:0|");
  EXPECT_EQ(run("HPEXPIRE h 100 GT FIELDS 2 f g"), "*2|:0|:0|");
  EXPECT_EQ(run("HPEXPIRE h 101 gt FIELDS 2 f g"), "*2|:1|:0|");
  EXPECT_EQ(run("HPEXPIRE h 101 LT FIELDS 2 f g"), "*2|:0|:1|");
  EXPECT_EQ(run("HPEXPIRE h 99 lt FIELDS 2 f g"), "*2|:1|:1|");
}

TEST_P(ExpiringHashes, WordsOfDeadlinesThatAreWrong) {
  run("HSET h f v"), run("SET s v"), fed();
  const std::string no_fields =
      "-ERR Mandatory argument FIELDS is missing or not at the right position|";
  const std::string mismatch = "-ERR The `numfields` parameter must match the number of arguments|";
  EXPECT_EQ(run("HEXPIRE h 10 FIELD 1 f"), no_fields);
  EXPECT_EQ(run("HEXPIRE h 10 NX XX FIELDS 1 f"), no_fields);
  EXPECT_EQ(run("HEXPIRE h 10 FIELDS 0 f"), "-ERR Parameter `numFields` should be greater than 0|");
  EXPECT_EQ(run("HEXPIRE h 10 FIELDS 2 f"), mismatch);
  EXPECT_EQ(run("HEXPIRE h 10 FIELDS 1 f g"), mismatch);
  EXPECT_EQ(run("HEXPIRE h x FIELDS 1 f"), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("HEXPIRE h -1 FIELDS 1 f"), "-ERR invalid expire time, must be >= 0|");
  EXPECT_EQ(run("HEXPIRE h 9223372036854775807 FIELDS 1 f"),
            "-ERR invalid expire time in 'hexpire' command|");
  EXPECT_EQ(run("HPEXPIREAT h 70368744177664 FIELDS 1 f"),
            "-ERR invalid expire time in 'hpexpireat' command|");
  EXPECT_EQ(run("HTTL h FIELDS x f"), "-ERR Number of fields must be a positive integer|");
  EXPECT_EQ(run("HTTL h FIELDS 2 f"), mismatch);
  EXPECT_EQ(run("HPERSIST h NONE 1 f"), no_fields);
  EXPECT_EQ(run("HEXPIRE h 10 FIELDS 1"), "-ERR wrong number of arguments for 'hexpire' command|");
  const std::string wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value|";
  for (const char* line :
       {"HEXPIRE s 10", "HPEXPIREAT s 10", "HTTL s", "HPERSIST s", "HGETEX s", "HGETDEL s"}) {
    EXPECT_EQ(run(std::string(line) + " FIELDS 1 f"), wrong) << line;
  }
  EXPECT_EQ(run("HSETEX s FIELDS 1 f v"), wrong);
  EXPECT_EQ(fed(), "");
}

TEST_P(ExpiringHashes, ADeadlineInThePastDeletes) {
  run("HSET h f v g w"), fed();
  EXPECT_EQ(run("HPEXPIREAT h 1699999999999 FIELDS 2 f none"), "*2|:2|:-2|");
  EXPECT_EQ(fed(), "HDEL h f");
  EXPECT_EQ(run("HEXPIRE h 0 FIELDS 2 g g"), "*2|:2|:-2|");
  EXPECT_EQ(fed(), "HDEL h g");
  EXPECT_EQ(run("EXISTS h"), ":0|");
  // A replica waits for its primary's word.
  run("HSET h f v"), fed();
  replication.replica = true;
  keyspace.set_replica(true);
  EXPECT_EQ(run("HPEXPIREAT h 1 FIELDS 1 f"), "*1|:1|");
  EXPECT_EQ(run("HLEN h"), ":1|");
}

TEST_P(ExpiringHashes, SettingAValueEndsItsDeadline) {
  run("HSET h f 1 g 1 h 1"), run("HEXPIRE h 10 FIELDS 3 f g h"), fed();
  run("HSET h f 2"), run("HINCRBY h g 2");
  EXPECT_EQ(fed(), "HSET h f 2; HINCRBY h g 2");
  EXPECT_EQ(run("HINCRBYFLOAT h h 0.5"), "$3|1.5|");
  EXPECT_EQ(fed(), "HSET h h 1.5; HPEXPIREAT h 1700000010000 FIELDS 1 h");
  EXPECT_EQ(run("HTTL h FIELDS 3 f g h"), "*3|:-1|:10|:10|");
  EXPECT_EQ(run("HGET h g"), "$1|3|");
}

TEST_P(ExpiringHashes, WhatHasExpiredIsGone) {
  run("HSET h f 1 g 2 h 3"), run("HPEXPIRE h 10 FIELDS 2 f g"), fed();
  set_now_ms(kNowMs + 10);
  EXPECT_EQ(run("HGET h f"), "$-1|");
  EXPECT_EQ(run("HGETALL h"), "*2|$1|h|$1|3|");
  EXPECT_EQ(run("HLEN h"), ":1|");
  EXPECT_EQ(run("HPEXPIRE h 10 FIELDS 1 h"), "*1|:1|");
  set_now_ms(kNowMs + 20);
  EXPECT_EQ(run("HRANDFIELD h"), "$-1|");
  EXPECT_EQ(run("EXISTS h"), ":0|");
  keyspace.check_invariants();
}

// More than are deleted in one go: the rest is hidden from everybody.
TEST_P(ExpiringHashes, WhatCouldNotGoYetIsHidden) {
  for (int i = 0; i < 1000; ++i) run("HSET h f" + std::to_string(i) + " 1");
  run("HSET h stays 1");
  for (int i = 0; i < 1000; ++i) run("HPEXPIRE h 10 FIELDS 1 f" + std::to_string(i));
  // A replica deletes nothing.
  for (const bool replica : {true, false}) {
    keyspace.set_replica(replica);
    set_now_ms(kNowMs + 10);
    EXPECT_EQ(run("HLEN h"), replica ? ":1001|" : ":937|");
    EXPECT_EQ(run("HGETALL h"), "*2|$5|stays|$1|1|");
    EXPECT_EQ(run("HKEYS h"), "*1|$5|stays|");
    EXPECT_EQ(run("HRANDFIELD h"), "$5|stays|");
    EXPECT_EQ(run("HRANDFIELD h 5"), "*1|$5|stays|");
    EXPECT_EQ(run("HRANDFIELD h -2"), "*2|$5|stays|$5|stays|");
    EXPECT_EQ(run("HGET h f999"), "$-1|");
    EXPECT_EQ(run("HTTL h FIELDS 1 f999"), "*1|:-2|");
    set_now_ms(kNowMs);
    EXPECT_NE(run("HLEN h"), ":1|");
  }
  // What is replicated does not depend on what is hidden.
  set_now_ms(kNowMs + 10);
  keyspace.pause_expiry(true);
  std::string hidden;
  run("HSCAN h 0");
  for (int i = 0; i < 1000 && hidden.empty(); ++i) {
    const std::string field = "f" + std::to_string(i);
    fed();
    EXPECT_EQ(run("HINCRBY h " + field + " 5"), ":5|");
    const std::string told = fed();
    if (told == "HSET h " + field + " 5") hidden = field;
  }
  EXPECT_NE(hidden, "");
  EXPECT_EQ(run("HTTL h FIELDS 1 " + hidden), "*1|:-1|");
  keyspace.check_invariants();
}

// The same where a hash is compact: nobody may delete anything.
TEST_P(ExpiringHashes, WhatMayNotGoIsHidden) {
  run("HSET h f 1 17 2 g 3 stays 4"), run("HPEXPIRE h 10 FIELDS 3 f 17 g");
  keyspace.pause_expiry(true);
  set_now_ms(kNowMs + 10);
  EXPECT_EQ(run("HLEN h"), ":4|");
  EXPECT_EQ(run("HGETALL h"), "*2|$5|stays|$1|4|");
  EXPECT_EQ(run("HVALS h"), "*1|$1|4|");
  EXPECT_EQ(run("HRANDFIELD h"), "$5|stays|");
  EXPECT_EQ(run("HRANDFIELD h 5 WITHVALUES"), "*2|$5|stays|$1|4|");
  EXPECT_EQ(run("HRANDFIELD h -2"), "*2|$5|stays|$5|stays|");
  EXPECT_EQ(run("HSCAN h 0"), "*2|$1|0|*2|$5|stays|$1|4|");
  EXPECT_EQ(run("HMGET h f 17 stays"), "*3|$-1|$-1|$1|4|");
  EXPECT_EQ(run("HEXISTS h 17"), ":0|");
  EXPECT_EQ(run("HSTRLEN h f"), ":0|");
  EXPECT_EQ(run("HPEXPIRETIME h FIELDS 2 f stays"), "*2|:-2|:-1|");
  EXPECT_EQ(run("HPERSIST h FIELDS 1 f"), "*1|:-2|");
  EXPECT_EQ(run("HGETDEL h FIELDS 1 f"), "*1|$-1|");
  fed();
  // What is replicated does not depend on what is hidden.
  EXPECT_EQ(run("HSETNX h f 5"), ":1|");
  EXPECT_EQ(fed(), "HSET h f 5");
  EXPECT_EQ(run("HINCRBY h 17 5"), ":5|");
  EXPECT_EQ(fed(), "HSET h 17 5");
  EXPECT_EQ(run("HSET h g 5"), ":1|");
  EXPECT_EQ(run("HTTL h FIELDS 3 f 17 g"), "*3|:-1|:-1|:-1|");
  EXPECT_EQ(run("OBJECT ENCODING h"), GetParam() ? "$8|listpack|" : "$9|hashtable|");
  keyspace.check_invariants();
}

TEST_P(ExpiringHashes, GetAndDelete) {
  run("HSET h f 1 g 2"), fed();
  EXPECT_EQ(run("HGETDEL h FIELDS 3 f none f"), "*3|$1|1|$-1|$-1|");
  EXPECT_EQ(fed(), "HDEL h f");
  EXPECT_EQ(run("HGETDEL h FIELDS 2 g g"), "*2|$1|2|$-1|");
  EXPECT_EQ(fed(), "HDEL h g");
  EXPECT_EQ(run("HGETDEL h FIELDS 1 f"), "*1|$-1|");
  EXPECT_EQ(run("EXISTS h"), ":0|");
  EXPECT_EQ(fed(), "");
}

TEST_P(ExpiringHashes, GetAndExpire) {
  run("HSET h f 1 g 2"), fed();
  EXPECT_EQ(run("HGETEX h FIELDS 2 f none"), "*2|$1|1|$-1|");
  EXPECT_EQ(fed(), "");
  EXPECT_EQ(run("HGETEX h EX 10 FIELDS 2 f none"), "*2|$1|1|$-1|");
  EXPECT_EQ(fed(), "HPEXPIREAT h 1700000010000 FIELDS 1 f");
  EXPECT_EQ(run("HGETEX h PERSIST FIELDS 2 f g"), "*2|$1|1|$1|2|");
  EXPECT_EQ(fed(), "HPERSIST h FIELDS 1 f");
  EXPECT_EQ(run("HGETEX h PXAT 1 FIELDS 1 f"), "*1|$1|1|");
  EXPECT_EQ(fed(), "HDEL h f");
  EXPECT_EQ(run("HGETEX h EX 10 PERSIST FIELDS 1 f"),
            "-ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified|");
  EXPECT_EQ(run("HGETEX h EX -5 FIELDS 1 f"), "-ERR invalid expire time, must be >= 0|");
  EXPECT_EQ(run("HGETEX h NOPE FIELDS 1 f"),
            "-ERR Mandatory argument FIELDS is missing or not at the right position|");
  EXPECT_EQ(run("HGETEX none EX 5 FIELDS 1 f"), "*1|$-1|");
}

TEST_P(ExpiringHashes, SetAndExpire) {
  EXPECT_EQ(run("HSETEX h EX 10 FIELDS 2 f 1 g 2"), ":1|");
  EXPECT_EQ(fed(), "HSET h f 1 g 2; HPEXPIREAT h 1700000010000 FIELDS 2 f g");
  EXPECT_EQ(run("HSETEX h FIELDS 1 g 3 KEEPTTL"), ":1|");
  EXPECT_EQ(fed(), "HSET h g 3; HPEXPIREAT h 1700000010000 FIELDS 1 g");
  EXPECT_EQ(run("HTTL h FIELDS 2 f g"), "*2|:10|:10|");
  EXPECT_EQ(run("HSETEX h FIELDS 1 g 4"), ":1|");
  EXPECT_EQ(fed(), "HSET h g 4");
  EXPECT_EQ(run("HTTL h FIELDS 1 g"), "*1|:-1|");
  EXPECT_EQ(run("HSETEX h FNX FIELDS 2 new 1 g 5"), ":0|");
  EXPECT_EQ(run("HSETEX h FXX FIELDS 2 new 1 g 5"), ":0|");
  EXPECT_EQ(run("HSETEX h FXX PX 5 FIELDS 2 f 1 g 5"), ":1|");
  EXPECT_EQ(run("HSETEX h FNX FIELDS 1 new 1"), ":1|");
  fed();
  EXPECT_EQ(run("HSETEX h PXAT 1 FIELDS 2 f 1 never 5"), ":1|");
  EXPECT_EQ(fed(), "HDEL h f");
  EXPECT_EQ(run("HSETEX none PXAT 1 FIELDS 1 f 1"), ":1|");
  EXPECT_EQ(run("EXISTS none"), ":0|");
  EXPECT_EQ(fed(), "");

  EXPECT_EQ(run("HSETEX h FNX FXX FIELDS 1 f 1"),
            "-ERR Only one of FXX or FNX arguments can be specified|");
  EXPECT_EQ(run("HSETEX h EX 1 KEEPTTL FIELDS 1 f 1"),
            "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified|");
  EXPECT_EQ(run("HSETEX h FIELDS 2 f 1 g"), "-ERR wrong number of arguments for 'hsetex' command|");
  EXPECT_EQ(run("HSETEX h FIELDS 0 f 1"), "-ERR invalid number of fields|");
  EXPECT_EQ(run("HSETEX h FIELDS 1 f 1 g"), "-ERR unknown argument: g|");
  EXPECT_EQ(run("HSETEX h EX 5 f 1 2"), "-ERR unknown argument: f|");
  EXPECT_EQ(run("HSETEX h FNX EX 5 KEEPTTL"),
            "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified|");
  EXPECT_EQ(run("HSETEX h FNX PX 500 EX"),
            "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified|");
}

TEST_P(ExpiringHashes, DigestsTellFieldsThatExpire) {
  run("HSET h f 1 g 2");
  const std::string of_text = run("DEBUG DIGEST-VALUE h");
  run("HSET h 17 1");
  const std::string digest = run("DEBUG DIGEST-VALUE h");
  run("HEXPIRE h 10 FIELDS 1 f");
  EXPECT_EQ(run("OBJECT ENCODING h"), GetParam() ? "$10|listpackex|" : "$9|hashtable|");
  const std::string expiring = run("DEBUG DIGEST-VALUE h");
  EXPECT_NE(expiring, digest);
  run("COPY h copy");
  EXPECT_EQ(run("DEBUG DIGEST-VALUE copy"), expiring);
  run("HPERSIST h FIELDS 1 f");
  EXPECT_EQ(run("DEBUG DIGEST-VALUE h"), digest);
  run("HEXPIRE h 10 FIELDS 1 17");
  EXPECT_NE(run("DEBUG DIGEST-VALUE h"), digest);
  EXPECT_NE(run("DEBUG DIGEST-VALUE h"), expiring);
  run("HDEL h 17");
  EXPECT_EQ(run("DEBUG DIGEST-VALUE h"), of_text);
  keyspace.check_invariants();
}

TEST_F(Hashes, ASmallOneIsCompactAlsoWhereFieldsExpire) {
  const auto encoding = [&] { return run("OBJECT ENCODING h"); };
  const std::string plain = "$8|listpack|", expiring = "$10|listpackex|";
  run("HSETEX h EX 10 FIELDS 2 f 1 g 2");
  EXPECT_EQ(encoding(), expiring);
  run("HSET h f 1");
  EXPECT_EQ(encoding(), expiring);
  run("HSET h g 1");
  EXPECT_EQ(encoding(), plain);
  run("HGETEX h EX 10 FIELDS 1 f");
  EXPECT_EQ(encoding(), expiring);
  run("HPERSIST h FIELDS 1 f");
  EXPECT_EQ(encoding(), plain);
  run("HPEXPIRE h 10 FIELDS 1 f");
  EXPECT_EQ(encoding(), expiring);
  set_now_ms(kNowMs + 10);
  EXPECT_EQ(run("HLEN h"), ":1|");
  EXPECT_EQ(encoding(), plain);
  run("HSET h f 1"), run("HEXPIRE h 10 FIELDS 1 f"), run("HDEL h f");
  EXPECT_EQ(encoding(), plain);
  run("HEXPIRE h 10 FIELDS 1 g"), run("RENAME h other"), run("COPY other h");
  EXPECT_EQ(encoding(), expiring);
  EXPECT_EQ(run("HGETDEL h FIELDS 1 g"), "*1|$1|1|");
  EXPECT_EQ(run("EXISTS h"), ":0|");
  keyspace.check_invariants();
}

}  // namespace
}  // namespace redan
