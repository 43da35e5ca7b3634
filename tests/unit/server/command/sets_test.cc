// What replies cannot show: what replicas hear of sets, and what chance decides.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "server/values/set_value.h"
#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Sets : public CommandTest {
 protected:
  std::set<std::string> members(std::string_view key) {
    std::set<std::string> found;
    const Entry* entry = keyspace.peek(0, key);
    if (entry == nullptr) return found;
    SetView(*entry).for_each([&](const SetView::Member& member) { found.insert(member.str()); });
    return found;
  }
  void add_numbers(std::string_view key, int count) {
    std::string line = "SADD " + std::string(key);
    for (int i = 0; i < count; ++i) line += " " + std::to_string(i);
    run(line);
    fed();
  }
};

TEST_F(Sets, ReplicasHearWhichMemberWasPopped) {
  run("SADD k a b c");
  fed();
  const std::string reply = run("SPOP k");
  const std::string member = reply.substr(3, 1);
  EXPECT_EQ(fed(), "SREM k " + member);
  EXPECT_FALSE(members("k").contains(member));
  EXPECT_EQ(members("k").size(), 2u);
  EXPECT_THAT(run("SPOP k 1"), StartsWith("*1|$1|"));
  EXPECT_THAT(fed(), StartsWith("SREM k "));
  run("SPOP k");
  EXPECT_THAT(fed(), StartsWith("SREM k "));
  EXPECT_EQ(run("EXISTS k"), ":0|");
  EXPECT_EQ(run("SPOP k"), "$-1|");
  EXPECT_EQ(run("SPOP k 3"), "*0|");
  EXPECT_EQ(fed(), "");
}

TEST_F(Sets, ASetThatIsPoppedWholeGoesAsAKey) {
  run("SADD k a b c");
  fed();
  EXPECT_THAT(run("SPOP k 3"), StartsWith("*3|"));
  EXPECT_EQ(fed(), "DEL k");
  run("SADD k a b c");
  fed();
  config.lazyfree_lazy_server_del = true;
  run("SPOP k 10");
  EXPECT_EQ(fed(), "UNLINK k");
}

// What replicas remove is what went here, however many commands tell it.
TEST_F(Sets, ReplicasOfALargePopEndWithTheSameMembers) {
  for (const int count : {200, 5000}) {
    add_numbers("k", count);
    const std::set<std::string> before = members("k");
    const auto popped = static_cast<size_t>(count) / 2 + 7;
    EXPECT_THAT(run("SPOP k " + std::to_string(popped)), StartsWith("*" + std::to_string(popped)));
    std::set<std::string> replica = before;
    size_t commands_fed = 0;
    const std::string stream = fed();
    for (const std::string_view command : split(stream, ';')) {
      const std::vector<std::string_view> words = split(trim(command), ' ');
      if (words[0] == "MULTI" || words[0] == "EXEC") continue;
      ASSERT_EQ(words[0], "SREM");
      ASSERT_LE(words.size(), 2u + 1024u);
      ++commands_fed;
      for (size_t i = 2; i < words.size(); ++i) ASSERT_EQ(replica.erase(std::string(words[i])), 1u);
    }
    EXPECT_EQ(commands_fed, (popped + 1023) / 1024);
    EXPECT_EQ(replica, members("k"));
    EXPECT_EQ(replica.size(), before.size() - popped);
    run("DEL k");
    fed();
  }
}

// The few that stay become the set, in the form that fits them; the key's time stays.
TEST_F(Sets, NearlyAllOfALargeSetArePopped) {
  std::map<std::string, int> stayed;
  for (int round = 0; round < 200; ++round) {
    add_numbers("k", 1000);
    run("EXPIRE k 1000");
    fed();
    const std::set<std::string> before = members("k");
    const uint64_t dirty = keyspace.dirty();
    EXPECT_THAT(run("SPOP k 990"), StartsWith("*990|"));
    EXPECT_EQ(keyspace.dirty(), dirty + 990);
    EXPECT_EQ(run("OBJECT ENCODING k"), "$6|intset|");
    EXPECT_EQ(run("TTL k"), ":1000|");
    std::set<std::string> replica = before;
    const std::string stream = fed();
    const std::vector<std::string_view> words = split(stream, ' ');
    ASSERT_EQ(words[0], "SREM");
    ASSERT_EQ(words.size(), 2u + 990u);
    for (size_t i = 2; i < words.size(); ++i) ASSERT_EQ(replica.erase(std::string(words[i])), 1u);
    EXPECT_EQ(replica, members("k"));
    EXPECT_EQ(replica.size(), 10u);
    for (const std::string& member : replica) ++stayed[member];
    keyspace.check_invariants();
    run("DEL k");
  }
  EXPECT_GT(stayed.size(), 800u) << "2000 draws from 1000 leave out 135 of them";
}

TEST_F(Sets, RandomMembersAreThoseOfTheSet) {
  for (const int count : {5, 100, 1000}) {
    add_numbers("k", count);
    run("SADD k x");
    const std::string all = run("SRANDMEMBER k 100000");
    EXPECT_THAT(all, StartsWith("*" + std::to_string(count + 1) + "|"));
    EXPECT_THAT(run("SRANDMEMBER k -30"), StartsWith("*30|"));
    EXPECT_THAT(run("SRANDMEMBER k 4"), StartsWith("*4|"));
    EXPECT_EQ(run("SRANDMEMBER k 0"), "*0|");
    EXPECT_EQ(members("k").size(), static_cast<size_t>(count) + 1) << "nothing was taken";
    run("DEL k");
  }
  EXPECT_EQ(run("SRANDMEMBER k"), "$-1|");
}

TEST_F(Sets, NobodyDrawsMoreThanMemoryHolds) {
  run("SADD s a");
  run("HSET h f v");
  run("ZADD z 1 a");
  for (const std::string_view count : {" -4294967297", " -9223372036854775807"}) {
    for (const std::string_view command : {"SRANDMEMBER s", "HRANDFIELD h", "ZRANDMEMBER z"}) {
      EXPECT_EQ(run(std::string(command) + std::string(count)), "-ERR value is out of range|");
    }
    EXPECT_EQ(run("SRANDMEMBER none" + std::string(count)), "*0|");
    EXPECT_EQ(run("HRANDFIELD none" + std::string(count)), "*0|");
    EXPECT_EQ(run("ZRANDMEMBER none" + std::string(count)), "*0|");
  }
}

TEST_F(Sets, ChangesThatChangeNothingAreNotReplicated) {
  run("SADD k 1 a");
  fed();
  EXPECT_EQ(run("SADD k 1 a"), ":0|");
  EXPECT_EQ(run("SREM k 2 b"), ":0|");
  EXPECT_EQ(run("SREM none a"), ":0|");
  EXPECT_EQ(run("SMOVE k k a"), ":1|");
  EXPECT_EQ(run("SMOVE k d b"), ":0|");
  EXPECT_EQ(run("SINTERSTORE none k none"), ":0|");
  EXPECT_EQ(fed(), "");
  EXPECT_EQ(run("SMOVE k d a"), ":1|");
  EXPECT_EQ(fed(), "SMOVE k d a");
  EXPECT_EQ(run("SINTERSTORE d k none"), ":0|");
  EXPECT_EQ(fed(), "SINTERSTORE d k none");
  EXPECT_EQ(run("EXISTS d"), ":0|");
}

TEST_F(Sets, EachChangedMemberCounts) {
  const uint64_t before = keyspace.dirty();
  run("SADD k 1 2 a 1");
  EXPECT_EQ(keyspace.dirty(), before + 3);
  run("SREM k 1 2 a");
  EXPECT_EQ(keyspace.dirty(), before + 6);
  EXPECT_EQ(run("EXISTS k"), ":0|");
}

// Redis takes small others' members out of a copy of the first set, which keeps the copy's form.
TEST_F(Sets, AStoredDifferenceHasTheFormOfTheFirstSetWhereTheOthersAreSmall) {
  run("SADD few 1 2 3 4 5 6 7 8 9 text");
  run("SADD text text");
  run("SADD one 1");
  run("SDIFFSTORE d few text");
  EXPECT_EQ(run("OBJECT ENCODING d"), "$6|intset|");
  run("SDIFFSTORE d few text one");
  EXPECT_EQ(run("OBJECT ENCODING d"), "$8|listpack|");
  EXPECT_EQ(members("d").size(), 8u);
  add_numbers("many", 600);
  add_numbers("most", 500);
  run("SDIFFSTORE d many most");
  EXPECT_EQ(run("OBJECT ENCODING d"), "$6|intset|");
  run("SDIFFSTORE d many one one most");
  EXPECT_EQ(run("OBJECT ENCODING d"), "$9|hashtable|");
  EXPECT_EQ(members("d").size(), 100u);
}

TEST_F(Sets, AStoredResultReplacesWhatWasThere) {
  run("SADD a 1 2 3");
  run("SADD b 2 3 4");
  run("SET d text EX 100");
  EXPECT_EQ(run("SUNIONSTORE d a b"), ":4|");
  EXPECT_EQ(run("TTL d"), ":-1|");
  EXPECT_EQ(run("OBJECT ENCODING d"), "$6|intset|");
  EXPECT_EQ(run("SINTERSTORE a a b"), ":2|");
  EXPECT_EQ(members("a"), (std::set<std::string>{"2", "3"}));
  EXPECT_EQ(run("SDIFFSTORE a b a"), ":1|");
  EXPECT_EQ(members("a"), std::set<std::string>{"4"});
}

}  // namespace
}  // namespace redan
