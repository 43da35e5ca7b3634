// What replies to one client cannot show: what replicas hear of sorted sets, what chance decides,
// and 7.2's words.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "server/values/sorted_set_value.h"
#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

class SortedSetCommands : public CommandTest {
 protected:
  void add_numbers(std::string_view key, int count) {
    for (int i = 0; i < count; ++i) {
      run("ZADD " + std::string(key) + " " + std::to_string(i) + " " + std::to_string(i));
    }
    fed();
  }
};

TEST_F(SortedSetCommands, ReplicasHearWhatBecameOfAPop) {
  run("ZADD k 1 a 2 b 3 c 4 d");
  EXPECT_EQ(fed(), "ZADD k 1 a 2 b 3 c 4 d");
  run("ZPOPMIN k");
  EXPECT_EQ(fed(), "ZPOPMIN k");
  run("ZMPOP 2 none k MAX COUNT 2");
  EXPECT_EQ(fed(), "ZPOPMAX k 2");
  run("BZPOPMAX none k 0");
  EXPECT_EQ(fed(), "ZPOPMAX k");
  EXPECT_EQ(run("EXISTS k"), ":0|");
  run("ZADD k 1 a 2 b");
  fed();
  run("BZMPOP 0 1 k MIN COUNT 10");
  EXPECT_EQ(fed(), "ZPOPMIN k 2");
}

TEST_F(SortedSetCommands, WhatChangesNothingIsNotReplicated) {
  run("ZADD k 1 a");
  fed();
  run("ZADD k 1 a");
  run("ZADD k NX 5 a");
  run("ZADD k XX 5 b");
  run("ZINCRBY k 0 a");
  run("ZREM k b");
  run("ZREMRANGEBYSCORE k 5 6");
  run("ZPOPMIN k 0");
  run("ZMPOP 1 none MIN");
  run("ZRANGESTORE none2 none 0 -1");
  run("ZUNIONSTORE none2 1 none");
  EXPECT_EQ(fed(), "");
  run("ZUNIONSTORE k 1 none");
  EXPECT_EQ(fed(), "ZUNIONSTORE k 1 none");
  EXPECT_EQ(run("EXISTS k"), ":0|");
}

TEST_F(SortedSetCommands, RankKnowsWithScore) {
  run("ZADD k 1.5 a 2 b");
  EXPECT_EQ(run("ZRANK k b WITHSCORE"), "*2|:1|$1|2|");
  EXPECT_EQ(run("ZREVRANK k b withscore"), "*2|:0|$1|2|");
  EXPECT_EQ(run("ZRANK k x WITHSCORE"), "*-1|");
  EXPECT_EQ(run("ZRANK k x"), "$-1|");
  EXPECT_EQ(run("ZRANK none x WITHSCORE"), "*-1|");
  EXPECT_EQ(run("ZRANK k b SCORE"), "-ERR syntax error|");
  EXPECT_EQ(run("ZRANK k b WITHSCORE x"), "-ERR wrong number of arguments for 'zrank' command|");
  session.resp = Resp::k3;
  EXPECT_EQ(run("ZRANK k a WITHSCORE"), "*2|:0|,1.5|");
  EXPECT_EQ(run("ZRANK k x WITHSCORE"), "_|");
}

// Every member is drawn, each about as often as any other, whichever way the draw is made.
TEST_F(SortedSetCommands, RandomMembersAreFair) {
  for (const int size : {20, 300}) {
    add_numbers("k", size);
    for (const std::string count : {"", " -5", " 2", " 15"}) {
      std::map<std::string, int> drawn;
      int total = 0;
      while (total < size * 200) {
        const std::string reply = run("ZRANDMEMBER k" + count);
        const auto words = split(reply, '|');
        std::set<std::string> once;
        for (size_t i = count.empty() ? 1 : 2; i < words.size(); i += 2) {
          const std::string name(words[i]);
          ++drawn[name];
          ++total;
          if (count.find('-') == std::string::npos) {
            ASSERT_TRUE(once.insert(name).second) << reply;
          }
        }
      }
      EXPECT_EQ(drawn.size(), static_cast<size_t>(size)) << count;
      for (const auto& [name, times] : drawn) {
        EXPECT_GT(times, 120) << name << count;
        EXPECT_LT(times, 280) << name << count;
      }
    }
    run("DEL k");
  }
}

TEST_F(SortedSetCommands, AScanSeesWhatStaysWhileTheSetChanges) {
  add_numbers("k", 1000);
  std::set<std::string> seen;
  std::string cursor = "0";
  int step = 0;
  do {
    const std::string reply = run("ZSCAN k " + cursor + " COUNT 20");
    const auto words = split(reply, '|');
    cursor = words[2];
    for (size_t i = 5; i + 2 < words.size(); i += 4) seen.insert(std::string(words[i]));
    // The odd ones go, others come.
    const int from = step++ * 20;
    for (int i = from + 1; i < from + 20 && i < 1000; i += 2) run("ZREM k " + std::to_string(i));
    for (int i = 0; i < 40; ++i) run("ZADD k 1 new" + std::to_string(from + i));
  } while (cursor != "0");
  for (int i = 0; i < 1000; i += 2) EXPECT_TRUE(seen.contains(std::to_string(i))) << i;
}

TEST_F(SortedSetCommands, ManyPairsAreReadBeforeAnyIsAdded) {
  std::string line = "ZADD k";
  for (int i = 0; i < 40; ++i) line += " " + std::to_string(i) + " m" + std::to_string(i);
  EXPECT_EQ(run(line + " x bad"), "-ERR value is not a valid float|");
  EXPECT_EQ(run("EXISTS k"), ":0|");
  EXPECT_EQ(run(line), ":40|");
  EXPECT_EQ(run("ZSCORE k m39"), "$2|39|");
}

}  // namespace
}  // namespace redan
