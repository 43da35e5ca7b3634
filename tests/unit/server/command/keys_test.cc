#include <gtest/gtest.h>

#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using Keys = CommandTest;

TEST_F(Keys, DeletingCountsWhatWasThere) {
  run("MSET a 1 b 2");
  fed();
  EXPECT_EQ(run("EXISTS a b a none"), ":3|");
  EXPECT_EQ(run("DEL a none"), ":1|");
  EXPECT_EQ(fed(), "DEL a none");
  EXPECT_EQ(run("DEL none"), ":0|");
  EXPECT_EQ(fed(), "");
  EXPECT_EQ(run("UNLINK b b"), ":1|");
  EXPECT_EQ(run("DBSIZE"), ":0|");
}

TEST_F(Keys, AnExpiredKeyIsNotThere) {
  run("SET k v PX 10");
  set_now_ms(kNowMs + 10);
  EXPECT_EQ(run("DEL k"), ":0|");
  EXPECT_EQ(run("TTL k"), ":-2|");
}

TEST_F(Keys, DeadlinesAreSetReadAndTakenAway) {
  run("SET k v");
  fed();
  EXPECT_EQ(run("TTL none"), ":-2|");
  EXPECT_EQ(run("TTL k"), ":-1|");
  EXPECT_EQ(run("EXPIRE k 100"), ":1|");
  EXPECT_EQ(fed(), "PEXPIREAT k 1700000100000");
  EXPECT_EQ(run("TTL k"), ":100|");
  EXPECT_EQ(run("EXPIRETIME k"), ":1700000100|");
  EXPECT_EQ(run("PEXPIRE k 1499"), ":1|");
  EXPECT_EQ(run("TTL k"), ":1|");
  EXPECT_EQ(run("PEXPIRETIME k"), ":1700000001499|");
  EXPECT_EQ(run("PERSIST k"), ":1|");
  EXPECT_EQ(run("PERSIST k"), ":0|");
  EXPECT_EQ(run("EXPIRE none 1"), ":0|");
}

TEST_F(Keys, AnExpiryInThePastDeletes) {
  run("MSET a 1 b 2");
  fed();
  EXPECT_EQ(run("EXPIRE a -1"), ":1|");
  EXPECT_EQ(fed(), "DEL a");
  config.lazyfree_lazy_expire = true;
  EXPECT_EQ(run("PEXPIREAT b 1"), ":1|");
  EXPECT_EQ(fed(), "UNLINK b");
  EXPECT_EQ(run("DBSIZE"), ":0|");
}

TEST_F(Keys, AReplicaWaitsForItsPrimaryToDelete) {
  run("SET k v");
  replication.replica = true;
  EXPECT_EQ(run("PEXPIREAT k 1"), ":1|");
  EXPECT_EQ(keyspace.size(0), 1u);
}

TEST_F(Keys, ConditionsOfExpire) {
  run("SET k v");
  EXPECT_EQ(run("EXPIRE k 10 XX"), ":0|");
  EXPECT_EQ(run("EXPIRE k 10 GT"), ":0|");
  EXPECT_EQ(run("EXPIRE k 10 LT"), ":1|");
  EXPECT_EQ(run("EXPIRE k 20 NX"), ":0|");
  EXPECT_EQ(run("EXPIRE k 20 LT"), ":0|");
  EXPECT_EQ(run("EXPIRE k 20 GT"), ":1|");
  EXPECT_EQ(run("EXPIRE k 20 GT XX"), ":0|");
  EXPECT_EQ(run("EXPIRE k 1 NX GT"),
            "-ERR NX and XX, GT or LT options at the same time are not compatible|");
  EXPECT_EQ(run("EXPIRE k 1 GT LT"), "-ERR GT and LT options at the same time are not compatible|");
  EXPECT_EQ(run("EXPIRE k 1 foo"), "-ERR Unsupported option foo|");
  EXPECT_EQ(run("EXPIRE k 9223372036854775807"), "-ERR invalid expire time in 'expire' command|");
}

TEST_F(Keys, RenameKeepsTheDeadline) {
  run("SET a 1 EX 100");
  EXPECT_EQ(run("RENAME a b"), "+OK|");
  EXPECT_EQ(run("TTL b"), ":100|");
  EXPECT_EQ(run("RENAME a b"), "-ERR no such key|");
  EXPECT_EQ(run("RENAME b b"), "+OK|");
  EXPECT_EQ(run("RENAMENX b b"), ":0|");
  run("SET c 1");
  EXPECT_EQ(run("RENAMENX b c"), ":0|");
  EXPECT_EQ(run("RENAMENX b d"), ":1|");
}

TEST_F(Keys, MoveAndCopyBetweenDatabases) {
  run("SET a 1 EX 100");
  EXPECT_EQ(run("COPY a b"), ":1|");
  EXPECT_EQ(run("COPY a b"), ":0|");
  EXPECT_EQ(run("COPY a b REPLACE"), ":1|");
  EXPECT_EQ(run("TTL b"), ":100|");
  EXPECT_EQ(run("COPY a a"), "-ERR source and destination objects are the same|");
  EXPECT_EQ(run("COPY a a DB 1"), ":1|");
  EXPECT_EQ(run("MOVE a 1"), ":0|");
  EXPECT_EQ(run("MOVE b 1"), ":1|");
  EXPECT_EQ(run("MOVE a 0"), "-ERR source and destination objects are the same|");
  EXPECT_EQ(run("MOVE a 16"), "-ERR DB index is out of range|");
  EXPECT_EQ(run("SELECT 1"), "+OK|");
  EXPECT_EQ(run("DBSIZE"), ":2|");
}

TEST_F(Keys, DatabasesAreSwappedAndEmptied) {
  run("SET a 1");
  EXPECT_EQ(run("SWAPDB 0 1"), "+OK|");
  EXPECT_EQ(run("DBSIZE"), ":0|");
  EXPECT_EQ(run("SWAPDB 0 16"), "-ERR DB index is out of range|");
  EXPECT_EQ(run("SWAPDB a 0"), "-ERR invalid first DB index|");
  EXPECT_EQ(run("SWAPDB 0 b"), "-ERR invalid second DB index|");
  fed();
  EXPECT_EQ(run("FLUSHDB"), "+OK|");
  EXPECT_EQ(fed(), "FLUSHDB");  // Replicas flush whatever they have.
  EXPECT_EQ(keyspace.total_size(), 1u);
  EXPECT_EQ(run("FLUSHALL ASYNC"), "+OK|");
  EXPECT_EQ(keyspace.total_size(), 0u);
  EXPECT_EQ(run("FLUSHALL NOW"), "-ERR syntax error|");
  EXPECT_EQ(run("SELECT 16"), "-ERR DB index is out of range|");
}

TEST_F(Keys, ScanSeesEveryKeyOnce) {
  for (int i = 0; i < 1000; ++i) run("SET key:" + std::to_string(i) + " v");
  std::set<std::string> seen;
  std::string cursor = "0";
  do {
    const std::string reply = run("SCAN " + cursor + " COUNT 50 MATCH key:*");
    const auto parts = split(reply, '|');
    cursor = parts[2];
    for (size_t i = 5; i < parts.size(); i += 2) EXPECT_TRUE(seen.emplace(parts[i]).second);
  } while (cursor != "0");
  EXPECT_EQ(seen.size(), 1000u);
}

TEST_F(Keys, ScanFiltersAndRefuses) {
  run("MSET a 1 b 2");
  EXPECT_EQ(run("SCAN 0 MATCH a COUNT 100"), "*2|$1|0|*1|$1|a|");
  EXPECT_EQ(run("SCAN 0 TYPE list COUNT 100"), "*2|$1|0|*0|");
  for (const char* cursor : {"\"\"", "+0", "-0", "000", "-1", "\"1\\x00\""}) {
    EXPECT_THAT(run("SCAN " + std::string(cursor) + " COUNT 100"), StartsWith("*2|$1|0|"))
        << cursor;
  }
  for (const char* cursor : {"x", "+", "-", "--1", "1x", "\" 1\"", "99999999999999999999"}) {
    EXPECT_EQ(run("SCAN " + std::string(cursor)), "-ERR invalid cursor|") << cursor;
  }
  EXPECT_EQ(run("SCAN 0 COUNT 0"), "-ERR syntax error|");
  EXPECT_EQ(run("SCAN 0 COUNT x"), "-ERR value is not an integer or out of range|");
  EXPECT_THAT(run("SCAN 0 COUNT 9223372036854775807"), StartsWith("*2|$1|0|*2|"));
  EXPECT_EQ(run("KEYS [ac]"), "*1|$1|a|");
}

TEST_F(Keys, ObjectTellsHowAValueIsKept) {
  run("MSET n 12 s hello l " + std::string(100, 'x'));
  EXPECT_EQ(run("OBJECT ENCODING n"), "$3|int|");
  EXPECT_EQ(run("OBJECT ENCODING s"), "$6|embstr|");
  EXPECT_EQ(run("OBJECT ENCODING l"), "$3|raw|");
  EXPECT_EQ(run("OBJECT ENCODING none"), "$-1|");
  EXPECT_EQ(run("OBJECT REFCOUNT s"), ":1|");
  EXPECT_EQ(run("OBJECT IDLETIME s"), ":0|");
  EXPECT_THAT(run("OBJECT FREQ s"), StartsWith("-ERR An LFU maxmemory policy is not selected"));
  EXPECT_THAT(run("OBJECT HELP"), HasSubstr("+ENCODING key|"));
  EXPECT_EQ(run("TYPE s"), "+string|");
  EXPECT_EQ(run("TYPE none"), "+none|");
}

// Eviction must not take a lock for idle that many ask for in vain.
TEST_F(Keys, WhoeverAsksForALockUsesIt) {
  for (const char* asking : {"SET lock other NX", "SETNX lock other", "MSETNX a 1 lock other"}) {
    run("SET lock holder");
    keyspace.set_idle(0, "lock", 100);
    EXPECT_EQ(run("OBJECT IDLETIME lock"), ":100|");
    run(asking);
    EXPECT_EQ(run("OBJECT IDLETIME lock"), ":0|") << asking;
    EXPECT_EQ(run("GET lock"), "$6|holder|");
  }
}

TEST_F(Keys, ACopyIsAsFreshAsAnyNewKey) {
  run("SET a value");
  keyspace.set_idle(0, "a", 100);
  EXPECT_EQ(run("COPY a b"), ":1|");
  EXPECT_EQ(run("OBJECT IDLETIME b"), ":0|");
  keyspace.set_idle(0, "a", 100);
  EXPECT_EQ(run("COPY a b DB 3 REPLACE"), ":1|");
  run("SELECT 3");
  EXPECT_EQ(run("OBJECT IDLETIME b"), ":0|");
}

TEST_F(Keys, DumpAndRestore) {
  run("SET a hello");
  const std::vector<std::string_view> dump_words = {"DUMP", "a"};
  const std::string reply = run_args(dump_words);
  const std::string payload = reply.substr(reply.find('|') + 1, std::stoul(reply.substr(1)));
  const auto restore = [&](std::vector<std::string_view> more) {
    std::vector<std::string_view> words = {"RESTORE", "b"};
    words.push_back(more.front());
    words.push_back(payload);
    words.insert(words.end(), more.begin() + 1, more.end());
    return run_args(words);
  };
  fed();
  EXPECT_EQ(restore({"1000"}), "+OK|");
  EXPECT_EQ(fed(), "RESTORE b 1700000001000 " + payload + " ABSTTL");
  EXPECT_EQ(run("GET b"), "$5|hello|");
  EXPECT_EQ(run("PTTL b"), ":1000|");
  EXPECT_EQ(restore({"0"}), "-BUSYKEY Target key name already exists.|");
  EXPECT_EQ(restore({"-1", "REPLACE"}), "-ERR Invalid TTL value, must be >= 0|");
  EXPECT_EQ(restore({"0", "REPLACE", "FREQ", "256"}),
            "-ERR Invalid FREQ value, must be >= 0 and <= 255|");
  EXPECT_EQ(restore({"0", "REPLACE", "IDLETIME", "30"}), "+OK|");
  EXPECT_EQ(run("OBJECT IDLETIME b"), ":30|");
  EXPECT_EQ(restore({"1", "REPLACE", "ABSTTL"}), "+OK|");
  EXPECT_EQ(run("EXISTS b"), ":0|");
  EXPECT_EQ(run("RESTORE c 0 garbage"), "-ERR DUMP payload version or checksum are wrong|");
}

TEST_F(Keys, SortOfWhatHasNoElements) {
  EXPECT_EQ(run("SORT none BY w_* LIMIT 0 10 GET # ALPHA DESC"), "*0|");
  run("MSET s v dst w");
  fed();
  EXPECT_THAT(run("SORT s"), StartsWith("-WRONGTYPE"));
  EXPECT_EQ(run("SORT none STORE dst"), ":0|");
  EXPECT_EQ(fed(), "DEL dst");
  EXPECT_EQ(run("EXISTS dst"), ":0|");
  EXPECT_EQ(run("SORT_RO none STORE dst"), "-ERR syntax error|");
  EXPECT_EQ(run("SORT none LIMIT a b"), "-ERR value is not an integer or out of range|");
}

TEST_F(Keys, GetkeysKnowsWhatSpecsCannotSay) {
  EXPECT_EQ(run("COMMAND GETKEYS SORT k BY STORE STORE a STORE b"), "*2|$1|k|$1|b|");
  EXPECT_EQ(run("COMMAND GETKEYSANDFLAGS SET k v"), "*1|*2|$1|k|*2|+OW|+update|");
  EXPECT_EQ(run("COMMAND GETKEYSANDFLAGS SET k v GET"), "*1|*2|$1|k|*3|+RW|+access|+update|");
}

TEST_F(Keys, MigrateKeepsWhatItCannotHandOver) {
  EXPECT_EQ(run("MIGRATE 127.0.0.1 1 none 0 100"), "+NOKEY|");
  run("SET k v");
  EXPECT_EQ(run("MIGRATE 127.0.0.1 1 k 0 100"),
            "-IOERR error or timeout writing to target instance|");
  EXPECT_EQ(run("MIGRATE nosuch.invalid 1 k 0 100"),
            "-IOERR error or timeout connecting to the client|");
  EXPECT_EQ(run("GET k"), "$1|v|");
  EXPECT_EQ(
      run("MIGRATE 127.0.0.1 1 k 0 100 KEYS a"),
      "-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string|");
  EXPECT_EQ(run("MIGRATE 127.0.0.1 1 k 0 100 AUTH"), "-ERR syntax error|");
  EXPECT_EQ(run("COMMAND GETKEYS MIGRATE h 1 \"\" 0 1 AUTH2 KEYS x KEYS a b"), "*2|$1|a|$1|b|");
}

// In the words of 7.2; 7.0.15 lets the clock overflow.
TEST_F(Keys, ATimeoutBehindTheEndOfTimeIsRefused) {
  for (const std::string call : {"WAIT 1", "CLIENT PAUSE"}) {
    EXPECT_EQ(run(call + " 9223372036854775807"), "-ERR timeout is out of range|");
    EXPECT_EQ(run(call + " -1"), "-ERR timeout is negative|");
    EXPECT_EQ(run(call + " x"), "-ERR timeout is not an integer or out of range|");
  }
}

// Where the next keys are asked of the memory: sixteen at once, none whose name is long.
TEST_F(Keys, ManyAtOnceAreFoundInALargeDatabase) {
  run("SET large " + std::string(2'000'000, 'x'));
  ASSERT_TRUE(keyspace.outgrows_caches(0));
  for (const size_t count : {1, 2, 15, 16, 17, 32, 33, 100}) {
    std::string pairs, keys, values;
    for (size_t i = 0; i < count; ++i) {
      const std::string key = "k" + std::string(i % 5 == 0 ? 200 : 1, 'y') + std::to_string(i);
      pairs += " " + key + " " + std::to_string(i);
      keys += " " + key;
      const std::string value = std::to_string(i);
      values += "$" + std::to_string(value.size()) + "|" + value + "|";
    }
    const std::string number = ":" + std::to_string(count) + "|";
    EXPECT_EQ(run("MSET" + pairs), "+OK|");
    EXPECT_EQ(run("MGET" + keys), "*" + std::to_string(count) + "|" + values);
    EXPECT_EQ(run("EXISTS none" + keys), number);
    EXPECT_EQ(run("TOUCH" + keys + " none"), number);
    EXPECT_EQ(run("DEL none none2" + keys), number);
    EXPECT_EQ(run("EXISTS" + keys), ":0|");
    keyspace.check_invariants();
  }
}

TEST_F(Keys, DebugDigestIsRedis) {
  // redis-server 7.0.15 answers these for the same keys.
  EXPECT_EQ(run("DEBUG DIGEST"), "+0000000000000000000000000000000000000000|");
  run("SET a 1");
  run("SET b hello PX 100000");
  EXPECT_EQ(run("DEBUG DIGEST"), "+669dc7955c0119edb82e7cfeb40ea4a28f89f902|");
  EXPECT_EQ(run("DEBUG DIGEST-VALUE a b none"),
            "*3|+b4fc66738120fba0b5aa500ab5c2bf89cea1c5da|"
            "+d037c4eb8a8b36b602fbced4000daeab0714c1e3|"
            "+0000000000000000000000000000000000000000|");
}

TEST_F(Keys, DebugFillsReloadsAndBendsTime) {
  EXPECT_EQ(run("DEBUG POPULATE 3 p 10"), "+OK|");
  EXPECT_EQ(run("GET p:2"), std::string("$10|value:2\0\0\0|", 15));
  EXPECT_EQ(run("DEBUG POPULATE -1"), "-ERR value is out of range, must be positive|");
  EXPECT_EQ(run("DEBUG RELOAD NOSAVE NOFLUSH"), "+OK|");
  EXPECT_EQ(snapshots.reloads, std::vector<std::string>{"nosave noflush"});
  EXPECT_EQ(run("DEBUG RELOAD NOFLUSH MERGE"), "+OK|");
  EXPECT_EQ(snapshots.reloads.back(), "save noflush merge");
  EXPECT_EQ(run("DEBUG SET-ACTIVE-EXPIRE 0"), "+OK|");
  EXPECT_FALSE(control.active_expiry);
  EXPECT_EQ(run("DEBUG CHANGE-REPL-ID"), "+OK|");
  EXPECT_EQ(control.new_ids, 1);
  EXPECT_EQ(run("DEBUG STRINGMATCH-LEN 1000 a*a*a*b"), ":0|");
  EXPECT_EQ(run("DEBUG ERROR \"FOO bar\""), "-FOO bar|");
  EXPECT_THAT(run("DEBUG OBJECT p:0"), HasSubstr("encoding:embstr"));
  fed();
  EXPECT_EQ(run("DEBUG REPLICATE SET only there"), "+OK|");
  EXPECT_EQ(fed(), "SET only there");
  EXPECT_EQ(run("EXISTS only"), ":0|");
  EXPECT_EQ(run("DEBUG nosuch"),
            "-ERR unknown subcommand or wrong number of arguments for 'nosuch'. Try DEBUG HELP.|");
}

}  // namespace
}  // namespace redan
